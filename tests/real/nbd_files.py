"""Files behind NBD servers, and links to them."""

from __future__ import annotations

from simaccess.buffer import Buffer
from simaccess.real.clock import run
from simaccess.real.nbd_link import NbdLink
from simaccess.real.urls import open_link
from tests.real.nbd_servers import Server
from tests.real.reading import read

__all__ = ["MIB", "link_to", "loaded", "pattern", "read_all"]

MIB = 1 << 20


def pattern(size: int) -> bytes:
    return bytes((7 * i + (i >> 8)) % 251 for i in range(251 * 256)) * (
        size // (251 * 256)
    ) + bytes((7 * i + (i >> 8)) % 251 for i in range(size % (251 * 256)))


def link_to(server: Server, export: str = "", **options: str | int) -> NbdLink:
    link = open_link(server.url(export, **options))
    assert isinstance(link, NbdLink)
    return link


def read_all(buffer: Buffer, begin: int, end: int, step: int) -> None:
    for offset in range(begin, end, step):
        assert read(buffer, offset, step) == pattern(MIB)[offset : offset + step]


def loaded(link: NbdLink, offset: int, length: int) -> bytes:
    view = run(link.attach().load(offset, length))
    assert view is not None
    return bytes(view)
