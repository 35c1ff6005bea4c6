"""Replaying a record on a ``pci-bus``: programmed I/O, the DMA engine, and the bus, compiled.

What takes a coroutine several turns in `simaccess.sim.pci_bus` is several steps here: an agent
remembers which comes next. Events come by (time, rank, insertion), as in
`simaccess.sim.environment`: consumers by their numbers, then jobs that look at the bus, then the
engine's transfers.

This module needs numba.
"""

# ruff: noqa: PLR0917  # compiled functions take no keywords
from __future__ import annotations

from simaccess.replay.bus_jobs import release
from simaccess.replay.compiled import compiled, stamp_of
from simaccess.replay.consumers import advance as advance_agent
from simaccess.replay.consumers import fill, resume
from simaccess.replay.pci_engine import stage
from simaccess.replay.pci_events import (
    AGENT,
    EVENT,
    JOB,
    NOTHING,
    RANK,
    STAGE,
    SUBMITTED,
    drop_first,
    push,
)
from simaccess.replay.pci_programmed import begin, step
from simaccess.replay.round_robin import advance, ending
from simaccess.replay.state import NOWHERE, Ints, Structs

__all__ = ["EVENT", "replay_bus"]


@compiled
def look(
    bus: Structs,
    masters: Structs,
    jobs: Structs,
    coming: Ints,
    paths: Structs,
    events: Structs,
    agents: Structs,
    number: int,
    now: int,
) -> bool:
    """Let a job look at the bus; say whether it has ended, and something comes then."""
    advance(bus, masters, jobs, coming, paths, now)
    end = ending(bus, masters, jobs, paths, number)
    if end > now:
        push(bus, events, end, RANK + JOB, JOB, number)
        return False
    job = jobs[number]
    job.end = end
    who = job.waiting
    if who != NOWHERE:
        agent = agents[who]
        agent.time = max(agent.time, end)
        push(bus, events, agent.time, who, AGENT, who)
    return bool(job.done != NOTHING)


@compiled
def run(
    bus: Structs,
    masters: Structs,
    jobs: Structs,
    coming: Ints,
    paths: Structs,
    posted: Ints,
    events: Structs,
    rows: Structs,
    delays: Structs,
    requests: Structs,
    transfers: Structs,
    agents: Structs,
    latencies: Ints,
) -> None:
    """Replay until the last consumer ends; what is under way by then is not done."""
    for who in range(len(agents)):
        if advance_agent(bus, agents[who], rows, delays, requests, transfers, latencies):
            begin(bus, events, rows, requests, transfers, agents[who], who)
    while bus.events and (bus.running or events[0].time < bus.last):
        now, what, who = events[0].time, events[0].what, events[0].who
        rank = events[0].rank
        drop_first(bus, events)
        if rank < RANK:
            step(
                bus, masters, jobs, coming, paths, posted, events,
                rows, delays, requests, transfers, agents, latencies, who,
            )  # fmt: skip
            continue
        number = who
        if rank == RANK + JOB:
            ended = look(bus, masters, jobs, coming, paths, events, agents, number, now)
            what, who = jobs[number].done, jobs[number].transfer
            if jobs[number].end != NOWHERE and jobs[number].end <= now:
                release(bus, jobs, number)
            if not ended:
                continue
            if what == SUBMITTED:  # the engine hears of it after whatever else is due now
                push(bus, events, now, RANK + STAGE, SUBMITTED, who)
                continue
        if stage(
            bus, masters, jobs, coming, paths, events,
            requests, transfers, what, who, now,
        ):  # fmt: skip
            owner = transfers[who].owner
            agent = agents[owner]
            if agent.blocked == who and resume(
                bus, agent, rows, delays, requests, transfers, latencies
            ):
                begin(bus, events, rows, requests, transfers, agent, owner)
    advance(bus, masters, jobs, coming, paths, bus.last)


def _entry(stamp: int):  # type: ignore[no-untyped-def]  # a compiled function
    """Return `replay_bus`; `stamp` tells the cache on disk of all that it is made of."""

    def replay_bus(
        buses: Structs,
        masters: Structs,
        jobs: Structs,
        coming: Ints,
        paths: Structs,
        posted: Ints,
        events: Structs,
        rows: Structs,
        delays: Structs,
        parts: Structs,
        requests: Structs,
        transfers: Structs,
        agents: Structs,
        latencies: Ints,
    ) -> None:
        if stamp < 0:
            return
        bus = buses[0]
        fill(bus, delays, parts)
        run(
            bus, masters, jobs, coming, paths, posted, events,
            rows, delays, requests, transfers, agents, latencies,
        )  # fmt: skip

    return compiled(replay_bus, cache=True)


replay_bus = _entry(stamp_of(__name__))
"""Replay a record on a bus.

Parameters
----------
buses, masters, paths
    The figures (`simaccess.replay.pci_figures.PciFigures`); they receive the use of the bus.
jobs : ndarray of JOB
    Room: a chain of free places.
coming, posted, events : ndarray
    Room.
rows, delays, parts, requests, agents
    The record; see `simaccess.replay.state.Flat`. Of delays and agents, what became of them.
transfers : ndarray of TRANSFER, shape (places,)
    Room.
latencies : ndarray of int64
    Receives latencies, as `buses.keep` says.
"""
