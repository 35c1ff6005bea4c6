"""The memory channel against a plain SimPy model: dependent and independent lines, and ties.

The model knows nothing of caches, of the arithmetic of batches or of run-ahead: the channel is a
`Resource` that each request holds while its lines pass, and a core waits for events. An agent's
turn is an event of its own number, since that is what orders agents within an instant.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, TypeAlias

import simpy
from hypothesis import given, settings
from hypothesis import strategies as st
from simpy.events import EventPriority

from simaccess.sim.environment import Agent, Environment
from simaccess.sim.memory_bus import MemoryBus
from tests.sim.bus import LINE, NS, parameters

READ = 4 * NS  # of the channel, for a line
MOVE = 1 * NS  # of a core, for a line

Action: TypeAlias = tuple[str, int]
"""("work", ns) or ("load", lines)."""

Steps: TypeAlias = Generator[simpy.Event, Any, None]


@dataclass(frozen=True)
class Scenario:
    agents: tuple[tuple[Action, ...], ...]
    latency: int  # ns
    granule: int  # lines that a core asks for at once
    window: int  # such batches under way


# Round figures, so that ties are common.
actions = st.one_of(
    st.tuples(st.just("work"), st.sampled_from([0, 1, 3, 4, 4, 8, 20])),
    st.tuples(st.just("load"), st.sampled_from([1, 1, 1, 2, 4, 7, 12])),
)
scenarios = st.builds(
    Scenario,
    agents=st.lists(st.lists(actions, max_size=10).map(tuple), min_size=1, max_size=5).map(tuple),
    latency=st.sampled_from([4, 8, 20, 80]),
    granule=st.integers(1, 3),
    window=st.integers(1, 4),
)

Outcome: TypeAlias = tuple[list[list[int]], int, int]
"""When each agent had done each action, the bytes served, and the ticks that requests waited."""


def ours(scenario: Scenario, run_ahead: int | None) -> Outcome:
    env = Environment() if run_ahead is None else Environment(run_ahead)
    figures = parameters(
        core__outstanding=scenario.granule * scenario.window,
        memory__granule=scenario.granule,
        memory__latency=f"{scenario.latency} ns",
    )
    bus = MemoryBus(env, figures, 1 << 20)
    times: list[list[int]] = []
    for actions in scenario.agents:
        port = bus.attach()
        times.append([])
        region = len(times) << 16

        async def body(
            agent: Agent,
            port: Any = port,
            at: int = region,
            actions: tuple[Action, ...] = actions,
            done: list[int] = times[-1],
        ) -> None:
            for kind, value in actions:
                if kind == "work":
                    await agent.work(value * NS)
                else:
                    await port.load(at, value * LINE)  # lines that nobody has read before
                    at += value * LINE
                done.append(agent.time)

        env.start(body)
    env.run()
    return times, bus.channel.bytes, bus.channel.waited


class Plain:
    """The same in plain SimPy."""

    def __init__(self, scenario: Scenario) -> None:
        self.env = simpy.Environment()
        self.channel = simpy.Resource(self.env)
        self.scenario = scenario
        self.times: list[list[int]] = []
        self.bytes = self.waited = 0
        for number, actions in enumerate(scenario.agents, start=2):
            self.times.append([])
            self.env.process(self.agent(number, actions, self.times[-1]))

    def turn(self, number: int, delay: int = 0) -> simpy.Event:
        event = simpy.Event(self.env)
        event._ok = True
        event._value = None
        self.env.schedule(event, EventPriority(number), delay)
        return event

    def carry(self, lines: int, first: simpy.Event, last: simpy.Event) -> Steps:
        """Have the channel read lines; tell when the first and the last have come."""
        begin = self.env.now
        with self.channel.request() as turn:
            yield turn
            self.waited += int(self.env.now - begin)
            self.bytes += lines * LINE
            self.env.process(self.bring(lines, first, last))
            yield self.env.timeout(lines * READ)

    def bring(self, lines: int, first: simpy.Event, last: simpy.Event) -> Steps:
        yield self.env.timeout(self.scenario.latency * NS)
        first.succeed()
        yield self.env.timeout((lines - 1) * READ)
        last.succeed()

    def agent(self, number: int, actions: tuple[Action, ...], done: list[int]) -> Steps:
        yield self.turn(number)
        for kind, value in actions:
            if kind == "work":
                yield self.turn(number, value * NS)
            else:
                yield from self.load(number, value)
            done.append(int(self.env.now))

    def load(self, number: int, left: int) -> Steps:
        """Ask for batches, each when the one a window before it has begun to come."""
        scenario = self.scenario
        asked: deque[simpy.Event] = deque()
        alone = left <= scenario.granule
        while True:
            lines = min(scenario.granule, left)
            left -= lines
            first, last = self.env.event(), self.env.event()
            self.env.process(self.carry(lines, first, last))
            asked.append(first)
            if not alone:
                yield self.turn(number, lines * MOVE)
            if not left:
                break
            if len(asked) == scenario.window:
                yield asked.popleft()
                yield self.turn(number)
        yield last
        yield self.turn(number)


@settings(max_examples=150, deadline=None)
@given(scenarios, st.sampled_from([None, 0, 1, 7 * NS]))
def test_lines_over_the_channel_equal_a_plain_simpy_model(
    scenario: Scenario, run_ahead: int | None
) -> None:
    model = Plain(scenario)
    model.env.run()
    assert ours(scenario, run_ahead) == (model.times, model.bytes, model.waited)
