"""The memory bus against closed forms, its mechanisms switched, and its books."""

import csv
import math
import tomllib
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from simaccess.sim.caches import Caches, PrivateCaches, sectors
from simaccess.sim.environment import RUN_AHEAD, Agent, Environment
from simaccess.sim.local_memory import LocalMemory, LocalSection
from simaccess.sim.memory_bus import MemoryBus, MemoryBusParameters
from simaccess.sim.memory_port import MemoryPort

ROOT = Path(__file__).resolve().parents[2]
LINE = 64
PAGE = 4096
NS = 1000  # ticks

# Round figures: a line takes 4 ns of the channel to read, 8 to write.
PLAIN: dict[str, dict[str, Any]] = {
    "caches": {
        "line": "64 B",
        "l1": "32 KiB",
        "l1_latency": "1 ns",
        "l2": "256 KiB",
        "l2_latency": "4 ns",
        "l3": "1 MiB",
        "l3_latency": "20 ns",
    },
    "coherence": {"sockets": 1, "near": "50 ns", "far": "120 ns"},
    "core": {
        "outstanding": 10,
        "store_buffer": 40,
        "load_rate": "64 GB/s",
        "copy_rate": "64 GB/s",
        "copy_issue": "0 ns",
        "non_temporal": False,
    },
    "prefetcher": {"enabled": False, "lines": 20, "trigger": 2},
    "pages": {
        "size": "4 KiB",
        "tlb_entries": 4096,
        "walk": "0 ns",
        "first_touch": "0 ns",
        "segment_fresh": False,
    },
    "memory": {
        "latency": "80 ns",
        "far_latency": "130 ns",
        "channels": 1,
        "rate": "16 GB/s",
        "efficiency": 1.0,
        "efficiency_mixed": 2 / 3,
        "granule": 16,
    },
    "dma": {"allocate": True},
    "background": {"rate": "0 GB/s", "request": "64 B"},
}


def parameters(**changes: object) -> MemoryBusParameters:
    """Return the round figures with ``section__key=value`` changed."""
    figures = {section: dict(keys) for section, keys in PLAIN.items()}
    for name, value in changes.items():
        section, _, key = name.partition("__")
        figures[section][key] = value
    return MemoryBusParameters.model_validate(figures)


def shipped(name: str) -> MemoryBusParameters:
    model = tomllib.loads((ROOT / "models" / f"{name}.toml").read_text())
    figures = {
        section: {key: entry["value"] for key, entry in keys.items()}
        for section, keys in model.items()
        if isinstance(keys, dict)
    }
    return MemoryBusParameters.model_validate(figures)


Body = Callable[[Agent], Coroutine[Any, Any, None]]


def run(env: Environment, *bodies: Body) -> list[Agent]:
    """Run agents to their end, and check the books of each."""
    agents = [env.start(body) for body in bodies]
    env.run()
    for agent in agents:
        assert agent.end is not None
        spent = agent.compute + agent.stall + agent.copy + agent.issue + agent.wait
        assert spent == agent.end - agent.start
    return agents


def elapsed(agent: Agent) -> int:
    assert agent.end is not None
    return agent.end - agent.start


def timed(
    use: Callable[[MemoryBus, MemoryPort], Awaitable[Any]], size: int = 1 << 22, **changes: object
) -> tuple[int, MemoryBus]:
    """Return the ticks that one user takes, and the bus."""
    env = Environment()
    bus = MemoryBus(env, parameters(**changes), size)
    port = bus.attach()

    async def body(_: Agent) -> None:
        await use(bus, port)

    (agent,) = run(env, body)
    return elapsed(agent), bus


def random_lines(count: int, lines: int, seed: int = 0) -> list[int]:
    """Return `count` different lines in a random order."""
    chosen = np.random.default_rng(seed).permutation(lines)[:count]
    return [int(line) for line in chosen]


# -- closed forms ----------------------------------------------------------------------------------


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


# -- mechanisms ------------------------------------------------------------------------------------


async def _walk(port: MemoryPort, size: int, step: int) -> None:
    for offset in range(0, size, step):
        await port.load(offset, step)


@pytest.mark.parametrize("step", [8, 64, 256, 4096, 1 << 20])
def test_prefetcher_raises_the_sequential_rate_to_its_own_bound(step: int) -> None:
    size = 1 << 20

    async def use(_: MemoryBus, port: MemoryPort) -> None:
        await _walk(port, size, step)

    off, _ = timed(use, size=size)
    on, bus = timed(use, size=size, prefetcher__enabled=True, prefetcher__lines=16)
    assert on < 0.8 * off
    bound = 16 * LINE / 80e-9
    own = min(bound, step / 1e-9)  # a load takes 1 ns by itself
    assert 0.85 * own < size / (on * 1e-12) <= bound * 1.001
    assert bus.channel.bytes == size  # nothing twice, nothing beyond the segment


def test_prefetcher_does_not_help_random_reading_and_wastes_nothing_on_it() -> None:
    lines = [4 * line for line in random_lines(500, 1 << 14)]

    async def chase(_: MemoryBus, port: MemoryPort) -> None:
        for line in lines:
            await port.load(line * LINE, 8)

    off, _ = timed(chase)
    on, bus = timed(chase, prefetcher__enabled=True)
    assert on == off
    assert bus.channel.bytes == 500 * LINE


def test_prefetcher_follows_interleaved_streams() -> None:
    async def use(_: MemoryBus, port: MemoryPort) -> None:
        for line in range(2000):
            await port.load(line * LINE, 64)
            await port.load((1 << 20) + line * LINE, 64)

    off, _ = timed(use)
    on, _ = timed(use, prefetcher__enabled=True)
    assert on < 0.2 * off


@pytest.mark.parametrize(
    ("lines", "expected"), [(256, 1.0), (2048, 4.0), (15000, 20.0), (65536, 80.0)]
)
def test_a_set_is_read_again_from_the_level_that_holds_it(lines: int, expected: float) -> None:
    order = random_lines(lines, lines)
    again: list[int] = []

    async def use(bus: MemoryBus, port: MemoryPort) -> None:
        for _ in range(2):
            for line in order:
                await port.load(line * LINE, 8)
        before = bus.env.agent.time
        for line in order[:1000]:
            await port.load(line * LINE, 8)
        again.append(bus.env.agent.time - before)

    _, bus = timed(use)
    assert again[0] / min(lines, 1000) / NS == pytest.approx(expected, rel=0.12)
    assert bus.caches.lines() == min(lines, (1 << 20) // LINE)


def test_walking_a_set_larger_than_the_cache_misses_every_line() -> None:
    async def use(bus: MemoryBus, port: MemoryPort) -> None:
        assert port.bus is bus
        for _ in range(3):
            await _walk(port, 2 << 20, 64)

    _, bus = timed(use)
    assert bus.channel.bytes == 3 * (2 << 20)


def test_channel_figures_of_a_copy() -> None:
    size = 1 << 20

    def traffic(*, non_temporal: bool) -> tuple[int, int]:
        async def use(bus: MemoryBus, port: MemoryPort) -> None:
            await port.fetch(0, size, bus.local(size), 0)

        _, bus = timed(use, core__non_temporal=non_temporal, caches__l3="256 KiB")
        channel = bus.channel
        assert bus.caches.lines() <= 4096
        return channel.bytes, channel.overhead_bytes

    # Reads and reads for ownership; what the L3 cannot hold of the writes goes out.
    payload, ownership = traffic(non_temporal=False)
    assert ownership == size
    assert size + size - (256 << 10) <= payload <= 2 * size
    assert traffic(non_temporal=True) == (2 * size, 0)


@pytest.mark.parametrize(("offset", "at"), [(0, 0), (30, 7), (7, 30), (63, 1)])
def test_a_copy_reads_and_writes_each_line_once(offset: int, at: int) -> None:
    length = 10_000
    moved: list[int] = []

    async def use(bus: MemoryBus, port: MemoryPort) -> None:
        shadow = bus.local(length + at)
        await port.fetch(offset, length, shadow, at)
        moved.append(port.moved)
        await port.load(offset, length)  # which the caches hold
        moved.append(port.moved)

    _, bus = timed(use, core__non_temporal=True)
    lines = sum((first + length - 1) // LINE + 1 - first // LINE for first in (offset, at))
    assert bus.channel.bytes == lines * LINE
    assert moved == [length, length]


def test_a_copy_into_a_reused_resident_shadow_writes_no_memory() -> None:
    block = 16 << 10

    def written(*, shadows: int) -> int:
        async def use(bus: MemoryBus, port: MemoryPort) -> None:
            shadow = bus.local(shadows * block)
            for index in range(256):
                await port.fetch(index * block, block, shadow, index % shadows * block)
                await shadow.load(index % shadows * block, block)

        _, bus = timed(use)
        reads = 256 * block
        assert bus.channel.overhead_bytes <= shadows * block
        return bus.channel.bytes - reads

    assert written(shadows=1) == 0
    assert written(shadows=256) >= 3 << 20  # 4 MiB written, of which 1 MiB can stay behind


@pytest.mark.parametrize(("length", "tolerance"), [(8 << 10, 0.01), (100, 0.1)])
def test_a_copy_within_the_cache_goes_at_the_processors_rate(length: int, tolerance: float) -> None:
    times: list[int] = []

    async def use(bus: MemoryBus, port: MemoryPort) -> None:
        shadow = bus.local(length)
        for _ in range(2):
            before = bus.env.agent.copy
            await port.fetch(0, length, shadow, 0)
            times.append(bus.env.agent.copy - before)

    timed(use, core__copy_rate="6.4 GB/s")
    assert times[1] == pytest.approx(length / 6.4 * NS, rel=tolerance)
    assert times[0] > times[1]


def test_a_fresh_page_costs_once() -> None:
    times: list[int] = []

    async def use(bus: MemoryBus, port: MemoryPort) -> None:
        shadow = bus.local(4 * PAGE)
        for _ in range(3):
            before = bus.env.agent.time
            await port.fetch(0, 4 * PAGE, shadow, 0)
            times.append(bus.env.agent.time - before)

    def first(**changes: object) -> list[int]:
        times.clear()
        timed(use, 1 << 22, pages__tlb_entries=1, **changes)
        return list(times)

    without = first()
    with_cost = first(pages__first_touch="3 us")
    assert with_cost[0] - without[0] == pytest.approx(4 * 3000 * NS, abs=400 * NS)
    assert with_cost[1:] == without[1:]
    everywhere = first(pages__first_touch="3 us", pages__segment_fresh=True)
    assert everywhere[0] - without[0] == pytest.approx(8 * 3000 * NS, abs=400 * NS)


@pytest.mark.parametrize(("pages", "walks"), [(64, 64), (65, 3 * 65)])
def test_pages_beyond_the_reach_of_the_tlb_are_walked_again(pages: int, walks: int) -> None:
    async def use(bus: MemoryBus, port: MemoryPort) -> None:
        assert port.bus is bus
        for _ in range(3):
            for page in range(pages):
                await port.load(page * PAGE + page % 64 * LINE, 8)

    without, _ = timed(use, pages__tlb_entries=64)
    ticks, _ = timed(use, pages__tlb_entries=64, pages__walk="72 ns")
    assert ticks - without == walks * 72 * NS


def handed_over(produce: str, consumer_socket: int = 0, **changes: object) -> list[int]:
    """Return what each step of a producer's and a consumer's exchange of 256 lines took."""
    env = Environment()
    bus = MemoryBus(env, parameters(**changes), 1 << 20)
    producer, consumer = bus.producer(), bus.attach(consumer_socket)
    order = random_lines(256, 256)
    times: list[int] = []

    async def step(agent: Agent, name: str) -> None:
        before = agent.time
        for line in order:
            if name == "store":
                await producer.store(line * LINE, LINE, None)
            else:
                await (producer if name == "own" else consumer).load(line * LINE, 8)
        times.append(agent.time - before)

    async def produces(agent: Agent) -> None:
        await step(agent, produce)
        await agent.sleep_until(200_000 * NS)
        await step(agent, "store")

    async def consumes(agent: Agent) -> None:
        await agent.sleep_until(100_000 * NS)
        await step(agent, "load")
        await step(agent, "load")

    run(env, produces, consumes)
    return times


def test_lines_that_another_core_wrote_cost_its_latency() -> None:
    assert handed_over("store")[1:3] == [256 * 50 * NS, 256 * 1 * NS]
    assert handed_over("store", consumer_socket=1)[1:3] == [256 * 120 * NS, 256 * NS]
    # Lines that it only read come from the L3.
    assert handed_over("own")[1] == 256 * 20 * NS


def test_producer_pays_to_regain_lines_that_the_consumer_read() -> None:
    env = Environment()
    times: list[int] = []
    bus = MemoryBus(env, parameters(core__store_buffer=1), 1 << 20)
    producer, consumer = bus.attach(), bus.attach()

    async def write(agent: Agent) -> None:
        before = agent.time
        for line in range(100):
            await producer.store(line * LINE, LINE, None)
        times.append(agent.time - before)

    async def produces(agent: Agent) -> None:
        await write(agent)
        await agent.sleep_until(50_000 * NS)
        await write(agent)  # still its own
        await agent.sleep_until(150_000 * NS)
        await write(agent)  # the consumer has read them

    async def consumes(agent: Agent) -> None:
        await agent.sleep_until(100_000 * NS)
        await _walk(consumer, 100 * LINE, LINE)

    run(env, produces, consumes)
    mine, regained = times[1], times[2]
    assert mine <= 100 * NS
    assert regained == pytest.approx(100 * 50 * NS, rel=0.02)


def test_a_store_invalidates_the_consumers_copy_of_that_line_alone() -> None:
    env = Environment()
    bus = MemoryBus(env, parameters(), 1 << 20)
    producer, consumer = bus.attach(), bus.attach()
    times: list[int] = []

    async def consumes(agent: Agent) -> None:
        await _walk(consumer, 4 * LINE, LINE)
        await agent.sleep_until(10_000 * NS)
        for line in range(4):
            before = agent.time
            await consumer.load(line * LINE, 8)
            times.append((agent.time - before) // NS)

    async def produces(agent: Agent) -> None:
        await agent.sleep_until(5_000 * NS)
        await producer.store(2 * LINE + 8, 8, None)

    run(env, consumes, produces)
    assert times == [1, 1, 50, 1]


def test_posted_stores_stall_only_when_the_store_buffer_is_full() -> None:
    async def store(port: MemoryPort, count: int) -> None:
        for line in random_lines(count, 1 << 16):
            await port.store(line * LINE, 8, None)

    assert timed(lambda _, port: store(port, 40))[0] == 40 * NS
    # In the long run 10 lines are under way, a latency of 80 ns each.
    ticks, _ = timed(lambda _, port: store(port, 2000), core__store_buffer=10)
    assert ticks / 2000 == pytest.approx(8 * NS, rel=0.03)


def test_stores_leave_the_store_buffer_in_order() -> None:
    times: list[int] = []

    async def use(bus: MemoryBus, port: MemoryPort) -> None:
        agent = bus.env.agent
        await port.store(PAGE, 8, None)
        await agent.sleep_until(1000 * NS)
        for offset in (0, PAGE, PAGE):  # a miss, and two that only wait behind it
            await port.store(offset, 8, None)
            times.append((agent.time - 1000 * NS) // NS)

    timed(use, core__store_buffer=2)
    assert times == [1, 2, 81]


def test_users_of_another_socket_pay_its_latency() -> None:
    async def use(bus: MemoryBus, _: MemoryPort) -> None:
        await bus.attach().load(0, 8)

    assert timed(use, coherence__sockets=2)[0] == 130 * NS
    assert timed(use)[0] == 80 * NS


def test_large_requests_do_not_block_every_line_behind_them() -> None:
    def slowest(granule: int) -> int:
        env = Environment()
        bus = MemoryBus(
            env, parameters(memory__granule=granule, core__outstanding=granule), 1 << 24
        )
        reader, prober = bus.attach(), bus.attach()
        times: list[int] = []

        async def reads(_: Agent) -> None:
            await reader.load(0, 1 << 20)

        async def probes(agent: Agent) -> None:
            for line in random_lines(200, 1 << 17):
                before = agent.time
                await prober.load((1 << 23) + line * LINE, 8)
                times.append(agent.time - before)

        run(env, reads, probes)
        return max(times)

    assert slowest(8) <= 80 * NS + 8 * 4 * NS
    assert 80 * NS + 8 * 4 * NS < slowest(256) <= 80 * NS + 256 * 4 * NS


# -- devices ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("allocate", [True, False])
def test_device_writes_reach_the_consumer_from_where_they_went(allocate: bool) -> None:
    times: list[int] = []

    async def use(bus: MemoryBus, port: MemoryPort) -> None:
        agent = bus.env.agent
        await port.load(0, 8)
        end = bus.dma(agent.time, 0, 128, write=True)
        assert end == agent.time + (20 if allocate else 16) * NS
        await agent.sleep_until(agent.time + 1000 * NS)
        before = agent.time
        await port.load(0, 8)
        times.append(agent.time - before)

    _, bus = timed(use, dma__allocate=allocate)
    assert times == [(20 if allocate else 80) * NS]
    assert bus.channel.bytes == (LINE if allocate else 4 * LINE)


def test_device_reads_take_what_caches_hold_from_there() -> None:
    async def use(bus: MemoryBus, port: MemoryPort) -> None:
        agent = bus.env.agent
        await port.load(0, 8)
        await agent.sleep_until(1000 * NS)
        assert bus.dma(agent.time, 0, 64, write=False) == agent.time + 20 * NS
        assert bus.dma(agent.time, 0, 192, write=False) == agent.time + 84 * NS

    _, bus = timed(use)
    assert bus.channel.bytes == 3 * LINE


# -- books and bytes -------------------------------------------------------------------------------


@settings(deadline=None)
@given(
    accesses=st.lists(st.tuples(st.integers(0, 9999), st.integers(1, 3000)), max_size=30),
    prefetch=st.booleans(),
)
def test_moved_is_the_lines_asked_for_less_what_caches_held(
    accesses: list[tuple[int, int]], prefetch: bool
) -> None:
    size = 10_000
    env = Environment()
    bus = MemoryBus(env, parameters(prefetcher__enabled=prefetch), size)
    port = bus.attach()
    touched: set[int] = set()

    async def body(_: Agent) -> None:
        for offset, length in accesses:
            end = min(offset + length, size)
            touched.update(range(offset // LINE, (end - 1) // LINE + 1))
            await port.load(offset, end - offset)

    run(env, body)
    assert port.moved == bus.channel.bytes
    if prefetch:
        assert len(touched) * LINE <= port.moved <= -(-size // LINE) * LINE
    else:
        assert port.moved == len(touched) * LINE


Step = tuple[str, int, int, int]
steps = st.lists(
    st.tuples(
        st.sampled_from(["load", "store", "fetch", "flush", "shadow", "write", "work"]),
        st.integers(0, 20_000),
        st.integers(1, 9_000),
        st.integers(0, 3_000),
    ),
    max_size=10,
)


def scenario(
    plans: list[list[Step]], changes: dict[str, object], run_ahead: int
) -> tuple[list[tuple[int, ...]], list[int | None], tuple[object, ...], bytes]:
    """Run users that share a segment; check what they read; return all times and figures."""
    size = 24_000
    env = Environment(run_ahead)
    data = bytearray(np.random.default_rng(1).bytes(size))
    bus = MemoryBus(env, parameters(**changes), size, memoryview(data), seed=5)
    marks: list[tuple[int, ...]] = []

    def body(index: int, plan: list[Step]) -> Body:
        async def use(agent: Agent) -> None:
            port = bus.attach()
            shadow = bus.local(12_000)
            for kind, offset, most, at in plan:
                length = min(most, size - offset)
                if kind == "load":
                    seen = await port.load(offset, length)
                    assert seen is not None
                    assert seen == data[offset : offset + length]
                elif kind == "store":
                    new = bytes([index + 1]) * length
                    await port.store(offset, length, memoryview(new))
                elif kind == "fetch":
                    await (await port.fetch(offset, length, shadow, at))
                elif kind == "flush":
                    await (await port.flush(offset, length, shadow, at))
                elif kind == "shadow":
                    await shadow.load(at, min(length, 12_000 - at))
                elif kind == "write":
                    await shadow.store(at, 50, memoryview(bytes([at % 251]) * 50))
                else:
                    await agent.work(length)
                marks.append((index, agent.time, agent.stall, agent.copy, port.moved))

        return use

    agents = run(env, *(body(index, plan) for index, plan in enumerate(plans)))
    end = max(agent.end or 0 for agent in agents)
    use = bus.use(end)["memory"]
    assert use.utilisation <= 1 + 1e-12
    marks.sort()
    return marks, [agent.end for agent in agents], (use, bus.caches.lines()), bytes(data)


@settings(max_examples=60, deadline=None)
@given(
    plans=st.lists(steps, min_size=1, max_size=4),
    prefetch=st.booleans(),
    non_temporal=st.booleans(),
    background=st.sampled_from(["0 GB/s", "10 GB/s"]),
    small=st.booleans(),
    granule=st.sampled_from([3, 16]),
)
def test_running_ahead_changes_nothing(
    *,
    plans: list[list[Step]],
    prefetch: bool,
    non_temporal: bool,
    background: str,
    small: bool,
    granule: int,
) -> None:
    changes: dict[str, object] = {
        "prefetcher__enabled": prefetch,
        "core__non_temporal": non_temporal,
        "background__rate": background,
        "memory__granule": granule,
        "pages__walk": "7 ns",
        "pages__tlb_entries": 3,
        "pages__first_touch": "500 ns",
        "coherence__sockets": 2,
    }
    if small:
        changes |= {"caches__l1": "256 B", "caches__l2": "512 B", "caches__l3": "4 KiB"}
    assert scenario(plans, changes, 0) == scenario(plans, changes, RUN_AHEAD)


@settings(deadline=None)
@given(
    requests=st.lists(
        st.tuples(
            st.integers(0, 3),
            st.sampled_from(["read", "write", "discard", "inject"]),
            st.integers(0, 400),
            st.integers(1, 100),
        ),
        max_size=80,
    )
)
def test_caches_keep_their_capacities_and_inclusion(
    requests: list[tuple[int, str, int, int]],
) -> None:
    caches = Caches(128)
    caches.cores.extend(PrivateCaches(index, index % 2, 8, 32) for index in range(4))
    for index, kind, first, count in requests:
        core = caches.cores[index]
        for sector, bits in sectors(first, count):
            if kind == "read":
                caches.read(core, sector, bits)
            elif kind == "write":
                caches.write(core, sector, bits)
            elif kind == "discard":
                caches.discard(sector, bits)
            else:
                caches.inject(sector, bits)
        written: dict[int, int] = {}
        for core in caches.cores:
            assert sum(lines.bit_count() for lines in core.l1.values()) == 8 - core.l1_free <= 8
            assert sum(lines.bit_count() for lines in core.l2.values()) == 32 - core.l2_free <= 32
            for sector, lines in core.l1.items():
                assert not lines & ~core.l2[sector]
            for sector, lines in core.l2.items():
                assert caches.snoop(sector, lines) == lines
            for sector, lines in core.modified.items():
                assert not lines & ~core.l2[sector]
                assert not lines & written.get(sector, 0)  # modified in one core alone
                written[sector] = written.get(sector, 0) | lines
        assert caches.lines() <= 128
        owned = {sector: shared.owned for sector, shared in caches._l3.items() if shared.owned}
        assert owned == written
        for shared in caches._l3.values():
            assert not shared.owned & ~shared.dirty
            assert not shared.dirty & ~shared.lines


def test_copies_to_and_from_memory_elsewhere_cross_the_bus_once() -> None:
    size = 1 << 16
    env = Environment()
    data = bytearray(np.random.default_rng(2).bytes(size))
    bus = MemoryBus(env, parameters(), size, memoryview(data))
    port = bus.attach()
    plain = {"latency": "0 s", "rate": "1 GB/s", "copy_rate": "1 GB/s"}
    other = LocalMemory(env, size, LocalSection.model_validate(plain), real=True)

    async def use(_: Agent) -> None:
        await (await port.fetch(0, size, other, 0))
        view = other.view(0, size)
        assert view is not None
        assert view == data
        await port.load(0, 8)  # which is in the cache
        assert port.moved == size
        view[:] = bytes(size)
        await (await port.flush(0, size, other, 0))

    run(env, use)
    assert data == bytes(size)
    assert bus.channel.bytes == size
    assert port.moved == 2 * size


# -- measured machines -----------------------------------------------------------------------------


def measured(name: str) -> list[dict[str, str]]:
    path = ROOT.parent / "shared" / "data" / name
    if not path.exists():
        pytest.skip(f"{name} is not beside the repository")
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("system", ["ivybridge", "haswell", "icelake"])
def test_the_mixed_efficiency_predicts_the_other_mixes(system: str) -> None:
    (row,) = [row for row in measured("mlc_summary.csv") if row["system"] == system]
    peak = float(row["allreads_MBps"])
    memory = parameters(
        memory__efficiency=1.0, memory__efficiency_mixed=float(row["r1w1_MBps"]) / peak
    ).memory
    for reads, name in ((3, "r3w1_MBps"), (2, "r2w1_MBps")):
        predicted = (reads + 1) / (reads / memory.read_rate + 1 / memory.write_rate)
        assert predicted / memory.read_rate == pytest.approx(float(row[name]) / peak, rel=0.05)


LOADED_CORES = {"ivybridge": 20, "haswell": 20}
"""Cores of the two sockets; the source does not tell, ten a socket are usual."""


@pytest.mark.parametrize("system", ["ivybridge", "haswell"])
def test_latency_under_load_has_the_measured_shape(system: str) -> None:
    rows = [row for row in measured("mlc_loaded_latency.csv") if row["system"] == system]
    saturated = max(float(row["bandwidth_MBps"]) for row in rows) * 1e6
    idle = min(float(row["latency_ns"]) for row in rows)
    cores = LOADED_CORES[system]
    curve = []
    for delay in (0, 50, 100, 200, 400, 1600):
        env = Environment()
        bus = MemoryBus(
            env,
            parameters(
                memory__rate=f"{saturated} B/s",
                memory__latency=f"{idle} ns",
                memory__far_latency=f"{idle} ns",
                prefetcher__enabled=True,
            ),
            1 << 26,
        )
        latencies: list[int] = []
        end = 60_000 * NS

        async def probes(
            agent: Agent, bus: MemoryBus = bus, latencies: list[int] = latencies, end: int = end
        ) -> None:
            port = bus.attach()
            for line in random_lines(1 << 12, 1 << 14):
                before = agent.time
                await port.load(line * LINE, 8)
                if before > end // 4:
                    latencies.append(agent.time - before)
                if agent.time > end:
                    return

        def loads(index: int, bus: MemoryBus = bus, delay: int = delay, end: int = end) -> Body:
            async def body(agent: Agent) -> None:
                port = bus.attach()
                offset = (1 << 20) + index * (3 << 20)
                while agent.time < end:
                    await port.load(offset, 10 * LINE)
                    offset += 10 * LINE
                    await agent.work(delay * NS)

            return body

        run(env, probes, *(loads(index) for index in range(cores)))
        rate = bus.use(end)["memory"].payload_bytes / (end * 1e-12)
        curve.append((rate, float(np.mean(latencies)) / NS))
    rates, latency = zip(*curve, strict=True)
    assert list(rates) == sorted(rates, reverse=True)
    assert list(latency) == sorted(latency, reverse=True)
    assert latency[-1] == pytest.approx(idle, rel=0.1)
    assert 1.5 < latency[0] / idle < 4
    assert rates[0] == pytest.approx(saturated, rel=0.05)


# -- shipped models and bad input ------------------------------------------------------------------


@pytest.mark.parametrize("name", ["shared-memory-ddr3", "shared-memory-ddr4"])
def test_shipped_models_are_complete_and_their_values_lie_in_their_ranges(name: str) -> None:
    model = tomllib.loads((ROOT / "models" / f"{name}.toml").read_text())
    assert model["kind"] == "memory-bus"
    given_parameters = shipped(name)
    for section, keys in model.items():
        if not isinstance(keys, dict):
            continue
        for key, entry in keys.items():
            assert {"value", "source", "status"} <= entry.keys(), f"{section}.{key}"
            assert entry["status"] in {"verified", "derived", "unverified"}
            if isinstance(entry["value"], bool):
                continue
            ends = []
            for value in (*entry["range"], entry["value"]):
                changed = {
                    other: {k: e["value"] for k, e in es.items()}
                    for other, es in model.items()
                    if isinstance(es, dict)
                }
                changed[section][key] = value
                checked = MemoryBusParameters.model_validate(changed)
                ends.append(getattr(getattr(checked, section), key))
            low, high, value = ends
            assert low <= value <= high, f"{section}.{key}"
            assert value == getattr(getattr(given_parameters, section), key)


@pytest.mark.parametrize("name", ["shared-memory-ddr3", "shared-memory-ddr4"])
def test_shipped_models_beat_the_bound_without_prefetching(name: str) -> None:
    figures = shipped(name)
    env = Environment()
    size = 4 << 20
    bus = MemoryBus(env, figures, size)
    port = bus.attach()

    async def use(_: Agent) -> None:
        await _walk(port, size, LINE)

    (agent,) = run(env, use)
    rate = size / (elapsed(agent) * 1e-12)
    memory = figures.memory
    assert figures.core.outstanding * LINE / memory.latency < rate <= memory.read_rate


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("caches__line", "48 B", "power of two"),
        ("caches__l2", "2 MiB", "line <= l1 <= l2 <= l3"),
        ("caches__l1_latency", 5, "missing unit"),
        ("memory__efficiency_mixed", 1.0, None),
        ("memory__efficiency", 0.5, "must not exceed"),
        ("core__outstanding", 0, "greater than or equal to 1"),
        ("background__rate", "16 GB/s", "background.rate must be less"),
        ("pages__size", "3 KiB", "power of two"),
        ("dma__channels", 2, "Extra inputs"),
    ],
)
def test_bad_figures_are_refused(key: str, value: object, words: str | None) -> None:
    if words is None:
        parameters(**{key: value})
        return
    with pytest.raises(ValidationError, match=words):
        parameters(**{key: value})
