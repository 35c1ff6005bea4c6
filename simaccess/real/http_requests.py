"""Requests for ranges over HTTP, on an event loop of the link's own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from typing import TypeVar

from simaccess.errors import LinkError
from simaccess.real.http_ranges import HttpReader
from simaccess.real.passed_loop import PassedLoop
from simaccess.real.remote_ranges import Land, Pieces, check_length, failure

__all__ = ["HttpRequests"]

_Result = TypeVar("_Result")


class HttpRequests:
    """Requests for ranges of one file.

    Parameters
    ----------
    reader : HttpReader
        Makes them.
    passed : PassedLoop
        The loop that they are made on, which is closed with them.
    url : str
        The link.
    timeout : float
        Seconds that one may take.
    connections : int
        Most of them at a time; further ones wait.
    """

    def __init__(
        self, reader: HttpReader, passed: PassedLoop, *, url: str, timeout: float, connections: int
    ) -> None:
        self._reader = reader
        self._passed = passed
        self._url = url
        self._timeout = timeout
        self._room = asyncio.Semaphore(connections)
        self._closed = False

    def read(self, offset: int, length: int, land: Land | None) -> Future[Pieces]:
        """Start a request."""
        if self._closed:
            raise LinkError("the link is closed", self._url)
        if self._passed.interrupted:
            self._passed.interrupted = False
            self.cool()
        return self._passed.start(self._read(offset, length, land))

    def write(self, offset: int, data: bytes) -> Future[None]:
        """Refuse: HTTP has no way to write a range."""
        raise NotImplementedError("HTTP has no way to write a range")

    def size(self) -> Future[int]:
        """Start asking for the size."""
        return self._passed.start(self._within(self._reader.size))

    def go_on(self) -> None:
        """Let what is under way go on, without waiting."""
        self._passed.go_on()

    def cool(self) -> bool:
        """Drop the connections."""
        self._passed.start(self._within(self._reader.drop)).result()
        return True

    def close(self) -> None:
        """Withdraw what is under way and drop the connections."""
        self._closed = True
        self._passed.close(self._within(self._reader.drop), self._timeout)

    async def _read(self, offset: int, length: int, land: Land | None) -> Pieces:
        async with self._room:
            pieces = await self._within(lambda: self._reader.read(offset, length))
        check_length(pieces, length, self._url)
        if land is None:
            return pieces
        land(pieces)
        return ()

    async def _within(self, ask: Callable[[], Awaitable[_Result]]) -> _Result:
        try:
            async with asyncio.timeout(self._timeout):
                return await ask()
        except (FileNotFoundError, PermissionError, LinkError):
            raise
        except Exception as error:  # fsspec and aiohttp have many
            raise failure(error, self._url, self._timeout) from error
