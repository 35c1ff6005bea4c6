"""What is due on a replayed ``pci-bus``: a heap of events, and who waits for the end of a job.

This module needs numba.
"""

# ruff: noqa: PLR0917  # compiled functions take no keywords
from __future__ import annotations

from typing import Final

from simaccess.replay.compiled import compiled
from simaccess.replay.round_robin import ending
from simaccess.replay.state import Structs, structure

__all__ = [
    "AGENT",
    "DESCRIBED",
    "EVENT",
    "JOB",
    "MOVED",
    "NOTHING",
    "RANK",
    "REPORTED",
    "STAGE",
    "STARTED",
    "SUBMITTED",
    "drop_first",
    "push",
    "sooner",
    "swap",
    "wait_for",
    "watch",
]

EVENT: Final = structure("time", "rank", "order", "what", "who")

# What an event is for, and in which order those of an instant come.
AGENT: Final = 0
JOB: Final = 1
STAGE: Final = 2
RANK: Final = 1 << 40

# What comes at the end of a job; a stage of a transfer, too.
NOTHING: Final = 0
SUBMITTED: Final = 1  # the doorbell has rung
STARTED: Final = 2  # the engine has it
DESCRIBED: Final = 3  # the descriptors are there
MOVED: Final = 4  # the data are
REPORTED: Final = 5  # the completion is


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
    number: int,
    who: int,
) -> None:
    """Have an agent go on at the end of a job, which nobody else waits for."""
    watch(bus, masters, jobs, paths, events, number)
    jobs[number].waiting = who
