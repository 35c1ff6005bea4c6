"""The memory bus against closed forms: bounds of buffers and latency, asymptotes, and queues."""

import math

import numpy as np
import pytest

from simaccess.sim.environment import Agent, Environment
from simaccess.sim.memory_bus import MemoryBus
from simaccess.sim.memory_port import MemoryPort
from tests.sim.bus import LINE, NS, Body, elapsed, parameters, random_lines, run, timed


def test_without_prefetching_buffers_and_latency_bound_the_rate() -> None:
    def load(size: int) -> int:
        return timed(lambda _, port: port.load(0, size))[0]

    # 10 x 64 B / 80 ns = 8 GB/s: 10 more lines are exactly one more latency.
    assert load(6400 * LINE) - load(3200 * LINE) == 320 * 80 * NS
    size = 1 << 22
    assert size / (load(size) * 1e-12) == pytest.approx(8.0e9, rel=0.001)


@pytest.mark.parametrize(("outstanding", "granule"), [(8, 4), (8, 8), (16, 4), (24, 8)])
def test_smaller_granules_leave_the_bound_where_it_is(outstanding: int, granule: int) -> None:
    size = 4800 * LINE
    ticks, _ = timed(
        lambda _, port: port.load(0, size),
        core__outstanding=outstanding,
        memory__granule=granule,
    )
    # 4 ns a line bound the last one, which more than 20 lines under way would exceed.
    bound = min(outstanding * LINE / 80e-9, 16e9)
    assert size / (ticks * 1e-12) == pytest.approx(bound, rel=0.02)


def test_dependent_loads_take_a_latency_each() -> None:
    lines = random_lines(1000, 1 << 16)

    async def chase(_: MemoryBus, port: MemoryPort) -> None:
        for line in lines:
            await port.load(line * LINE, 8)

    ticks, bus = timed(chase)
    assert ticks == 1000 * 80 * NS
    assert bus.channel.bytes == 1000 * LINE


def test_independent_lines_of_one_load_overlap() -> None:
    one, _ = timed(lambda _, port: port.load(0, 1))
    ten, _ = timed(lambda _, port: port.load(0, 10 * LINE))
    assert (one, ten) == (80 * NS, 80 * NS + 9 * 4 * NS)


@pytest.mark.parametrize("users", [1, 4, 19, 20, 40])
def test_closed_users_stay_below_the_asymptotes_and_reach_them(users: int) -> None:
    env = Environment()
    bus = MemoryBus(env, parameters(), 1 << 24)
    think = 5 * NS
    rounds = 400

    def body(index: int) -> Body:
        async def chase(agent: Agent) -> None:
            port = bus.attach()
            for line in random_lines(rounds, (1 << 18) // users, seed=index):
                await agent.work(think)
                await port.load((line + index * ((1 << 18) // users)) * LINE, 8)

        return chase

    agents = run(env, *(body(index) for index in range(users)))
    end = max(elapsed(agent) for agent in agents)
    rate = users * rounds / end
    cycle, service = think + 80 * NS, 4 * NS
    bound = min(users / cycle, 1 / service)
    assert rate <= bound * (1 + cycle / end)
    assert rate >= 0.93 * bound
    assert bus.use(end)["memory"].utilisation <= 1


def test_many_users_reach_the_peak_rate_times_its_efficiency() -> None:
    env = Environment()
    bus = MemoryBus(env, parameters(memory__channels=2, memory__efficiency=0.9), 1 << 24)

    def body(index: int) -> Body:
        async def read(_: Agent) -> None:
            await bus.attach().load(index << 20, 1 << 20)

        return read

    agents = run(env, *(body(index) for index in range(12)))
    end = max(elapsed(agent) for agent in agents)
    assert 12 * (1 << 20) / (end * 1e-12) == pytest.approx(2 * 16e9 * 0.9, rel=0.01)
    assert 0.98 < bus.use(end)["memory"].utilisation <= 1


@pytest.mark.parametrize("load", [0.3, 0.6, 0.8])
def test_probes_wait_as_in_m_d_1(load: float) -> None:
    waits: list[float] = []
    for seed in range(12):
        env = Environment()
        rate = f"{load * 16} GB/s"
        bus = MemoryBus(env, parameters(background__rate=rate), 1 << 24, seed=seed)
        port = bus.attach()
        batch: list[int] = []
        lines = random_lines(2500, 1 << 18, seed)

        async def probe(
            agent: Agent,
            lines: list[int] = lines,
            port: MemoryPort = port,
            batch: list[int] = batch,
        ) -> None:
            for line in lines:
                await agent.work(997 * NS)
                before = agent.time
                await port.load(line * LINE, 8)
                batch.append(agent.time - before - 80 * NS)

        run(env, probe)
        waits.append(float(np.mean(batch)) / NS)
    expected = load * 4 / (2 * (1 - load))
    half = 4.44 * float(np.std(waits, ddof=1)) / math.sqrt(len(waits))  # t(11), 99.9 %
    assert half < 0.1 * expected
    assert abs(np.mean(waits) - expected) < half


def test_arrivals_caught_up_with_at_once_equal_those_served_one_by_one() -> None:
    def channel_after(*times: int) -> tuple[int, int, int, int]:
        bus = MemoryBus(Environment(), parameters(background__rate="15 GB/s"), 4096, seed=3)
        for time in times:
            bus.channel.read(time, 1)
        bus.channel.read(10**8, 1)
        channel = bus.channel
        return channel.other_bytes, channel.other, channel.free, channel.waited

    at_once = channel_after(0)
    by_step = MemoryBus(Environment(), parameters(background__rate="15 GB/s"), 4096, seed=3)
    by_step.channel.read(0, 1)
    for time in range(0, 10**8, 9973):
        by_step.channel.use(time)
    by_step.channel.read(10**8, 1)
    channel = by_step.channel
    assert at_once == (channel.other_bytes, channel.other, channel.free, channel.waited)
    assert channel.other_bytes / 1e-4 == pytest.approx(15e9, rel=0.03)
