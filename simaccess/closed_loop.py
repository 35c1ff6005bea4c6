"""The code of one consumer whose whole segment is there from the start, for whatever engine."""

from __future__ import annotations

from array import array
from collections.abc import Coroutine
from typing import Any

from simaccess.afoot import Afoot
from simaccess.buffer import Buffer
from simaccess.consumer import chunks, decide, each, replay
from simaccess.scenario import Scenario
from simaccess.segment import Clock
from simaccess.workload.accesses import Accesses
from simaccess.workload.filter import Filter

__all__ = ["closed_loop"]


def closed_loop(
    clock: Clock,
    buffer: Buffer,
    latencies: array[int],
    *,
    scenario: Scenario,
    index: int,
    accesses: Accesses,
    chosen: array[int],
    afoot: Afoot | None = None,
) -> Coroutine[Any, Any, None]:
    """Return a consumer.

    Parameters
    ----------
    clock, buffer
        Its own.
    latencies : array of int
        Receives the ticks of each request.
    scenario : Scenario
        What it is a part of.
    index : int
        Which of the consumers it is.
    accesses : Accesses
        Those that it makes, unless it decides by the bytes that it reads.
    chosen : array of int
        Receives the numbers of the requests that its predicate chose.
    afoot : Afoot, optional
        Counts the accesses that are recorded.
    """
    workload = scenario.workload
    if scenario.real and isinstance(workload, Filter):
        programs = workload.programs(index, scenario.consumers)
        served = decide(clock, buffer, workload.parameters)
        return each(clock, served, programs, latencies, chosen)
    columns = chunks(accesses, clock.ticks_per_second)
    return replay(clock, buffer, columns if afoot is None else afoot.counted(columns), latencies)
