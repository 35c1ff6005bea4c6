"""The mechanisms of a memory bus, one by one: prefetcher, caches, copies, and pages."""

import pytest

from simaccess.sim.memory_bus import MemoryBus
from simaccess.sim.memory_port import MemoryPort
from tests.sim.bus import LINE, NS, PAGE, random_lines, timed, walk


@pytest.mark.parametrize("step", [8, 64, 256, 4096, 1 << 20])
def test_prefetcher_raises_the_sequential_rate_to_its_own_bound(step: int) -> None:
    size = 1 << 20

    async def use(_: MemoryBus, port: MemoryPort) -> None:
        await walk(port, size, step)

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
            await walk(port, 2 << 20, 64)

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
