"""What single parameters of a memory bus do, each against arithmetic."""

from __future__ import annotations

import numpy as np
import pytest

from simaccess.sim.environment import Agent, Environment
from simaccess.sim.memory_bus import MemoryBus
from simaccess.sim.memory_port import MemoryPort
from tests.sim.bus import LINE, NS, parameters, run, timed

LATENCY = 80 * NS
READ, WRITE = 4 * NS, 8 * NS  # of the channel


@pytest.mark.parametrize("size", [4 << 10, 64 << 10, 1 << 20])
def test_each_page_of_the_given_size_is_walked_once(size: int) -> None:
    span = 1 << 21

    async def use(_: MemoryBus, port: MemoryPort) -> None:
        for offset in range(0, span, 4 << 10):
            await port.load(offset, 8)

    pages = {"pages__size": f"{size} B", "pages__tlb_entries": 4096}
    without, _ = timed(use, span, **pages)
    ticks, _ = timed(use, span, pages__walk="72 ns", **pages)
    assert ticks - without == span // size * 72 * NS


@pytest.mark.parametrize("trigger", [1, 2, 3, 7])
def test_the_prefetcher_begins_with_the_line_that_triggers_it(trigger: int) -> None:
    ahead = 5

    async def use(bus: MemoryBus, port: MemoryPort) -> None:
        for line in range(12):
            await port.load(line * LINE, LINE)
            # Up to there one line a load; then the one read and those ahead of it.
            lines = line + 1 if line + 1 < trigger else line + ahead
            assert bus.channel.bytes == lines * LINE

    timed(
        use,
        prefetcher__enabled=True,
        prefetcher__lines=ahead,
        prefetcher__trigger=trigger,
    )


@pytest.mark.parametrize("request_bytes", [64, 256, 4096])
def test_other_masters_come_in_requests_of_their_size(request_bytes: int) -> None:
    rate = 4e9
    bus = MemoryBus(
        Environment(),
        parameters(background__rate="4 GB/s", background__request=f"{request_bytes} B"),
        4096,
        seed=5,
    )
    end = 2_000_000 * NS
    arrivals: list[int] = []
    while not arrivals or arrivals[-1] < end:
        arrivals += bus.channel.take().tolist()
    count = sum(arrival <= end for arrival in arrivals)
    expected = rate * end / 1e12 / request_bytes
    assert abs(count - expected) < 5 * np.sqrt(expected)
    one = MemoryBus(
        Environment(),
        parameters(background__rate="4 GB/s", background__request=f"{request_bytes} B"),
        4096,
        seed=5,
    ).channel
    used = one.use(arrivals[0])  # the first of them has just come
    assert used.other_bytes == request_bytes
    assert one.free == arrivals[0] + request_bytes // LINE * READ


def test_the_issue_of_each_copy_takes_its_time() -> None:
    copies = 6

    async def use(bus: MemoryBus, port: MemoryPort) -> None:
        shadow = bus.local(1 << 14)
        for number in range(copies):
            await (await port.fetch(number << 12, 1 << 10, shadow, 0))

    without, _ = timed(use)
    ticks, _ = timed(use, core__copy_issue="30 ns")
    assert ticks - without == copies * 30 * NS


@pytest.mark.parametrize("how", ["fetch", "flush", "fetched"])
def test_the_issue_of_a_copy_is_charged_as_such(how: str) -> None:
    env = Environment()
    bus = MemoryBus(env, parameters(core__copy_issue="30 ns"), 1 << 14)
    port = bus.attach()

    async def body(_: Agent) -> None:
        made = await getattr(port, how)(0, 1 << 10, bus.local(1 << 10), 0)
        if how != "fetched":  # which has waited already
            await made

    (agent,) = run(env, body)
    assert agent.issue == 30 * NS
    assert port.moved == 1 << 10


def test_what_a_device_puts_into_a_full_cache_writes_dirty_lines_back() -> None:
    # An L3 of 64 lines, which a device fills twice: the second time all of the first go out.
    bus = MemoryBus(
        Environment(),
        parameters(caches__l1="4 KiB", caches__l2="4 KiB", caches__l3="4 KiB"),
        1 << 20,
    )
    first = bus.dma(0, 0, 4096, write=True)
    assert first == 20 * NS  # into the L3, and nothing over the channel
    assert bus.channel.bytes == bus.channel.busy == 0
    bus.dma(first, 4096, 4096, write=True)
    assert bus.channel.bytes == 4096
    assert bus.channel.busy == 64 * WRITE
    # A reader behind that finds the channel taken.
    assert bus.dma(first, 1 << 16, LINE, write=False) == first + 64 * WRITE + LATENCY


def test_clean_lines_that_a_device_pushes_out_need_no_writing_back() -> None:
    bus = MemoryBus(
        Environment(),
        parameters(caches__l1="4 KiB", caches__l2="4 KiB", caches__l3="4 KiB"),
        1 << 20,
    )
    port = bus.attach()

    async def body(agent: Agent) -> None:
        await port.load(0, 4096)
        read = bus.channel.bytes
        bus.dma(agent.time, 4096, 4096, write=True)
        assert bus.channel.bytes == read

    run(bus.env, body)


@pytest.mark.parametrize("prefetcher", [True, False])
@pytest.mark.parametrize("lines", [1, 2, 3, 16])
def test_outstanding_acts_on_lines_of_one_load_that_is_no_stream(
    lines: int, prefetcher: bool
) -> None:
    async def use(_: MemoryBus, port: MemoryPort) -> None:
        for number in (5, 3, 9, 1):
            await port.load(number << 12, lines * LINE)

    one, many = (
        timed(
            use,
            core__outstanding=outstanding,
            prefetcher__enabled=prefetcher,
            prefetcher__trigger=3,
        )[0]
        for outstanding in (1, 10)
    )
    assert (many < one) == (lines == 2 or (lines > 2 and not prefetcher))
