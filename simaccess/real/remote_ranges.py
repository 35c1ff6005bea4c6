"""Ranges of a remote file: what asks for them offers, and what an answer must be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future
from typing import Any, Protocol, TypeAlias

from simaccess.errors import LinkError

__all__ = ["Land", "Pieces", "Requests", "check_length", "failure", "told_size"]

Pieces: TypeAlias = Sequence[bytes]
"""The bytes of a range, in order."""

Land: TypeAlias = Callable[[Pieces], None]
"""Takes the bytes of a range when they have all arrived."""


def failure(error: BaseException, url: str, timeout: float) -> LinkError:
    """Return what a request ended in as the link's error."""
    if isinstance(error, LinkError):
        return error
    if isinstance(error, TimeoutError):
        return LinkError(f"no answer within {timeout:g} s", url)
    if isinstance(error, CancelledError):
        return LinkError("the request was withdrawn", url)
    if isinstance(error, FileNotFoundError):
        return LinkError("there is no such file any more", url)
    if isinstance(error, PermissionError):
        return LinkError("reading the file is not allowed", url)
    told = str(error)
    return LinkError(f"{type(error).__name__}: {told}" if told else type(error).__name__, url)


class Requests(Protocol):
    """Who makes requests for ranges beside the consumer."""

    def read(self, offset: int, length: int, land: Land | None) -> Future[Pieces]:
        """Start a request; `land`, called before the future is done, takes its bytes."""
        ...

    def write(self, offset: int, data: bytes) -> Future[None]:
        """Start writing a range."""
        ...

    def size(self) -> Future[int]:
        """Start asking for the size of the file, in bytes."""
        ...

    def go_on(self) -> None:
        """Let what is under way go on, without waiting, if that is for the consumer to do."""
        ...

    def cool(self) -> bool:
        """Drop the connections; say whether there can be any."""
        ...

    def close(self) -> None:
        """Withdraw what is under way and drop the connections."""
        ...


def told_size(info: Any, url: str) -> int:
    """Return the size that a file system's description of a file tells."""
    if info.get("type", "file") != "file":
        raise LinkError(f"not a file but a {info['type']}", url)
    if info.get("size") is None:
        raise LinkError("the file system does not tell the size of the file", url)
    return int(info["size"])


def check_length(pieces: Pieces, length: int, url: str) -> None:
    """Raise if not as many bytes have come as were asked for."""
    if (got := sum(map(len, pieces))) != length:
        raise LinkError(f"{length} bytes were asked for, {got} have come", url)
