"""The plain memory beside a consumer, where shadows live if no memory bus is simulated."""

from __future__ import annotations

from collections.abc import Awaitable

from simaccess.parameters import Section
from simaccess.quantities import Duration, PositiveRate
from simaccess.segment import DONE, Data
from simaccess.sim.environment import Agent, Environment
from simaccess.sim.station import Durations

__all__ = ["LocalMemory", "LocalSection", "LocalTicks"]


class LocalSection(Section):
    """The memory beside the consumer.

    Parameters
    ----------
    latency : float
        Seconds of one access, besides the time of its bytes.
    rate : float
        Bytes a second that loads and stores reach.
    copy_rate : float
        Bytes a second at which the processor copies within it.
    """

    latency: Duration
    rate: PositiveRate
    copy_rate: PositiveRate


class LocalTicks:
    """What accesses to all memories of the same figures take.

    Parameters
    ----------
    parameters : LocalSection
        The figures.

    Attributes
    ----------
    access, copy : Durations
        Of an access and of a copy within the memory, by their bytes.
    """

    __slots__ = ("access", "copy")

    def __init__(self, parameters: LocalSection) -> None:
        self.access = Durations(1 / parameters.rate, Durations(parameters.latency)[1])
        self.copy = Durations(1 / parameters.copy_rate)


class LocalMemory:
    """Memory of one user, reached without touching anything shared.

    Parameters
    ----------
    env : Environment
        The simulation.
    size : int
        Bytes.
    ticks : LocalTicks
        What its accesses take.
    real : bool
        Whether it holds bytes.
    """

    def __init__(self, env: Environment, size: int, ticks: LocalTicks, *, real: bool) -> None:
        self.env = env
        self.base = 0
        self.size = size
        self._access = ticks.access
        self._copy = ticks.copy
        self._bytes = memoryview(bytearray(size)) if real else None

    def load(self, offset: int, length: int) -> Awaitable[Data]:
        """Read."""
        agent: Agent = self.env.current  # type: ignore[assignment]  # only agents call
        ticks = self._access[length]
        agent.time += ticks
        agent.stall += ticks
        return DONE if self._bytes is None else self._loaded(offset, length)

    async def store(self, offset: int, length: int, data: Data) -> None:
        """Write."""
        agent = self.env.agent
        ticks = self._access[length]
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
