"""What every simulated interconnect offers, and the plain local memory beside a consumer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

from simaccess.result import StationUse
from simaccess.segment import Data, Local, Segment, Transfer
from simaccess.sim.environment import Environment

__all__ = ["FarEnd", "Link"]


class Link(ABC):
    """An interconnect with a data segment at its far end.

    Parameters
    ----------
    env : Environment
        The simulation.
    size : int
        Bytes of the segment.
    data : memoryview, optional
        The segment's bytes, which loads and copies read and stores write. Without it the link
        simulates timing only.
    """

    def __init__(self, env: Environment, size: int, data: memoryview | None = None) -> None:
        self.env = env
        self.size = size
        self.data = data

    @abstractmethod
    def attach(self) -> Segment:
        """Connect one more user and return its access to the segment."""

    @abstractmethod
    def local(self, size: int) -> Local:
        """Return `size` bytes of memory beside a user, for a shadow."""

    def producer(self) -> Segment:
        """Return the access of a producer at the far end, whose writes do not cross the link."""
        return FarEnd(self)

    @abstractmethod
    def use(self, end: int) -> Mapping[str, StationUse]:
        """Return the use of each of the link's stations up to the time `end`, by name."""


class FarEnd:
    """A producer's access to the segment that lies beside it: costs no time of the link."""

    posted = True

    def __init__(self, link: Link) -> None:
        self.size = link.size
        self.moved = 0
        self._link = link

    async def load(self, offset: int, length: int) -> Data:
        """Read."""
        await self._link.env.turn
        data = self._link.data
        return None if data is None else data[offset : offset + length]

    async def store(self, offset: int, length: int, data: Data) -> None:
        """Write."""
        await self._link.env.turn
        if self._link.data is not None and data is not None:
            self._link.data[offset : offset + length] = data

    async def fetch(self, offset: int, length: int, into: Local, at: int) -> Transfer:
        """Refuse: a producer does not copy in bulk."""
        raise NotImplementedError("a producer at the far end reads and writes in place")

    async def flush(self, offset: int, length: int, source: Local, at: int) -> Transfer:
        """Refuse: a producer does not copy in bulk."""
        raise NotImplementedError("a producer at the far end reads and writes in place")
