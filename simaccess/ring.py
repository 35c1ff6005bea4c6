"""A ring: a segment of fixed capacity through which a stream of records passes, lap after lap.

Offsets are places in the stream; the place in the segment is the offset modulo the capacity. The
producer publishes records in order, a consumer reads only what was published, was signalled to
it and has not been released, and a record is written only where the slowest consumer has
released what was there a lap ago. A record that finds no room waits, or is dropped: its place in
the stream is then a hole, which consumers skip.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Protocol, TypeAlias

from simaccess.buffer.bulk import FAILURES
from simaccess.errors import InputError
from simaccess.segment import Clock, Data, Gate, Local, Segment, Transfer

__all__ = ["ConsumersRing", "ProducersRing", "Ring", "RingReader", "RingSegment", "Signals"]

STREAM = 1 << 62
"""Size of a stream: no end in sight."""

_Copy: TypeAlias = Callable[[int, int, Local, int], Awaitable[Transfer]]


class RingSegment:
    """A stream's view of one user's access to the segment that holds the ring.

    Parameters
    ----------
    segment : Segment
        Access to the ring's bytes, from offset 0 on.
    capacity : int
        Bytes of the ring.
    """

    def __init__(self, segment: Segment, capacity: int) -> None:
        self._segment = segment
        self._capacity = capacity
        self.size = STREAM
        self.posted = segment.posted
        self.client = getattr(segment, "client", None)
        self.copies: bool = getattr(segment, "copies", False)

    @property
    def moved(self) -> int:
        """Bytes moved over the link."""
        return self._segment.moved

    def _spans(self, offset: int, length: int) -> list[tuple[int, int]]:
        """Return the places and lengths of a range, which may wrap around the end."""
        place = offset % self._capacity
        first = min(length, self._capacity - place)
        return [(place, first)] if first == length else [(place, first), (0, length - first)]

    async def load(self, offset: int, length: int) -> Data:
        """Read in place."""
        spans = self._spans(offset, length)
        if len(spans) == 1:
            return await self._segment.load(*spans[0])
        parts = []
        for span in spans:
            part = await self._segment.load(*span)
            parts.append(None if part is None else bytes(part))
        return None if parts[0] is None else memoryview(b"".join(p for p in parts if p))

    async def store(self, offset: int, length: int, data: Data) -> None:
        """Write in place."""
        done = 0
        for place, size in self._spans(offset, length):
            part = None if data is None else data[done : done + size]
            await self._segment.store(place, size, part)
            done += size

    def fetch(self, offset: int, length: int, into: Local, at: int) -> Awaitable[Transfer]:
        """Start a bulk copy towards the consumer."""
        return self._start(self._segment.fetch, offset, length, into, at)

    def flush(self, offset: int, length: int, source: Local, at: int) -> Awaitable[Transfer]:
        """Start a bulk copy away from the consumer."""
        return self._start(self._segment.flush, offset, length, source, at)

    async def _start(
        self, copy: _Copy, offset: int, length: int, memory: Local, at: int
    ) -> Transfer:
        """Start a copy of a range: two where it wraps around the end, or none."""
        (place, size), *rest = self._spans(offset, length)
        transfer = await copy(place, size, memory, at)
        if not rest:
            return transfer
        try:
            return _Both(transfer, await copy(*rest[0], memory, at + size))
        except FAILURES:
            await transfer.cancel()
            raise


class _Both:
    """Two transfers as one."""

    def __init__(self, first: Transfer, second: Transfer) -> None:
        self._first = first
        self._second = second

    def __await__(self):  # type: ignore[no-untyped-def]  # what await yields is the backend's
        yield from self._first.__await__()
        yield from self._second.__await__()

    async def poll(self) -> bool:
        return await self._first.poll() and await self._second.poll()

    async def cancel(self) -> bool:
        first = await self._first.cancel()
        second = await self._second.cancel()  # whether or not the first one could be withdrawn
        return first and second


@dataclass(frozen=True, slots=True)
class Signals:
    """How the producer tells consumers that records are there, in ticks.

    Attributes
    ----------
    batch : int
        Records that share a signal, at least 1.
    timeout : int or None
        Ticks after which published records are signalled though they are fewer than `batch`; None
        waits for the batch to fill, for the ring to be full, or for the stream to end.
    cost : int
        Ticks that a signal costs its sender and its receiver each.
    latency : int
        Ticks from sending a signal to receiving it.
    """

    batch: int = 1
    timeout: int | None = None
    cost: int = 0
    latency: int = 0


class ProducersRing(Protocol):
    """A ring as its producer sees it; the methods are described at `Ring`."""

    # ruff: noqa: D102
    signals: Signals
    oldest: int | None

    @property
    def ends(self) -> Sequence[int]: ...
    @property
    def arrived(self) -> array[int] | memoryview: ...

    def fits(self, record: int) -> bool: ...
    def publish(self, clock: Clock, record: int, dropped: bool) -> bool: ...
    def signal(self, clock: Clock) -> bool: ...
    def waiting_for_room(self, clock: Clock) -> Awaitable[None]: ...


class ConsumersRing(Protocol):
    """A ring as one of its consumers sees it; the methods are described at `Ring`."""

    signals: Signals

    @property
    def capacity(self) -> int: ...
    @property
    def ends(self) -> Sequence[int]: ...
    @property
    def arrived(self) -> array[int] | memoryview: ...
    @property
    def dropped(self) -> bytearray | memoryview: ...

    def received(self, tick: int) -> tuple[int, int | None]: ...
    def waiting_for_data(self, clock: Clock) -> Awaitable[None]: ...
    def release(self, consumer: int, offset: int) -> None: ...


class Ring:
    """What a producer and its consumers know of a ring.

    Its methods are for whoever has the turn (`simaccess.segment.Clock.instant`).

    Parameters
    ----------
    capacity : int
        Bytes.
    ends : sequence of int
        Where each record of the stream ends; the first begins at 0.
    consumers : int
        Users that must release a place before it is written again.
    signals : Signals
        How records are announced.
    """

    def __init__(
        self, capacity: int, ends: Sequence[int], consumers: int, signals: Signals
    ) -> None:
        starts = chain([0], ends)
        longest = max((end - start for start, end in zip(starts, ends, strict=False)), default=0)
        if longest > capacity:
            raise InputError(
                "a record does not fit into the ring",
                key="producer.ring",
                value=capacity,
                allowed=f"at least {longest} bytes",
            )
        self.capacity = capacity
        self.ends = ends
        self.signals = signals
        self.published = 0  # records
        self.dropped = bytearray(len(ends))
        self.arrived = array("q", bytes(8 * len(ends)))  # ticks, by record
        self._released = [0] * consumers
        self.oldest: int | None = None  # tick at which the oldest unsignalled record was published
        self._unsignalled = 0
        self._sent: deque[tuple[int, int]] = deque()  # (tick at which it is received, records)
        self._received = 0  # records, as of the newest signal taken from `_sent`
        self._data: Gate | None = None
        self._room: Gate | None = None

    def fits(self, record: int) -> bool:
        """Say whether the place of a record has been released."""
        return self.ends[record] - min(self._released) <= self.capacity

    def publish(self, clock: Clock, record: int, dropped: bool) -> bool:
        """Note that a record is in the ring or was dropped; say whether a signal is due."""
        self.dropped[record] = dropped
        self.published = record + 1
        if not self._unsignalled:
            self.oldest = clock.time
        self._unsignalled += 1
        return self._unsignalled >= self.signals.batch or self.published == len(self.ends)

    def signal(self, clock: Clock) -> bool:
        """Send a signal about all that is published; say whether there was something to tell."""
        if not self._unsignalled:
            return False
        self._unsignalled = 0
        self.oldest = None
        self._sent.append((clock.time + self.signals.latency, self.published))
        if self._data is not None:
            self._data.open()
            self._data = None
        return True

    def waiting_for_data(self, clock: Clock) -> Gate:
        """Return the gate that the next signal opens."""
        if self._data is None:
            self._data = clock.gate()
        return self._data

    def waiting_for_room(self, clock: Clock) -> Gate:
        """Return the gate that the next release opens."""
        if self._room is None:
            self._room = clock.gate()
        return self._room

    def release(self, consumer: int, offset: int) -> None:
        """Give back everything before `offset`."""
        self._released[consumer] = offset
        if self._room is not None:
            self._room.open()
            self._room = None

    def received(self, tick: int) -> tuple[int, int | None]:
        """Return how many records were signalled by `tick`, and when the next signal comes."""
        while self._sent and self._sent[0][0] <= tick:
            self._received = self._sent.popleft()[1]
        return self._received, self._sent[0][0] if self._sent else None


class RingReader:
    """One consumer's place in a ring.

    Parameters
    ----------
    ring : ConsumersRing
        The ring.
    consumer : int
        Which of its consumers.
    clock : Clock
        The consumer's clock.
    """

    def __init__(self, ring: ConsumersRing, consumer: int, clock: Clock) -> None:
        self._ring = ring
        self._consumer = consumer
        self._clock = clock
        self._known = 0

    async def wait(self, record: int) -> int:
        """Wait until a record has been signalled; return the end of what has been."""
        ring, clock = self._ring, self._clock
        while self._known <= record:
            known, coming = ring.received(await clock.instant())
            if known > self._known:
                self._known = known
                await clock.handle(ring.signals.cost)
            elif coming is not None:
                await clock.sleep_until(coming)
            else:
                await ring.waiting_for_data(clock)
        return ring.ends[self._known - 1]

    async def release(self, offset: int) -> None:
        """Give back everything before `offset`."""
        await self._clock.instant()
        self._ring.release(self._consumer, offset)
