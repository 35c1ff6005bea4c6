"""A lone sequential reader's steps from block to block: each waits, copies ahead and serves."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from simaccess.buffer.bulk import FAILURES, Bulk
from simaccess.buffer.shadow import Shadow
from simaccess.counters import Counters
from simaccess.operations import Operation
from simaccess.segment import Clock, Data, Local, Segment, Transfer

__all__ = ["strides"]


def strides(
    shadow: Shadow, segment: Segment, clock: Clock, counters: Counters, bulk: Bulk
) -> Callable[[Operation, Operation, Operation], Awaitable[Data]]:
    """Return ``step(arrival, fetch, local)``, which performs the three operations of a step.

    A closure, and not a method, since what it needs is at hand and it calls less: between two
    large blocks, whose copies have emptied the processor's caches, each function that is entered
    and each object that is looked at is fetched from memory, and meanwhile a real link receives
    nothing. For the same reason it asks by `Segment`'s ``fetch_now`` where there is one, and takes
    a view of memory that is of this process.

    Parameters
    ----------
    shadow : Shadow
        The shadow, of which nobody else has anything under way.
    segment, clock, counters
        The client's.
    bulk : Bulk
        Its transfers.
    """
    memory = shadow.memory
    here = getattr(memory, "here", False)
    view = memory.view
    under_way = shadow.under_way
    add, take = shadow.unread.add, shadow.unread.take
    fetch_now: Callable[[int, int, Local, int], Transfer] | None = getattr(
        segment, "fetch_now", None
    )

    async def step(arrival: Operation, fetch: Operation, local: Operation) -> Data:
        doubtful = arrival[1:]
        try:
            flights = under_way[arrival[1]]
            if len(flights) == 1:
                before = clock.wait
                await flights.pop()
                waited = clock.wait > before
                counters.waits += waited
            else:
                waited = await bulk.settle(flights)
            doubtful = ()  # what has arrived is there, even if the next copy cannot be asked for
            _, slot, offset, size, at = fetch
            counters.fetches += 1
            counters.bulk += size
            add(slot, at, size)
            if fetch_now is None:
                transfer = await segment.fetch(offset, size, memory, at)
            else:
                transfer = fetch_now(offset, size, memory, at)
            under_way[slot].append(transfer)
        except FAILURES:
            await bulk.abandon(doubtful)
            raise
        if not waited:
            counters.hits += 1
        _, slot, at, size = local
        counters.shadow += size
        counters.used += take(slot, at, size)
        return view(at, size) if here else await memory.load(at, size)

    return step
