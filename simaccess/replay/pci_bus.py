"""Replaying a record on a ``pci-bus``: programmed I/O, the DMA engine, and the bus, compiled.

What takes a coroutine several turns in `simaccess.sim.pci_bus` is several steps here: an agent
remembers which comes next. Events come by (time, rank, insertion), as in
`simaccess.sim.environment`: consumers by their numbers, then jobs that look at the bus, then the
engine's transfers.

This module needs numba.
"""

# ruff: noqa: PLR0917  # compiled functions take no keywords
from __future__ import annotations

from typing import Final

from simaccess.replay import pci_figures
from simaccess.replay.compiled import compiled, stamp_of
from simaccess.replay.consumers import advance as advance_agent
from simaccess.replay.consumers import note, resume
from simaccess.replay.delays import LOCAL
from simaccess.replay.round_robin import advance, ending, new_job, release, request, take, ticks
from simaccess.replay.rows import FETCH, KIND, LOAD, MARKED, STORE
from simaccess.replay.state import NOWHERE, Ints, Structs, structure
from simaccess.sim import bus_use, pci_path
from simaccess.sim import station as station_module
from simaccess.sim.bus_use import OVERHEAD, PAYLOAD
from simaccess.sim.pci_bus import HOST

__all__ = ["EVENT", "replay_bus"]

EVENT: Final = structure("time", "rank", "order", "what", "who")

# What an event is for, and in which order those of an instant come.
AGENT: Final = 0
JOB: Final = 1
STAGE: Final = 2
RANK: Final = 1 << 40

# An agent's next step.
READ: Final = 0  # a transaction of a load is asked for
DATA: Final = 1  # it has ended
WRITE: Final = 2  # a part of a store is posted
BELL: Final = 3  # the doorbell is posted
SUBMIT: Final = 4  # the host's engine is told

# What comes at the end of a job; a stage of a transfer, too.
NOTHING: Final = 0
SUBMITTED: Final = 1  # the doorbell has rung
STARTED: Final = 2  # the engine has it
DESCRIBED: Final = 3  # the descriptors are there
MOVED: Final = 4  # the data are
REPORTED: Final = 5  # the completion is


# -- events ----------------------------------------------------------------------------------------


@compiled
def sooner(one: Structs, other: Structs) -> bool:
    """Say whether an event comes before another one."""
    if one.time != other.time:
        return bool(one.time < other.time)
    if one.rank != other.rank:
        return bool(one.rank < other.rank)
    return bool(one.order < other.order)


def _push(bus: Structs, events: Structs, time: int, rank: int, what: int, who: int) -> None:
    """Put an event into the heap."""
    place = bus.events
    bus.events += 1
    bus.inserted += 1
    event = events[place]
    event.time = time
    event.rank = rank
    event.order = bus.inserted
    event.what = what
    event.who = who
    while place:
        above = (place - 1) >> 1
        if not sooner(events[place], events[above]):
            break
        swap(events[place], events[above])
        place = above


@compiled
def swap(one: Structs, other: Structs) -> None:
    """Exchange two events."""
    one.time, other.time = other.time, one.time
    one.rank, other.rank = other.rank, one.rank
    one.order, other.order = other.order, one.order
    one.what, other.what = other.what, one.what
    one.who, other.who = other.who, one.who


push = compiled(_push, inline=False)


@compiled
def drop_first(bus: Structs, events: Structs) -> None:
    """Take the first event out of the heap."""
    bus.events -= 1
    swap(events[0], events[bus.events])
    place = 0
    while True:
        below = 2 * place + 1
        if below >= bus.events:
            break
        if below + 1 < bus.events and sooner(events[below + 1], events[below]):
            below += 1
        if not sooner(events[below], events[place]):
            break
        swap(events[place], events[below])
        place = below


@compiled
def watch(
    bus: Structs, masters: Structs, jobs: Structs, paths: Structs, events: Structs, number: int
) -> None:
    """Have the end of a job noticed when it comes."""
    job = jobs[number]
    if not job.armed:
        job.armed = 1
        job.holds += 1
        push(bus, events, ending(bus, masters, jobs, paths, number), RANK + JOB, JOB, number)


@compiled
def wait_for(
    bus: Structs,
    masters: Structs,
    jobs: Structs,
    paths: Structs,
    events: Structs,
    agents: Structs,
    number: int,
    who: int,
) -> None:
    """Have an agent go on at the end of a job."""
    watch(bus, masters, jobs, paths, events, number)
    agents[who].beside = jobs[number].waiting
    jobs[number].waiting = who


# -- the engine ------------------------------------------------------------------------------------


@compiled
def submit(bus: Structs, transfers: Structs, events: Structs, number: int, now: int) -> None:
    """Have the engine take a transfer."""
    if bus.channels:
        bus.channels -= 1
        push(bus, events, now + bus.start, RANK + STAGE, STARTED, number)
        return
    transfers[number].next = NOWHERE
    if bus.first_queued == NOWHERE:
        bus.first_queued = number
    else:
        transfers[bus.last_queued].next = number
    bus.last_queued = number


def _move(
    bus: Structs,
    masters: Structs,
    jobs: Structs,
    coming: Ints,
    paths: Structs,
    events: Structs,
    path: int,
    address: int,
    length: int,
    purpose: int,
    done: int,
    transfer: int,
    now: int,
) -> None:
    """Ask for the bus for a transfer, and go on with `done` when the bytes are over."""
    number = new_job(bus, jobs, bus.engine, path, address, length, purpose)
    job = jobs[number]
    job.done = done
    job.transfer = transfer
    request(bus, masters, jobs, coming, paths, number, now)
    watch(bus, masters, jobs, paths, events, number)
    release(bus, jobs, number)


move = compiled(_move, inline=False)


@compiled
def stage(
    bus: Structs,
    masters: Structs,
    jobs: Structs,
    coming: Ints,
    paths: Structs,
    events: Structs,
    requests: Structs,
    transfers: Structs,
    what: int,
    number: int,
    now: int,
) -> bool:
    """Do a stage of a transfer; say whether its end is known now."""
    transfer = transfers[number]
    asked = requests[transfer.request]
    if what == SUBMITTED:
        submit(bus, transfers, events, number, now)
        return False
    if what == STARTED and bus.descriptor:
        size = -(-asked.length // bus.span) * bus.descriptor
        move(
            bus, masters, jobs, coming, paths, events,
            bus.fetching, 0, size, OVERHEAD, DESCRIBED, number, now,
        )  # fmt: skip
        return False
    if what <= DESCRIBED:
        path = bus.inwards if transfer.inwards else bus.outwards
        address = asked.near if bus.remote else asked.far
        move(
            bus, masters, jobs, coming, paths, events,
            path, address, asked.length, PAYLOAD, MOVED, number, now,
        )  # fmt: skip
        return False
    if what == MOVED and bus.writeback:
        move(
            bus, masters, jobs, coming, paths, events,
            bus.reporting, 0, bus.writeback, OVERHEAD, REPORTED, number, now,
        )  # fmt: skip
        return False
    after = 0
    if bus.polled:
        transfer.handling = bus.cost
    else:
        if bus.interrupt < now:
            bus.interrupt = now if bus.interrupt < 0 else max(now, bus.interrupt + bus.moderation)
            transfer.handling = bus.cost
        after = bus.interrupt - now + bus.report
    following = bus.first_queued
    if following == NOWHERE:
        bus.channels += 1
    else:
        bus.first_queued = transfers[following].next
        push(bus, events, now + bus.start, RANK + STAGE, STARTED, following)
    transfer.end = now + after
    return True


# -- programmed I/O, step by step ------------------------------------------------------------------


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
def room(
    bus: Structs,
    masters: Structs,
    jobs: Structs,
    coming: Ints,
    paths: Structs,
    posted: Ints,
    now: int,
) -> bool:
    """Say whether the bridge has room for one more write."""
    advance(bus, masters, jobs, coming, paths, now + bus.arbitration)
    while bus.posted and ending(bus, masters, jobs, paths, posted[bus.first_posted]) <= now:
        release(bus, jobs, posted[bus.first_posted])
        bus.posted -= 1
        bus.first_posted += 1
        if bus.first_posted == len(posted):
            bus.first_posted = 0
    return bool(bus.posted < bus.depth)


@compiled
def post(
    bus: Structs,
    masters: Structs,
    jobs: Structs,
    coming: Ints,
    paths: Structs,
    posted: Ints,
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
    return number


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
    if agent.step == READ:
        last = take(
            bus, masters, jobs, coming, paths,
            HOST, bus.reading, agent.address, agent.size, PAYLOAD, now,
        )  # fmt: skip
        if not last:
            number = new_job(bus, jobs, HOST, bus.reading, agent.address, agent.size, PAYLOAD)
            request(bus, masters, jobs, coming, paths, number, now)
            agent.step = DATA
            wait_for(bus, masters, jobs, paths, events, agents, number, who)
            release(bus, jobs, number)
            return
        agent.time = last
    if agent.step <= DATA:
        agent.time += bus.inbound
        agent.address += agent.size
        if agent.address < agent.stop:
            next_read(bus, events, agent, who)
            return
    elif agent.step == SUBMIT:
        submit(bus, transfers, events, agent.place + rows[agent.row].extra, now)
    else:
        if not room(bus, masters, jobs, coming, paths, posted, now):
            wait_for(bus, masters, jobs, paths, events, agents, posted[bus.first_posted], who)
            return
        writes = agent.step == WRITE
        purpose = PAYLOAD if writes else OVERHEAD
        number = post(
            bus, masters, jobs, coming, paths, posted, agent.address, agent.size, purpose, now
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


# -- a whole replay --------------------------------------------------------------------------------


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
    while who != NOWHERE:
        agent = agents[who]
        agent.time = max(agent.time, end)
        push(bus, events, agent.time, who, AGENT, who)
        who = agent.beside
    job.waiting = NOWHERE
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


@compiled
def fill(bus: Structs, delays: Structs, parts: Structs) -> None:
    """Find the ticks of each delay on the processor's memory."""
    for index in range(len(parts)):
        part = parts[index]
        delay = delays[part.delay]
        if part.kind == LOCAL:
            each = ticks(part.length, bus.local_per_byte) + bus.local_latency
            delay.stall += part.count * each
        else:
            delay.copy += part.count * ticks(part.length, bus.copy_per_byte)
    for index in range(len(delays)):
        delay = delays[index]
        delay.all = delay.compute + delay.stall + delay.copy


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


replay_bus = _entry(
    stamp_of(
        __name__,
        bus_use,
        pci_figures,
        pci_path,
        station_module,
        *(
            f"simaccess.replay.{name}"
            for name in (
                "compiled",
                "consumers",
                "delays",
                "histogram",
                "round_robin",
                "rows",
                "state",
            )
        ),
    )
)
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
