"""The PCI bus against closed forms: every transaction clock for clock, peaks and asymptotes."""

from __future__ import annotations

import math
from collections.abc import Callable, Coroutine
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from simaccess.sim.environment import Agent, Environment
from simaccess.sim.pci_bus import PciBus, PciParameters
from simaccess.sim.pci_dma import FifoMemory

NS = 1000
Body = Callable[[Agent], Coroutine[Any, Any, None]]

PLAIN: dict[str, dict[str, Any]] = {
    # 100 MHz: a clock is 10 ns exactly, so that every time below is exact.
    "bus": {
        "clock": "100 MHz", "width": "4 B", "arbitration": 2, "idle": 1, "burst": True,
        "latency_timer": 32, "boundary": "4 B", "split": False,
    },
    "host": {
        "devsel": 2, "read_latency": 10, "write_latency": 3, "request": 0, "read_delay": 0,
        "write_delay": 0, "disconnect": "0 B", "page": "0 B",
    },
    "device": {
        "devsel": 2, "read_latency": 8, "write_latency": 3, "request": 0, "read_delay": 0,
        "write_delay": 0, "disconnect": "0 B", "page": "0 B",
    },
    "pio": {
        "mapping": "uncached", "width": "4 B", "combined": "32 B", "streaming": "16 B", "depth": 4,
        "issue": "2 ns", "outbound": "20 ns", "inbound": "30 ns",
    },
    "dma": {
        "enabled": True, "side": "device", "channels": 1, "issue": "50 ns", "doorbell": "4 B",
        "start": "100 ns", "descriptor": "16 B", "span": "4096 B", "burst": "256 B",
        "writeback": "4 B", "completion": "interrupt",
    },
    "interrupt": {"latency": "500 ns", "cost": "300 ns", "moderation": "0 s"},
    "polling": {"interval": "0 s", "cost": "0 s"},
    "other": {"masters": 0, "rate": "0 B/s", "burst": "64 B", "arrivals": "poisson"},
    "local": {"latency": "5 ns", "rate": "1 GB/s", "copy_rate": "1 GB/s"},
}  # fmt: skip
# An engine without any overhead of its own: only its bursts remain.
BARE = {
    "dma.issue": "0 s", "dma.doorbell": "0 B", "dma.start": "0 s", "dma.descriptor": "0 B",
    "dma.writeback": "0 B", "interrupt.latency": "0 s", "interrupt.cost": "0 s",
    "bus.arbitration": 0,
}  # fmt: skip
PEAKS = {
    "32/33": ({"bus.clock": "33 MHz"}, 132e6),
    "64/66": ({"bus.clock": "66 MHz", "bus.width": "8 B", "bus.boundary": "8 B"}, 528e6),
    "X 133": ({"bus.clock": "133.3 MHz", "bus.width": "8 B", "bus.boundary": "8 B"}, 1066.4e6),
}
WIDE = PEAKS["64/66"][0]


def figures(**changes: Any) -> PciParameters:
    sections = {name: dict(section) for name, section in PLAIN.items()}
    for key, value in changes.items():
        section, name = key.split(".")
        sections[section][name] = value
    return PciParameters.model_validate(sections)


def make(
    changes: dict[str, Any] | None = None, size: int = 1 << 26, **keywords: Any
) -> tuple[Environment, PciBus]:
    env = Environment()
    return env, PciBus(env, figures(**(changes or {})), size, **keywords)


def run(env: Environment, *bodies: Body) -> list[Agent]:
    agents = [env.start(body) for body in bodies]
    env.run(until=10**16)
    for agent in agents:
        assert agent.end is not None
        spent = agent.compute + agent.stall + agent.copy + agent.issue + agent.wait
        assert spent == agent.time - agent.start
    return agents


def bulk(link: PciBus, length: int, *, inwards: bool, at: int = 0) -> Body:
    async def body(_: Agent) -> None:
        port, local = link.attach(), link.local(0)
        call = port.fetch if inwards else port.flush
        await (await call(at, length, local, at))

    return body


def loads(link: PciBus, length: int, times: int = 1) -> Body:
    async def body(_: Agent) -> None:
        port = link.attach()
        for index in range(times):
            await port.load(index * length, length)

    return body


def stores(link: PciBus, length: int, times: int = 1) -> Body:
    async def body(_: Agent) -> None:
        port = link.attach()
        for index in range(times):
            await port.store(index * length, length, None)

    return body


def duration(changes: dict[str, Any], length: int, *, inwards: bool) -> int:
    env, link = make(changes)
    (agent,) = run(env, bulk(link, length, inwards=inwards))
    return agent.time


# -- single transactions ---------------------------------------------------------------------------


@pytest.mark.parametrize(("width", "phases"), [("4 B", 1), ("8 B", 2)])
def test_an_uncached_load_takes_the_written_number_of_clocks(width: str, phases: int) -> None:
    env, link = make({"pio.width": width})
    length = 4 * phases
    (agent,) = run(env, loads(link, length))
    # out, arbitration, clocks from FRAME# to the first data, data; and back
    assert agent.stall == agent.time == (20 + (2 + 8 + phases) * 10 + 30) * NS
    use = link.use(agent.time)["bus"]
    assert use.payload * agent.time == pytest.approx(phases * 10 * NS)
    assert use.overhead * agent.time == pytest.approx((8 + 1) * 10 * NS)  # idle included
    assert use.payload_bytes == length


def test_an_uncached_load_never_bursts() -> None:
    env, link = make()
    (agent,) = run(env, loads(link, 64))
    assert agent.stall == 16 * (20 + (2 + 8 + 1) * 10 + 30) * NS


def test_a_wider_mapping_reads_several_phases_at_once() -> None:
    env, link = make({"pio.mapping": "write-combining"})
    (agent,) = run(env, loads(link, 64))
    assert agent.stall == 4 * (20 + (2 + 8 + 4) * 10 + 30) * NS


@given(
    offset=st.integers(0, 40),
    length=st.integers(1, 80),
    latency=st.integers(2, 16),
    delay=st.integers(0, 60),
    arbitration=st.integers(0, 5),
    width=st.sampled_from([4, 8]),
    delayed=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_loads_follow_the_equation(
    *,
    offset: int,
    length: int,
    latency: int,
    delay: int,
    arbitration: int,
    width: int,
    delayed: bool,
) -> None:
    request = 5 if delayed else 0
    changes = {
        "device.read_latency": latency, "bus.arbitration": arbitration,
        "pio.width": f"{width} B", "device.request": request,
        "device.read_delay": delay if delayed else 0,
    }  # fmt: skip
    env, link = make(changes)

    async def body(_: Agent) -> None:
        await link.attach().load(offset, length)

    (agent,) = run(env, body)
    expected = 0
    at = offset
    while at < offset + length:
        end = min(offset + length, (at // width + 1) * width)
        phases = -(-end // 4) - at // 4
        clocks = arbitration + latency + phases + (request + delay if delayed else 0)
        # The bus stays busy for the idle clock after the data, which the way back hides here.
        expected += 20 + clocks * 10 + 30
        at = end
    assert agent.stall == expected * NS


def test_stores_are_posted_and_a_load_pushes_them() -> None:
    env, link = make()

    async def body(agent: Agent) -> None:
        port = link.attach()
        await port.store(0, 8, None)
        assert agent.time == 2 * 2 * NS  # two transactions posted, nothing waited for
        before = agent.time
        await port.load(64, 4)
        # The first write starts at 22 ns and holds the bus for 3 + 1 + 1 clocks, so does the
        # second; the load, at the bus since 24 ns, follows them.
        first = (2 + 20) + 50 + 50
        assert agent.time - before == (first - 4 + (8 + 1) * 10 + 30) * NS

    run(env, body)


def test_stores_stall_when_the_buffer_is_full() -> None:
    env, link = make()
    times = 50
    (agent,) = run(env, stores(link, 4, times))
    # Four are in the buffer; the last enters when the fifth but last has left: k transactions of
    # 5 clocks after the first FRAME#, less the idle clock.
    assert agent.stall == (2 + 20 + (times - 4) * 50 - 10) * NS
    env, link = make()
    (agent,) = run(env, stores(link, 4, 4))
    assert agent.stall == 4 * 2 * NS


@pytest.mark.parametrize(("mapping", "bursts"), [("uncached", 64), ("write-combining", 8)])
def test_stores_combine_in_a_write_combining_mapping_only(mapping: str, bursts: int) -> None:
    env, link = make({"pio.mapping": mapping})
    run(env, stores(link, 4, 64))
    use = link.use(10**9)["bus"]
    assert use.payload_bytes == 256
    assert use.payload * 10**9 == pytest.approx(64 * 10 * NS)
    assert use.overhead * 10**9 == pytest.approx(bursts * 4 * 10 * NS)


def test_a_combined_line_is_posted_before_a_load() -> None:
    env, link = make({"pio.mapping": "write-combining"})

    async def body(agent: Agent) -> None:
        port = link.attach()
        await port.store(0, 8, None)
        assert link.use(agent.time)["bus"].payload_bytes == 0
        await port.load(64, 4)

    (agent,) = run(env, body)
    assert link.use(agent.time)["bus"].payload_bytes == 12


# -- bursts and peaks ------------------------------------------------------------------------------


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
        "host.read_latency": 16, "host.request": 4, "host.read_delay": 63,  # 84 with the idle clock
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
        "bus.boundary": "128 B", "host.request": 5, "host.read_delay": 60, "host.read_latency": 5,
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
    request=st.sampled_from([0, 4]),
    gap=st.integers(0, 3),
    bursts=st.booleans(),
    inwards=st.booleans(),
    lumps=st.booleans(),
)
@settings(max_examples=100, deadline=None)
def test_a_lone_copy_follows_the_equation(
    *,
    offset: int, length: int, burst: int, disconnect: int, page: int, request: int, gap: int,
    bursts: bool, inwards: bool, lumps: bool,
) -> None:  # fmt: skip
    changes = {
        **BARE, "dma.burst": f"{burst} B", "host.disconnect": f"{disconnect} B",
        "host.page": f"{page} B", "host.request": request,
        "host.read_delay": 7 if request else 0, "host.write_delay": gap, "bus.burst": bursts,
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
        clocks += gap if inwards else (request + 7 if request else 0)
        at = end
    clocks -= 1 + (gap if inwards else 0)
    assert agent.wait == clocks * 10 * NS
    assert link.use(agent.time)["bus"].payload_bytes == length


def test_reads_are_slower_than_writes_because_only_writes_are_posted() -> None:
    length = 4096
    push = duration({}, length, inwards=True)
    pull = duration({"dma.side": "host"}, length, inwards=True)
    assert push < pull + 16 * (3 + 2) * 10 * NS + 10**6
    changes = {"host.request": 4, "host.read_delay": 60}
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
    changes = {**BARE, "host.request": 4, "host.read_delay": 100}

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


# -- what is refused -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"host.read_latency": 33},
        {"device.read_latency": 17},
        {"device.read_latency": 1},
        {"host.write_latency": 1},
        {"device.read_delay": 3},
        {"bus.boundary": "6 B"},
        {"other.masters": 1},
        {"pio.depth": 0},
        {"host.devsel": 4},
    ],
)
def test_impossible_figures_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        figures(**changes)
