"""Copies whose end is foreseen against the same copies going through the engine, event by event."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simaccess.result import StationUse
from simaccess.sim.environment import Agent, Environment
from simaccess.sim.fifo_link import FifoLink, FifoParameters

NS = 1000  # ticks

Action = tuple[str, int]
"""("copy" | "load" | "store" | "fetch" | "flush", bytes), or ("work", ns). What is fetched or
flushed is awaited at the agent's end."""


@dataclass(frozen=True)
class Scenario:
    agents: tuple[tuple[Action, ...], ...]
    channels: int = 1
    latency: int = 0  # ns
    issue: int = 0
    start: int = 0
    completion: int = 0
    handling: int = 0
    rate: str = "1 GB/s"


@dataclass(frozen=True)
class Outcome:
    """What each agent spent by when, what it moved, and the use of the station."""

    spent: tuple[tuple[int, ...], ...]
    moved: tuple[int, ...]
    use: StationUse


durations = st.sampled_from([0, 1, 2, 5, 10, 10, 20, 100])  # round, so that ties are common
sizes = st.sampled_from([1, 2, 5, 10, 10])
copies = st.lists(
    st.one_of(
        st.tuples(st.just("copy"), sizes),
        st.tuples(st.just("copy"), sizes),
        st.tuples(st.just("work"), durations),
    ),
    max_size=12,
)
others = st.tuples(st.sampled_from(["load", "store", "fetch", "flush"]), sizes)
scenarios = st.builds(
    Scenario,
    # Most use nothing but copies: it is late, if ever, that somebody takes them back.
    agents=st.lists(
        st.tuples(copies, st.lists(others, max_size=1), copies).map(
            lambda parts: tuple(action for part in parts for action in part)
        ),
        min_size=1,
        max_size=6,
    ).map(tuple),
    channels=st.integers(1, 3),
    latency=durations,
    issue=durations,
    start=durations,
    completion=durations,
    handling=durations,
)


def link_of(env: Environment, scenario: Scenario) -> FifoLink:
    parameters = FifoParameters.model_validate(
        {
            "link": {"rate": scenario.rate, "latency": f"{scenario.latency} ns"},
            "dma": {
                "channels": scenario.channels,
                "issue": f"{scenario.issue} ns",
                "start": f"{scenario.start} ns",
                "completion": f"{scenario.completion} ns",
                "handling": f"{scenario.handling} ns",
            },
            "local": {"latency": "0 s", "rate": "1 GB/s", "copy_rate": "1 GB/s"},
        }
    )
    return FifoLink(env, parameters, 1 << 20)


def run(
    scenario: Scenario,
    *,
    foreseen: bool = True,
    run_ahead: int | None = None,
    until: int | None = None,
) -> Outcome:
    """Run a scenario, or what comes of it before `until`."""
    env = Environment() if run_ahead is None else Environment(run_ahead)
    link = link_of(env, scenario)
    if not foreseen:
        link.foresight.settle()
    assert link.foresight.open is foreseen
    ports = [link.attach() for _ in scenario.agents]
    spent: list[tuple[int, ...]] = []

    def start(number: int) -> None:
        port, local = ports[number], link.local(64)

        async def body(agent: Agent) -> None:
            flying = []
            for kind, value in scenario.agents[number]:
                if kind == "copy":
                    await port.fetched(0, value, local, 0)
                elif kind == "load":
                    await port.load(0, value)
                elif kind == "store":
                    await port.store(0, value, None)
                elif kind == "work":
                    await agent.work(value * NS)
                else:
                    flying.append(await getattr(port, kind)(0, value, local, 0))
                spent.append((number, agent.time, agent.stall, agent.issue, agent.wait))
            for transfer in flying:
                await transfer
            spent.append((number, agent.time, agent.stall, agent.issue, agent.wait))

        env.start(body)

    for number in range(len(ports)):
        start(number)
    env.run(until)
    end = max(time for _, time, *_ in spent) if until is None else until
    return Outcome(tuple(sorted(spent)), tuple(port.moved for port in ports), link.use(end)["link"])


@settings(max_examples=300, deadline=None)
@given(scenario=scenarios, run_ahead=st.sampled_from([None, 0, NS, 10 * NS, 100 * NS]))
def test_foreseen_copies_are_those_of_the_engine(scenario: Scenario, run_ahead: int | None) -> None:
    assert run(scenario, run_ahead=run_ahead) == run(scenario, foreseen=False)


@settings(max_examples=150, deadline=None)
@given(scenario=scenarios, until=st.integers(1, 300))
def test_a_station_is_used_by_what_has_reached_it(scenario: Scenario, until: int) -> None:
    # By then some agents have run ahead of others, and have told what is to come for themselves.
    foreseen = run(scenario, until=until * NS)
    assert foreseen.use == run(scenario, foreseen=False, until=until * NS).use


def test_waiting_for_a_copy_is_one_event() -> None:
    def events(foreseen: bool) -> int:
        env = Environment()
        link = link_of(env, Scenario((), channels=2, start=2))
        if not foreseen:
            link.foresight.settle()

        async def body(_: Agent) -> None:
            port, local = link.attach(), link.local(64)
            for _number in range(100):
                await port.fetched(0, 10, local, 0)

        for _ in range(8):
            env.start(body)
        env.run()
        return next(env.order)

    begun = 8 + 8  # each agent's first entry, and its turn to issue its first copy at that instant
    assert events(True) <= 800 + begun
    assert events(False) >= 1600


def test_nothing_is_foreseen_where_service_takes_no_time() -> None:
    scenario = Scenario((), rate="1 TB/s")
    assert link_of(Environment(), scenario).foresight.open
    assert not link_of(Environment(), replace(scenario, rate="3 TB/s")).foresight.open


def test_the_station_is_told_with_nothing_foreseen() -> None:
    link = link_of(Environment(), Scenario(()))
    assert link.station.free == 0
    assert not link.foresight.open


@pytest.mark.parametrize("later", [False, True])
def test_only_the_engine_that_ranks_last_foresees(later: bool) -> None:
    env = Environment()
    first = link_of(env, Scenario((), start=10))
    ends: list[int] = []

    async def body(agent: Agent) -> None:
        await first.attach().fetched(0, 100, first.local(100), 0)
        ends.append(agent.time)

    env.start(body)
    if later:
        env.run(5 * NS)  # its copy is on its way by then
        assert first.foresight.open
    second = link_of(env, Scenario(()))
    assert not first.foresight.open
    assert second.foresight.open
    env.run()
    assert ends == [110 * NS]
