"""The processes that use a segment: consumers that read and write it through a buffer.

Their code knows a buffer and a clock, and so runs on any backend. A request is one or more
accesses; its latency runs from its arrival, or in a closed loop from the end of the request
before it, to the end of its last access and the work on it.
"""

from __future__ import annotations

from array import array
from collections.abc import Awaitable, Callable, Iterable, Iterator
from itertools import repeat
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from simaccess.buffer import Buffer
from simaccess.ring import ConsumersRing, RingReader
from simaccess.segment import DONE, Clock, Data
from simaccess.workload.accesses import Accesses
from simaccess.workload.packet import Reads
from simaccess.workload.predicate import decide_through
from simaccess.workload.workload import Load

__all__ = [
    "Access",
    "Chunk",
    "chunks",
    "decide",
    "each",
    "follow",
    "replay",
    "requests",
    "serve_accesses",
    "ticks",
]

_CHUNK = 4096  # accesses that are held as Python objects at a time

Chunk: TypeAlias = tuple[
    Iterable[int],
    Iterable[int],
    Iterable[bool] | None,
    Iterable[bool] | None,
    Iterable[int] | None,
    Iterable[int] | None,
]
"""Columns of some accesses: offsets; lengths; whether each writes (None: all read); whether each
ends its request (None: all do); ticks of work after each (None: none); the tick at which its
request arrives (None: when the one before it is done)."""

Access: TypeAlias = tuple[int, int, bool, int]
"""Offset, length, whether it writes, ticks of work after it."""

_Request = TypeVar("_Request")


def ticks(seconds: NDArray[np.float64], per_second: int) -> list[int]:
    """Return durations in ticks, each rounded to the nearest; they must fit into 64 bits."""
    rounded: list[int] = (seconds * per_second + 0.5).astype(np.int64).tolist()
    return rounded


def chunks(accesses: Accesses, ticks_per_second: int) -> Iterator[Chunk]:
    """Go through the columns of accesses, some at a time.

    A column that says the same of all accesses is None.
    """
    if 0 < len(accesses) <= _CHUNK:  # a generator would keep the accesses, too
        return iter((*_chunks(accesses, ticks_per_second),))
    return _chunks(accesses, ticks_per_second)


def _chunks(accesses: Accesses, ticks_per_second: int) -> Iterator[Chunk]:
    reads_only = not accesses.write.any()
    single = bool(accesses.last.all())
    for start in range(0, len(accesses), _CHUNK):
        part = slice(start, start + _CHUNK)
        yield (
            array("q", accesses.offset[part].tobytes()),
            _lengths(accesses.length[part]),
            None if reads_only else accesses.write[part].tolist(),
            None if single else accesses.last[part].tolist(),
            None if accesses.work is None else ticks(accesses.work[part], ticks_per_second),
            None if accesses.time is None else ticks(accesses.time[part], ticks_per_second),
        )


def _lengths(column: NDArray[np.int64]) -> Iterable[int]:
    """Return lengths; those that are all equal are one object."""
    first = int(column[0])
    if (column == first).all():
        return [first] * len(column)
    return array("q", column.tobytes())


async def replay(
    clock: Clock, buffer: Buffer, columns: Iterable[Chunk], latencies: array[int]
) -> None:
    """Make accesses, each request when it arrives or when the one before it is done.

    Parameters
    ----------
    clock : Clock
        The consumer's clock.
    buffer : Buffer
        Its buffer.
    columns : iterable of Chunk
        Its accesses, some at a time.
    latencies : array of int
        Receives the ticks of each request.
    """
    read, append = buffer.read, latencies.append
    begin = clock.time
    fresh = True
    for offsets, lengths, writes, lasts, works, times in columns:
        if writes is None and lasts is None and works is None and times is None:
            for offset, length in zip(offsets, lengths, strict=True):
                if (reading := read(offset, length)) is not DONE:  # awaiting it costs more
                    await reading
                end = clock.time
                append(end - begin)
                begin = end
            continue
        for offset, length, write_it, last, work, time in zip(
            offsets,
            lengths,
            repeat(False) if writes is None else writes,
            repeat(True) if lasts is None else lasts,
            repeat(0) if works is None else works,
            repeat(-1) if times is None else times,
            strict=False,
        ):
            if fresh and time >= 0:
                await clock.sleep_until(time)
                begin = time
            await (buffer.write(offset, length) if write_it else read(offset, length))
            if work:
                await clock.work(work)
            fresh = last
            if last:
                end = clock.time
                append(end - begin)
                begin = end
    await buffer.sync()


def requests(columns: Iterable[Chunk]) -> Iterator[list[Access]]:
    """Go through accesses request by request."""
    request: list[Access] = []
    for offsets, lengths, writes, lasts, works, _ in columns:
        for offset, length, write_it, last, work in zip(
            offsets,
            lengths,
            repeat(False) if writes is None else writes,
            repeat(True) if lasts is None else lasts,
            repeat(0) if works is None else works,
            strict=False,
        ):
            request.append((offset, length, write_it, work))
            if last:
                yield request
                request = []


def serve_accesses(clock: Clock, buffer: Buffer) -> Callable[[list[Access]], Awaitable[bool]]:
    """Return what makes the accesses of a request; no request of that sort is chosen."""

    async def serve(request: list[Access]) -> bool:
        for offset, length, write_it, work in request:
            await (buffer.write(offset, length) if write_it else buffer.read(offset, length))
            if work:
                await clock.work(work)
        return False

    return serve


def decide(
    clock: Clock, buffer: Buffer, load: Load
) -> Callable[[tuple[int, Reads[bool]]], Awaitable[bool]]:
    """Return what decides about a packet by the bytes that it reads through the buffer."""
    per_second = clock.ticks_per_second
    work = int(load.work * per_second + 0.5)

    async def read(offset: int, length: int) -> Data:
        data = await buffer.read(offset, length)
        if load.work_per_byte:
            await clock.work(int(length * load.work_per_byte * per_second + 0.5))
        return data

    async def serve(request: tuple[int, Reads[bool]]) -> bool:
        base, program = request
        chosen = await decide_through(program, base, read)
        if work:
            await clock.work(work)
        return chosen

    return serve


async def each(
    clock: Clock,
    served: Callable[[_Request], Awaitable[bool]],
    asked: Iterable[_Request],
    latencies: array[int],
    chosen: array[int],
) -> None:
    """Serve requests in a closed loop; `chosen` receives the numbers of those chosen."""
    begin = clock.time
    for number, request in enumerate(asked):
        if await served(request):
            chosen.append(number)
        end = clock.time
        latencies.append(end - begin)
        begin = end


async def follow(
    clock: Clock,
    buffer: Buffer,
    ring: ConsumersRing,
    consumer: int,
    *,
    served: Callable[[_Request], Awaitable[bool]],
    asked: Iterable[tuple[int, _Request]],
    latencies: array[int],
    chosen: array[int],
) -> None:
    """Serve requests to the records of a ring as they are signalled; release each record after.

    Parameters
    ----------
    clock, buffer, latencies, chosen
        As elsewhere; a latency runs from the arrival of the record.
    ring : ConsumersRing
        The ring.
    consumer : int
        Which of its consumers this is.
    served : callable
        Serves a request.
    asked : iterable of (int, request)
        The number of the record that each request is about, ascending, and the request.
    """
    reader = RingReader(ring, consumer, clock)
    for number, (record, request) in enumerate(asked):
        begin = ring.ends[record - 1] if record else 0
        await buffer.release(begin)
        await reader.release(begin)
        # Holes may stretch what has been published to more than the ring holds.
        buffer.limit = min(await reader.wait(record), begin + ring.capacity)
        if not ring.dropped[record]:
            if await served(request):
                chosen.append(number)
            latencies.append(clock.time - ring.arrived[record])
    if ring.ends:
        await buffer.release(ring.ends[-1])
        await reader.release(ring.ends[-1])
