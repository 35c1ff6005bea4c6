"""A probe runs a cell of a measured set on a link, real or simulated, by the same code.

So a model's prediction for a cell (`simaccess.predict`) is what the cell takes on the simulated
link, and whatever the probe itself does, such as the order of its requests, is no difference
between a measurement and its prediction.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import cycle, islice
from typing import Any, Protocol, TypeAlias

from simaccess.buffer import Buffer, Shadow
from simaccess.consumer import chunks, decide, each, replay
from simaccess.errors import InputError
from simaccess.measured import Cell, assignments
from simaccess.operations import AccessMethod
from simaccess.registry import make
from simaccess.segment import Clock, Data, Local, Segment, Transfer
from simaccess.workload.accesses import Accesses
from simaccess.workload.draws import generator
from simaccess.workload.filter import Filter
from simaccess.workload.registry import workload
from simaccess.workload.workload import Workload

__all__ = ["Probed", "Task", "probe", "task"]

TOUCH = 64
"""Bytes, at most, of the request that shows a fresh connection to be up: the segment's last ones,
which no cell but one of the whole segment comes near."""

PATTERN = b"simaccess writes"
"""What measured stores and bulk writes leave behind, over and over."""

_Step: TypeAlias = Callable[[], Coroutine[Any, Any, None]]

Start: TypeAlias = Callable[[], Coroutine[Any, Any, None]]
"""Awaited when a consumer is ready; returns when all of them are."""


class Probed(Protocol):
    """One consumer's link to a segment, real or simulated."""

    # ruff: noqa: D102  # as for RealLink
    @property
    def size(self) -> int: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def views(self) -> bool: ...
    def attach(self) -> Segment: ...
    def local(self, size: int) -> Local: ...
    def cool(self) -> bool: ...


@dataclass(frozen=True)
class Task:
    """A cell with what does not change from repetition to repetition.

    Attributes
    ----------
    cell : Cell
        What is timed.
    segment : int
        Bytes of the segment.
    workload : Workload or None
        That of a method.
    """

    cell: Cell
    segment: int
    workload: Workload | None

    def offsets(self, repetition: int, consumer: int) -> list[int]:
        """Return where the requests of a consumer start, in a repetition.

        Random ones are multiples of the size, drawn uniformly. In sequence they go on from the
        segment's start, and start again where no whole request fits; each consumer has its own
        part of the segment, where there is room for that.
        """
        cell = self.cell
        places = self.segment // cell.size
        if cell.pattern == "random":
            draws = generator(repetition, "probe", str(consumer))
            drawn: list[int] = (draws.integers(0, places, cell.count) * cell.size).tolist()
            return drawn
        first = consumer * (places // cell.consumers)
        return [(first + index) % places * cell.size for index in range(cell.count)]

    def accesses(self, repetition: int, consumer: int) -> Accesses:
        """Return what a consumer asks for in a repetition of a method's cell."""
        assert self.workload is not None
        return self.workload.accesses(repetition).shard(consumer, self.cell.consumers)

    @cached_property
    def longest(self) -> int:
        """Bytes that are loaded at once, at most."""
        if self.workload is None:
            return self.cell.size
        return int(self.workload.accesses(0).length.max())

    @cached_property
    def room(self) -> int:
        """Bytes of the room that views are read into: another number than its shadow's.

        A link may hand out the same memory again for the same number.
        """
        if self.workload is None:
            return self.longest
        method = self.method()
        return self.longest + (self.longest == method.slots * method.slot_bytes)

    def method(self) -> AccessMethod:
        """Return the cell's method, fresh."""
        assert self.workload is not None
        return make(self.cell.method, self.workload.blocks, assignments(self.cell.settings)[1])


def task(cell: Cell, segment: int) -> Task:
    """Prepare a cell for a segment.

    Parameters
    ----------
    cell : Cell
        What is to be timed.
    segment : int
        Bytes of the segment.

    Raises
    ------
    InputError
        If the cell does not fit the segment, or its workload, method or their parameters are
        refused.
    """
    if cell.size > segment:
        raise InputError(
            "larger than the segment", key="size", value=cell.size, allowed=f"1 to {segment} bytes"
        )
    if cell.operation != "method":
        return Task(cell, segment, None)
    name, parameters = assignments(cell.workload)
    found = workload(name, parameters)
    if found.size > segment:
        raise InputError(
            f"goes over {found.size} bytes",
            key="workload",
            value=cell.workload,
            allowed=f"at most the segment's {segment} bytes",
        )
    if getattr(found.parameters, "writes", 0):
        raise InputError(
            "writes what nobody knows", key="workload", value=cell.workload, allowed="reads only"
        )
    prepared = Task(cell, segment, found)
    prepared.method()
    requests = found.accesses(0).requests
    if cell.count != requests:
        raise InputError(
            "not the requests of its workload", key="count", value=cell.count, allowed=f"{requests}"
        )
    return prepared


async def probe(
    link: Probed,
    prepared: Task,
    repetition: int = 0,
    *,
    consumer: int = 0,
    ready: Start | None = None,
    passing: Callable[[], None] | None = None,
) -> tuple[int, int]:
    """Bring a link into the cell's state and make its requests.

    Parameters
    ----------
    link : Probed
        The consumer's link.
    prepared : Task
        The cell.
    repetition : int
        Whose offsets or accesses; equal ones are equal on any link.
    consumer : int
        Which of the cell's consumers this is.
    ready : callable, optional
        Where several consumers wait for each other.
    passing : callable, optional
        Is called as each timed request, but of a method, is about to be made.

    Returns
    -------
    tuple of int
        The ticks at which the first request began and the last one ended.

    Raises
    ------
    InputError
        If the cell needs a fresh state and the link has none.
    """
    cell, clock = prepared.cell, link.clock
    if cell.state != "steady" and not link.cool():
        raise InputError("this link has no such state", key="state", value=cell.state)
    segment = link.attach()
    if link.views:
        segment = _Read(segment, link.local(prepared.room))
    if cell.operation == "method":
        warm_up, timed, settle = _passes(link, prepared, segment, repetition, consumer)
    else:
        warm_up, timed, settle = _requests(
            link, prepared, segment, prepared.offsets(repetition, consumer), passing
        )
    length = min(TOUCH, segment.size)
    await segment.load(segment.size - length, length)
    await warm_up()
    if cell.idle_s:
        await clock.sleep_until(clock.time + int(cell.idle_s * clock.ticks_per_second + 0.5))
    if ready is not None:
        await ready()
    begin = clock.time
    await timed()
    end = clock.time
    await settle()
    return begin, end


class _Read:
    """A segment whose views are read: a load that brings no byte would be for nothing.

    They go into local memory as a bulk copy's do, for to where no page begins a copy is slower.
    """

    def __init__(self, segment: Segment, local: Local) -> None:
        room = local.view(0, local.size)
        assert room is not None
        self.room = room
        self.size = segment.size
        self.posted = segment.posted
        self.store = segment.store
        self.fetch = segment.fetch
        self.flush = segment.flush
        self._load = segment.load
        self._segment = segment

    @property
    def moved(self) -> int:
        """Bytes moved."""
        return self._segment.moved

    async def load(self, offset: int, length: int) -> Data:
        """Load, and read every byte."""
        data = await self._load(offset, length)
        if data is not None and length <= len(self.room):
            self.room[:length] = data
        return data


def _requests(
    link: Probed,
    prepared: Task,
    segment: Segment,
    offsets: Sequence[int],
    passing: Callable[[], None] | None,
) -> tuple[_Step, _Step, _Step]:
    """Return what makes the untimed and the timed requests, at the same places, and settles."""
    cell = prepared.cell
    size = cell.size
    memory = link.local(size * cell.depth)
    data = memory.view(0, memory.size)
    if data is not None and cell.operation in ("store", "flush"):
        data[:] = PATTERN * (memory.size // len(PATTERN)) + PATTERN[: memory.size % len(PATTERN)]

    async def loads(places: Iterable[int]) -> None:
        for offset in places:
            await segment.load(offset, size)

    async def stores(places: Iterable[int]) -> None:
        for offset in places:
            await segment.store(offset, size, data)

    async def bulk(places: Iterable[int]) -> None:
        start = segment.fetch if cell.operation == "fetch" else segment.flush
        under_way: deque[Transfer] = deque()
        rooms = cycle(range(0, memory.size, size))
        for offset in places:
            if len(under_way) == cell.depth:
                await under_way.popleft()
            under_way.append(await start(offset, size, memory, next(rooms)))
        for transfer in under_way:
            await transfer

    make_them = {"load": loads, "store": stores}.get(cell.operation, bulk)
    before = list(islice(cycle(offsets), cell.warm))
    timed: Iterable[int] = offsets if passing is None else _told(offsets, passing)
    return lambda: make_them(before), lambda: make_them(timed), lambda: make_them(())


def _told(places: Iterable[int], passing: Callable[[], None]) -> Iterator[int]:
    for place in places:
        passing()
        yield place


def _passes(
    link: Probed, prepared: Task, segment: Segment, repetition: int, consumer: int
) -> tuple[_Step, _Step, _Step]:
    """Return what goes over a method's workload untimed, and timed, and then settles.

    Each pass begins with an empty shadow, when what the one before copied ahead has come.
    """
    cell, asked, clock = prepared.cell, prepared.workload, link.clock
    columns = list(chunks(prepared.accesses(repetition, consumer), clock.ticks_per_second))
    method = prepared.method()
    memory = link.local(method.slots * method.slot_bytes)  # the same for all passes
    shadow = Shadow(method, lambda _: memory)
    decides = isinstance(asked, Filter) and link.local(1).view(0, 1) is not None

    async def settle() -> None:
        for flights in shadow.flights:
            for transfer in tuple(flights):
                await transfer

    async def once() -> None:
        buffer = Buffer(shadow, segment, clock)
        latencies, chosen = array("q"), array("q")
        if decides:
            assert isinstance(asked, Filter)
            served = decide(clock, buffer, asked.parameters)
            programs = asked.programs(consumer, cell.consumers)
            await each(clock, served, programs, latencies, chosen)
        else:
            await replay(clock, buffer, columns, latencies)

    async def before() -> None:
        nonlocal shadow
        for _ in range(cell.warm):
            await once()
            await settle()
            shadow = Shadow(prepared.method(), lambda _: memory)

    return before, once, settle
