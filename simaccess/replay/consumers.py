"""Replaying what consumers do, for whatever link: their rows, their waits and their order.

All functions here are compiled, and take what they need as arrays: a tuple of arrays would cost
a count of references on each use.

This module needs numba.
"""

# ruff: noqa: PLR0917  # compiled functions take no keywords
from __future__ import annotations

from typing import Final

import numpy as np

from simaccess.replay.compiled import compiled
from simaccess.replay.delays import LOCAL
from simaccess.replay.histogram import bucket
from simaccess.replay.rows import AWAIT, FETCH, FIRST, KIND, MARK, MARKED, SERVED, SETTLED, UNTIL
from simaccess.replay.state import ENDED, NOWHERE, Ints, Structs
from simaccess.sim.station import whole_ticks

__all__ = [
    "ALL",
    "COUNTED",
    "NONE",
    "advance",
    "fill",
    "note",
    "push",
    "resume",
    "second",
    "sink",
]

NONE: Final = 0
ALL: Final = 1
COUNTED: Final = 2
"""What becomes of latencies: nothing, each is kept, or they are counted by bucket."""

bucket_of = compiled(bucket)
ticks = compiled(whole_ticks)


@compiled
def fill(link: Structs, delays: Structs, parts: Structs) -> None:
    """Find the ticks of each delay on the memory beside the consumers."""
    for index in range(len(parts)):
        part = parts[index]
        delay = delays[part.delay]
        if part.kind == LOCAL:
            each = ticks(part.length, link.local_per_byte) + link.local_latency
            delay.stall += part.count * each
        else:
            delay.copy += part.count * ticks(part.length, link.copy_per_byte)
    for index in range(len(delays)):
        delay = delays[index]
        delay.all = delay.compute + delay.stall + delay.copy


@compiled
def note(link: Structs, agent: Structs, latency: int, times: int, latencies: Ints) -> None:
    """Note the latency of requests that have ended."""
    if link.keep == ALL:
        mark = agent.mark
        for place in range(mark, mark + times):
            latencies[place] = latency
        agent.mark = mark + times
    elif link.keep == COUNTED:
        latencies[bucket_of(latency)] += times


@compiled
def settle(link: Structs, agent: Structs, what: int, transfer: Structs, latencies: Ints) -> None:
    """End a wait for a transfer; a processor that polls looks every `link.interval` ticks."""
    if what & FIRST:
        agent.waited = 0
    wait = transfer.end - agent.time
    if wait > 0:
        if link.interval:
            wait += -wait % link.interval
        agent.time += wait
        agent.wait += wait
        agent.pending = 1
    agent.time += transfer.handling
    agent.issue += transfer.handling
    transfer.handling = 0
    if what & SETTLED:
        agent.waits += agent.pending
        agent.waited |= agent.pending
        agent.pending = 0
    if what & SERVED:
        agent.missed += agent.waited
        agent.waited = 0
    if what & MARKED:
        note(link, agent, agent.time - agent.begin, 1, latencies)
        agent.begin = agent.time
    agent.row += 1


@compiled
def advance(
    link: Structs,
    agent: Structs,
    rows: Structs,
    delays: Structs,
    requests: Structs,
    transfers: Structs,
    latencies: Ints,
) -> bool:
    """Do what comes before the consumer's next use of something shared; say if there is one."""
    while True:
        row = rows[agent.row]
        kind = row.what & KIND
        delay = delays[row.delay].all
        time = agent.time + delay
        agent.time = time
        if kind < AWAIT:
            if kind >= FETCH:
                issue = requests[row.item].issue
                agent.time = time + issue
                agent.issue += issue
            agent.left = row.extra
            return True
        if kind == MARK:
            note(link, agent, time - agent.begin, 1, latencies)
            more = row.extra - 1
            if more:
                note(link, agent, delay, more, latencies)
                time += delay * more
            agent.time = time
            agent.begin = time
            agent.row += 1
        elif kind == AWAIT:
            transfer = agent.place + row.item
            if transfers[transfer].end == NOWHERE:
                agent.blocked = transfer
                return False
            settle(link, agent, row.what, transfers[transfer], latencies)
        elif kind == UNTIL:
            tick = (np.int64(row.extra) << 32) + row.item
            if time < tick:
                agent.time = tick
                agent.wait += tick - time
            agent.begin = tick
            agent.row += 1
        else:
            agent.blocked = ENDED
            link.running -= 1
            link.last = max(link.last, time)
            return False


@compiled
def resume(
    link: Structs,
    agent: Structs,
    rows: Structs,
    delays: Structs,
    requests: Structs,
    transfers: Structs,
    latencies: Ints,
) -> bool:
    """Go on with a consumer whose transfer's end is known, as `advance` does."""
    transfer = transfers[agent.blocked]
    agent.blocked = NOWHERE
    settle(link, agent, rows[agent.row].what, transfer, latencies)
    return advance(link, agent, rows, delays, requests, transfers, latencies)


# -- the queue: a heap of consumers by (time, number) ----------------------------------------------


@compiled
def earlier(agents: Structs, one: int, other: int) -> bool:
    """Say whether a consumer comes before another one."""
    first, second = agents[one].time, agents[other].time
    return first < second or (first == second and one < other)


@compiled
def push(link: Structs, agents: Structs, heap: Ints, number: int) -> None:
    """Put a consumer into the heap."""
    place = link.ready
    link.ready += 1
    while place:
        above = (place - 1) >> 1
        if not earlier(agents, number, heap[above]):
            break
        heap[place] = heap[above]
        place = above
    heap[place] = number


@compiled
def sink(link: Structs, agents: Structs, heap: Ints, number: int) -> None:
    """Put a consumer into the heap in place of the first one."""
    ready = link.ready
    place = 0
    while True:
        below = 2 * place + 1
        if below >= ready:
            break
        if below + 1 < ready and earlier(agents, heap[below + 1], heap[below]):
            below += 1
        if not earlier(agents, heap[below], number):
            break
        heap[place] = heap[below]
        place = below
    heap[place] = number


@compiled
def second(link: Structs, agents: Structs, heap: Ints) -> int:
    """Return the consumer that comes after the first one; NOWHERE if there is none."""
    if link.ready < 2:
        return NOWHERE
    if link.ready > 2 and earlier(agents, heap[2], heap[1]):
        return int(heap[2])
    return int(heap[1])
