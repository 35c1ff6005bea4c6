"""The plainest link: one FIFO station with a rate, a latency, and a DMA engine in front.

Loads and stores occupy the station for ``length / rate`` and take `latency` more; bulk copies go
through an engine of some channels first. Everything else that real interconnects do is left out,
so its closed forms are exact, and others are compared with it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping

from pydantic import Field

from simaccess.parameters import Parameters, Section
from simaccess.quantities import Count, Duration, Rate
from simaccess.segment import Data, Local
from simaccess.sim.dma import DmaEngine
from simaccess.sim.environment import DONE, Agent, Environment
from simaccess.sim.link import Link
from simaccess.sim.local_memory import LocalMemory, LocalSection
from simaccess.sim.station import Durations, FifoStation, StationUse
from simaccess.sim.transfer import Transfer

__all__ = ["FifoLink", "FifoParameters"]


class LinkSection(Section):
    """The shared station."""

    rate: Rate = Field(gt=0)
    latency: Duration
    posted: bool = False


class EngineSection(Section):
    """The engine that makes bulk copies."""

    channels: Count = Field(default=1, ge=1, le=1024)
    issue: Duration
    start: Duration
    completion: Duration


class FifoParameters(Parameters):
    """Parameters of a ``fifo-link``."""

    link: LinkSection
    dma: EngineSection
    local: LocalSection

    def remembers(self) -> tuple[int, ...]:
        """Return nothing: once its queue is full or empty, a request takes what the last took."""
        return ()


class FifoLink(Link):
    """A FIFO station with a rate and a latency, and a DMA engine.

    Parameters
    ----------
    env : Environment
        The simulation.
    parameters : FifoParameters
        Its figures.
    size, data
        As for `Link`.
    """

    def __init__(
        self,
        env: Environment,
        parameters: FifoParameters,
        size: int,
        data: memoryview | None = None,
    ) -> None:
        super().__init__(env, size, data)
        self.parameters = parameters
        self.station = FifoStation()
        self.service = Durations(1 / parameters.link.rate)
        self.latency = Durations(parameters.link.latency)[1]
        dma = parameters.dma
        self.issue = Durations(dma.issue)[1]
        self._after = self.latency + Durations(dma.completion)[1]  # the end of a copy's service
        self.engine = DmaEngine(env, dma.channels, Durations(dma.start)[1], self._carry)

    def attach(self) -> FifoPort:
        """Connect one more user."""
        return FifoPort(self)

    def local(self, size: int) -> LocalMemory:
        """Return memory beside a user."""
        return LocalMemory(self.env, size, self.parameters.local, real=self.data is not None)

    def use(self, end: int) -> Mapping[str, StationUse]:
        """Return the use of the station."""
        return {"link": self.station.use(end)}

    def _carry(self, transfer: Transfer) -> None:
        length = transfer.length
        end = self.station.serve(transfer.time, self.service[length], length)
        self.engine.finish(transfer, end, self._after)


class FifoPort:
    """One user's access to the segment behind a `FifoLink`."""

    __slots__ = (
        "_data",
        "_engine",
        "_env",
        "_issue",
        "_latency",
        "_service",
        "_station",
        "_turn",
        "moved",
        "posted",
        "size",
    )

    def __init__(self, link: FifoLink) -> None:
        self.size = link.size
        self.moved = 0
        self.posted = link.parameters.link.posted
        self._env = link.env
        self._data = link.data
        self._station = link.station
        self._service = link.service
        self._latency = link.latency
        self._turn = link.env.turn
        self._engine = link.engine
        self._issue = link.issue

    def load(self, offset: int, length: int) -> Awaitable[Data]:
        """Read in place."""
        env = self._env
        agent: Agent = env.current  # type: ignore[assignment]  # only agents call
        begin = start = agent.time
        if begin >= env.horizon or self._data is not None:
            return self._load(agent, offset, length)
        # The hottest path of all: no coroutine, and `FifoStation.serve` and `jump` written out.
        env._now = begin  # noqa: SLF001  # jump() costs a call
        station = self._station
        service = self._service[length]
        if station.free > start:
            start = station.free
            station.waited += start - begin
        station.free = start + service
        station.busy += service
        station.bytes += length
        self.moved += length
        agent.time = end = start + service + self._latency
        agent.stall += end - begin
        return DONE

    async def _load(self, agent: Agent, offset: int, length: int) -> Data:
        begin = agent.time
        if begin < self._env.horizon:
            self._env.jump(begin)
        else:
            await self._turn
        agent.time = end = self._station.serve(begin, self._service[length], length) + self._latency
        agent.stall += end - begin
        self.moved += length
        return None if self._data is None else self._data[offset : offset + length]

    async def store(self, offset: int, length: int, data: Data) -> None:
        """Write in place."""
        env = self._env
        agent = env.agent
        begin = agent.time
        if begin < env.horizon:
            env.jump(begin)
        else:
            await env.turn
        end = self._station.serve(begin, self._service[length], length) + self._latency
        if not self.posted:
            agent.time = end
            agent.stall += end - begin
        self.moved += length
        if self._data is not None and data is not None:
            self._data[offset : offset + length] = data

    async def fetch(self, offset: int, length: int, into: Local, at: int) -> Transfer:
        """Start a bulk copy towards the user."""
        env = self._env  # written out, as each call here would cost 2 to 5 % of a copy
        agent: Agent = env.current  # type: ignore[assignment]  # only agents call
        issue = self._issue
        agent.time = now = agent.time + issue
        agent.issue += issue
        if now < env.horizon:
            env._now = now  # noqa: SLF001  # jump() costs a call
        else:
            await self._turn
        if self._data is not None:
            view = into.view(at, length)
            assert view is not None
            view[:] = self._data[offset : offset + length]
        self.moved += length
        engine = self._engine
        transfer = Transfer(env, engine.number, length)
        engine.submit(transfer, now)
        return transfer

    async def flush(self, offset: int, length: int, source: Local, at: int) -> Transfer:
        """Start a bulk copy away from the user."""
        env = self._env
        agent = env.agent
        agent.time = now = agent.time + self._issue
        agent.issue += self._issue
        if now < env.horizon:
            env.jump(now)
        else:
            await self._turn
        if self._data is not None:
            view = source.view(at, length)
            assert view is not None
            self._data[offset : offset + length] = view
        self.moved += length
        transfer = Transfer(env, self._engine.number, length)
        self._engine.submit(transfer, now)
        return transfer
