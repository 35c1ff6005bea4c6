"""Simulate a scenario: put link, buffers, consumers and producer together, and run.

Two engines give the same bits: SimPy serves whatever there is, replay what does not depend on time.
"""

from __future__ import annotations

from array import array
from collections.abc import Coroutine, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simaccess.afoot import Afoot
from simaccess.buffer import Buffer, Shadow
from simaccess.closed_loop import closed_loop
from simaccess.consumer import (
    Access,
    chunks,
    decide,
    follow,
    requests,
    serve_accesses,
    ticks,
)
from simaccess.errors import InputError
from simaccess.path import make_path
from simaccess.producer import produce
from simaccess.quantities import LONGEST
from simaccess.registry import make
from simaccess.replay.allowed import can_replay
from simaccess.replay.choice import Choice, is_loaded
from simaccess.replay.engine import replay
from simaccess.replay.outcome import outcome
from simaccess.replay.recorder import NotReplayableError
from simaccess.replay.shelf import Shelf
from simaccess.report import ConsumerRun, Run, last, report
from simaccess.result import Result
from simaccess.ring import Ring, RingSegment, Signals
from simaccess.room import require_room
from simaccess.scenario import ProducerParameters, Scenario
from simaccess.segment import Segment
from simaccess.sim.environment import TICKS_PER_SECOND, Agent, Environment
from simaccess.sim.link import Link
from simaccess.sim.station import Durations
from simaccess.workload.accesses import Accesses
from simaccess.workload.draws import generator
from simaccess.workload.filter import Filter
from simaccess.workload.records import HeaderWorkload
from simaccess.workload.repeated import bytes_of
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


_CONSUMER = 4096
"""Bytes that a consumer takes at least."""

_CHOICE = Choice()
_SHELF = Shelf()
_NONE_CHOSEN: array[int] = array("q")  # of every consumer without a predicate
_LATER = "fewer accesses so far than pay for loading the compiled code"


def simulate(scenario: Scenario, afoot: Afoot | None = None) -> Result:
    """Run a scenario and return what it gave.

    Parameters
    ----------
    scenario : Scenario
        What to simulate. Equal scenarios give equal results, bit for bit, whichever engine serves.
    afoot : Afoot, optional
        Is told how far it has got.

    Raises
    ------
    InputError
        If its parts do not fit together, it is to be replayed and cannot be, it takes more memory
        than this machine has, or TCP gives up a connection that too many packets of are lost.
    """
    return report(scenario, _run(scenario, afoot))


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
        As for `simulate`.
    """
    recorded = [np.frombuffer(one.latencies, np.int64) for one in _run(scenario).consumers]
    return np.concatenate(recorded) / TICKS_PER_SECOND


def _run(scenario: Scenario, afoot: Afoot | None = None) -> Run:
    try:
        return _served(scenario, afoot)
    except InputError as error:
        figure = scenario.model.provenance.get(error.key or "")
        if figure is None:
            raise
        file = None if figure.status in ("set", "drawn") else scenario.model.file
        said = InputError(error.problem, file, error.key, figure.value, error.allowed)
        raise said from None


def _served(scenario: Scenario, afoot: Afoot | None) -> Run:
    count = scenario.consumers
    require_room(count, _CONSUMER, "consumers", key="consumers", value=count)
    if scenario.engine == "simpy":
        return _simulated(scenario, "it was asked for", afoot)
    reason = can_replay(scenario)
    if reason is None:
        try:
            if (
                scenario.engine == "replay"
                or (scenario in _SHELF and is_loaded(scenario.model.kind))
                or _CHOICE.replays(
                    scenario.model.kind, len(scenario.workload.accesses(scenario.seed))
                )
            ):
                record = _SHELF.record(scenario, afoot)
                return outcome(replay(record, scenario.model.parameters, seed=scenario.seed))
            reason = _LATER
        except NotReplayableError as error:
            reason = error.problem
    if scenario.engine == "replay":
        raise InputError(reason, key="engine", value="replay", allowed="auto, simpy")
    run = _simulated(scenario, reason, afoot)
    if reason == _LATER:
        _CHOICE.copied(scenario.model.kind, sum(each.counters.bulk for each in run.consumers))
    return run


def _simulated(scenario: Scenario, why: str, afoot: Afoot | None) -> Run:
    """Run a scenario on SimPy, and say why there."""
    env = Environment(scenario.run_ahead)
    workload = scenario.workload
    accesses = workload.accesses(scenario.seed)
    ring, arrivals = None, None
    size = workload.size
    content = workload.content(scenario.seed) if scenario.real else None
    if scenario.producer is not None:
        ring = _ring(scenario, scenario.producer, accesses)
        arrivals = _arrivals(scenario, scenario.producer, len(ring.ends))
        size = ring.capacity
    data = None
    if scenario.real:
        written = bool(accesses.write.any())
        data = bytes_of(None if ring else content, size, written=written or ring is not None)
    link = make_path(env, scenario.model, scenario.memory, size, data, seed=scenario.seed)

    try:
        if afoot is not None:
            afoot.stage = "starting consumers"
        consumers = _start_all(env, scenario, accesses, ring, link)
        if afoot is not None:
            seen = [(each.latencies, each.buffer.counters) for each in consumers]
            afoot.simulates(accesses.requests, accesses.bytes, seen)
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
    made = tuple(_consumer_run(consumer) for consumer in consumers)
    for consumer in consumers:
        consumer.buffer.shadow.clients.clear()  # a circle, which would keep all of it for a while
    dropped = 0 if ring is None else sum(ring.dropped)
    return Run(made, link.use(last(made)), "simpy", dropped, why)


def _consumer_run(consumer: _Consumer) -> ConsumerRun:
    agent = consumer.agent
    return ConsumerRun(
        start=agent.start,
        time=agent.time,
        compute=agent.compute,
        stall=agent.stall,
        copy=agent.copy,
        issue=agent.issue,
        wait=agent.wait,
        counters=consumer.buffer.counters,
        moved=consumer.port.moved,
        latencies=consumer.latencies,
        chosen=len(consumer.chosen),
    )


def _start_all(
    env: Environment, scenario: Scenario, accesses: Accesses, ring: Ring | None, link: Link
) -> list[_Consumer]:
    consumers: list[_Consumer] = []
    shadow: Shadow | None = None
    for index in range(scenario.consumers):
        if shadow is None or not scenario.shared:
            method = make(scenario.method, scenario.workload.blocks, scenario.settings)
            accesses.require_room(method.slot_bytes)
            shadow = Shadow(method, link.local)
        elif index == 1:
            shadow.share()
        port = link.attach()
        segment: Segment = RingSegment(port, ring.capacity) if ring else port
        consumers.append(
            _start(env, scenario, index, accesses, ring=ring, shadow=shadow, segment=segment)
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
    latencies = array("q")
    chosen = array("q") if isinstance(scenario.workload, Filter) else _NONE_CHOSEN
    made: list[Buffer] = []
    mine = accesses.shard(index, scenario.consumers, in_turn=ring is not None)

    def body(clock: Agent) -> Coroutine[Any, Any, None]:
        buffer = Buffer(shadow, segment, clock)
        made.append(buffer)
        start = closed_loop if ring is None else partial(_through_ring, ring=ring)
        return start(
            clock,
            buffer,
            latencies,
            scenario=scenario,
            index=index,
            accesses=mine,
            chosen=chosen,
        )

    agent = env.start(body)
    return _Consumer(agent, made[0], segment, latencies, chosen)


def _through_ring(
    clock: Agent,
    buffer: Buffer,
    latencies: array[int],
    *,
    ring: Ring,
    scenario: Scenario,
    index: int,
    accesses: Accesses,
    chosen: array[int],
) -> Coroutine[Any, Any, None]:
    """Return a consumer of records that come through a ring, as `closed_loop` does without one."""
    workload = scenario.workload
    consume = partial(follow, clock, buffer, ring, index, latencies=latencies, chosen=chosen)
    if scenario.real and isinstance(workload, Filter):
        programs = workload.programs(index, scenario.consumers, in_turn=True)
        numbered = ((workload.blocks.find(base), (base, run)) for base, run in programs)
        return consume(served=decide(clock, buffer, workload.parameters), asked=numbered)
    asked = requests(chunks(accesses, TICKS_PER_SECOND))
    return consume(
        served=serve_accesses(clock, buffer), asked=_numbered(workload, len(ring.ends), asked)
    )


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
                " (block and length equal, and no more requests than records)",
            )
        before = record
        yield record, request


def _ring(scenario: Scenario, producer: ProducerParameters, accesses: Accesses) -> Ring:
    blocks = scenario.workload.blocks
    records = blocks.find(accesses.size)  # whole ones
    ends = array("q", (blocks.bounds(number)[1] for number in range(records)))
    if accesses.offset.max(initial=-1) >= (ends[-1] if ends else 0):
        ends.append(accesses.size)  # what is left of the segment is a record if it is asked for
    if isinstance(scenario.workload, HeaderWorkload) and accesses.requests > len(ends):
        raise InputError(
            "more requests than there are records, of which a ring brings each once",
            key="workload.requests",
            value=accesses.requests,
            allowed=f"with a producer: at most {len(ends)}",
        )

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


def _paced(times: NDArray[np.float64], key: str, pace: float) -> Sequence[int]:
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
    return array("q", ticks(seconds, TICKS_PER_SECOND))
