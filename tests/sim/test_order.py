"""Simulated time against plain SimPy models of the same scenarios with the same order keys."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Awaitable, Callable, Generator, Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Any

import pytest
import simpy
from hypothesis import given, settings
from hypothesis import strategies as st
from simpy.events import EventPriority

from simaccess.segment import Transfer
from simaccess.sim.environment import ARBITER, Agent, Environment
from simaccess.sim.fifo_link import FifoLink, FifoParameters

NS = 1000  # ticks

Action = tuple[str, int]
"""("work" | "sleep", ns), ("load" | "fetch" | "copy", bytes), where a copy is a fetch and the wait
for it, or ("await", which of those in flight)."""

Event = simpy.Event
Steps = Generator[Event, Any, None]


@dataclass(frozen=True)
class Scenario:
    agents: tuple[tuple[Action, ...], ...]
    channels: int = 1
    latency: int = 0  # ns
    issue: int = 0
    start: int = 0
    completion: int = 0
    foreign: tuple[int, ...] = ()  # ns between uses of the station by a process of SimPy's own


@dataclass
class Trace:
    """When each agent had done each of its actions, and what the station served."""

    times: list[list[int]] = field(default_factory=list)
    served: int = 0


# Round parameters, so that ties are common.
durations = st.sampled_from([0, 1, 2, 5, 10, 10, 20, 100])
actions = st.one_of(
    st.tuples(st.sampled_from(["work", "sleep"]), durations),
    st.tuples(st.sampled_from(["load", "load", "fetch"]), st.sampled_from([1, 2, 5, 10, 10])),
    st.tuples(st.just("copy"), st.sampled_from([1, 2, 5, 10, 10])),
    st.tuples(st.just("await"), st.integers(0, 3)),
)
scenarios = st.builds(
    Scenario,
    agents=st.lists(st.lists(actions, max_size=12).map(tuple), min_size=1, max_size=6).map(tuple),
    channels=st.integers(1, 3),
    latency=durations,
    issue=durations,
    start=durations,
    completion=durations,
    foreign=st.lists(st.sampled_from([1, 5, 10, 20]), max_size=8).map(tuple),
)
run_aheads = st.sampled_from([1, NS, 7 * NS, 10 * NS, 100 * NS])


def fifo_link(env: Environment, scenario: Scenario) -> FifoLink:
    parameters = FifoParameters.model_validate(
        {
            "link": {"rate": "1 GB/s", "latency": f"{scenario.latency} ns"},
            "dma": {
                "channels": scenario.channels,
                "issue": f"{scenario.issue} ns",
                "start": f"{scenario.start} ns",
                "completion": f"{scenario.completion} ns",
            },
            "local": {"latency": "0 s", "rate": "1 GB/s", "copy_rate": "1 GB/s"},
        }
    )
    return FifoLink(env, parameters, 1 << 20)


def ours(
    scenario: Scenario,
    run: Callable[[Environment, FifoLink], None] = lambda env, _: env.run(),
    run_ahead: int | None = None,
) -> Trace:
    """Run a scenario on our environment."""
    env = Environment() if run_ahead is None else Environment(run_ahead)
    link = fifo_link(env, scenario)
    trace = Trace()

    def start(actions: tuple[Action, ...], times: list[int]) -> None:
        port = link.attach()
        local = link.local(64)

        async def body(agent: Agent) -> None:
            flying: list[Transfer] = []
            calls: dict[str, Callable[[int], Awaitable[object]]] = {
                "work": lambda value: agent.work(value * NS),
                "sleep": lambda value: agent.sleep_until(value * NS),
                "load": lambda value: port.load(0, value),
                "copy": lambda value: port.fetched(0, value, local, 0),
            }
            for kind, value in actions:
                if kind in calls:
                    await calls[kind](value)
                elif kind == "fetch":
                    flying.append(await port.fetch(0, value, local, 0))
                elif flying:
                    await flying.pop(value % len(flying))
                times.append(agent.time)

        env.start(body)

    def foreigner() -> Steps:
        for pause in scenario.foreign:
            yield env.timeout(pause * NS)
            link.station.serve(int(env.now), 3 * NS, 3)

    for actions in scenario.agents:
        trace.times.append([])
        start(actions, trace.times[-1])
    env.process(foreigner())
    run(env, link)
    trace.served = link.station.bytes
    return trace


class Plain:
    """The same in plain SimPy: one event a delay and a shared access, with explicit priorities."""

    def __init__(self, scenario: Scenario) -> None:
        self.env = simpy.Environment()
        self.scenario = scenario
        self.trace = Trace()
        self.free = 0
        self.channels = [0] * scenario.channels
        self.queue: deque[tuple[Event, int]] = deque()
        for number, actions in enumerate(scenario.agents, start=2):
            self.trace.times.append([])
            self.env.process(self.agent(number, actions, self.trace.times[-1]))
        self.env.process(self.foreigner())

    def at(self, time: int, priority: int) -> Event:
        event = Event(self.env)
        event._ok = True
        event._value = None
        self.env.schedule(event, EventPriority(priority), time - self.env.now)
        return event

    def serve(self, length: int) -> int:
        self.free = max(self.free, int(self.env.now)) + length * NS
        self.trace.served += length
        return self.free

    def agent(self, number: int, actions: tuple[Action, ...], times: list[int]) -> Steps:
        scenario = self.scenario
        flying: list[Event] = []
        yield self.at(0, number)
        for kind, value in actions:
            now = int(self.env.now)
            if kind == "work":
                yield self.at(now + value * NS, number)
            elif kind == "sleep":
                yield self.at(max(now, value * NS), number)
            elif kind == "load":
                yield self.at(self.serve(value) + scenario.latency * NS, number)
            elif kind in ("fetch", "copy"):
                yield self.at(now + scenario.issue * NS, number)
                known = Event(self.env)
                self.submit(known, value)
                if kind == "fetch":
                    flying.append(known)
                else:
                    end: Any = yield known
                    yield self.at(end, number)
            elif flying:
                known = flying.pop(value % len(flying))
                end = known.value if known.triggered else (yield known)
                yield self.at(max(end, now), number)
            times.append(int(self.env.now))

    def submit(self, known: Event, length: int) -> None:
        if self.channels:
            self.carry(max(int(self.env.now), heappop(self.channels)), known, length)
        else:
            self.queue.append((known, length))

    def carry(self, begin: int, known: Event, length: int) -> None:
        scenario = self.scenario

        def arrive(_: Event) -> None:
            end = self.serve(length)
            if self.queue:
                self.carry(end, *self.queue.popleft())
            else:
                heappush(self.channels, end)
            known.succeed(end + (scenario.latency + scenario.completion) * NS)

        event = self.at(begin + scenario.start * NS, ARBITER)
        assert event.callbacks is not None
        event.callbacks.append(arrive)

    def foreigner(self) -> Steps:
        for pause in self.scenario.foreign:
            yield self.env.timeout(pause * NS)
            self.serve(3)


def plain(scenario: Scenario, until: int | None = None) -> Trace:
    model = Plain(scenario)
    model.env.run(until)
    return model.trace


def batch(seed: int, count: int) -> Iterator[Scenario]:
    """Make scenarios that are the same on every run."""
    draw = random.Random(seed)
    pauses = [0, 1, 2, 5, 10, 10, 20, 100]

    def action() -> Action:
        kind = draw.choice(["work", "sleep", "load", "load", "load", "fetch", "fetch", "await"])
        if kind in ("work", "sleep"):
            return kind, draw.choice(pauses)
        return kind, draw.choice([1, 2, 5, 10, 10])

    for _ in range(count):
        yield Scenario(
            tuple(tuple(action() for _ in range(20)) for _ in range(draw.randint(1, 8))),
            draw.randint(1, 3),
            draw.choice(pauses),
            draw.choice(pauses),
            draw.choice(pauses),
            draw.choice(pauses),
            tuple(draw.choice([1, 5, 10, 20]) for _ in range(draw.choice([0, 0, 10]))),
        )


@settings(max_examples=150, deadline=None)
@given(scenario=scenarios, run_ahead=run_aheads)
def test_random_scenarios_equal_plain_simpy(scenario: Scenario, run_ahead: int) -> None:
    expected = plain(scenario)
    assert ours(scenario) == expected
    assert ours(scenario, run_ahead=0) == expected
    assert ours(scenario, run_ahead=run_ahead) == expected


def test_a_batch_of_scenarios_equals_plain_simpy() -> None:
    for number, scenario in enumerate(batch(1, 400)):
        expected = plain(scenario)
        for run_ahead in (None, 0, 3 * NS):
            assert ours(scenario, run_ahead=run_ahead) == expected, number


@settings(max_examples=100, deadline=None)
@given(scenario=scenarios, stops=st.lists(st.integers(1, 300), min_size=1, max_size=4))
def test_a_bounded_run_does_nothing_beyond_its_end(scenario: Scenario, stops: list[int]) -> None:
    stops = sorted(set(stops))

    def run(env: Environment, link: FifoLink) -> None:
        for stop in stops:
            env.run(stop * NS)
            assert env.now == stop * NS
            assert link.station.bytes == plain(scenario, stop * NS).served
        env.run()

    assert ours(scenario, run) == plain(scenario)
    assert ours(scenario, run, run_ahead=0) == plain(scenario)


@settings(max_examples=50, deadline=None)
@given(scenario=scenarios)
def test_stepping_equals_running(scenario: Scenario) -> None:
    def run(env: Environment, _: FifoLink) -> None:
        while env.peek() < float("inf"):
            env.step()

    assert ours(scenario, run) == plain(scenario)


@pytest.mark.parametrize("run_ahead", [0, 50 * NS, 10**10])
def test_a_step_returns_even_if_an_agent_never_ends(run_ahead: int) -> None:
    env = Environment(run_ahead)
    port = fifo_link(env, Scenario(())).attach()
    loads = 0

    async def forever(agent: Agent) -> None:
        nonlocal loads
        while True:
            await agent.work(NS)
            await port.load(0, 1000)  # 1 us
            loads += 1

    env.start(forever)
    for _ in range(20):
        before, now = loads, int(env.now)
        env.step()
        assert loads - before <= 2 + run_ahead // 1_001_000
        assert env.now - now <= run_ahead + 2 * 1_001_000
    assert loads >= 10


@pytest.mark.parametrize("run_ahead", [0, 200 * NS, 10**10])
@pytest.mark.parametrize("foreign", [False, True])
def test_what_an_agent_sets_off_comes_before_its_later_access(
    run_ahead: int, foreign: bool
) -> None:
    env = Environment(run_ahead)
    link = fifo_link(env, Scenario(()))
    ends: list[int] = []
    other = env.event()

    async def first(agent: Agent) -> None:
        gate = agent.gate()

        async def woken(_: Agent) -> None:
            await gate
            await link.attach().load(0, 500)

        agent.spawn(woken)
        await agent.work(1000 * NS)
        await agent.instant()
        if foreign:
            other.succeed()
        else:
            gate.open()
        await agent.work(100 * NS)
        await link.attach().load(0, 10)
        ends.append(agent.time)

    def foreigner() -> Steps:
        yield other
        link.station.serve(int(env.now), 500 * NS, 500)

    env.process(foreigner())
    env.start(first)
    env.run()
    assert ends == [1510 * NS]


def channels_and_link(scenario: Scenario) -> list[list[int]]:
    """Model the engine's channels and the link as SimPy's own resources."""
    env = simpy.Environment()
    channels = simpy.Resource(env, scenario.channels)
    station = simpy.Resource(env)
    times: list[list[int]] = []

    def stream(lengths: tuple[Action, ...], ends: list[int]) -> Steps:
        for _, length in lengths:
            yield env.timeout(scenario.issue * NS)
            with channels.request() as channel:
                yield channel
                yield env.timeout(scenario.start * NS)
                with station.request() as turn:
                    yield turn
                    yield env.timeout(length * NS)
            yield env.timeout(scenario.completion * NS)
            ends.append(int(env.now))

    for lengths in scenario.agents:
        times.append([])
        env.process(stream(lengths, times[-1]))
    env.run()
    return times


def test_an_engine_equals_resources_where_nothing_ties() -> None:
    draw = random.Random(2)
    for _ in range(100):
        lengths = [
            tuple(("fetch", draw.randint(10**3, 10**5)) for _ in range(10))
            for _ in range(draw.randint(1, 6))
        ]
        scenario = Scenario(
            tuple((("fetch", 1009 + 7 * i), *own) for i, own in enumerate(lengths)),
            channels=draw.randint(1, 3),
            issue=draw.randint(1, 1000),
            start=draw.randint(1, 20_000),
            completion=draw.randint(1, 20_000),
        )
        awaited = Scenario(
            tuple(
                tuple(step for own in agent for step in (own, ("await", 0)))
                for agent in scenario.agents
            ),
            scenario.channels,
            0,
            scenario.issue,
            scenario.start,
            scenario.completion,
        )
        assert [times[1::2] for times in ours(awaited).times] == channels_and_link(scenario)
