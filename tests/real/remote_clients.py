"""What tests of remote files have in common: some bytes, and a client that reads them."""

from __future__ import annotations

from simaccess.buffer import Buffer, Shadow
from simaccess.operations import AccessMethod
from simaccess.real.clock import run
from simaccess.real.link import RealLink

__all__ = ["CONTENT", "buffer_of", "read"]

CONTENT = bytes((7 * i + (i >> 8)) % 251 for i in range(20_000))


def buffer_of(link: RealLink, method: AccessMethod) -> Buffer:
    return Buffer(Shadow(method, link.local), link.attach(), link.clock)


def read(buffer: Buffer, offset: int, length: int) -> bytes:
    view = run(buffer.read(offset, length))
    assert view is not None
    return bytes(view)
