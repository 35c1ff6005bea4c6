"""The jobs of a replayed bus, and its masters' queues: places in a table, chains, and a heap.

This module needs numba.
"""

# ruff: noqa: PLR0917  # compiled functions take no keywords
from __future__ import annotations

from simaccess.replay.compiled import compiled
from simaccess.replay.state import NOWHERE, Ints, Structs

__all__ = ["arrive", "enter", "line_up", "line_up_first", "new_job", "pick", "release", "rest"]


@compiled
def new_job(
    bus: Structs, jobs: Structs, master: int, path: int, address: int, length: int, purpose: int
) -> int:
    """Return a job, known to whoever makes it."""
    number = bus.free_job
    job = jobs[number]
    bus.free_job = job.next
    job.master = job.home = master
    job.path = path
    job.address = address
    job.remaining = length
    job.purpose = purpose
    job.at = job.armed = job.done = 0
    job.end = job.waiting = job.next = NOWHERE
    job.ticket = -1
    job.holds = 1
    return int(number)


@compiled
def release(bus: Structs, jobs: Structs, number: int) -> None:
    """Give a job's place back if nobody else knows it."""
    job = jobs[number]
    job.holds -= 1
    if not job.holds:
        job.next = bus.free_job
        bus.free_job = number


@compiled
def before(jobs: Structs, one: int, other: int) -> bool:
    """Say whether a job comes before another one."""
    first, second = jobs[one].at, jobs[other].at
    return bool(first < second or (first == second and jobs[one].order < jobs[other].order))


@compiled
def enter(bus: Structs, jobs: Structs, coming: Ints, number: int) -> None:
    """Put a job into the heap of those that are coming."""
    place = bus.coming
    bus.coming += 1
    while place:
        above = (place - 1) >> 1
        if not before(jobs, number, coming[above]):
            break
        coming[place] = coming[above]
        place = above
    coming[place] = number


@compiled
def leave(bus: Structs, jobs: Structs, coming: Ints) -> int:
    """Take the first job out of the heap."""
    first = coming[0]
    bus.coming -= 1
    number = coming[bus.coming]
    place = 0
    while True:
        below = 2 * place + 1
        if below >= bus.coming:
            break
        if below + 1 < bus.coming and before(jobs, coming[below + 1], coming[below]):
            below += 1
        if not before(jobs, coming[below], number):
            break
        coming[place] = coming[below]
        place = below
    coming[place] = number
    return int(first)


@compiled
def line_up(bus: Structs, masters: Structs, jobs: Structs, number: int) -> None:
    """Put a job behind its master's other ready ones."""
    job = jobs[number]
    master = masters[job.master]
    job.ticket = master.following
    master.following += 1
    job.next = NOWHERE
    if master.ready:
        jobs[master.tail].next = number
    else:
        master.head = number
    master.tail = number
    master.ready += 1
    if not master.resting:
        bus.waiting += 1


@compiled
def line_up_first(bus: Structs, masters: Structs, jobs: Structs, number: int) -> None:
    """Put a job before its master's other ready ones."""
    job = jobs[number]
    master = masters[job.master]
    master.first -= 1
    job.ticket = master.first
    job.next = master.head
    if not master.ready:
        master.tail = number
    master.head = number
    master.ready += 1
    if not master.resting:
        bus.waiting += 1


@compiled
def arrive(bus: Structs, masters: Structs, jobs: Structs, coming: Ints) -> None:
    """Let what comes next be granted: a job, or those of a master whose rest is over."""
    number = leave(bus, jobs, coming)
    if number < len(masters):
        masters[number].resting = 0
        bus.waiting += masters[number].ready
    else:
        line_up(bus, masters, jobs, number)


@compiled
def rest(
    bus: Structs, masters: Structs, jobs: Structs, coming: Ints, number: int, until: int
) -> None:
    """Grant none of a master's jobs for a while."""
    master, end = masters[number], jobs[number]
    master.resting = 1
    master.rested = until
    bus.waiting -= master.ready
    bus.requests += 1
    end.at = until
    end.order = bus.requests
    enter(bus, jobs, coming, number)


@compiled
def pick(bus: Structs, masters: Structs, jobs: Structs) -> int:
    """Take the job of the master whose turn it is."""
    place = bus.last_master
    while True:
        place += 1
        if place == len(masters):
            place = 0
        if masters[place].ready and not masters[place].resting:
            break
    master = masters[place]
    number = master.head
    bus.waiting -= 1
    master.ready -= 1
    master.first += 1
    job = jobs[number]
    master.head = job.next
    job.ticket = -1
    return int(number)
