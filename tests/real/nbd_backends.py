"""NBD servers as backends of the conformance suite."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TypeAlias

from simaccess.real.link import RealLink
from tests.real.nbd_servers import nbd_server_file, nbdkit_file, qemu_nbd_file, served

__all__ = ["on_nbd_server", "on_nbdkit", "on_qemu_nbd"]

Opened: TypeAlias = AbstractContextManager[tuple[RealLink, Callable[[], bytes]]]


def on_nbdkit(
    *filters: str, tcp: bool = False, padded: int = 1, **options: int
) -> Callable[[bytes], Opened]:
    def opened(content: bytes) -> Opened:
        server, file = nbdkit_file(*filters, tcp=tcp)
        url = server.url("", size=f"{len(content)} B", **options)
        return served(file, url, content, padded)

    return opened


def on_qemu_nbd(content: bytes) -> Opened:
    size = -(-len(content) // 512) * 512  # what it makes of a file's size
    server, file = qemu_nbd_file(size)
    return served(file, server.url(size=f"{len(content)} B"), content, size)


def on_nbd_server(content: bytes) -> Opened:
    server, file = nbd_server_file()
    return served(file, server.url("content"), content)
