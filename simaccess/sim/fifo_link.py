"""The plainest link: one FIFO station with a rate, a latency, and a DMA engine in front.

Loads and stores occupy the station for ``length / rate`` and take `latency` more; bulk copies go
through an engine of some channels first. Everything else that real interconnects do is left out,
so its closed forms are exact, and others are compared with it.

Links within one machine are as plain, but for what the processors at their ends do. That can be
told, and costs nothing where it is not: a consumer's processor that makes the copies itself
(`simaccess.sim.processor_port`), through its cache (`simaccess.sim.near_cache`), or takes what has
come out of a buffer (`simaccess.sim.taken`); bytes that come in pieces and wake who waits for them
twice; and the client's own software (`simaccess.sim.client`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import Field, model_validator

from simaccess.parameters import Parameters, Section
from simaccess.quantities import Count, Duration, PositiveRate, Rate, Size
from simaccess.result import StationUse
from simaccess.sim.client import Client, ClientSection
from simaccess.sim.dma import DmaEngine
from simaccess.sim.environment import TICKS_PER_SECOND, Environment
from simaccess.sim.fifo_port import FifoPort
from simaccess.sim.foresight import Foresight
from simaccess.sim.link import Link
from simaccess.sim.local_memory import LocalMemory, LocalSection, LocalTicks
from simaccess.sim.near_cache import Memories, NearCache, NearCacheSection
from simaccess.sim.processor_port import ProcessorPort
from simaccess.sim.rousing_port import RousingPort
from simaccess.sim.station import Durations, FifoStation, whole_ticks
from simaccess.sim.taken import Takes
from simaccess.sim.transfer import Transfer

__all__ = ["FifoLink", "FifoParameters"]


class LinkSection(Section):
    """The shared station.

    Parameters
    ----------
    rate : float
        Bytes a second.
    latency : float
        Seconds beyond the station.
    posted : bool
        Whether a store returns before the far end has it.
    load_rate : float
        Bytes a second of loads and stores, where it is another one: a request that a processor
        waits for takes another path than one that an engine makes; 0: the same.
    load_wait : float
        Seconds that loads and stores take beyond the latency: until whoever waits is woken.
    piece : int
        Bytes, at most, that arrive at once, as one message of a socket's queue does; 0: any number.
    window : int
        Bytes that the far end hands over before it has to wait until the consumer has taken some,
        as a socket's buffer holds; 0: any number.
    long : int
        Bytes from which on a copy by the consumer's processor is made by another loop, as `memmove`
        of the GNU C library changes its own at the size of the L2 (on AMD; `cpu_features` there
        calls it ``rep_movsb_stop_threshold``); 0: never.
    long_rate : float
        Bytes a second of that loop.
    wake : float
        Seconds that waking somebody who sleeps takes. More than a piece takes it once in addition:
        who waits is woken by the first piece, takes it, and sleeps again until the rest is there.
        And the far end, which sleeps after each window, takes it each time.
    rouse : float
        Seconds that a far end with nothing to do, which sleeps, costs the processor of whoever asks
        it for something: the system call that hands the request over wakes it.
    announced : bool
        Whether a reply is told of before its bytes come, as by a header that a server sends ahead:
        `load_wait` and `dma.handling` pass beside the coming of the first piece.
    """

    rate: PositiveRate
    latency: Duration
    posted: bool = False
    load_rate: Rate = 0.0
    load_wait: Duration = 0.0
    piece: Size = 0
    window: Size = 0
    wake: Duration = 0.0
    rouse: Duration = 0.0
    announced: bool = False
    long: Size = 0
    long_rate: Rate = 0.0


class EngineSection(Section):
    """What makes bulk copies.

    Parameters
    ----------
    channels : int
        Copies that an engine has under way at once.
    issue : float
        Seconds of the consumer's processor for a request.
    start : float
        Seconds from taking a channel to reaching the link.
    completion : float
        Seconds from the bytes' arrival until they are seen.
    handling : float
        Seconds of the processor of whoever awaits a copy first: an interrupt, or the system calls
        that take the bytes.
    issue_rate : float
        Bytes a second at which a request is got ready when it is issued, as pages are looked up;
        0: its bytes take no time.
    take_rate : float
        Bytes a second at which the processor of whoever awaits a copy takes what has come, as out
        of a socket's buffer, while more is coming (`simaccess.sim.taken`); 0: it is in place.
    mover : str
        ``engine``: an engine copies beside the consumer. ``issuer``: the processor that issues a
        copy makes it, then and there. ``waiter``: the processor that awaits a copy first makes it;
        copies away from the consumer it makes when it issues them. Where a processor copies, there
        are no channels, and nothing is added for latency, start or completion.
    """

    channels: Count = Field(default=1, ge=1, le=1024)
    issue: Duration
    start: Duration
    completion: Duration
    handling: Duration = 0.0
    issue_rate: Rate = 0.0
    take_rate: Rate = 0.0
    mover: Literal["engine", "issuer", "waiter"] = "engine"


class FifoParameters(Parameters):
    """Parameters of a ``fifo-link``; `cache` is that of each consumer's processor, if it counts."""

    link: LinkSection
    dma: EngineSection
    local: LocalSection
    cache: NearCacheSection | None = None
    client: ClientSection = ClientSection()

    @model_validator(mode="after")
    def _check(self) -> Self:
        engine = self.dma.mover == "engine"
        self.both_or_none("link.long", "link.long_rate")
        for key, holds, needed in (
            ("link.wake", self.link.piece or self.link.window, "link.piece or link.window above 0"),
            ("dma.take_rate", engine, "dma.mover = 'engine'"),
            ("link.rouse", engine and self.cache is None, "dma.mover = 'engine' and no cache"),
            ("link.announced", self.dma.take_rate, "dma.take_rate above 0"),
            ("client.cold", self.cache is not None, "cache.size"),
        ):
            if self.value_of(key) and not holds:
                nothing = "false" if key == "link.announced" else "0"
                raise self.unfit(key, f"needs {needed}", f"{nothing}, or with {needed}")
        return self

    def remembers(self) -> tuple[int, ...] | None:
        """Return nothing: once its queue is full or empty, a request takes what the last took.

        None with a cache, of which a range keeps the less the more it exceeds it.
        """
        return None if self.cache else ()


class _Services(Durations):
    """Ticks of the station by bytes, with a wake of the far end after each window but the last."""

    __slots__ = ("_long", "_long_byte", "_wake", "_window")

    def __init__(self, rate: float, link: LinkSection) -> None:
        super().__init__(1 / rate)
        self._window = link.window
        self._wake = Durations(link.wake)[1]
        self._long = link.long
        self._long_byte = 1 / link.long_rate * TICKS_PER_SECOND if link.long else 0.0

    def __missing__(self, units: int) -> int:
        if 0 < self._long <= units:
            self[units] = ticks = whole_ticks(units, self._long_byte)
        else:
            ticks = super().__missing__(units)
        if self._window and units:
            self[units] = ticks = ticks + (units - 1) // self._window * self._wake
        return ticks


class _Delays(Durations):
    """Ticks beyond the station by bytes, with one more wake beyond the first piece."""

    __slots__ = ("_piece", "_takes", "_wait", "_wake")

    def __init__(
        self, fixed: int, link: LinkSection, takes: Takes | None = None, wait: int = 0
    ) -> None:
        super().__init__(0.0, fixed)
        self._piece = link.piece
        self._wake = Durations(link.wake)[1]
        self._takes = takes
        self._wait = wait

    def __missing__(self, units: int) -> int:
        ticks = super().__missing__(units) + self._wait
        if self._wake and 0 < self._piece < units:
            ticks += self._wake
        takes = self._takes
        if takes is not None:
            ticks += takes.last(units) - min(takes.told[units], self._wait)
        self[units] = ticks
        return ticks


class _Loads(dict[int, tuple[int, int]]):
    """By bytes, the ticks for which a load has the station, and those that it takes in all.

    Parameters
    ----------
    service, latency : mapping of int to int
        Ticks of the station by bytes, and those beyond it.
    """

    __slots__ = ("_latency", "_service")

    def __init__(self, service: Mapping[int, int], latency: Mapping[int, int]) -> None:
        super().__init__()
        self._service = service
        self._latency = latency

    def __missing__(self, length: int) -> tuple[int, int]:
        service = self._service[length]
        times = self[length] = service, service + self._latency[length]
        return times


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
        self._near = LocalTicks(parameters.local)
        own, dma = parameters.link, parameters.dma
        self.service = _Services(own.rate, own)
        self.load_service = _Services(own.load_rate or own.rate, own)
        latency = Durations(own.latency)[1]
        self.takes = loads = None
        if dma.take_rate:
            shape = own.piece, own.announced
            self.takes = Takes(dma.take_rate, own.rate, *shape)
            loads = Takes(dma.take_rate, own.load_rate or own.rate, *shape)
        self.load_latency = _Delays(latency, own, loads, Durations(own.load_wait)[1])
        self.loads = _Loads(self.load_service, self.load_latency)
        byte = 1 / dma.issue_rate if dma.issue_rate else 0.0
        self.issue = Durations(byte, Durations(dma.issue)[1])
        self.handling = Durations(dma.handling)[1]
        self.client = Client(env, parameters.client)
        # What the processors of all users share.
        own_cache = parameters.cache
        self.cache = NearCache(own_cache.shared) if own_cache and own_cache.shared else None
        self.memories = Memories()
        # After the end of a copy's service.
        self._after = _Delays(latency + Durations(dma.completion)[1], own)
        self.engine = DmaEngine(env, dma.channels, Durations(dma.start)[1], self._carry)
        self.foresight = Foresight(
            env,
            self.engine,
            FifoStation(),
            service=self.service,
            after=self._after,
            handling=self.handling,
        )
        if dma.mover != "engine" or self.takes or own.long or own.rouse or not self.service[1]:
            self.foresight.settle()  # no engine copies, or not only, or in no time

    @property
    def station(self) -> FifoStation:
        """The station, for whoever asks in order with everything shared."""
        self.foresight.settle()
        return self.foresight.station

    def attach(self) -> FifoPort:
        """Connect one more user."""
        if self.parameters.dma.mover != "engine" or self.parameters.cache is not None:
            return ProcessorPort(self)
        return RousingPort(self) if self.parameters.link.rouse else FifoPort(self)

    def local(self, size: int) -> LocalMemory:
        """Return memory beside a user."""
        return LocalMemory(self.env, size, self._near, real=self.data is not None)

    def use(self, end: int) -> Mapping[str, StationUse]:
        """Return the use of the station."""
        return {"link": self.station.use(end)}

    def _carry(self, transfer: Transfer) -> None:
        length = transfer.length
        end = self.foresight.station.serve(transfer.time, self.service[length], length)
        self.engine.finish(transfer, end, self._after[length])
