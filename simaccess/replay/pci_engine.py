"""The DMA engine of a replayed ``pci-bus``: `simaccess.sim.pci_dma`, stage by stage.

This module needs numba.
"""

# ruff: noqa: PLR0917  # compiled functions take no keywords
from __future__ import annotations

from simaccess.replay.bus_jobs import new_job, release
from simaccess.replay.compiled import compiled
from simaccess.replay.pci_events import (
    DESCRIBED,
    MOVED,
    RANK,
    REPORTED,
    STAGE,
    STARTED,
    SUBMITTED,
    push,
    watch,
)
from simaccess.replay.round_robin import request
from simaccess.replay.state import NOWHERE, Ints, Structs
from simaccess.sim.bus_use import OVERHEAD, PAYLOAD

__all__ = ["stage", "submit"]


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
