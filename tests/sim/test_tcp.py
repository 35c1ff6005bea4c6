from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simaccess.sim.bbr import Bbr
from simaccess.sim.bursts import burst_packets
from simaccess.sim.congestion import congestion_control
from simaccess.sim.cubic import Cubic
from simaccess.sim.environment import TICKS_PER_SECOND
from simaccess.sim.hystart import AckTrain, delay_threshold
from simaccess.sim.tcp import Delivery, Reno, RoundTripTime

MSS = 1448
MS = TICKS_PER_SECOND // 1000


def rtt(milliseconds: int = 100) -> RoundTripTime:
    return RoundTripTime(milliseconds * MS, 200 * MS)


def rounds(control: Reno, count: int, length: int, start: int = 0) -> list[float]:
    """Windows in packets after each of `count` rounds in which the whole window counted."""
    windows = []
    for i in range(count):
        control.acknowledged(control.cwnd, 0)
        control.round(start + (i + 1) * length, start + i * length)
        windows.append(control.cwnd / MSS)
    return windows


def test_slow_start_doubles() -> None:
    control = Reno(MSS, 10, rtt())
    for window in (10, 20, 40):
        assert control.cwnd == window * MSS
        control.acknowledged(control.cwnd, 0)


def test_reno_adds_a_packet_a_round() -> None:
    control = Reno(MSS, 10, rtt())
    control.ssthresh = control.cwnd
    assert rounds(control, 4, 100 * MS) == [11, 12, 13, 14]


def test_reno_adds_a_packet_for_each_window_acknowledged_while_it_was_the_limit() -> None:
    control = Reno(MSS, 10, rtt())
    control.ssthresh = control.cwnd
    control.acknowledged(9 * MSS, 0)
    control.round(100 * MS, 0)  # whenever rounds end
    assert (control.cwnd, control.steady()) == (10 * MSS, 0)
    control.acknowledged(MSS, 0)
    assert (control.cwnd, control.steady()) == (11 * MSS, 10)


def test_cubic_follows_its_function() -> None:
    control = Cubic(MSS, 1000, rtt())
    control.lost()
    control.recovered(0)
    assert control.cwnd == pytest.approx(700 * MSS)
    K = (1000 * 0.3 / 0.4) ** (1 / 3)
    for i, window in enumerate(rounds(control, 150, 100 * MS), 1):
        assert window == pytest.approx(0.4 * (i * 0.1 - K) ** 3 + 1000, abs=0.01)


def test_cubic_is_as_fast_as_reno_where_that_is_faster() -> None:
    control = Cubic(MSS, 20, rtt(5))
    control.lost()
    control.recovered(0)
    alpha = 3 * 0.3 / 1.7
    grown = rounds(control, 10, 5 * MS)
    assert grown == pytest.approx([14 + alpha * i for i in range(1, 11)], abs=0.01)


def test_cubic_aims_lower_after_a_second_loss_below_the_maximum() -> None:
    control = Cubic(MSS, 1000, rtt())
    control.lost()
    control.recovered(0)
    control.lost()
    assert control._maximum == pytest.approx(700 * 1.7 / 2)


def test_cubic_stands_still_while_the_window_is_no_limit() -> None:
    busy, idle = Cubic(MSS, 1000, rtt()), Cubic(MSS, 1000, rtt())
    for control in (busy, idle):
        control.lost()
        control.recovered(0)
    idle.round(5000 * MS, 0)
    idle.idle(7000 * MS, restart=False)
    assert idle.cwnd == busy.cwnd
    assert rounds(idle, 9, 100 * MS, 12_000 * MS) == rounds(busy, 9, 100 * MS)


def test_silence_lets_slow_start_go_to_three_quarters() -> None:
    control = Reno(MSS, 10, rtt())
    control.ssthresh = 20 * MSS
    control.cwnd = 80 * MSS
    control.idle(299 * MS, restart=True)
    assert (control.cwnd, control.ssthresh) == (80 * MSS, 20 * MSS)
    control.idle(700 * MS, restart=True)
    assert (control.cwnd, control.ssthresh) == (20 * MSS, 60 * MSS)


def test_silence_halves_to_whole_packets() -> None:
    control = Reno(MSS, 10, rtt())
    control.cwnd = 91 * MSS
    control.idle(601 * MS, restart=True)
    assert control.cwnd == 22 * MSS


@pytest.mark.parametrize(("milliseconds", "threshold"), [(1, 4), (32, 4), (80, 10), (400, 16)])
def test_hystart_threshold_is_an_eighth_within_bounds(milliseconds: int, threshold: int) -> None:
    assert delay_threshold(milliseconds * MS) == threshold * MS


def test_hystart_leaves_slow_start_at_the_threshold_only() -> None:
    control = Cubic(MSS, 16, rtt(80))
    control.delays([90 * MS] * 7 + [90 * MS - 1])
    assert control.cwnd < control.ssthresh
    control.delays([90 * MS] * 8)
    assert control.cwnd == control.ssthresh


def test_hystart_spares_small_windows_and_can_be_off() -> None:
    small = Cubic(MSS, 15, rtt())
    off = Cubic(MSS, 100, rtt(), hystart=False)
    reno = Reno(MSS, 100, rtt())
    for control in (small, off, reno):
        control.round(0, 0)
        for i in range(101):
            control.train(i * MS, i * MS)
        control.delays([500 * MS] * 8)
        assert control.cwnd < control.ssthresh


@pytest.mark.parametrize(("window", "slack"), [(100, 1.0), (2000, 0.905)])
def test_an_ack_train_of_half_a_round_trip_ends_slow_start(window: int, slack: float) -> None:
    # Slack: 1 ms, or 256 KiB at two windows a round trip of 20 ms.
    control = Cubic(MSS, window, rtt(20))
    assert slack == pytest.approx(min(1.0, 4 * 65536 * 20 / (2 * window * MSS)), abs=1e-3)
    control.round(0, 0)
    end = int((20 + slack) * MS / 2) - MS // 100
    assert control.quiet(0) == (10 * MS, 1 << 62)
    for now in range(0, end, MS):
        control.train(now, now)
    control.train(end, end)
    assert control.cwnd < control.ssthresh
    control.train(end + MS // 50, end + MS // 50)
    assert control.cwnd == control.ssthresh


def test_a_gap_of_more_than_2_ms_ends_an_ack_train_until_the_next_round() -> None:
    train = AckTrain()
    train.begin(0)
    assert not train.full(2 * MS, 9 * MS, 20 * MS, 1e6)
    assert not train.full(11 * MS + 1, 11 * MS + 1, 20 * MS, 1e6)
    assert train.quiet(11 * MS + 1, 20 * MS) == 1 << 62
    assert not train.full(12 * MS, 12 * MS, 20 * MS, 1e6)
    train.begin(20 * MS)
    assert not train.full(22 * MS, 30 * MS, 20 * MS, 1e6)
    assert train.full(31 * MS, 31 * MS, 20 * MS, 1e6)


def test_timeout_is_the_smoothed_time_and_four_variations() -> None:
    estimate = rtt(100)
    assert estimate.timeout == 300 * MS
    for _ in range(100):
        estimate.sample(100 * MS)
    assert estimate.timeout == 300 * MS
    for _ in range(100):
        estimate.sample(50 * MS)
        estimate.sample(450 * MS)
    assert estimate.minimum == 50 * MS
    assert estimate.timeout > estimate.smoothed + 400 * MS


@pytest.mark.parametrize(("algorithm", "window"), [("reno", 50), ("cubic", 70)])
def test_a_loss_reduces_the_window_by_its_factor_to_whole_packets(
    algorithm: str, window: int
) -> None:
    control = congestion_control(algorithm, MSS, 101, rtt(), hystart=True)  # type: ignore[arg-type]  # parametrised
    assert control.lost() == window * MSS
    control.expired()
    assert control.cwnd == MSS


def sample(rate: float, flight: int = 0, **more: Any) -> Delivery:
    return Delivery(rate, more.pop("limited", False), flight, **more)


def test_bbr_starts_at_2_89_times_drains_and_cycles() -> None:
    control = Bbr(MSS, 10, rtt(20))
    # Measured on Linux 6.18: 16,452,808 bit/s at 20.36 ms for 10 packets of 1448 bytes.
    assert control.pacing == pytest.approx(0.99 * 2.887 * 10 * MSS / 0.020)
    seen = [control.gain]
    for i in range(200):
        now = i * 20 * MS
        for _ in range(20):
            control.delivered(now, sample(1e6, 0 if i > 10 else 10**6))
        control.round(now, now - 20 * MS)
        if control.gain != seen[-1]:
            seen.append(control.gain)
    assert seen[:6] == [2.887, 1 / 2.887, 1.0, 1.25, 0.75, 1.0]
    product, bursts = -(-2 * 1e6 * 0.020 // MSS), 3 * 2
    assert 0 <= control.cwnd / MSS - product - bursts <= 3  # an even number, 2 more while probing


def test_bbr_keeps_the_best_rate_of_ten_rounds() -> None:
    control = Bbr(MSS, 10, rtt(20))
    control.delivered(0, sample(5e6))
    for i in range(1, 20):
        control.round(i, i - 1)
        control.delivered(i, sample(1e6))
        assert control.rate == (5e6 if i <= 10 else 1e6)
    control.delivered(20, sample(2e5, limited=True))
    assert control.rate == 1e6


def test_bbr_paces_bursts_after_ten_packets_and_catches_up_by_half_a_gap() -> None:
    control = Bbr(MSS, 10, rtt(20))
    for _ in range(4):
        assert control.burst(100 * MSS, 7, 0) == (2 * MSS, 7)
    gap = int(2 * MSS / control.pacing * TICKS_PER_SECOND + 0.5)
    assert control.burst(100 * MSS, 0, 0) == (2 * MSS, gap)
    assert control.burst(MSS, 0, 0)[1] == pytest.approx(gap / 2, abs=1)
    assert control.burst(100 * MSS, gap, 3 * gap // 4)[1] == gap + gap - (gap - 3 * gap // 4)
    assert control.burst(100 * MSS, 9 * gap, 0)[1] == 10 * gap - gap // 2


def test_bbr_never_slows_down_in_startup() -> None:
    control = Bbr(MSS, 10, rtt(20))
    first = control.pacing
    control.delivered(0, sample(1e5))
    assert control.pacing == first
    control.delivered(0, sample(1e6))
    assert control.pacing == pytest.approx(0.99 * 2.887 * 1e6)


def test_bbr_conserves_packets_for_a_round_and_then_takes_its_window_back() -> None:
    control = Bbr(MSS, 10, rtt(20))
    for _ in range(10):  # the initial window grows in any case
        control.delivered(0, sample(2e6))
    control.cwnd = 100 * MSS
    control.delivered(0, sample(2e6, 50 * MSS, lost=3, recovering=True))
    assert control.cwnd == 51 * MSS
    control.delivered(0, sample(2e6, 50 * MSS, lost=2, recovering=True))
    assert control.cwnd == 51 * MSS
    control.round(1, 0)
    control.delivered(1, sample(2e6, 50 * MSS, recovering=True))
    assert control.cwnd == 52 * MSS  # growing again
    control.delivered(2, sample(2e6, 40 * MSS))
    assert control.cwnd == 100 * MSS  # beyond the target, start-up does not grow


@pytest.mark.parametrize(
    ("rate", "milliseconds", "packets"),
    [(1e5, 50, 1), (2e6, 20, 2), (12.5e6, 20, 8), (1e7, 2, 12), (1e9, 2, 45)],
)
def test_a_burst_is_a_millisecond_and_more_where_the_round_trip_is_short(
    rate: float, milliseconds: int, packets: int
) -> None:
    # 2 ms halve 64 KiB three times: 1e7 / 1024 + 8192 bytes are 12 packets.
    assert burst_packets(rate, milliseconds * MS, MSS) == packets


@given(
    st.sampled_from(["reno", "cubic"]),
    st.lists(st.sampled_from(["ack", "round", "loss", "timeout", "idle", "delay"]), max_size=60),
)
def test_windows_stay_within_reason(algorithm: str, events: list[str]) -> None:
    control = congestion_control(algorithm, MSS, 10, rtt(), hystart=True)  # type: ignore[arg-type]  # drawn
    now = 0
    for event in events:
        now += 100 * MS
        before = control.cwnd
        if event == "ack":
            control.acknowledged(control.cwnd, 0)
            assert before <= control.cwnd <= 2 * before
        elif event == "round":
            control.round(now, now - 100 * MS)
            assert before <= control.cwnd <= 1.5 * before + MSS
        elif event == "loss":
            control.lost()
            control.recovered(now)
            assert control.cwnd <= max(before, 2 * MSS)
        elif event == "timeout":
            control.expired()
            assert control.cwnd == MSS
        elif event == "idle":
            control.idle(1000 * MS, restart=True)
            assert min(before, 10 * MSS) <= control.cwnd <= before
        else:
            control.delays([150 * MS] * 8)
            assert control.cwnd == before
        assert control.cwnd >= MSS
