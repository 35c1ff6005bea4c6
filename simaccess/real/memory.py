"""Memory beside a consumer on a real link, where shadows live."""

from __future__ import annotations

import mmap
from contextlib import suppress

from simaccess.segment import Data

__all__ = ["RealMemory"]

_HUGE = 1 << 21  # bytes of a huge page


class RealMemory:
    """Page-aligned memory of the process, touched once so that no page is fresh when it is used.

    Its reads and writes are too short to be timed one by one: they count as compute.

    Parameters
    ----------
    size : int
        Bytes.
    memory : memoryview, optional
        Writable bytes to use instead, such as memory shared with another process.

    Attributes
    ----------
    here : bool
        True: `view` does all that `load` does.
    """

    __slots__ = ("_view", "base", "size")

    here = True

    def __init__(self, size: int, memory: memoryview | None = None) -> None:
        self.base = 0
        self.size = size
        if memory is None:
            memory = _pages(size)
        self._view = memory
        self._view[:: mmap.PAGESIZE] = bytes(len(self._view[:: mmap.PAGESIZE]))

    async def load(self, offset: int, length: int) -> Data:
        """Return a view."""
        return self._view[offset : offset + length]

    async def store(self, offset: int, length: int, data: Data) -> None:
        """Write."""
        self._view[offset : offset + length] = _bytes(data)

    def view(self, at: int, length: int) -> memoryview:
        """Return a writable view."""
        return self._view[at : at + length]

    async def gather(self, length: int) -> None:
        """Do nothing: whoever copies within the memory spends the time itself."""


def _pages(size: int) -> memoryview:
    """Return fresh memory; where it is large, in huge pages, into which copies are faster."""
    pages = mmap.mmap(-1, max(size, 1), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if size >= _HUGE and hasattr(mmap, "MADV_HUGEPAGE"):
        with suppress(OSError):  # a kernel without them
            pages.madvise(mmap.MADV_HUGEPAGE)
    return memoryview(pages)


def _bytes(data: Data) -> memoryview:
    if data is None:
        raise ValueError("a real link has no timing-only mode: there must be bytes to write")
    return data
