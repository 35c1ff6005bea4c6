"""The bus of a replay, compiled: `simaccess.sim.round_robin`, with its queues in arrays.

Jobs are places in a table, a master's ready ones a chain, those that are coming a heap. The rules
and the names are those of the module that is replayed.

This module needs numba.
"""

# ruff: noqa: PLR0917  # compiled functions take no keywords
from __future__ import annotations

from typing import Final

from simaccess.replay.bus_jobs import (
    arrive,
    enter,
    line_up,
    line_up_first,
    pick,
    release,
    rest,
)
from simaccess.replay.compiled import compiled
from simaccess.replay.state import NOWHERE, Ints, Structs
from simaccess.sim import pci_path
from simaccess.sim.bus_use import PAYLOAD
from simaccess.sim.station import whole_ticks

__all__ = ["advance", "ending", "request", "take"]

NO_JOB: Final = -1

ticks = compiled(whole_ticks)
chunk = compiled(pci_path.chunk)
phases_of = compiled(pci_path.phases)
alike = compiled(pci_path.alike, chunk=chunk)
cut_to = compiled(pci_path.cut, chunk=chunk)


@compiled
def hold(path: Structs, phases: int) -> int:
    """Return the ticks from FRAME# until the bus is free again."""
    return ticks(path.latency + phases + path.idle, path.per_clock)


@compiled
def reach(path: Structs, phases: int) -> int:
    """Return the ticks from FRAME# to the end of the last data phase."""
    return ticks(path.latency + phases, path.per_clock)


period = compiled(pci_path.period, hold=hold)
span = compiled(
    pci_path.span,
    inline=False,
    chunk=chunk,
    alike=alike,
    phases=phases_of,
    period=period,
    hold=hold,
    reach=reach,
)


@compiled
def count(
    bus: Structs, path: Structs, start: int, phases: int, size: int, purpose: int, times: int
) -> None:
    """Add bursts alike to the use of the bus."""
    wait = ticks(path.latency, path.per_clock)
    last, free = reach(path, phases), hold(path, phases)
    if purpose == PAYLOAD:
        bus.payload_bytes += times * size
        bus.payload += times * (last - wait)
        bus.overhead += times * (free - last + wait)
    else:
        bus.overhead_bytes += times * size
        bus.overhead += times * free
    bus.booked_start = start
    bus.booked_first = start + wait
    bus.booked_last = start + last
    bus.booked_free = start + free
    bus.booked_purpose = purpose


@compiled
def cut(bus: Structs, paths: Structs, job: Structs, at: int) -> None:
    """End the burst under way where the timer has expired and the grant, at `at`, is gone."""
    path = paths[job.path]
    bus.gone = at
    bus.size = cut_to(path, job.address, job.remaining, bus.begun, at, bus.clock)
    bus.phases = phases_of(path, job.address, bus.size)
    bus.free = bus.begun + hold(path, bus.phases)


def _come(
    bus: Structs,
    masters: Structs,
    jobs: Structs,
    coming: Ints,
    paths: Structs,
    number: int,
    at: int,
) -> None:
    """Have a job ask for the bus."""
    job = jobs[number]
    job.at = at
    bus.requests += 1
    job.order = bus.requests
    path = paths[job.path]
    if not bus.seen >> job.path & 1:
        bus.seen |= 1 << job.path
        bus.least = min(bus.least, hold(path, 1))
        if path.request:
            bus.least = min(bus.least, path.request)
    enter(bus, jobs, coming, number)
    if bus.job != NO_JOB and job.master != jobs[bus.job].master:
        at = max(at, masters[job.master].rested)
        if at < bus.gone:
            cut(bus, paths, jobs[bus.job], at)


come = compiled(_come, inline=False)


@compiled
def settle(bus: Structs, masters: Structs, jobs: Structs, coming: Ints, paths: Structs) -> None:
    """End the tenure under way, and put its job where it waits for its next."""
    number = bus.job
    bus.job = NO_JOB
    job = jobs[number]
    path = paths[job.path]
    if not bus.size:
        bus.overhead += path.request
        job.requesting = 0
        if path.completer >= 0:
            job.master = path.completer
        come(bus, masters, jobs, coming, paths, number, bus.free + path.delay)
        return
    count(bus, path, bus.begun, bus.phases, bus.size, job.purpose, 1)
    job.address += bus.size
    job.remaining -= bus.size
    job.master = home = job.home
    if not job.remaining:
        job.end = bus.begun + reach(path, bus.phases)
        release(bus, jobs, number)
    else:
        job.requesting = path.request > 0
        job.at = bus.free
        if masters[home].ordered:
            line_up_first(bus, masters, jobs, number)
        else:
            line_up(bus, masters, jobs, number)
    if path.gap:
        rest(bus, masters, jobs, coming, home, bus.free + path.gap)


@compiled
def skip(
    bus: Structs,
    masters: Structs,
    jobs: Structs,
    coming: Ints,
    paths: Structs,
    number: int,
    start: int,
    limit: int,
) -> int:
    """Do as many bursts at once as nothing known can disturb; return the next one's start."""
    job = jobs[number]
    path = paths[job.path]
    times = alike(path, job.address, job.remaining) - 1
    if times < 1 or (path.completer >= 0 and masters[path.completer].resting):
        return start
    if bus.coming and jobs[coming[0]].at <= limit:
        limit = jobs[coming[0]].at - 1
    size = chunk(path, job.address, job.remaining)
    phases = phases_of(path, job.address, size)
    each = period(path, phases)
    times = min(times, (limit - start) // each)
    if times < 1:
        return start
    count(bus, path, start, phases, size, job.purpose, times)
    bus.overhead += times * path.request
    job.address += times * size
    job.remaining -= times * size
    return start + times * each


@compiled
def rival(bus: Structs, masters: Structs, jobs: Structs, coming: Ints, master: int) -> int:
    """Return when another master can be granted at the earliest, as far as is known."""
    first = bus.gone
    for place in range(bus.coming):
        number = coming[place]
        other = jobs[number].master
        if number < len(masters):
            other = number if masters[number].ready else master
        if other != master:
            first = min(first, max(jobs[number].at, masters[other].rested))
    return int(first)


@compiled
def begin(
    bus: Structs,
    masters: Structs,
    jobs: Structs,
    coming: Ints,
    paths: Structs,
    number: int,
    start: int,
    limit: int,
) -> None:
    """Give the bus to a job."""
    job = jobs[number]
    path = paths[job.path]
    if not bus.waiting and bool(job.requesting) == (path.request > 0):
        start = skip(bus, masters, jobs, coming, paths, number, start, limit)
    bus.job = number
    bus.last_master = job.master
    bus.begun = start
    bus.gone = 0
    if job.requesting:
        bus.size = 0
        bus.free = start + path.request
        return
    bus.size = chunk(path, job.address, job.remaining)
    bus.phases = phases_of(path, job.address, bus.size)
    bus.free = start + hold(path, bus.phases)
    if bus.phases > path.guaranteed:
        bus.gone = bus.free
        if bus.waiting > masters[job.master].ready:
            cut(bus, paths, job, start)
            return
        first = rival(bus, masters, jobs, coming, job.master)
        if first < bus.gone:
            cut(bus, paths, job, first)


def _advance(
    bus: Structs, masters: Structs, jobs: Structs, coming: Ints, paths: Structs, limit: int
) -> None:
    """Settle everything up to `limit`, at most `arbitration` after the caller's turn."""
    bus.limit = max(bus.limit, limit)
    while bus.free <= limit:
        while bus.coming and jobs[coming[0]].at < bus.free:
            arrive(bus, masters, jobs, coming)
        if bus.job != NO_JOB:
            settle(bus, masters, jobs, coming, paths)
        while not bus.waiting:
            if not bus.coming or jobs[coming[0]].at > limit:
                return
            bus.free = jobs[coming[0]].at
            arrive(bus, masters, jobs, coming)
        number = pick(bus, masters, jobs)
        start = bus.free
        job = jobs[number]
        bus.waited += start - max(job.at, masters[job.master].rested)
        begin(bus, masters, jobs, coming, paths, number, start, limit)


advance = compiled(_advance, inline=False)


@compiled
def freed(bus: Structs, jobs: Structs, paths: Structs) -> int:
    """Return when the tenure under way ends at the earliest: it may yet be cut."""
    if bus.job == NO_JOB or not bus.gone:
        return int(bus.free)
    path = paths[jobs[bus.job].path]
    guaranteed = bus.begun + hold(path, min(bus.phases, path.guaranteed))
    return int(min(bus.free, max(guaranteed, bus.limit)))


def _ending(bus: Structs, masters: Structs, jobs: Structs, paths: Structs, number: int) -> int:
    """Return when a job's last data phase ends at the earliest, as far as is known."""
    job = jobs[number]
    if job.end != NOWHERE:
        return int(job.end)
    path = paths[job.path]
    address, remaining = job.address, job.remaining
    if number == bus.job:
        if not bus.size:
            start = bus.free + path.delay
            return int(start + span(path, address, remaining) - path.request - path.delay)
        if bus.size == remaining:
            return int(bus.begun + reach(path, bus.phases))
        return int(bus.free + path.gap + span(path, address + bus.size, remaining - bus.size))
    free = freed(bus, jobs, paths)
    start = max(job.at, free, masters[job.master].rested)
    if job.ticket >= 0:  # each job before it has at least a tenure
        ahead = job.ticket - masters[job.master].first
        start = max(start, free + ahead * bus.least)
    done = 0
    if not job.requesting and path.request:
        done = path.request + path.delay
    return int(start + span(path, address, remaining) - done)


ending = compiled(_ending, inline=False)


@compiled
def request(
    bus: Structs,
    masters: Structs,
    jobs: Structs,
    coming: Ints,
    paths: Structs,
    number: int,
    now: int,
) -> None:
    """Ask for the bus at the caller's turn."""
    job = jobs[number]
    job.requesting = paths[job.path].request > 0
    job.holds += 1
    at = now + bus.arbitration
    advance(bus, masters, jobs, coming, paths, at)
    come(bus, masters, jobs, coming, paths, number, at)
    advance(bus, masters, jobs, coming, paths, at)


@compiled
def take(
    bus: Structs,
    masters: Structs,
    jobs: Structs,
    coming: Ints,
    paths: Structs,
    master: int,
    place: int,
    address: int,
    size: int,
    purpose: int,
    now: int,
) -> int:
    """Do a single transaction at once if the bus is idle and nothing can disturb it."""
    at = now + bus.arbitration
    advance(bus, masters, jobs, coming, paths, at)
    path = paths[place]
    phases = phases_of(path, address, size)
    if (
        bus.free > at
        or bus.job != NO_JOB
        or path.request
        or path.gap
        or phases > path.guaranteed
        or masters[master].resting
        or chunk(path, address, size) < size
    ):
        return 0
    bus.last_master = master
    count(bus, path, at, phases, size, purpose, 1)
    bus.free = at + hold(path, phases)
    return int(at + reach(path, phases))
