"""Replaying a record on a ``fifo-link``: its events in order, compiled.

The order is that of `simaccess.sim.environment`: by time, then by number, and consumers come
before the engine. What is private to a consumer is done at once (`advance`), so it stands in the
queue only with its next use of something shared (`touch`). Transfers reach the station in the
order in which the engine's channels took them, and channels get free in that order too, since a
FIFO station's ends never go back; so both are plain queues, and only consumers need a heap.

This module needs numba.
"""

# ruff: noqa: PLR0917  # compiled functions take no keywords
from __future__ import annotations

from typing import Final

from simaccess.replay.compiled import compiled, stamp_of
from simaccess.replay.consumers import advance, note, push, resume, second, sink
from simaccess.replay.delays import ACCESS, COPY, LOCAL, MISS
from simaccess.replay.rows import FETCH, KIND, LOAD, MARKED
from simaccess.replay.state import NOWHERE, Ints, Structs
from simaccess.sim.station import FifoStation, whole_ticks

__all__ = ["replay_lanes"]

FOREVER: Final = (1 << 63) - 1

serve = compiled(FifoStation.serve)
ticks = compiled(whole_ticks)


@compiled
def schedule(link: Structs, transfers: Structs, number: int, time: int) -> None:
    """Have a transfer reach the station at `time`, not before the others that do."""
    transfer = transfers[number]
    transfer.time = time
    transfer.next = NOWHERE
    if link.first_coming == NOWHERE:
        link.first_coming = number
    else:
        transfers[link.last_coming].next = number
    link.last_coming = number


@compiled
def submit(link: Structs, transfers: Structs, channels: Ints, number: int, now: int) -> None:
    """Have the engine take a transfer; see `simaccess.sim.dma.DmaEngine.submit`."""
    if link.free_channels:
        begin = max(now, channels[link.first_free])
        link.free_channels -= 1
        link.first_free += 1
        if link.first_free == len(channels):
            link.first_free = 0
        schedule(link, transfers, number, begin + link.start)
        return
    transfers[number].next = NOWHERE
    if link.first_queued == NOWHERE:
        link.first_queued = number
    else:
        transfers[link.last_queued].next = number
    link.last_queued = number


@compiled
def carry(link: Structs, transfers: Structs, channels: Ints, requests: Structs) -> None:
    """Have the station move the transfer that comes first."""
    transfer = transfers[link.first_coming]
    link.first_coming = transfer.next
    request = requests[transfer.request]
    end = serve(link, transfer.time, request.service, request.length)
    following = link.first_queued
    if following == NOWHERE:
        place = link.first_free + link.free_channels
        if place >= len(channels):
            place -= len(channels)
        channels[place] = end
        link.free_channels += 1
    else:
        link.first_queued = transfers[following].next
        schedule(link, transfers, following, end + link.start)
    transfer.end = end + request.after


@compiled
def in_place(
    link: Structs,
    agent: Structs,
    until: int,
    rows: Structs,
    delays: Structs,
    requests: Structs,
    latencies: Ints,
) -> bool:
    """Load or store as often as the row says, but not from `until` on; say if that was all."""
    row = rows[agent.row]
    request = requests[row.item]
    service, length = request.loading, request.length
    delay = delays[row.delay].all
    stays = row.what & KIND == LOAD or not link.posted
    marked = row.what & MARKED
    time, left = agent.time, agent.left
    while True:
        end = serve(link, time, service, length) + request.latency
        if stays:
            time = end
        if marked:
            note(link, agent, time - agent.begin, 1, latencies)
            agent.begin = time
        left -= 1
        if not left:
            break
        time += delay
        if time >= until:
            break
    agent.time = time
    agent.left = left
    return bool(left == 0)


@compiled
def touch(
    link: Structs,
    agent: Structs,
    number: int,
    until: int,
    rows: Structs,
    delays: Structs,
    requests: Structs,
    transfers: Structs,
    channels: Ints,
    latencies: Ints,
) -> bool:
    """Let the first consumer use what is shared, up to `until`; say if it goes on after that."""
    while True:
        row = rows[agent.row]
        if row.what & KIND < FETCH:
            limit = until
            if link.first_coming != NOWHERE:  # a consumer comes before a transfer
                limit = min(until, transfers[link.first_coming].time + 1)
            if not in_place(link, agent, limit, rows, delays, requests, latencies):
                return True
        else:
            place = agent.place + row.extra
            transfer = transfers[place]
            transfer.end = NOWHERE
            transfer.request = row.item
            transfer.owner = number
            transfer.handling = link.handling
            submit(link, transfers, channels, place, agent.time)
        agent.row += 1
        if not advance(link, agent, rows, delays, requests, transfers, latencies):
            return False
        time = agent.time
        if time >= until:
            return True
        if link.first_coming != NOWHERE and transfers[link.first_coming].time < time:
            return True


@compiled
def run(
    link: Structs,
    agents: Structs,
    heap: Ints,
    rows: Structs,
    delays: Structs,
    requests: Structs,
    transfers: Structs,
    channels: Ints,
    latencies: Ints,
) -> None:
    """Replay until the last consumer ends; what is under way by then is not done."""
    for number in range(len(agents)):
        if advance(link, agents[number], rows, delays, requests, transfers, latencies):
            push(link, agents, heap, number)
    while True:
        coming = FOREVER
        if link.first_coming != NOWHERE:
            coming = transfers[link.first_coming].time
        if link.ready and agents[heap[0]].time <= coming:
            number = heap[0]
            until = FOREVER
            other = second(link, agents, heap)
            if other != NOWHERE:
                until = agents[other].time + (number < other)
            if not touch(
                link,
                agents[number],
                number,
                until,
                rows,
                delays,
                requests,
                transfers,
                channels,
                latencies,
            ):
                link.ready -= 1
                number = heap[link.ready]
            if link.ready:
                sink(link, agents, heap, number)
        elif coming < (FOREVER if link.running else link.last):
            moved = link.first_coming
            carry(link, transfers, channels, requests)
            owner = transfers[moved].owner
            agent = agents[owner]
            if agent.blocked == moved and resume(
                link, agent, rows, delays, requests, transfers, latencies
            ):
                push(link, agents, heap, owner)
        else:
            return


@compiled
def fill(figures: Structs, requests: Structs, delays: Structs, parts: Structs) -> None:
    """Find the ticks of each request and each delay on a link."""
    for index in range(len(requests)):
        request = requests[index]
        length = request.length
        windows = (length - 1) // figures.window * figures.wake if figures.window else 0
        woken = figures.wake if 0 < figures.piece < length else 0
        request.service = ticks(length, figures.per_byte) + windows
        request.after = figures.latency + figures.completion + woken
        request.issue = ticks(length, figures.issue_per_byte) + figures.issue
        request.loading = ticks(length, figures.load_per_byte) + windows
        request.latency = figures.latency + figures.load_wait + woken
    for index in range(len(delays)):
        delay = delays[index]
        delay.stall = delay.copy = delay.client = 0
    for index in range(len(parts)):
        part = parts[index]
        delay = delays[part.delay]
        if part.kind == LOCAL:
            each = ticks(part.length, figures.local_per_byte) + figures.local_latency
            delay.stall += part.count * each
        elif part.kind == COPY:
            delay.copy += part.count * ticks(part.length, figures.copy_per_byte)
        elif part.kind == ACCESS:
            delay.client += part.count * figures.access
        elif part.kind == MISS:
            delay.client += part.count * figures.miss
        else:
            delay.client += part.count * figures.step
    for index in range(len(delays)):
        delay = delays[index]
        delay.all = delay.compute + delay.stall + delay.copy + delay.client


@compiled
def prepare(link: Structs, figures: Structs, consumers: int, keep: int) -> None:
    """Put the link where it begins."""
    link.free = link.busy = link.overhead = link.other = link.waited = 0
    link.bytes = link.overhead_bytes = link.other_bytes = 0
    link.posted = figures.posted
    link.start = figures.start
    link.handling = figures.handling
    link.keep = keep
    link.interval = 0
    link.running = consumers
    link.last = link.ready = link.first_free = 0
    link.free_channels = figures.channels
    link.first_queued = link.first_coming = NOWHERE


def _entry(stamp: int):  # type: ignore[no-untyped-def]  # a compiled function
    """Return `replay_lanes`; `stamp` tells the cache on disk of all that it is made of."""

    def replay_lanes(
        lanes: Structs,
        keep: int,
        rows: Structs,
        first: Structs,
        requests: Structs,
        delays: Structs,
        parts: Structs,
        heap: Ints,
        transfers: Structs,
        channels: Ints,
        links: Structs,
        agents: Structs,
        latencies: Ints,
    ) -> None:
        if stamp < 0:
            return
        consumers = len(first)
        for lane in range(len(lanes)):
            figures = lanes[lane]
            channels[:] = 0
            fill(figures, requests, delays, parts)
            prepare(links[lane], figures, consumers, keep)
            for number in range(consumers):
                agents[lane, number] = first[number]
            run(
                links[lane],
                agents[lane],
                heap,
                rows,
                delays,
                requests,
                transfers,
                channels,
                latencies[lane],
            )

    return compiled(replay_lanes, cache=True)


replay_lanes = _entry(stamp_of(__name__))
"""Replay a record on one link after another.

Parameters
----------
lanes : ndarray of FIGURES, shape (lanes,)
    The links.
keep : int
    What becomes of latencies.
rows, first, requests, delays, parts
    The record; see `simaccess.replay.state.Flat`, whose agents are `first`. Of requests and
    delays the ticks are written.
heap : ndarray of int64, shape (consumers,)
    Room.
transfers : ndarray of TRANSFER, shape (places,)
    Room.
channels : ndarray of int64, shape (most channels,)
    Room.
links : ndarray of LINK, shape (lanes,)
    Receives the use of each link.
agents : ndarray of AGENT, shape (lanes, consumers)
    Receives how the consumers ended.
latencies : ndarray of int64, shape (lanes, latencies or BUCKETS)
    Receives latencies, or how many there were by bucket.
"""
