"""Bulk copies over a PCI bus: bursts, peaks and the DMA engine, against closed forms."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simaccess.sim.environment import Agent
from simaccess.sim.pci_bus import PciBus
from simaccess.sim.pci_dma import FifoMemory
from tests.sim.pci import (
    BARE,
    NS,
    PEAKS,
    WIDE,
    Body,
    bulk,
    duration,
    loads,
    make,
    run,
    stores,
)


@pytest.mark.parametrize("name", PEAKS)
def test_the_peak_is_a_data_phase_a_clock(name: str) -> None:
    changes, peak = PEAKS[name]
    length = 1 << 24
    time = duration({**BARE, **changes, "dma.burst": "1 GiB"}, length, inwards=True)
    clocks = 3 + length // int(str(changes.get("bus.width", "4 B")).split()[0])
    clock = {"32/33": 33e6, "64/66": 66e6, "X 133": 133.3e6}[name]
    assert time == pytest.approx(clocks / clock * 1e12, abs=1)
    assert length / time * 1e12 == pytest.approx(peak, rel=1e-5)


@pytest.mark.parametrize(
    ("burst", "inwards", "rate"), [(256, False, 145.7e6), (512, False, 228.3e6), (512, True, 315e6)]
)
def test_rates_of_a_myrinet_host(burst: int, inwards: bool, rate: float) -> None:
    changes = {
        **BARE, **WIDE, "dma.burst": f"{burst} B",
        "host.read_latency": 16, "host.delayed": True, "host.read_delay": 63,  # 84 with the idle clock
        "host.write_latency": 16, "host.write_delay": 26,  # 43 with the idle clock
    }  # fmt: skip
    length = 1 << 22
    time = duration(changes, length, inwards=inwards)
    assert length / time * 1e12 == pytest.approx(rate, rel=3e-3)
    clocks = burst // 8 + (43 if inwards else 84)
    bursts = length // burst
    last = 1 + 26 if inwards else 1
    tick = round(clocks * 1e12 / 66e6)  # about: each part is rounded to a picosecond
    assert time == pytest.approx(bursts * tick - last * 1e12 / 66e6, abs=4 * bursts)


def test_rate_of_a_pci_x_host() -> None:
    changes = {
        **BARE, **PEAKS["X 133"][0], "dma.burst": "4096 B", "bus.split": True,
        "bus.boundary": "128 B", "host.delayed": True, "host.read_delay": 60, "host.read_latency": 5,
    }  # fmt: skip
    length = 1 << 24
    assert length / duration(changes, length, inwards=False) * 1e12 == pytest.approx(
        936e6, rel=1e-3
    )


@given(
    offset=st.integers(0, 300),
    length=st.integers(1, 9000),
    burst=st.sampled_from([4, 64, 100, 256, 4096]),
    disconnect=st.sampled_from([0, 32, 128, 1000]),
    page=st.sampled_from([0, 64, 512, 4096]),
    delayed=st.booleans(),
    devsel=st.integers(1, 3),
    gap=st.integers(0, 3),
    bursts=st.booleans(),
    inwards=st.booleans(),
    lumps=st.booleans(),
)
@settings(max_examples=100, deadline=None)
def test_a_lone_copy_follows_the_equation(
    *,
    offset: int, length: int, burst: int, disconnect: int, page: int, delayed: bool, devsel: int, gap: int,
    bursts: bool, inwards: bool, lumps: bool,
) -> None:  # fmt: skip
    changes = {
        **BARE, "dma.burst": f"{burst} B", "host.disconnect": f"{disconnect} B",
        "host.page": f"{page} B", "host.delayed": delayed, "host.devsel": devsel,
        "host.read_delay": 7 if delayed else 0, "host.write_delay": gap, "bus.burst": bursts,
    }  # fmt: skip
    env, link = make(changes, lumps=lumps)
    (agent,) = run(env, bulk(link, length, inwards=inwards, at=offset))
    clocks, at = 0, offset
    while at < offset + length:
        stops = [offset + length, at + burst]
        stops += [at + disconnect] if disconnect else []
        stops += [(at // page + 1) * page] if page else []
        stops += [] if bursts else [(at // 4 + 1) * 4]
        end = min(stops)
        phases = -(-end // 4) - at // 4
        clocks += (3 if inwards else 10) + phases + 1
        clocks += gap if inwards else (devsel + 2 + 7 if delayed else 0)
        at = end
    clocks -= 1 + (gap if inwards else 0)
    assert agent.wait == clocks * 10 * NS
    assert link.use(agent.time)["bus"].payload_bytes == length


def test_reads_are_slower_than_writes_because_only_writes_are_posted() -> None:
    length, bursts = 4096, 16
    push = duration(BARE, length, inwards=True)
    pull = duration({**BARE, "dma.side": "host"}, length, inwards=True)
    assert push == (bursts * (3 + 64 + 1) - 1) * 10 * NS
    assert pull == (bursts * (8 + 64 + 1) - 1) * 10 * NS
    changes = {"host.delayed": True, "host.read_delay": 60}
    assert duration(changes, length, inwards=False) > 1.5 * duration(changes, length, inwards=True)
    # The asymmetry goes with the round trip, for DMA as for the processor.
    same = {"host.read_latency": 3, "device.read_latency": 3}
    assert duration(same, length, inwards=False) == duration(same, length, inwards=True)
    env, link = make()
    (write,) = run(env, stores(link, 4, 2))
    env, link = make()
    (read,) = run(env, loads(link, 4, 2))
    assert read.stall > 20 * write.stall


@pytest.mark.parametrize("off", [None, "bus.burst", "dma.enabled"])
def test_bulk_copies_win_by_bursts_and_dma(off: str | None) -> None:
    changes: dict[str, Any] = {"pio.outbound": "5 ns", "pio.inbound": "5 ns"}
    changes |= {"bus.arbitration": 0, "device.read_latency": 2, "host.write_latency": 2}
    if off:
        changes[off] = False
    length = 16384
    env, link = make(changes)
    (zero,) = run(env, loads(link, 4, length // 4))
    copy = duration(changes, length, inwards=True)
    if off is None:
        assert copy < 0.4 * zero.time
    else:
        assert copy > 0.9 * zero.time


@pytest.mark.parametrize("gap", [0, 7, 40])
def test_a_master_rests_after_a_written_burst_whatever_it_does_next(gap: int) -> None:
    # Blocks of one burst each; the write-back of each rests the engine before the next.
    env, link = make({**BARE, "host.write_delay": gap, "dma.writeback": "4 B"})
    (agent,) = run(env, transfers(link, 10, 64))
    assert agent.time == (10 * (3 + 16 + 1 + gap + 3 + 1 + 1 + gap) - gap - 1) * 10 * NS
    # Two channels of an engine are one master, and share its rests.
    changes = {**BARE, "host.write_delay": gap, "dma.channels": 2}
    env, link = make(changes)
    agents = run(env, *(bulk(link, 1024, inwards=True) for _ in range(2)))
    assert max(agent.time for agent in agents) == (8 * (3 + 64 + 1 + gap) - gap - 1) * 10 * NS


def test_without_an_engine_the_processor_copies() -> None:
    env, link = make({"dma.enabled": False})
    (agent,) = run(env, bulk(link, 64, inwards=True))
    assert agent.copy == agent.time == 16 * (20 + (2 + 8 + 1) * 10 + 30) * NS


# -- the engine ------------------------------------------------------------------------------------


def test_the_steps_of_a_dma_transfer() -> None:
    env, link = make({"interrupt.latency": "500 ns"})
    (agent,) = run(env, bulk(link, 256, inwards=True))
    doorbell = 50 + (2 + 3 + 1) * 10
    descriptor = 100 + (2 + 10 + 4) * 10
    # The engine asks again while the bus is still in its idle clock: arbitration outlasts that.
    data = (2 + 3 + 64) * 10
    writeback = (2 + 3 + 1) * 10
    assert agent.issue == (50 + 300) * NS
    assert agent.time == (doorbell + descriptor + data + writeback + 500 + 300) * NS
    use = link.use(agent.time)["bus"]
    assert (use.payload_bytes, use.overhead_bytes) == (256, 4 + 16 + 4)
    assert use.payload * agent.time == pytest.approx(64 * 10 * NS)
    assert use.overhead * agent.time == pytest.approx((5 + 15 + 4 + 5) * 10 * NS)


def transfers(link: PciBus, count: int, length: int) -> Body:
    async def body(_: Agent) -> None:
        port, local = link.attach(), link.local(0)
        begun = [await port.fetch(k * length, length, local, 0) for k in range(count)]
        for transfer in begun:
            await transfer

    return body


@pytest.mark.parametrize("span", [256, 1000, 4096])
def test_a_descriptor_is_fetched_for_each_span(span: int) -> None:
    env, link = make({"dma.span": f"{span} B"})
    (agent,) = run(env, bulk(link, 2048, inwards=True))
    count = math.ceil(2048 / span)
    assert link.use(agent.time)["bus"].overhead_bytes == 4 + 16 * count + 4
    one = duration({}, 2048, inwards=True)
    assert agent.time - one == (count - 1) * 4 * 10 * NS  # 4 data phases each, in one burst


def test_an_engine_of_the_host_has_descriptors_and_status_at_hand() -> None:
    env, link = make({"dma.side": "host"})
    (agent,) = run(env, bulk(link, 256, inwards=True))
    assert link.use(agent.time)["bus"].overhead_bytes == 0
    assert agent.time == (50 + 100 + (2 + 8 + 64) * 10 + 500 + 300) * NS


def test_moderation_counts_from_the_last_interrupt() -> None:
    env, link = make({"interrupt.moderation": "4 us"})
    alone = duration({}, 256, inwards=True)
    ends = []

    async def body(agent: Agent) -> None:
        port, local = link.attach(), link.local(0)
        for begin in (0, 2000 * NS, 20_000 * NS):
            await agent.sleep_until(begin)
            await (await port.fetch(0, 256, local, 0))
            ends.append(agent.time)

    run(env, body)
    # The second completes 2 us after the first, too early for another interrupt.
    assert ends == [alone, alone + 4000 * NS, 20_000 * NS + alone]


def test_moderation_shares_interrupts() -> None:
    env, link = make()
    (plain,) = run(env, transfers(link, 8, 256))
    assert link.dma.interrupts == 8
    env, link = make({"interrupt.moderation": "4 us"})
    (moderated,) = run(env, transfers(link, 8, 256))
    assert 1 < link.dma.interrupts < 8
    saved = 8 - link.dma.interrupts
    assert plain.issue - moderated.issue == saved * 300 * NS


def test_a_polling_processor_sees_the_end_at_its_next_look() -> None:
    polled = {**BARE, "dma.completion": "polling", "polling.cost": "7 ns"}
    end = duration({**polled, "polling.cost": "0 s"}, 256, inwards=True)
    assert end == (3 + 64) * 10 * NS
    looks = duration({**polled, "polling.interval": "100 ns"}, 256, inwards=True)
    assert looks == math.ceil(end / (100 * NS)) * 100 * NS + 7 * NS


def test_channels_overlap_the_delays_of_reads() -> None:
    changes = {**BARE, "host.delayed": True, "host.read_delay": 100}

    def both(channels: int) -> int:
        env, link = make({**changes, "dma.channels": channels})
        agents = run(env, *(bulk(link, 8192, inwards=False) for _ in range(2)))
        return max(agent.time for agent in agents)

    # Alone: request 4, delay 100, data 10 + 64 + 1. With two channels the other's data take the
    # place of the delay that comes before them, but a request waits behind them.
    clocks = 32 * (4 + 100 + 75)
    assert both(1) == (2 * clocks - 1) * 10 * NS
    assert both(2) == (clocks + 32 * 75 - 1) * 10 * NS


@pytest.mark.parametrize("rate", [50e6, 1e9])
def test_bytes_cross_host_memory_too_and_the_slower_binds(rate: float) -> None:
    memory = FifoMemory(rate)
    env, link = make({**BARE, "dma.burst": "4096 B"}, memory=memory)
    length = 1 << 20
    (agent,) = run(env, transfers(link, 4, length))
    assert memory.station.bytes == 4 * length == link.use(agent.time)["bus"].payload_bytes
    assert 4 * length / agent.time * 1e12 == pytest.approx(min(rate, 400e6), rel=0.01)


def test_bytes_arrive_where_they_belong() -> None:
    rng = np.random.default_rng(7)
    original = rng.bytes(4096)
    data = memoryview(bytearray(original))
    env, link = make(size=4096, data=data)

    async def body(_: Agent) -> None:
        port, local = link.attach(), link.local(1024)
        view = await port.load(100, 33)
        assert view is not None
        assert bytes(view) == original[100:133]
        await (await port.fetch(512, 700, local, 11))
        copied = local.view(11, 700)
        assert copied is not None
        assert bytes(copied) == original[512:1212]
        await port.store(5, 4, memoryview(b"abcd"))
        await (await port.flush(2000, 700, local, 11))

    run(env, body)
    assert bytes(data[5:9]) == b"abcd"
    assert bytes(data[2000:2700]) == original[512:1212]
