"""A consumer on a replayed ``pci-bus``: programmed I/O and submissions, step by step.

This module needs numba.
"""

# ruff: noqa: PLR0917  # compiled functions take no keywords
from __future__ import annotations

from typing import Final

from simaccess.replay.bus_jobs import new_job, release
from simaccess.replay.compiled import compiled
from simaccess.replay.consumers import advance as advance_agent
from simaccess.replay.consumers import note
from simaccess.replay.pci_engine import submit
from simaccess.replay.pci_events import AGENT, RANK, STAGE, SUBMITTED, push, wait_for, watch
from simaccess.replay.round_robin import advance, ending, request, take
from simaccess.replay.rows import FETCH, KIND, LOAD, MARKED, STORE
from simaccess.replay.state import NOWHERE, Ints, Structs
from simaccess.sim.bus_use import OVERHEAD, PAYLOAD
from simaccess.sim.pci_bus import HOST

__all__ = ["begin", "step"]

# An agent's next step.
READ: Final = 0  # a transaction of a load is asked for
DATA: Final = 1  # it has ended
WRITE: Final = 2  # a part of a store is posted
BELL: Final = 3  # the doorbell is posted
SUBMIT: Final = 4  # the host's engine is told


@compiled
def next_read(bus: Structs, events: Structs, agent: Structs, who: int) -> None:
    """Go on with a load's next transaction."""
    width = bus.read_width
    agent.size = min(agent.stop - agent.address, width - agent.address % width)
    agent.time += bus.outbound
    agent.step = READ
    push(bus, events, agent.time, who, AGENT, who)


@compiled
def next_write(bus: Structs, events: Structs, agent: Structs, who: int) -> None:
    """Go on with a store's next part."""
    width = bus.write_width
    agent.size = min(agent.stop - agent.address, width - agent.address % width)
    agent.time += bus.store
    agent.step = WRITE
    push(bus, events, agent.time, who, AGENT, who)


def _begin(
    bus: Structs,
    events: Structs,
    rows: Structs,
    requests: Structs,
    transfers: Structs,
    agent: Structs,
    who: int,
) -> None:
    """Begin the agent's row."""
    row = rows[agent.row]
    kind = row.what & KIND
    asked = requests[row.item]
    agent.address = asked.far
    agent.stop = asked.far + asked.length
    if kind == LOAD:
        next_read(bus, events, agent, who)
    elif kind == STORE:
        next_write(bus, events, agent, who)
    else:
        transfer = transfers[agent.place + row.extra]
        transfer.end = NOWHERE
        transfer.request = row.item
        transfer.owner = who
        transfer.handling = 0
        transfer.inwards = kind == FETCH
        agent.start = agent.time
        agent.time += bus.submission
        agent.size = bus.doorbell
        agent.address = 0
        agent.step = BELL if bus.doorbell else SUBMIT
        push(bus, events, agent.time, who, AGENT, who)


begin = compiled(_begin, inline=False)


def _finish(
    bus: Structs,
    events: Structs,
    rows: Structs,
    delays: Structs,
    requests: Structs,
    transfers: Structs,
    latencies: Ints,
    agent: Structs,
    who: int,
) -> None:
    """End the agent's row, and begin what comes next."""
    row = rows[agent.row]
    if row.what & KIND < FETCH:
        if row.what & MARKED:
            note(bus, agent, agent.time - agent.begin, 1, latencies)
            agent.begin = agent.time
        agent.left -= 1
        if agent.left:
            agent.time += delays[row.delay].all
            begin(bus, events, rows, requests, transfers, agent, who)
            return
    else:
        agent.issue += agent.time - agent.start
    agent.row += 1
    if advance_agent(bus, agent, rows, delays, requests, transfers, latencies):
        begin(bus, events, rows, requests, transfers, agent, who)


finish = compiled(_finish, inline=False)


@compiled
def drop_posted(bus: Structs, jobs: Structs, posted: Ints) -> None:
    """Take the oldest write out of the bridge's buffer."""
    release(bus, jobs, posted[bus.first_posted])
    bus.posted -= 1
    bus.first_posted += 1
    if bus.first_posted == len(posted):
        bus.first_posted = 0


@compiled
def room(
    bus: Structs,
    masters: Structs,
    jobs: Structs,
    coming: Ints,
    paths: Structs,
    posted: Ints,
    events: Structs,
    agents: Structs,
    who: int,
    now: int,
) -> bool:
    """Say whether an agent may post; if not, it is in line now."""
    if bus.first_in_line == who:
        bus.first_in_line = agents[who].beside
        drop_posted(bus, jobs, posted)
        return True
    if bus.first_in_line == NOWHERE:
        advance(bus, masters, jobs, coming, paths, now + bus.arbitration)
        while bus.posted and ending(bus, masters, jobs, paths, posted[bus.first_posted]) < now:
            drop_posted(bus, jobs, posted)
        if bus.posted < bus.depth:
            return True
        bus.first_in_line = who
        wait_for(bus, masters, jobs, paths, events, posted[bus.first_posted], who)
    else:
        agents[bus.last_in_line].beside = who
    bus.last_in_line = who
    agents[who].beside = NOWHERE
    return False


@compiled
def post(
    bus: Structs,
    masters: Structs,
    jobs: Structs,
    coming: Ints,
    paths: Structs,
    posted: Ints,
    events: Structs,
    address: int,
    size: int,
    purpose: int,
    now: int,
) -> int:
    """Put a write into the bridge's buffer."""
    number = new_job(bus, jobs, HOST, bus.writing, address, size, purpose)
    last = take(bus, masters, jobs, coming, paths, HOST, bus.writing, address, size, purpose, now)
    if last:
        jobs[number].end = last
    else:
        request(bus, masters, jobs, coming, paths, number, now)
    place = bus.first_posted + bus.posted
    if place >= len(posted):
        place -= len(posted)
    posted[place] = number
    bus.posted += 1
    if bus.first_in_line != NOWHERE:
        oldest = posted[bus.first_posted]
        wait_for(bus, masters, jobs, paths, events, oldest, bus.first_in_line)
    return number


@compiled
def read(
    bus: Structs,
    masters: Structs,
    jobs: Structs,
    coming: Ints,
    paths: Structs,
    events: Structs,
    agent: Structs,
    who: int,
    now: int,
) -> bool:
    """Ask for a transaction of a load; say whether nothing comes before its data are there."""
    last = take(
        bus, masters, jobs, coming, paths,
        HOST, bus.reading, agent.address, agent.size, PAYLOAD, now,
    )  # fmt: skip
    if last and not (bus.events and events[0].time <= last):
        agent.time = last
        return True
    number = new_job(bus, jobs, HOST, bus.reading, agent.address, agent.size, PAYLOAD)
    if last:
        jobs[number].end = last
    else:
        request(bus, masters, jobs, coming, paths, number, now)
    agent.step = DATA
    wait_for(bus, masters, jobs, paths, events, number, who)
    release(bus, jobs, number)
    return False


@compiled
def step(
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
    who: int,
) -> None:
    """Do an agent's step at its turn."""
    agent = agents[who]
    now = agent.time
    if agent.step == READ and not read(bus, masters, jobs, coming, paths, events, agent, who, now):
        return
    if agent.step <= DATA:
        agent.time += bus.inbound
        agent.address += agent.size
        if agent.address < agent.stop:
            next_read(bus, events, agent, who)
            return
    elif agent.step == SUBMIT:
        submit(bus, transfers, events, agent.place + rows[agent.row].extra, now)
    else:
        if not room(bus, masters, jobs, coming, paths, posted, events, agents, who, now):
            return
        writes = agent.step == WRITE
        purpose = PAYLOAD if writes else OVERHEAD
        number = post(
            bus,
            masters,
            jobs,
            coming,
            paths,
            posted,
            events,
            agent.address,
            agent.size,
            purpose,
            now,
        )
        if writes:
            agent.address += agent.size
            if agent.address < agent.stop:
                next_write(bus, events, agent, who)
                return
        else:
            job = jobs[number]
            job.transfer = agent.place + rows[agent.row].extra
            if job.end == NOWHERE:
                job.done = SUBMITTED
                watch(bus, masters, jobs, paths, events, number)
            else:
                push(bus, events, job.end, RANK + STAGE, SUBMITTED, job.transfer)
    finish(bus, events, rows, delays, requests, transfers, latencies, agent, who)
