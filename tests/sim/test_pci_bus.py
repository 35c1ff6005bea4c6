"""A PCI bus transaction by transaction, clock for clock, against closed forms."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from simaccess.sim.environment import Agent
from simaccess.sim.pci_bus import PciBus
from tests.sim.pci import (
    NS,
    figures,
    loads,
    make,
    run,
    stores,
)


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
    latency=st.integers(3, 16),
    devsel=st.integers(1, 3),
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
    devsel: int,
    delay: int,
    arbitration: int,
    width: int,
    delayed: bool,
) -> None:
    request = devsel + 2 if delayed else 0
    changes = {
        "device.read_latency": latency, "bus.arbitration": arbitration,
        "pio.width": f"{width} B", "device.delayed": delayed, "device.devsel": devsel,
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


@pytest.mark.parametrize("combined", [16, 32, 64])
def test_stores_combine_to_lines_of_the_given_length(combined: int) -> None:
    env, link = make({"pio.mapping": "write-combining", "pio.combined": f"{combined} B"})
    run(env, stores(link, 4, 64))
    use = link.use(10**9)["bus"]
    assert use.overhead * 10**9 == pytest.approx(256 / combined * 4 * 10 * NS)


@pytest.mark.parametrize("inwards", [True, False])
@pytest.mark.parametrize("side", ["device", "host"])
def test_a_combined_line_is_posted_before_a_copy(side: str, *, inwards: bool) -> None:
    """Else the engine might read what the processor has written before it is there."""
    env, link = make({"pio.mapping": "write-combining", "dma.side": side, "dma.start": "0 s"})

    async def body(_: Agent) -> None:
        port, local = link.attach(), link.local(64)
        await port.store(0, 8, None)
        await (await (port.fetch if inwards else port.flush)(0, 64, local, 0))

    (agent,) = run(env, body)
    assert link.use(agent.time)["bus"].payload_bytes == 8 + 64


@pytest.mark.parametrize(("limit", "key"), [(8, "device.disconnect"), (8, "device.page")])
def test_a_target_ends_the_processors_transactions(limit: int, key: str) -> None:
    wide = {"pio.mapping": "write-combining", key: f"{limit} B"}
    env, link = make(wide)
    (agent,) = run(env, loads(link, 16))
    # 16 bytes in two transactions of two data phases; the bridge goes on at once.
    assert agent.stall == (20 + (2 + (8 + 2 + 1) + (8 + 2)) * 10 + 30) * NS
    env, link = make(wide)
    run(env, stores(link, 4, 8))  # a line of 32 bytes
    use = link.use(10**9)["bus"]
    assert use.overhead * 10**9 == pytest.approx(4 * (3 + 1) * 10 * NS)
    assert use.payload_bytes == 32


def test_a_page_of_the_target_counts_from_its_start_and_a_disconnect_from_the_burst() -> None:
    for key, bursts in (("device.disconnect", 2), ("device.page", 3)):
        env, link = make({"pio.mapping": "write-combining", "pio.streaming": "32 B", key: "8 B"})

        async def body(_: Agent, link: PciBus = link) -> None:
            await link.attach().load(4, 16)

        (agent,) = run(env, body)
        assert agent.stall == (20 + (2 + bursts * (8 + 1) + 4 - 1) * 10 + 30) * NS


@pytest.mark.parametrize("gap", [0, 3, 40])
def test_the_bridge_rests_after_a_posted_write(gap: int) -> None:
    env, link = make({"device.write_delay": gap})
    times = 50
    (agent,) = run(env, stores(link, 4, times))
    assert agent.stall == (2 + 20 + (times - 4) * (50 + 10 * gap) - 10 - 10 * gap) * NS
    env, link = make({"device.write_delay": gap})

    async def body(_: Agent) -> None:
        port = link.attach()
        await port.store(0, 4, None)
        await port.load(64, 4)

    (agent,) = run(env, body)
    assert agent.stall == (2 + 20 + (5 + gap) * 10 + (8 + 1) * 10 + 30) * NS


def test_a_combined_line_is_posted_before_a_load() -> None:
    env, link = make({"pio.mapping": "write-combining"})

    async def body(agent: Agent) -> None:
        port = link.attach()
        await port.store(0, 8, None)
        assert link.use(agent.time)["bus"].payload_bytes == 0
        await port.load(64, 4)

    (agent,) = run(env, body)
    assert link.use(agent.time)["bus"].payload_bytes == 12


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
