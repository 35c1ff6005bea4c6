"""A sequential reader's steps from block to block where neither asking nor reading suspends."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from simaccess.bulk import FAILURES, Bulk
from simaccess.counters import Counters
from simaccess.operations import Operation
from simaccess.segment import Clock, Data, Local, Transfer
from simaccess.shadow import Shadow

__all__ = ["strides"]


def strides(
    shadow: Shadow,
    clock: Clock,
    counters: Counters,
    bulk: Bulk,
    fetch_now: Callable[[int, int, Local, int], Transfer],
) -> Callable[[Operation, Operation, Operation], Awaitable[Data]]:
    """Return `simaccess.lone_reads.LoneReads.step` for a real link that is asked by a plain call.

    A closure, and not a method, since what it needs is at hand and it calls less: between two
    large blocks, whose copies have emptied the processor's caches, each function that is entered
    and each object that is looked at is fetched from memory, and meanwhile nothing is received.

    Parameters
    ----------
    shadow : Shadow
        The shadow.
    clock, counters
        The client's.
    bulk : Bulk
        Its transfers.
    fetch_now : callable
        ``fetch_now(offset, length, into, at)`` does what `Segment.fetch` does.
    """
    memory = shadow.memory
    view = memory.view
    under_way = shadow.under_way
    add, take = shadow.unread.add, shadow.unread.take

    async def step(arrival: Operation, fetch: Operation, local: Operation) -> Data:
        awaited = doubtful = arrival[1:]
        try:
            flights = under_way[awaited[0]]
            before = clock.wait
            if len(flights) == 1:
                await flights.pop()
                waited = clock.wait > before
                counters.waits += waited
            else:
                waited = await bulk.settle(flights)
            doubtful = ()
            _, slot, offset, size, at = fetch
            counters.fetches += 1
            counters.bulk += size
            add(slot, at, size)
            under_way[slot].append(fetch_now(offset, size, memory, at))
        except FAILURES:
            await bulk.abandon(doubtful)
            raise
        if not waited:
            counters.hits += 1
        _, slot, at, size = local
        counters.shadow += size
        counters.used += take(slot, at, size)
        return view(at, size)

    return step
