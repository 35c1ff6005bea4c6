"""A consumer of a real link, and what it reads."""

from __future__ import annotations

from simaccess.buffer import Buffer, Shadow
from simaccess.operations import AccessMethod
from simaccess.real.clock import run
from simaccess.real.link import RealLink

__all__ = ["buffer_over", "read"]


def buffer_over(link: RealLink, method: AccessMethod) -> Buffer:
    return Buffer(Shadow(method, link.local), link.attach(), link.clock)


def read(buffer: Buffer, offset: int, length: int) -> bytes:
    view = run(buffer.read(offset, length))
    assert view is not None
    return bytes(view)
