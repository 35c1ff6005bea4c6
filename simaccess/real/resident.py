"""The bytes of a segment that lies in the consumer's own address space."""

from __future__ import annotations

from simaccess.errors import InputError
from simaccess.segment import Data, Local, Segment, Transfer

__all__ = ["Resident"]


class Resident:
    """A segment's bytes, for a buffer that makes every access in place.

    What the buffer was asked for is what it moves. The segment takes that from the buffer's
    counters, so that nothing is counted twice and a read needs nothing but a slice.

    Parameters
    ----------
    memory : memoryview
        The bytes.
    segment : Segment
        Whose bytes they are; it makes bulk copies, for which such a buffer never asks.
    url : str
        What errors name.
    """

    posted = True

    def __init__(self, memory: memoryview, segment: Segment, url: str) -> None:
        self.memory = memory
        self.size = len(memory)
        self._segment = segment
        self._url = url

    @property
    def moved(self) -> int:
        """Bytes moved over the segment."""
        return self._segment.moved

    async def load(self, offset: int, length: int) -> Data:
        """Return a view."""
        return self.memory[offset : offset + length]

    async def store(self, offset: int, length: int, data: Data) -> None:
        """Write."""
        if self.memory.readonly:
            raise InputError("may be read only", key="URL", value=self._url)
        assert data is not None
        self.memory[offset : offset + length] = data

    async def fetch(self, offset: int, length: int, into: Local, at: int) -> Transfer:
        """Start a copy towards the consumer."""
        return await self._segment.fetch(offset, length, into, at)

    async def flush(self, offset: int, length: int, source: Local, at: int) -> Transfer:
        """Start a copy away from the consumer."""
        return await self._segment.flush(offset, length, source, at)
