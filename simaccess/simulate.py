"""Simulate a scenario: put link, buffers, consumers and producer together, run, and report."""

from __future__ import annotations

from array import array
from collections.abc import Coroutine, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simaccess.buffer import Buffer, Shadow
from simaccess.consumer import (
    Access,
    chunks,
    decide,
    each,
    follow,
    replay,
    requests,
    serve_accesses,
    ticks,
)
from simaccess.errors import InputError
from simaccess.path import make_path
from simaccess.producer import produce
from simaccess.quantities import LONGEST
from simaccess.registry import make
from simaccess.result import Bytes, ConsumerResult, Latency, ProcessorTime, Result
from simaccess.ring import Ring, RingSegment, Signals
from simaccess.scenario import ProducerParameters, Scenario
from simaccess.segment import Segment
from simaccess.sim.environment import TICKS_PER_SECOND, Agent, Environment
from simaccess.sim.link import Link
from simaccess.sim.station import Durations
from simaccess.workload.accesses import Accesses
from simaccess.workload.draws import generator
from simaccess.workload.filter import Filter
from simaccess.workload.workload import Workload

__all__ = ["latencies", "simulate"]


@dataclass(slots=True)
class _Consumer:
    """A consumer while it runs."""

    agent: Agent
    buffer: Buffer
    port: Segment
    latencies: array[int]
    chosen: array[int]


def simulate(scenario: Scenario) -> Result:
    """Run a scenario and return what it gave.

    Parameters
    ----------
    scenario : Scenario
        What to simulate. Equal scenarios give equal results, bit for bit.

    Raises
    ------
    InputError
        If its parts do not fit together.
    """
    link, ring, consumers = _run(scenario)
    return _result(scenario, link, ring, consumers)


def latencies(scenario: Scenario) -> NDArray[np.float64]:
    """Run a scenario and return how long each request took.

    Parameters
    ----------
    scenario : Scenario
        As for `simulate`.

    Returns
    -------
    array of shape (requests,)
        Seconds: the first consumer's requests in their order, then the next one's.

    Raises
    ------
    InputError
        If its parts do not fit together.
    """
    _, _, consumers = _run(scenario)
    recorded = [np.frombuffer(one.latencies, np.int64) for one in consumers if one.latencies]
    return np.concatenate(recorded or [np.empty(0, np.int64)]) / TICKS_PER_SECOND


def _run(scenario: Scenario) -> tuple[Link, Ring | None, list[_Consumer]]:
    if scenario.consumers < 1:
        raise InputError("too few", key="consumers", value=scenario.consumers, allowed="1 or more")
    env = Environment(scenario.run_ahead)
    workload = scenario.workload
    accesses = workload.accesses(scenario.seed)
    ring, arrivals = None, None
    size = workload.size
    content = workload.content(scenario.seed) if scenario.real else None
    if scenario.producer is not None:
        ring = _ring(scenario, scenario.producer, workload)
        arrivals = _arrivals(scenario, scenario.producer, len(ring.ends))
        size = ring.capacity
    data = None
    if scenario.real:
        data = memoryview(bytearray(size) if ring else bytearray(content or bytes(size)))
    link = make_path(env, scenario.model, scenario.memory, size, data, seed=scenario.seed)

    try:
        consumers = _start_all(env, scenario, accesses, ring, link)
        if ring and scenario.producer is not None:
            produced = partial(
                produce,
                ring=ring,
                segment=RingSegment(link.producer(), size),
                arrivals=arrivals,
                content=None if content is None else memoryview(content),
                drop=scenario.producer.overflow == "drop",
            )
            env.start(produced)
        env.run_agents([consumer.agent for consumer in consumers])
    finally:
        env.close()
    return link, ring, consumers


def _start_all(
    env: Environment, scenario: Scenario, accesses: Accesses, ring: Ring | None, link: Link
) -> list[_Consumer]:
    consumers: list[_Consumer] = []
    shared: Shadow | None = None
    for index in range(scenario.consumers):
        if shared is None or not scenario.shared:
            method = make(scenario.method, scenario.workload.blocks, scenario.settings)
            shared = Shadow(method, link.local)
        elif index == 1:
            shared.share()
        port = link.attach()
        segment: Segment = RingSegment(port, ring.capacity) if ring else port
        consumers.append(
            _start(env, scenario, index, accesses, ring=ring, shadow=shared, segment=segment)
        )
    return consumers


def _start(
    env: Environment,
    scenario: Scenario,
    index: int,
    accesses: Accesses,
    *,
    ring: Ring | None,
    shadow: Shadow,
    segment: Segment,
) -> _Consumer:
    latencies, chosen = array("q"), array("q")
    made: list[Buffer] = []
    mine = accesses.shard(index, scenario.consumers, in_turn=ring is not None)
    workload = scenario.workload

    def body(clock: Agent) -> Coroutine[Any, Any, None]:
        buffer = Buffer(shadow, segment, clock)
        made.append(buffer)
        columns = chunks(mine, TICKS_PER_SECOND)
        if scenario.real and isinstance(workload, Filter):
            programs = workload.programs(index, scenario.consumers, in_turn=ring is not None)
            served = decide(clock, buffer, workload.parameters)
            if ring is None:
                return each(clock, served, programs, latencies, chosen)
            numbered = ((workload.blocks.find(base), (base, run)) for base, run in programs)
            return follow(
                clock,
                buffer,
                ring,
                index,
                served=served,
                asked=numbered,
                latencies=latencies,
                chosen=chosen,
            )
        if ring is None:
            return replay(clock, buffer, columns, latencies)
        return follow(
            clock,
            buffer,
            ring,
            index,
            served=serve_accesses(clock, buffer),
            asked=_numbered(workload, len(ring.ends), requests(columns)),
            latencies=latencies,
            chosen=chosen,
        )

    agent = env.start(body)
    return _Consumer(agent, made[0], segment, latencies, chosen)


def _numbered(
    workload: Workload, records: int, asked: Iterable[list[Access]]
) -> Iterator[tuple[int, list[Access]]]:
    """Return requests with the number of the one record that each is about, ascending."""
    blocks = workload.blocks
    before = -1
    for request in asked:
        record = blocks.find(request[0][0])
        begin, end = blocks.bounds(record)
        inside = all(begin <= offset and offset + n <= end for offset, n, _, _ in request)
        if record <= before or record >= records or not inside:
            raise InputError(
                "its requests do not go through the records of a ring in order",
                key="workload",
                value=workload.name,
                allowed="with a producer: filter, header-only, header-payload, sequential"
                " (block and length equal)",
            )
        before = record
        yield record, request


def _ring(scenario: Scenario, producer: ProducerParameters, workload: Workload) -> Ring:
    blocks = workload.blocks
    records = blocks.find(workload.size)  # whole ones
    ends = [blocks.bounds(number)[1] for number in range(records)]

    def whole(seconds: float) -> int:
        return Durations(seconds)[1]

    signals = Signals(
        producer.batch,
        None if producer.timeout is None else whole(producer.timeout),
        whole(producer.signal_cost),
        whole(producer.signal_latency),
    )
    return Ring(producer.ring, ends, scenario.consumers, signals)


def _arrivals(
    scenario: Scenario, producer: ProducerParameters, records: int
) -> Sequence[int] | None:
    """Return the ticks at which records arrive; None: as fast as the ring takes them."""
    if producer.arrivals == "capture":
        stamps = scenario.workload.arrivals
        if stamps is None:
            raise InputError(
                "the workload has no time stamps",
                key="producer.arrivals",
                value="capture",
                allowed="poisson, constant, full-speed",
            )
        return _paced(stamps, "producer.speed", producer.speed)
    if not producer.rate:
        return None
    gaps = np.full(records, 1.0)
    if producer.arrivals == "poisson":
        gaps = generator(scenario.seed, "arrivals").exponential(size=records)
    return _paced(np.cumsum(gaps), "producer.rate", producer.rate)


def _paced(times: NDArray[np.float64], key: str, pace: float) -> list[int]:
    """Return times divided by a pace in ticks; the key is the pace's."""
    with np.errstate(over="ignore"):
        seconds = times / pace
    late = seconds > LONGEST
    if late.any():
        record = int(np.argmax(late))
        raise InputError(
            f"record {record + 1} of {len(times)} would arrive {seconds[record]:g} s after the start",
            key=key,
            value=pace,
            allowed=f"a pace at which all records arrive within {LONGEST:g} s",
        )
    return ticks(seconds, TICKS_PER_SECOND)


# -- results ---------------------------------------------------------------------------------------


def _result(
    scenario: Scenario, link: Link, ring: Ring | None, consumers: list[_Consumer]
) -> Result:
    end = max(consumer.agent.time for consumer in consumers)
    each_one = tuple(_consumer_result(consumer) for consumer in consumers)
    requested = sum(one.bytes.requested for one in each_one)
    served = sum(one.requests for one in each_one)
    elapsed = end / TICKS_PER_SECOND
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
        throughput_bytes_per_s=requested / elapsed if end else 0.0,
        requests_per_s=served / elapsed if end else 0.0,
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
        links=dict(link.use(end)),
        consumers=each_one,
        dropped=0 if ring is None else sum(ring.dropped),
        matched=sum(len(consumer.chosen) for consumer in consumers) if decides else None,
    )


def _consumer_result(consumer: _Consumer) -> ConsumerResult:
    agent, counters = consumer.agent, consumer.buffer.counters
    elapsed = (agent.time - agent.start) / TICKS_PER_SECOND
    moved = consumer.port.moved
    used = min(moved, _used(consumer))
    return ConsumerResult(
        elapsed_s=elapsed,
        throughput_bytes_per_s=counters.requested / elapsed if elapsed else 0.0,
        requests=len(consumer.latencies),
        latency_s=_latency([consumer.latencies]),
        bytes=Bytes(counters.requested, used, moved, moved - used),
        loads=counters.loads,
        stores=counters.stores,
        bulk_requests=counters.fetches + counters.flushes,
        round_trips=counters.round_trips,
        shadow_hits=counters.hits,
        processor_s=ProcessorTime(
            agent.compute / TICKS_PER_SECOND,
            agent.stall / TICKS_PER_SECOND,
            agent.copy / TICKS_PER_SECOND,
            agent.issue / TICKS_PER_SECOND,
            agent.wait / TICKS_PER_SECOND,
        ),
    )


def _used(consumer: _Consumer) -> int:
    """Return used bytes: those counted of bulk requests; in place, what was asked and moved."""
    counters = consumer.buffer.counters
    in_place = counters.requested - counters.shadow
    return counters.used + min(in_place, max(0, consumer.port.moved - counters.bulk))


def _latency(latencies: list[array[int]]) -> Latency:
    recorded = [np.frombuffer(one, np.int64) for one in latencies if one]
    if not recorded:
        return Latency(None, None, None, None)
    percentiles = np.percentile(np.concatenate(recorded), [50, 90, 99, 99.9]) / TICKS_PER_SECOND
    return Latency(*percentiles.tolist())
