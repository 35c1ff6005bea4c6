"""A WAN link against closed forms: cold and warm transfers, windows, bounds, what is refused."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from simaccess.model import load_model
from simaccess.result import Latency
from simaccess.scenario import Scenario
from simaccess.sim.bbr import Bbr
from simaccess.sim.environment import TICKS_PER_SECOND, Agent, Environment
from simaccess.sim.train import Train
from simaccess.sim.wan_link import WanLink
from simaccess.sim.wan_parameters import WanParameters
from simaccess.simulate import simulate
from simaccess.workload.registry import workload
from tests.sim.wan import (
    HEADER,
    MS,
    MSS,
    OVERHEAD,
    REQUEST,
    RTT,
    TAU,
    Run,
    cold,
    lose,
    parameters,
    ramp,
)


@pytest.mark.parametrize("packets", [1, 10, 11, 30, 46, 500, 5000])
def test_cold_transfer_takes_the_rounds_of_slow_start(packets: int) -> None:
    run = Run()
    run.user(("load", packets * MSS))
    assert run.go().spans() == [cold(packets) + REQUEST + OVERHEAD]


@pytest.mark.parametrize("packets", [1, 7, 100, 5000])
def test_warm_transfer_takes_a_round_trip_and_its_bytes(packets: int) -> None:
    run = Run()
    run.user(ramp(), ("load", packets * MSS))
    assert run.go().spans()[1] == RTT + REQUEST + packets * TAU + OVERHEAD


def test_a_short_last_packet_carries_its_own_header() -> None:
    run = Run()
    run.user(ramp(), ("load", MSS + 100))
    short = (100 + HEADER) * 8 * TICKS_PER_SECOND // 10**8
    assert run.go().spans()[1] == RTT + REQUEST + TAU + short + OVERHEAD


def test_store_and_flush_upload_with_the_users_own_window() -> None:
    upload = 46 * MSS - 48  # with the request's 48 bytes, 46 full packets
    run = Run()
    run.user(("load", MSS), ("store", upload), ("flush", upload), ("await", 1))
    load, store, *flush = run.go().spans()
    reply = REQUEST
    assert load == cold(1) + REQUEST + OVERHEAD
    assert store == cold(46) - RTT + reply + OVERHEAD
    assert flush[0] == 5 * TICKS_PER_SECOND // 10**6
    assert sum(flush) == RTT + 46 * TAU + reply + OVERHEAD  # the window is open now


def test_slow_start_grows_to_twice_what_was_out() -> None:
    read, bulk = 8 * 1024, 64 * 1024  # 6 and 46 packets
    run = Run()
    run.user(("load", read), ("load", read), ("load", read), ("load", bulk), ("load", bulk))
    windows = watch_windows(run)
    *_, fourth, fifth = run.go().spans()
    last = 10 * TAU - (1500 - HEADER - (bulk - 45 * MSS)) * 8 * TICKS_PER_SECOND // 10**8
    assert fourth == 2 * RTT + RTT + last + REQUEST + OVERHEAD  # 12, 24, 10 packets
    assert fifth == RTT + REQUEST + 36 * TAU + last + OVERHEAD
    # Twice 6; by 46 while the window was full; twice 46, although it was not.
    assert windows == [10, 12, 12, 12, 58]
    assert run.ports[0].connections[0].down.control.cwnd == 92 * MSS


def watch_windows(run: Run) -> list[int]:
    """Windows in packets when the sender of responses begins to send after silence."""
    windows = []
    sender = run.ports[0].connections[0].down
    awake = sender._awake

    def watch(now: int) -> None:
        windows.append(sender.control.cwnd // MSS)
        awake(now)

    sender._awake = watch  # type: ignore[method-assign]
    return windows


def test_throughput_is_the_receive_window_a_round_trip() -> None:
    size, window = 20_000_000, 64 * 1024
    run = Run(tcp__receive_window="64 KiB")
    run.user(ramp(), ("load", size))
    rate = size / run.go().spans()[1] * TICKS_PER_SECOND
    assert rate == pytest.approx(window / 0.020, rel=0.02)


@pytest.mark.parametrize("depth", [1, 2, 5, 20, 80])
def test_pipelined_requests_reach_the_least_of_their_bounds(depth: int) -> None:
    block = 4 * MSS
    run = Run()
    fetches = [("fetch", block)] * depth
    waits = [("await", depth), ("fetch", block)] * 400
    run.user(ramp(), *fetches, *waits)
    times = run.go().times[0]
    count = 300
    first = times[1 + depth + 2 * 50]
    last = times[1 + depth + 2 * (50 + count)]
    rate = count * block / (last - first) * TICKS_PER_SECOND
    wire = 4 * TAU / TICKS_PER_SECOND
    bound = min(block / wire, depth * block / (0.020 + wire))
    assert rate == pytest.approx(bound, rel=0.02)
    assert rate <= bound * 1.0001


def test_prefetching_requests_wait_in_the_order_of_their_connection() -> None:
    run = Run()
    run.user(("fetch", 500_000), ("fetch", 1), ("await", 1), ("await", 2))
    *_, small, both = run.go().times[0]
    assert small == both > cold(345)


def test_a_loss_holds_up_what_lies_behind_on_its_connection() -> None:
    run = Run(tcp__initial_window=100)
    run.user(("fetch", 20 * MSS), ("fetch", 20 * MSS), ("await", 1), ("await", 2))
    lose(run, 5)
    *_, second, both = run.go().times[0]
    assert second == both > 3 * RTT


def test_requests_go_to_the_connection_with_the_least_outstanding() -> None:
    run = Run(tcp__connections=2)
    run.user(("fetch", 500_000), ("fetch", 1), ("await", 1), ("await", 2))
    *_, small, both = run.go().times[0]
    assert small < 3 * RTT < both


@pytest.mark.parametrize(("idle", "halvings"), [(140, 0), (150, 1), (500, 2), (1200, 5), (9000, 8)])
def test_silence_halves_the_window_every_timeout(idle: int, halvings: int) -> None:
    # Silence counts from the last packet, 84 ms before the last acknowledgement: it had to queue.
    run = Run()
    run.user(ramp(2_000_000), ("work", idle * MS), ("load", 691 * MSS))
    windows = []
    sender = run.ports[0].connections[0].down
    shrink = sender.control.idle

    def watch(gap: int, *, restart: bool) -> None:
        before = sender.control.cwnd
        shrink(gap, restart=restart)
        windows.append((before, sender.control.cwnd))

    sender.control.idle = watch  # type: ignore[method-assign]
    run.go()
    before, after = windows[0]
    assert after == max(before // MSS >> halvings, 10) * MSS
    assert run.spans()[2] == cold(691, after // MSS) - RTT + REQUEST + OVERHEAD


def test_without_idle_restart_the_window_stays() -> None:
    run = Run(tcp__idle_restart=False)
    run.user(ramp(2_000_000), ("work", 5000 * MS), ("load", 691 * MSS))
    assert run.go().spans()[2] == RTT + 691 * TAU + REQUEST + OVERHEAD


def test_slow_start_ends_when_the_delay_rises() -> None:
    run = Run(tcp__hystart=True)
    run.user(ramp())
    sender = run.ports[0].connections[0].down
    run.go()
    product = RTT // TAU * MSS  # 166 packets
    # The first round whose first packets wait 4 ms or more ends slow start.
    assert product < sender.control.ssthresh <= 4 * product


def test_bbr_keeps_the_buffer_nearly_empty() -> None:
    queues, rates = {}, {}
    for name in ("bbr", "reno"):
        run = Run(tcp__congestion_control=name, path__buffer="500 kB")
        run.user(ramp(20_000_000))
        end = run.go().times[0][-1]
        use = run.link.use(end)["down"]
        queues[name] = use.mean_queue
        rates[name] = 20_000_000 / end * TICKS_PER_SECOND
    product = RTT // TAU
    assert queues["bbr"] < 0.3 * product < queues["reno"]
    assert rates["bbr"] > 0.85 * 100e6 / 8 * MSS / 1500


def test_small_requests_leave_bbr_in_startup() -> None:
    run = Run(tcp__congestion_control="bbr")
    run.user(*[("load", 4 * MSS)] * 12)
    sender = run.ports[0].connections[0].down
    spans = run.go().spans()
    assert isinstance(sender.control, Bbr)
    assert sender.control.state == "startup"
    # Pairs, the second of them at the first rate or above after 10 packets.
    assert max(spans[1:]) <= RTT + REQUEST + OVERHEAD + 2 * TAU + RTT // 10


def test_cross_traffic_takes_its_share_and_is_told_apart() -> None:
    run = Run(cross__rate="40 Mbit/s", path__buffer="250 kB")
    run.user(("load", 20_000_000))
    end = run.go().times[0][-1]
    use = run.link.use(end)["down"]
    assert use.other == pytest.approx(0.4, rel=0.1)
    assert use.payload_bytes == 20_000_000
    assert use.utilisation <= 1
    assert end > 20_000_000 * 8 / 60e6 * TICKS_PER_SECOND


def test_a_closed_loop_locks_to_the_phase_of_an_overfull_queue() -> None:
    work = workload("random", {"requests": "60", "length": "1 KiB"})

    def latency(**path: str) -> Latency:
        changes = {"cross.rate": "1 Gbit/s"} | {f"path.{key}": path[key] for key in path}
        link = load_model("wan-20ms-100mbit").with_values(changes)
        return simulate(Scenario(link, work, "zero-copy", engine="simpy")).latency_s

    locked, loosened = latency(), latency(jitter="100 us")
    assert locked.p90 is not None
    assert loosened.p90 is not None
    assert locked.p90 == pytest.approx(0.04, rel=0.01)
    assert loosened.p90 > 0.2


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("path__rate", "0 Mbit/s"),
        ("path__loss", 1.0),
        ("path__upstream_loss", -0.1),
        ("path__buffer", "100 B"),
        ("tcp__header", "1500 B"),
        ("tcp__congestion_control", "vegas"),
        ("tcp__receive_window", "1000 B"),
        ("request__size", "52 B"),
        ("path__rtt", 20),
    ],
)
def test_figures_that_cannot_be_are_refused(key: str, value: Any) -> None:
    with pytest.raises(ValidationError):
        parameters(**{key: value})


def test_bytes_come_and_go() -> None:
    env = Environment()
    data = bytearray(range(256)) * 16
    link = WanLink(env, parameters(), len(data), memoryview(data))
    port, local = link.attach(), link.local(4096)

    async def body(_: Agent) -> None:
        view = await port.load(10, 5)
        assert view is not None
        assert bytes(view) == bytes(range(10, 15))
        await (await port.fetch(100, 50, local, 7))
        shadow = local.view(7, 50)
        assert shadow is not None
        assert bytes(shadow) == bytes(range(100, 150))
        await port.store(0, 3, memoryview(b"abc"))
        shadow[:4] = b"wxyz"
        await (await port.flush(300, 4, local, 7))

    agent = env.start(body)
    env.run()
    assert agent.end is not None
    assert data[:3] == b"abc"
    assert data[300:304] == b"wxyz"
    assert port.moved == 5 + 50 + 3 + 4


@pytest.mark.parametrize(
    ("name", "rtt"), [("wan-20ms-100mbit", 0.020), ("wan-100ms-1gbit", 0.100), ("lan-1gbit", 2e-4)]
)
def test_shipped_models_meet_the_warm_closed_form(name: str, rtt: float) -> None:
    path = Path(__file__).parents[2] / "models" / f"{name}.toml"
    model = tomllib.loads(path.read_text())
    assert model["kind"] == "wan-link"
    figures = {
        section: {key: entry["value"] for key, entry in entries.items()}
        for section, entries in model.items()
        if isinstance(entries, dict)
    }
    for entries in (model[section] for section in figures):
        for entry in entries.values():
            assert entry["source"]
            assert entry["status"] in ("verified", "derived", "unverified")
            known = isinstance(entry["value"], bool) or entry["value"] == "cubic"
            assert known or len(entry["range"]) == 2
    shipped = WanParameters.model_validate(figures)
    assert shipped.path.rtt == pytest.approx(rtt)
    run = Run(**{f"{s}__{k}": v for s, entries in figures.items() for k, v in entries.items()})
    run.user(("load", 3_000_000), ("load", 10 * MSS))
    wire = shipped.request.size / shipped.path.upstream_rate + 15_000 / shipped.path.rate
    overhead = shipped.request.issue + shipped.request.service
    spans = run.go().spans()
    assert spans[1] / TICKS_PER_SECOND == pytest.approx(rtt + wire + overhead, abs=1e-11)


def test_jitter_delays_by_its_mean_without_overtaking(monkeypatch: pytest.MonkeyPatch) -> None:
    loads = 1000
    run = Run(path__jitter="2 ms")
    run.user(*[("load", MSS)] * (loads + 1), ("load", 2000 * MSS))
    sender = run.ports[0].connections[0].down
    acknowledge = sender._acknowledge
    times = []

    def watch(train: Train, bound: int) -> None:
        times.append(train.ack)
        acknowledge(train, bound)

    monkeypatch.setattr(sender, "_acknowledge", watch)
    spans = run.go().spans()[1:-1]
    plain = RTT + REQUEST + TAU + OVERHEAD
    # Two packets, each late by an exponential of mean 2 ms: 4 standard errors are 0.36 ms.
    assert sum(spans) / loads - plain == pytest.approx(4 * MS, abs=0.36 * MS)
    assert min(spans) >= plain
    assert times == sorted(times)


def test_of_uploads_that_begin_together_those_behind_leave_slow_start_first() -> None:
    """Each burst of ten packets that is queued before a user's takes 1.2 ms; HyStart allows 4."""
    ends = {}
    late = [user * 10 * TAU >= 4 * MS for user in range(8)]
    for hystart in (True, False):
        run = Run(tcp__hystart=hystart)
        for _ in late:
            run.user(("store", 100 * MSS))
        run.go()
        ends[hystart] = [times[0] for times in run.times]
        left = [port.connections[0].up.control.ssthresh <= 20 * MSS for port in run.ports]
        assert left == (late if hystart else [False] * 8)
    first = max(end for end, behind in zip(ends[True], late, strict=True) if not behind)
    assert [end > first + RTT for end in ends[True]] == late
    assert ends[False] == sorted(ends[False])
    assert ends[False][-1] - ends[False][0] < 2 * RTT
