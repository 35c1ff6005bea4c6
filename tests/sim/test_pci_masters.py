"""Masters that share the PCI bus: turns, the latency timer, queues, use by purpose."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simaccess.sim.bus_job import Job
from simaccess.sim.bus_use import PAYLOAD
from simaccess.sim.environment import Agent, Environment
from simaccess.sim.pci_bus import PciBus
from simaccess.sim.pci_path import Path
from tests.sim.pci import BARE, NS, bulk, figures, loads, make, run, run_until, stores


@given(
    data=st.lists(
        st.tuples(
            st.sampled_from(["load", "store", "fetch", "flush"]),
            st.integers(0, 3000),
            st.integers(1, 5000),
            st.sampled_from([0, 10 * NS, 333]),
        ),
        min_size=2,
        max_size=8,
    ),
    users=st.integers(1, 4),
    others=st.integers(0, 2),
    side=st.sampled_from(["device", "host"]),
    delayed=st.booleans(),
    split=st.booleans(),
    mapping=st.sampled_from(["uncached", "write-combining"]),
    completion=st.sampled_from(["interrupt", "polling"]),
    channels=st.integers(1, 3),
)
@settings(max_examples=60, deadline=None)
def test_run_ahead_and_lumps_change_nothing(
    *,
    data: list[tuple[str, int, int, int]], users: int, others: int, side: str, delayed: bool,
    split: bool, mapping: str, completion: str, channels: int,
) -> None:  # fmt: skip
    changes = {
        "other.masters": others, "other.rate": "40 MB/s" if others else "0 B/s",
        "dma.side": side, "host.delayed": delayed, "host.devsel": 3,
        "host.read_delay": 20 if delayed else 0, "device.delayed": delayed,
        "device.read_delay": 11 if delayed else 0, "bus.split": split, "pio.mapping": mapping,
        "dma.completion": completion, "dma.channels": channels, "polling.interval": "130 ns",
        "interrupt.moderation": "1 us",
    }  # fmt: skip

    def outcome(run_ahead: int, lumps: bool) -> tuple[Any, ...]:
        env = Environment(run_ahead)
        memory = memoryview(bytearray(8000))
        link = PciBus(env, figures(**changes), 8000, memory, seed=3, lumps=lumps)

        def body(shift: int) -> Any:
            async def go(agent: Agent) -> None:
                port, local = link.attach(), link.local(8000)
                for what, offset, length, think in data[shift % 2 :]:
                    await agent.work(think)
                    if what == "load":
                        await port.load(offset, length % 70 + 1)
                    elif what == "store":
                        await port.store(offset, length % 70 + 1, None)
                    else:
                        call = port.fetch if what == "fetch" else port.flush
                        await (await call(offset, length, local, offset))

            return go

        agents = [env.start(body(shift)) for shift in range(users)]
        env.run(until=2 * 10**9)
        found = [(a.time, a.end, a.stall, a.copy, a.issue, a.wait, a.compute) for a in agents]
        for time, _, *spent in found:
            assert sum(spent) == time
        return (found, link.use(2 * 10**9)["bus"])

    expected = outcome(0, lumps=False)
    assert expected[1].utilisation <= 1 + 1e-9
    for run_ahead, lumps in ((0, True), (10**10, False), (10**10, True)):
        found = outcome(run_ahead, lumps)
        assert found[0] == expected[0]
        assert found[1] == expected[1]


def test_masters_take_turns_in_bursts() -> None:
    """Two that move as much end a burst apart; a small one is not held up by a large one."""
    changes = {**BARE, "bus.latency_timer": 80, "dma.side": "host", "device.read_latency": 3}
    env, link = make(changes)
    bus = link.bus
    way = link.writing
    big = [Job(bus, master, path_of(way, 64), 0, 64 * 100, PAYLOAD) for master in (1, 2)]
    small = Job(bus, 0, way, 0, 4, PAYLOAD)

    async def body(agent: Agent) -> None:
        for job in big:
            bus.request(job, agent.time)
            job.watch()
        agent.time = 1000 * NS + 1
        await env.turn
        bus.request(small, agent.time)
        await small

    run_until(env, body, 10**12)
    burst = (3 + 16 + 1) * 10 * NS
    ends = [job.end or 0 for job in big]
    assert ends[1] - ends[0] == burst
    assert ends[1] == 200 * burst + 5 * 10 * NS - 10 * NS
    assert (small.end or 0) - 1000 * NS <= 2 * burst + 5 * 10 * NS


def path_of(way: Path, limit: int) -> Path:
    return Path(
        ticks=way.ticks, width=way.width, latency=way.latency, idle=way.idle, limit=limit,
        page=0, guaranteed=80, boundary=way.boundary,
    )  # fmt: skip


@pytest.mark.parametrize("timer", [16, 32, 64, 128])
def test_the_longest_burst_under_contention(timer: int) -> None:
    longest = (timer - 3) * 4
    changes = {
        **BARE, "bus.latency_timer": timer, "dma.burst": "64 KiB", "dma.channels": 1,
        "other.masters": 1, "other.rate": "4 GB/s", "other.burst": "64 KiB",
        "other.arrivals": "periodic",
    }  # fmt: skip
    # The other masters always ask, so both get bursts of the guaranteed length, in turns.
    env, link = make(changes)
    length = 100 * longest
    (agent,) = run_until(env, bulk(link, length, inwards=True), 10**10)
    pair = 2 * timer * 10 * NS + 2 * 10 * NS
    assert agent.time == 100 * pair - 10 * NS  # the other one was first; less the last idle clock
    assert link.use(agent.time)["bus"].other_bytes == link.use(agent.time)["bus"].payload_bytes


def test_a_burst_goes_on_after_the_timer_while_nobody_asks() -> None:
    changes = {**BARE, "bus.latency_timer": 8, "dma.burst": "4096 B"}
    env, link = make(changes)
    (agent,) = run(env, bulk(link, 4096, inwards=True))
    assert agent.time == (3 + 1024) * 10 * NS
    # Asked for after 600 clocks, it ends with the data phase under way: nothing is lost before.
    env, link = make(changes)

    async def late(agent: Agent) -> None:
        await agent.work(6000 * NS - 20 * NS)
        await link.attach().load(0, 4)

    agent, reader = run(env, bulk(link, 4096, inwards=True), late)
    assert reader.stall == (20 + (1 + 8 + 1) * 10 + 30) * NS
    assert agent.time == (3 + 1024 + 1 + (8 + 1 + 1) + 3) * 10 * NS


@pytest.mark.parametrize("load", [0.3, 0.7])
def test_poisson_bursts_queue_as_in_an_m_d_1(load: float) -> None:
    clocks = 3 + 16 + 1
    service = clocks * 1e-8
    rate = load * 64 / service
    changes = {"other.masters": 1, "other.rate": f"{rate} B/s", "bus.arbitration": 0}
    span = 4 * 10**9
    waits, loads_seen = [], []
    for seed in range(24):
        _, link = make(changes, seed=seed)
        use = link.use(span)["bus"]
        waits.append(use.mean_queue / (use.other_bytes / 64 / (span / 1e12)))
        loads_seen.append(use.other)
        assert use.other * span == pytest.approx(use.other_bytes / 64 * clocks * 1e4, abs=2e5)
    half = 3.77 * np.std(waits, ddof=1) / np.sqrt(len(waits))  # Student's t, 23 degrees, 99.9 %
    expected = load * service / (2 * (1 - load))
    assert abs(np.mean(waits) - expected) < half
    assert half < 0.1 * expected
    assert np.mean(loads_seen) == pytest.approx(load, rel=0.03)


def test_a_load_waits_for_the_residual_burst_of_a_poisson_master() -> None:
    """Turns let it pass what is queued, so that W = rho s / 2 (arrivals see time averages)."""
    service = (3 + 16 + 1) * 1e-8
    load = 0.6
    changes = {"other.masters": 1, "other.rate": f"{load * 64 / service} B/s"}
    changes |= {"bus.arbitration": 0}
    means = []
    for seed in range(16):
        env, link = make(changes, seed=seed)
        gaps = np.random.default_rng(seed).exponential(5e6, 400).astype(int).tolist()

        async def body(agent: Agent, link: PciBus = link, gaps: list[int] = gaps) -> None:
            port = link.attach()
            for gap in gaps:
                await agent.work(gap)
                await port.load(0, 4)

        agent = env.start(body)
        env.run(until=10**11)
        assert agent.end is not None
        means.append(agent.stall / 400 - (20 + (8 + 1) * 10 + 30) * NS)
    half = 4.07 * np.std(means, ddof=1) / 4  # Student's t, 15 degrees, 99.9 %
    assert abs(np.mean(means) - load * service * 1e12 / 2) < half
    assert half < 0.15 * load * service * 1e12 / 2


def test_use_by_purpose_equals_hand_counts() -> None:
    env, link = make({"other.masters": 1, "other.rate": "64 MB/s", "other.arrivals": "periodic"})
    agents = run_until(env, loads(link, 4, 100), 10**8)
    assert agents
    use = link.use(10**8)["bus"]
    assert use.payload * 10**8 == pytest.approx(100 * 10 * NS)
    assert use.overhead * 10**8 == pytest.approx(100 * 9 * 10 * NS)
    bursts = 100  # one each microsecond, the first at 0
    assert use.other * 10**8 == pytest.approx(bursts * 20 * 10 * NS)
    assert use.other_bytes == 64 * bursts


def test_several_processors_share_the_bridge_and_its_buffer() -> None:
    env, link = make()
    agents = run(env, *(stores(link, 4, 40) for _ in range(3)))
    last = max(agent.time for agent in agents)
    assert last == pytest.approx((2 + 20) * NS + (3 * 40 - 4) * 50 * NS, abs=60 * NS)
    env, link = make()
    readers = run(env, *(loads(link, 4, 40) for _ in range(3)))
    alone = 40 * (20 + 110 + 30) * NS
    assert all(reader.time > 1.5 * alone for reader in readers)


def test_an_undisturbed_copy_takes_few_events() -> None:
    env, link = make()
    steps = 0
    agent = env.start(bulk(link, 1 << 16, inwards=True))
    env.run_ahead = 0
    while agent.end is None:
        env.step()
        steps += 1
    assert steps <= 12
