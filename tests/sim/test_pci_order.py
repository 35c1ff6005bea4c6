"""Programmed I/O, doorbells and DMA on a PCI bus against the same in plain SimPy, ties included."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simaccess.segment import Transfer
from simaccess.sim.environment import Agent, Environment
from simaccess.sim.pci_bus import PciBus
from tests.sim.pci import figures, make, run, stores
from tests.sim.plain_pci import NS, Action, PlainPci

LATE = 10**12
SIZE = 1 << 13

offsets = st.sampled_from([0, 4, 8, 30, 60, 64, 100, 4090])
actions = st.one_of(
    st.tuples(st.just("work"), st.sampled_from([0, 2, 10, 20, 50, 100]), st.just(0)),
    st.tuples(st.sampled_from(["load", "store"]), offsets, st.sampled_from([1, 4, 4, 8, 40])),
    st.tuples(st.just("store"), offsets, st.sampled_from([4, 8, 64])),
    st.tuples(st.sampled_from(["fetch", "flush"]), offsets, st.sampled_from([4, 64, 300, 1000])),
    st.tuples(st.just("await"), st.integers(0, 3), st.just(0)),
)
agents = st.lists(st.lists(actions, max_size=10).map(tuple), min_size=1, max_size=6).map(tuple)
clocks = st.sampled_from([0, 0, 1, 4, 13, 60])
durations = st.sampled_from(["0 s", "2 ns", "10 ns", "20 ns", "50 ns", "0.1 us"])
changes = st.fixed_dictionaries(
    {
        "bus.arbitration": st.integers(0, 3),
        "bus.idle": st.integers(1, 2),
        "bus.burst": st.sampled_from([True, True, False]),
        "bus.latency_timer": st.sampled_from([0, 8, 16, 64]),
        "bus.boundary": st.sampled_from(["4 B", "8 B", "32 B"]),
        "bus.split": st.booleans(),
        "host.devsel": st.integers(1, 3),
        "host.delayed": st.booleans(),
        "host.write_delay": clocks,
        "host.disconnect": st.sampled_from(["0 B", "48 B"]),
        "host.page": st.sampled_from(["0 B", "64 B", "4096 B"]),
        "device.devsel": st.integers(1, 3),
        "device.delayed": st.booleans(),
        "device.write_delay": clocks,
        "device.disconnect": st.sampled_from(["0 B", "0 B", "12 B"]),
        "device.page": st.sampled_from(["0 B", "0 B", "8 B", "64 B"]),
        "pio.mapping": st.sampled_from(["uncached", "uncached", "write-combining"]),
        "pio.width": st.sampled_from(["4 B", "8 B"]),
        "pio.depth": st.sampled_from([1, 1, 2, 4]),
        "pio.issue": st.sampled_from(["0 s", "2 ns", "10 ns", "50 ns"]),
        "pio.outbound": durations,
        "pio.inbound": durations,
        "dma.side": st.sampled_from(["device", "device", "host"]),
        "dma.channels": st.integers(1, 3),
        "dma.issue": durations,
        "dma.doorbell": st.sampled_from(["0 B", "4 B", "4 B", "8 B"]),
        "dma.start": durations,
        "dma.descriptor": st.sampled_from(["0 B", "16 B"]),
        "dma.span": st.sampled_from(["64 B", "4096 B"]),
        "dma.burst": st.sampled_from(["16 B", "64 B", "256 B"]),
        "dma.writeback": st.sampled_from(["0 B", "4 B"]),
        "dma.completion": st.sampled_from(["interrupt", "polling"]),
        "interrupt.latency": durations,
        "interrupt.cost": durations,
        "interrupt.moderation": st.sampled_from(["0 s", "0.1 us", "2 us"]),
        "polling.interval": durations,
        "polling.cost": durations,
    }
)
delays = st.sampled_from([0, 1, 9, 40])


def outcome(
    asked: dict[str, Any], agents: tuple[tuple[Action, ...], ...], *, run_ahead: int | None
) -> tuple[list[list[int]], int, int, int]:
    """Return when each processor had done each of its actions, what was moved, and busy ticks."""
    env = Environment() if run_ahead is None else Environment(run_ahead)
    link = PciBus(env, figures(**asked), SIZE)
    times: list[list[int]] = [[] for _ in agents]

    def start(actions: tuple[Action, ...], times: list[int]) -> None:
        port, local = link.attach(), link.local(SIZE)

        async def body(agent: Agent) -> None:
            flying: list[Transfer] = []
            calls: dict[str, Callable[[int, int], Awaitable[object]]] = {
                "work": lambda first, _: agent.work(first * NS),
                "load": port.load,
                "store": lambda first, second: port.store(first, second, None),
            }
            for kind, first, second in actions:
                if kind in calls:
                    await calls[kind](first, second)
                elif kind != "await":
                    call = port.fetch if kind == "fetch" else port.flush
                    flying.append(await call(first, second, local, first))
                elif flying:
                    await flying.pop(first % len(flying))
                times.append(agent.time)

        env.start(body)

    for actions, noted in zip(agents, times, strict=True):
        start(actions, noted)
    env.run()
    use = link.use(LATE)["bus"]
    return times, use.payload_bytes, use.overhead_bytes, round((use.payload + use.overhead) * LATE)


def plain(
    asked: dict[str, Any], agents: tuple[tuple[Action, ...], ...]
) -> tuple[list[list[int]], int, int, int]:
    model = PlainPci(figures(**asked), agents)
    model.env.run()
    return model.times, model.bus.moved[True], model.bus.moved[False], model.bus.busy


@settings(max_examples=300, deadline=None)
@given(
    asked=changes, agents=agents, host=delays, device=delays, run_ahead=st.sampled_from([0, 10**5])
)
def test_random_scenarios_equal_plain_simpy(
    asked: dict[str, Any], agents: tuple[tuple[Action, ...], ...], host: int, device: int,
    run_ahead: int,
) -> None:  # fmt: skip
    asked = dict(asked)
    asked["host.read_delay"] = host if asked["host.delayed"] else 0
    asked["device.read_delay"] = device if asked["device.delayed"] else 0
    expected = plain(asked, agents)
    assert outcome(asked, agents, run_ahead=None) == expected
    assert outcome(asked, agents, run_ahead=run_ahead) == expected


CASES: dict[str, tuple[dict[str, Any], tuple[tuple[Action, ...], ...]]] = {
    # From 30 on, bursts of 12 bytes take four phases; after a cut at 32, three.
    "a cut spares later bursts a data phase": (
        {
            "bus.latency_timer": 8, "device.disconnect": "12 B", "dma.side": "host",
            "dma.issue": "10 ns", "dma.start": "2 ns",
        },
        ((("store", 0, 8), ("fetch", 30, 300), ("await", 0, 0)),),
    ),
    "a job waits behind its master's burst, which is cut": (
        {
            "bus.latency_timer": 0, "bus.split": True, "host.delayed": True,
            "device.delayed": True, "device.read_delay": 9, "pio.mapping": "write-combining",
            "pio.depth": 2, "dma.side": "host", "dma.channels": 3,
        },
        (
            (("load", 0, 40), ("flush", 64, 200)),
            (("load", 30, 4), ("load", 8, 1), ("load", 8, 1)),
            (("fetch", 60, 300),),
        ),
    ),
    "who brings a split read's data rests": (
        {
            "bus.burst": False, "bus.split": True, "host.write_delay": 60, "device.delayed": True,
            "pio.mapping": "write-combining", "dma.doorbell": "0 B", "dma.start": "10 ns",
            "dma.descriptor": "0 B",
        },
        ((("fetch", 100, 200), ("load", 8, 8)),),
    ),
    "a doorbell and a store come as a place is given back": (
        {
            "bus.arbitration": 1, "host.delayed": True, "pio.depth": 2, "pio.issue": "50 ns",
            "dma.issue": "0 s",
        },
        (
            (("fetch", 100, 300),),
            (("flush", 8, 4),),
            (("store", 64, 4), ("flush", 100, 64)),
            (("store", 100, 4),),
        ),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_cases_that_arithmetic_gets_wrong_easily(case: str) -> None:
    asked, agents = CASES[case]
    expected = plain(asked, agents)
    assert outcome(asked, agents, run_ahead=None) == expected
    assert outcome(asked, agents, run_ahead=0) == expected


def test_a_loads_end_does_not_depend_on_whether_the_bus_was_idle() -> None:
    """A load's second part is asked for as a store is posted: the store comes first, by number."""
    asked = {
        "bus.arbitration": 1, "pio.issue": "50 ns", "pio.outbound": "0 s", "pio.inbound": "0 s"
    }  # fmt: skip
    agents: tuple[tuple[Action, ...], ...] = ((("load", 60, 8),), (("store", 0, 8),))
    expected = plain(asked, agents)
    assert outcome(asked, agents, run_ahead=None) == outcome(asked, agents, run_ahead=0) == expected
    assert expected[0] == [[300_000], [100_000]]


@pytest.mark.parametrize("processors", [2, 3, 8, 12])
@pytest.mark.parametrize("depth", [1, 4])
def test_processors_that_store_as_much_end_within_a_rotation(processors: int, depth: int) -> None:
    env, link = make({"pio.depth": depth})
    ends = [agent.time for agent in run(env, *(stores(link, 4, 40) for _ in range(processors)))]
    # A write takes 5 clocks; with one place arbitration is hidden by its idle clock alone: 6.
    assert max(ends) - min(ends) < processors * (60 if depth == 1 else 50) * NS
    asked = {"pio.depth": depth}
    model = PlainPci(figures(**asked), tuple((("store", 0, 4),) * 40 for _ in ends))
    model.env.run()
    assert [times[-1] for times in model.times] == ends


def test_one_processor_is_woken_for_each_place() -> None:
    """Events of a run grow with the writes, not with writes times those that wait."""

    def events(processors: int) -> int:
        env, link = make()
        env.run_ahead = 0
        for _ in range(processors):
            env.start(stores(link, 4, 4))
        count = 0
        while env.queue:
            env.step()
            count += 1
        return count

    few, many = events(50), events(500)
    assert many < 11 * few
