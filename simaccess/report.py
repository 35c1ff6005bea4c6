"""Reporting a run: from what each consumer did, whatever engine served, to a result."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simaccess.counters import Counters
from simaccess.result import (
    Bytes,
    ConsumerResult,
    EngineName,
    Latency,
    ProcessorTime,
    Result,
    StationUse,
)
from simaccess.scenario import Scenario
from simaccess.sim.environment import TICKS_PER_SECOND
from simaccess.workload.filter import Filter

__all__ = ["ConsumerRun", "Run", "last", "report"]


@dataclass(frozen=True, slots=True, eq=False)
class ConsumerRun:
    """What a consumer did.

    Attributes
    ----------
    start, time : int
        When it began and when it ended, in picoseconds.
    compute, stall, copy, issue, wait : int
        Picoseconds by activity; they sum to its run.
    counters : Counters
        Its tallies.
    moved : int
        Bytes that it moved over the link.
    latencies : array of int64
        Picoseconds of each of its requests.
    chosen : int
        Requests that its predicate chose.
    """

    start: int
    time: int
    compute: int
    stall: int
    copy: int
    issue: int
    wait: int
    counters: Counters
    moved: int
    latencies: array[int] | NDArray[np.int64]
    chosen: int


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """What a run gave.

    Attributes
    ----------
    consumers : tuple of ConsumerRun
        What each consumer did.
    links : mapping of str to StationUse
        The use of each station up to the end of the last consumer.
    engine : str
        Which engine served.
    dropped : int
        Records that found no room in the ring.
    why : str
        Why SimPy served.
    """

    consumers: tuple[ConsumerRun, ...]
    links: Mapping[str, StationUse]
    engine: EngineName
    dropped: int = 0
    why: str = ""


def report(scenario: Scenario, run: Run) -> Result:
    """Return the result of a run of a scenario; its latencies end in another order."""
    consumers = run.consumers
    elapsed = last(consumers) / TICKS_PER_SECOND
    each_one = tuple(_consumer_result(consumer) for consumer in consumers)
    requested = sum(one.bytes.requested for one in each_one)
    served = sum(one.requests for one in each_one)
    moved = sum(one.bytes.moved for one in each_one)
    used = min(moved, sum(_used(consumer) for consumer in consumers))
    decides = scenario.real and isinstance(scenario.workload, Filter)
    return Result(
        model=scenario.model.name,
        workload=scenario.workload.name,
        method=scenario.method,
        settings=dict(scenario.settings),
        seed=scenario.seed,
        elapsed_s=elapsed,
        throughput_bytes_per_s=requested / elapsed if elapsed else 0.0,
        requests_per_s=served / elapsed if elapsed else 0.0,
        latency_s=_latency([consumer.latencies for consumer in consumers]),
        bytes=Bytes(requested, used, moved, moved - used),
        loads=sum(one.loads for one in each_one),
        stores=sum(one.stores for one in each_one),
        bulk_requests=sum(one.bulk_requests for one in each_one),
        round_trips=sum(one.round_trips for one in each_one),
        shadow_hits=sum(one.shadow_hits for one in each_one),
        processor_s=ProcessorTime(
            *(
                sum(getattr(one.processor_s, kind) for one in each_one)
                for kind in ("compute", "stall", "copy", "issue", "wait")
            )
        ),
        links=dict(run.links),
        consumers=each_one,
        dropped=run.dropped,
        matched=sum(consumer.chosen for consumer in consumers) if decides else None,
        engine=run.engine,
        why=run.why,
    )


def last(consumers: Sequence[ConsumerRun]) -> int:
    """Return the end of the last consumer in picoseconds."""
    return max(consumer.time for consumer in consumers)


def _consumer_result(consumer: ConsumerRun) -> ConsumerResult:
    counters = consumer.counters
    elapsed = (consumer.time - consumer.start) / TICKS_PER_SECOND
    used = min(consumer.moved, _used(consumer))
    return ConsumerResult(
        elapsed_s=elapsed,
        throughput_bytes_per_s=counters.requested / elapsed if elapsed else 0.0,
        requests=len(consumer.latencies),
        latency_s=_latency([consumer.latencies]),
        bytes=Bytes(counters.requested, used, consumer.moved, consumer.moved - used),
        loads=counters.loads,
        stores=counters.stores,
        bulk_requests=counters.fetches + counters.flushes,
        round_trips=counters.round_trips,
        shadow_hits=counters.hits,
        processor_s=ProcessorTime(
            consumer.compute / TICKS_PER_SECOND,
            consumer.stall / TICKS_PER_SECOND,
            consumer.copy / TICKS_PER_SECOND,
            consumer.issue / TICKS_PER_SECOND,
            consumer.wait / TICKS_PER_SECOND,
        ),
    )


def _used(consumer: ConsumerRun) -> int:
    """Return used bytes: those counted of bulk requests; in place, what was asked and moved."""
    counters = consumer.counters
    in_place = counters.requested - counters.shadow
    return counters.used + min(in_place, max(0, consumer.moved - counters.bulk))


def _latency(latencies: Sequence[array[int] | NDArray[np.int64]]) -> Latency:
    recorded = [np.frombuffer(one, np.int64) for one in latencies if len(one)]
    if not recorded:
        return Latency(None, None, None, None)
    of_all = recorded[0] if len(recorded) == 1 else np.concatenate(recorded)
    # They are partly sorted where they are: a copy would be the longest column of a run again.
    percentiles = np.percentile(of_all, [50, 90, 99, 99.9], overwrite_input=True)
    return Latency(*(percentiles / TICKS_PER_SECOND).tolist())
