"""What every simulated interconnect offers, and the plain local memory beside a consumer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Mapping

from simaccess.segment import Data, Local, Segment, Transfer
from simaccess.sim.environment import DONE, Agent, Environment
from simaccess.sim.station import Durations, StationUse

__all__ = ["FarEnd", "Link", "LocalMemory"]


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


class LocalMemory:
    """Memory of one user, reached without touching anything shared.

    Parameters
    ----------
    env : Environment
        The simulation.
    size : int
        Bytes.
    latency : float
        Seconds of one access, besides the time of its bytes.
    rate : float
        Bytes a second that loads and stores reach.
    copy_rate : float
        Bytes a second at which the processor copies within it.
    real : bool
        Whether it holds bytes.
    """

    def __init__(
        self,
        env: Environment,
        size: int,
        *,
        latency: float,
        rate: float,
        copy_rate: float,
        real: bool,
    ) -> None:
        self.env = env
        self.base = 0
        self.size = size
        self._latency = Durations(latency)[1]
        self._access = Durations(1 / rate)
        self._copy = Durations(1 / copy_rate)
        self._bytes = memoryview(bytearray(size)) if real else None

    def load(self, offset: int, length: int) -> Awaitable[Data]:
        """Read."""
        agent: Agent = self.env.current  # type: ignore[assignment]  # only agents call
        ticks = self._latency + self._access[length]
        agent.time += ticks
        agent.stall += ticks
        return DONE if self._bytes is None else self._loaded(offset, length)

    async def store(self, offset: int, length: int, data: Data) -> None:
        """Write."""
        agent = self.env.agent
        ticks = self._latency + self._access[length]
        agent.time += ticks
        agent.stall += ticks
        if self._bytes is not None and data is not None:
            self._bytes[offset : offset + length] = data

    async def _loaded(self, offset: int, length: int) -> Data:
        return self.view(offset, length)

    async def gather(self, length: int) -> None:
        """Copy within the memory."""
        agent = self.env.agent
        ticks = self._copy[length]
        agent.time += ticks
        agent.copy += ticks

    def view(self, at: int, length: int) -> Data:
        """Return a view without cost."""
        return None if self._bytes is None else self._bytes[at : at + length]
