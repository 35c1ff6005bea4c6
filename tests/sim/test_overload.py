"""Others who offer what a link carries, or more: who is still served, who is refused, and how."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from simaccess.errors import InputError
from simaccess.model import load_model, model_names
from simaccess.scenario import Scenario
from simaccess.sim import cross_traffic
from simaccess.sim.cross_traffic import CrossTraffic
from simaccess.sim.environment import TICKS_PER_SECOND
from simaccess.sim.kernel_clock import rings_after
from simaccess.sim.memory_parameters import MemoryBusParameters
from simaccess.sim.recovery import RETRIES
from simaccess.simulate import simulate
from simaccess.workload.registry import workload
from tests.sim.bus import parameters as memory_parameters
from tests.sim.pci import BARE, bulk, make, run_until
from tests.sim.wan import OVERHEAD, REQUEST, RTT, Run

LOADS = (0.5, 0.9, 0.99, 1.0, 1.1, 2.0, 10.0)


# -- a bus with an arbiter: whoever asks gets a turn -----------------------------------------------


@pytest.mark.parametrize("others", [1, 3])
def test_how_much_masters_offer_beyond_the_bus_does_not_matter(others: int) -> None:
    # 16 data phases and 3 clocks, 10 ns each: of bursts of 64 B the bus carries 337 MB/s.
    ends, turns = set(), set()
    for rate in ("800 MB/s", "3370 MB/s", "10 TB/s"):
        changes = {**BARE, "dma.burst": "64 B", "dma.channels": 1, "other.masters": others,
                   "other.rate": rate, "other.burst": "64 B", "other.arrivals": "periodic"}  # fmt: skip
        env, link = make(changes)
        (agent,) = run_until(env, bulk(link, 64 * 1000, inwards=True), 10**10)
        use = link.use(agent.time)["bus"]
        ends.add(agent.time)
        turns.add(round(use.other_bytes / use.payload_bytes, 2))
        # What nobody has granted yet waits with its master, however much that is.
        assert max(map(len, link.bus._ready)) <= 1
        assert len(link.bus._coming) <= others
    assert turns == {others}
    assert max(ends) - min(ends) <= max(ends) // 100  # the first rounds differ


@pytest.mark.parametrize("arrivals", ["periodic", "poisson"])
@pytest.mark.parametrize("load", LOADS)
def test_a_bus_carries_what_masters_offer_as_far_as_it_can(load: float, arrivals: str) -> None:
    # 16 data phases and 4 clocks of 10 ns for a burst of 64 B: 320 MB/s.
    changes = {"other.masters": 2, "other.rate": f"{load * 320} MB/s", "other.burst": "64 B",
               "other.arrivals": arrivals}  # fmt: skip
    env, link = make(changes)
    env.run(until=10**10)
    use = link.use(10**10)["bus"]
    assert use.other == pytest.approx(min(load, 1.0), rel=0.03)
    assert use.other_bytes == pytest.approx(use.other * 3.2e6, rel=1e-3)
    assert use.utilisation <= 1


# -- a queue without a bound: no steady state ------------------------------------------------------


@pytest.mark.parametrize("request_bytes", [1, 64, 4096])
@pytest.mark.parametrize("load", LOADS)
def test_memory_is_refused_a_load_that_its_queue_cannot_bear(
    load: float, request_bytes: int
) -> None:
    bare = memory_parameters()
    # A request takes whole ticks: of 1 B, this memory carries less than its rate.
    service = int(request_bytes / bare.memory.read_rate * TICKS_PER_SECOND + 0.5)
    rate = load * request_bytes / service * TICKS_PER_SECOND

    def build() -> MemoryBusParameters:
        return memory_parameters(
            background__rate=f"{rate!r} B/s", background__request=f"{request_bytes} B"
        )

    if load < 1:
        assert build().background.rate == rate
        return
    with pytest.raises(
        ValidationError, match=r"grow without end; allowed: less than [\d.]+ GB/s, which"
    ):
        build()


def test_whatever_figure_is_set_the_line_names_the_load_and_what_bears_it() -> None:
    busy = load_model("shared-memory-ddr4", {"background.rate": "50 GB/s"})
    with pytest.raises(InputError) as refused:
        busy.with_values({"memory.channels": 2})
    assert str(refused.value) == (
        "background.rate = '50 GB/s': as much as the memory carries or more, so that its queue would"
        " grow without end; allowed: less than 33.7909 GB/s, which memory.channels = 2 of"
        " memory.rate = 19.2 GB/s carry with memory.efficiency = 0.88"
    )


# -- a buffer that drops ---------------------------------------------------------------------------


def crowded(many: int, until: list[int], **changes: Any) -> list[Any]:
    """Return a bottleneck's state at some times; `many` bursts or more are taken at once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cross_traffic, "_FEW", many)
        down = Run(**changes).link.down
        states = []
        for time in until:
            down.room(time)
            state = {key: getattr(down.station, key) for key in down.station.__slots__}
            states.append((down.cross.next, state))
        return states


@settings(max_examples=40, deadline=None)
@given(
    burst=st.sampled_from([700, 1500, 3000, 4000, 15_000, 60_000]),
    buffer=st.sampled_from([1500, 9000, 100_001, 250_000]),
    load=st.sampled_from([0.9, 1.0, 1.01, 1.1, 2.0, 10.0]),
    seed=st.integers(0, 9),
    gaps=st.lists(st.integers(1, 10**11), min_size=1, max_size=5),
)
@example(burst=4000, buffer=9000, load=2.0, seed=0, gaps=[1_562_883_072])  # packets of two sizes
def test_bursts_taken_at_once_are_those_taken_one_by_one(
    burst: int, buffer: int, load: float, seed: int, gaps: list[int]
) -> None:
    changes: dict[str, Any] = {
        "cross__rate": f"{load * 100} Mbit/s", "cross__burst": f"{burst} B",
        "path__buffer": f"{buffer} B", "seed": seed,
    }  # fmt: skip
    until = [sum(gaps[: index + 1]) for index in range(len(gaps))]
    assert crowded(8, until, **changes) == crowded(1 << 60, until, **changes)


def test_few_of_the_bursts_that_keep_a_buffer_full_are_taken_one_by_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    alone = 0
    advance = CrossTraffic.advance

    def counted(cross: CrossTraffic) -> None:
        nonlocal alone
        alone += 1
        advance(cross)

    monkeypatch.setattr(CrossTraffic, "advance", counted)
    run = Run(cross__rate="1 Gbit/s", cross__burst="1500 B", path__buffer="250 kB")
    run.link.down.room(TICKS_PER_SECOND)  # 83,333 bursts
    assert 0 < alone < 500


@pytest.mark.parametrize("load", LOADS)
def test_a_dropping_buffer_carries_what_it_can(load: float) -> None:
    """An M/D/1 queue with room for K packets: all of them below its rate, its rate beyond."""
    run = Run(cross__rate=f"{load * 100} Mbit/s", cross__burst="1500 B", path__buffer="250 kB")
    use = run.link.down.use(20 * TICKS_PER_SECOND)
    assert use.other == pytest.approx(min(load, 1.0), rel=0.01)
    assert use.other_bytes == pytest.approx(min(load, 1.0) * 250e6, rel=0.01)
    assert use.mean_queue < 167  # packets of the buffer


def test_tcp_beside_overload_gets_next_to_nothing_and_ends() -> None:
    """It backs off from those who do not: the more they offer, the less is left to it."""
    rates = []
    for load in (0.5, 1.1, 2.0):
        run = Run(cross__rate=f"{load * 100} Mbit/s", path__buffer="250 kB", path__jitter="0.1 ms")
        run.user(("load", 2_000_000))
        rates.append(2_000_000 * TICKS_PER_SECOND / run.go().times[0][-1] / 12.5e6)
    assert rates[0] > 0.2
    assert rates[0] > 4 * rates[1] > 16 * rates[2]


def test_a_connection_is_given_up_when_as_many_time_outs_as_in_linux_have_helped_nothing() -> None:
    run = Run(path__loss=0.999999, tcp__rto_minimum="1 s")
    run.user(("load", 100))
    sender = run.ports[0].connections[0].down
    with pytest.raises(
        InputError, match=r"^path.loss = 0.999999: TCP gives a connection up after 15"
    ):
        run.go()
    assert sender.timeouts == RETRIES == 15
    # A probe after one RTO, then time-outs after 1, 2, ... 64, 64, ... of them, and a last wait.
    rto = TICKS_PER_SECOND + RTT
    waits = [rto, *(rto << min(count, 6) for count in range(RETRIES + 1))]
    sent = 2 * RTT + REQUEST + OVERHEAD  # a handshake, and the request on its way
    assert int(run.env.now) == pytest.approx(sent + sum(map(rings_after, waits)), abs=RTT)


@pytest.mark.parametrize("engine", ["simpy", "replay"])
@pytest.mark.parametrize("way", ["", "upstream_"])
def test_both_engines_give_a_connection_up_in_the_same_words(engine: Any, way: str) -> None:
    if engine == "replay":
        pytest.importorskip("numba")
    link = load_model("wan-20ms-100mbit", {f"path.{way}loss": "0.95"})
    asked = Scenario(link, workload("random", {"requests": "100"}), "zero-copy", engine=engine)
    with pytest.raises(InputError) as said:
        simulate(asked)
    assert str(said.value) == (
        f"path.{way}loss = 0.95: TCP gives a connection up after 15 time-outs in a row; allowed: less,"
        f" so that packets get through path.{way}rate = 12.5 MB/s, path.{way}buffer = 250 kB,"
        f" path.{way}loss = 0.95"
    )


def test_overload_beyond_what_tcp_bears_ends_in_one_line() -> None:
    link = load_model("wan-20ms-100mbit", {"cross.rate": "1 Gbit/s", "cross.burst": "1500 B"})
    asked = Scenario(link, workload("random", {"requests": "100"}), "copy-once")
    with pytest.raises(InputError, match=r"^cross.rate = '1 Gbit/s': TCP gives .* 12.5 MB/s"):
        simulate(asked)


# -- what ships ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", model_names())
def test_no_draw_of_a_shipped_model_offers_what_its_link_carries(name: str) -> None:
    model = load_model(name)
    bounds = {key: (model.value(key),) * 2 for key in model.numbers()} | model.bounds()
    for others, rate in (
        ("cross.rate", "path.rate"),
        ("cross.upstream_rate", "path.upstream_rate"),
        ("background.rate", "memory.rate"),
    ):
        if others in bounds:
            most, least = bounds[others][1], bounds[rate][0]
            assert isinstance(most, float)
            assert isinstance(least, float)
            assert most < 0.6 * least, others
