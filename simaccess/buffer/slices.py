"""Reads of bytes that lie in the client's own address space, by a method that reads in place."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from simaccess.segment import Data

if TYPE_CHECKING:
    from simaccess.buffer.buffer import Buffer

__all__ = ["slices"]


def slices(buffer: Buffer, memory: memoryview) -> Callable[[int, int], Awaitable[Data]]:
    """Return `Buffer.read` for bytes that lie here and a method that reads them in place.

    A closure, and not a method, since it is one call and fewer look-ups on each read.
    """
    counters = buffer.counters

    async def read(offset: int, length: int) -> Data:
        end = offset + length
        if offset < buffer.released or end > buffer._limit or length < 1:  # noqa: SLF001
            raise buffer._outside("read", offset, length)  # noqa: SLF001
        counters.requested += length
        counters.loads += 1
        return memory[offset:end]

    return read
