"""Replaying a record on a ``memory-bus``: consumers, turn by turn, compiled.

The caches, the cores, the channel and the moves of many lines are compiled as they stand
(`simaccess.replay.memory_methods`). What awaits between two turns in `simaccess.sim.memory_port` is
a consumer in the heap here, by (time, number) as in `simaccess.sim.environment`.

This module needs numba.
"""

# ruff: noqa: PLR0917  # compiled functions take no keywords; fields are their classes'
from __future__ import annotations

from typing import Any, Final

from simaccess.replay.arena import discard
from simaccess.replay.compiled import compiled, stamp_of
from simaccess.replay.consumers import advance, fill, note, push, sink
from simaccess.replay.memory_methods import METHODS
from simaccess.replay.objects import seen_as
from simaccess.replay.queues import append
from simaccess.replay.rows import FETCH, KIND, LOAD, MARKED, NEAR
from simaccess.replay.state import Ints, Structs

__all__ = ["LONG", "SHORT", "replay_memory"]

LONG: Final = 1
SHORT: Final = 2
"""How a replay may stop: it lasts too long, or needs to know when more of the others arrive."""

_LATEST: Final = 1 << 58

# An agent's next step.
BEGIN: Final = 0
GO_ON: Final = 1

bus_at = seen_as("MemoryBus")
user_at = seen_as("User")
translate = METHODS["MemoryBus__translate"]
begin_reading = METHODS["Reading__begin"]
begin_writing = METHODS["Writing__begin"]
begin_copying = METHODS["Copying__begin"]
read = METHODS["Reading__step"]
write = METHODS["Writing__step"]
copy = METHODS["Copying__step"]


@compiled
def enter(bus: Any, user: Any, near: bool) -> None:
    """Have a core take part; see `simaccess.sim.memory_bus.MemoryBus.core`."""
    core = user.core
    if core.index < 0:
        cores = bus.caches.cores
        core.index = cores.count
        core.socket = 0 if near else user.socket
        append(cores, core)


def _begin(bus: Any, user: Any, kind: int, near: bool, asked: Structs) -> int:
    """Begin what a row asks for, at its turn; return the ticks of finding its pages."""
    enter(bus, user, near)
    core, length = user.core, asked.length
    shadow = user.shadow + asked.near
    if kind >= FETCH:
        if kind == FETCH:
            begin_copying(user.copying, bus, core, length, asked.far, user.limit, shadow)
        else:
            begin_copying(user.copying, bus, core, length, shadow, user.shadow_limit, asked.far)
        return 0
    address = shadow if near else asked.far
    first = address >> bus.line_shift
    count = ((address + length - 1) >> bus.line_shift) + 1 - first
    if kind == LOAD:
        limit = user.shadow_limit if near else user.limit
        begin_reading(user.reading, bus, core, first, count, limit)
    else:
        begin_writing(user.writing, core, first, count)
    return int(translate(bus, core, address, length))


begin = compiled(_begin, inline=False)


def _act(bus: Any, user: Any, agent: Structs, row: Structs, asked: Structs) -> bool:
    """Do what a consumer's row asks for until time passes; say if it has ended."""
    kind = row.what & KIND
    near = row.what & NEAR != 0
    now = agent.time
    if agent.step == BEGIN:
        agent.step = GO_ON
        walk = begin(bus, user, kind, near, asked)
        if walk:
            agent.time = now + walk
            return False
    if kind >= FETCH:
        end = copy(user.copying, bus, now)
        left = user.copying.left
        user.copied += end - now
    else:
        if kind == LOAD:
            end = read(user.reading, bus, now)
            left = user.reading.left
        else:
            end = write(user.writing, bus, now)
            left = user.writing.left
        core = user.core
        if not near:
            user.moved += core.taken << bus.line_shift
        core.taken = 0
    agent.time = end
    return bool(left == 0)


act = compiled(_act, inline=False)


@compiled
def finish(
    link: Structs,
    agent: Structs,
    rows: Structs,
    delays: Structs,
    requests: Structs,
    transfers: Structs,
    latencies: Ints,
) -> bool:
    """End a consumer's row; say if another one uses the bus."""
    row = rows[agent.row]
    agent.step = BEGIN
    if row.what & KIND >= FETCH:
        transfer = transfers[agent.place + row.extra]
        transfer.end = agent.time
        transfer.handling = 0
    else:
        if row.what & MARKED:
            note(link, agent, agent.time - agent.begin, 1, latencies)
            agent.begin = agent.time
        agent.left -= 1
        if agent.left:
            agent.time += delays[row.delay].all
            return True
    agent.row += 1
    return advance(link, agent, rows, delays, requests, transfers, latencies)


@compiled
def run(
    link: Structs,
    bus: Any,
    users: Ints,
    heap: Ints,
    rows: Structs,
    delays: Structs,
    requests: Structs,
    transfers: Structs,
    agents: Structs,
    latencies: Ints,
) -> int:
    """Replay until the last consumer ends; return 0, or why it stops before."""
    channel = bus.channel
    while link.ready:
        who = heap[0]
        agent = agents[who]
        if max(agent.time, channel.free, channel.waited) > _LATEST:
            return LONG
        if agent.time >= channel.last:  # by then; nothing is put on the channel before its turn
            return SHORT
        row = rows[agent.row]
        more = True
        if act(bus, user_at(users[who]), agent, row, requests[row.item]):
            more = finish(link, agent, rows, delays, requests, transfers, latencies)
        if more:
            sink(link, agents, heap, who)
        else:
            link.ready -= 1
            sink(link, agents, heap, heap[link.ready])
    return 0


def _entry(stamp: int):  # type: ignore[no-untyped-def]  # a compiled function
    """Return `replay_memory`; `stamp` tells the cache on disk of all that it is made of."""

    def replay_memory(
        memories: Structs,
        bus_address: int,
        users: Ints,
        heap: Ints,
        rows: Structs,
        delays: Structs,
        parts: Structs,
        requests: Structs,
        transfers: Structs,
        agents: Structs,
        latencies: Ints,
    ) -> int:
        if stamp < 0:
            return stamp
        link = memories[0]
        bus = bus_at(bus_address)
        if not link.begun:
            link.begun = 1
            fill(link, delays, parts)
            for who in range(len(agents)):
                if advance(link, agents[who], rows, delays, requests, transfers, latencies):
                    push(link, agents, heap, who)
        how = run(link, bus, users, heap, rows, delays, requests, transfers, agents, latencies)
        if how != SHORT:
            discard(bus.arena)
        return how

    return compiled(replay_memory, cache=True)


replay_memory = _entry(stamp_of(__name__))
"""Replay a record on a memory bus.

Parameters
----------
memories : ndarray of MEMORY, shape (1,)
    The figures (`simaccess.replay.memory_figures`).
bus_address : int
    The address of the bus.
users : ndarray of int64, shape (consumers,)
    The addresses of what the consumers have of it.
heap : ndarray of int64, shape (consumers,)
    Room.
rows, delays, parts, requests, agents
    The record; see `simaccess.replay.state.Flat`. Of delays and agents, what became of them.
transfers : ndarray of TRANSFER, shape (places,)
    Room.
latencies : ndarray of int64
    Receives latencies, as `memories.keep` says.

Returns
-------
int
    0, or why it did not come to an end: LONG, or SHORT, from where it goes on when called again.
"""
