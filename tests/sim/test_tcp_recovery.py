from __future__ import annotations

import pytest

from simaccess.sim.recovery import TIMER, Recovery
from simaccess.sim.tcp import Reno, RoundTripTime
from simaccess.sim.train import Hole, Message
from tests.sim.wan import MS, MSS, OVERHEAD, REQUEST, RTT, TAU, Run, ack, cold, lose


def test_a_lost_packet_costs_a_round_trip_by_fast_retransmit() -> None:
    run = Run()
    run.user(("load", 200 * MSS))
    lose(run, 190)
    lossless = cold(200) + REQUEST + OVERHEAD
    sender = run.ports[0].connections[0].down
    extra = run.go().spans()[0] - lossless
    assert (sender.retransmissions, sender.congestion_events, sender.timeouts) == (1, 1, 0)
    assert 0.8 * RTT < extra < 1.2 * RTT


def test_a_lost_tail_costs_a_probe_after_two_round_trips() -> None:
    run = Run()
    run.user(("load", 200 * MSS))
    lose(run, 198, 199)
    extra = run.go().spans()[0] - cold(200) - REQUEST - OVERHEAD
    sender = run.ports[0].connections[0].down
    assert (sender.retransmissions, sender.congestion_events, sender.timeouts) == (2, 1, 0)
    # The probe, the other packet once the probe is acknowledged, and the timer's grain.
    assert 3 * RTT + TIMER < extra < 5 * RTT + TIMER


def test_a_lone_lost_packet_waits_for_the_longest_delayed_acknowledgement() -> None:
    run = Run()
    run.user(("load", 200 * MSS))
    lose(run, 199)
    extra = run.go().spans()[0] - cold(200) - REQUEST - OVERHEAD
    sender = run.ports[0].connections[0].down
    assert (sender.retransmissions, sender.congestion_events, sender.timeouts) == (1, 1, 0)
    assert 200 * MS < extra < 200 * MS + 4 * RTT


@pytest.mark.parametrize(("behind", "late"), [(3, False), (2, True)])
def test_with_fewer_than_three_packets_behind_a_loss_a_timer_decides(
    behind: int, *, late: bool
) -> None:
    run = Run(tcp__initial_window=30)
    run.user(("load", 20 * MSS))
    lose(run, 19 - behind)
    sender = run.ports[0].connections[0].down
    extra = run.go().spans()[0] - RTT - RTT - 20 * TAU - REQUEST - OVERHEAD
    assert (sender.retransmissions, sender.congestion_events, sender.timeouts) == (1, 1, 0)
    # Acknowledgements are a packet's time apart; the last one sets the timer.
    window = min(RTT // 4, sender.rtt.smoothed // 8) + TIMER if late else 0
    assert RTT - TAU <= extra - window <= RTT + TAU


def test_a_packet_that_left_a_reordering_window_earlier_is_lost_at_once() -> None:
    run = Run(tcp__initial_window=10)
    run.user(("load", 11 * MSS))
    lose(run, 9)
    run.go()
    sender = run.ports[0].connections[0].down
    # The eleventh packet leaves a round trip after the tenth: no three are needed, and no timer.
    assert (sender.retransmissions, sender.congestion_events) == (1, 1)
    assert run.spans()[0] - 3 * RTT - TAU - REQUEST - OVERHEAD < RTT + 2 * TAU


def recovery(window: int, flight: int) -> tuple[Recovery, Reno]:
    """A recovery that has just found packet 0 of `flight` packets lost."""
    control = Reno(MSS, window, RoundTripTime(RTT, 200 * MS))
    recovery = Recovery(control)
    recovery.missing = 1
    recovery.holes.append(Hole(0, MSS, Message(MSS, lambda _: None), 0, 0))
    out = flight * MSS
    for number in (1, 2, 3):
        out = recovery.detect(ack(number), number, RTT, out - MSS, flight)
    assert recovery.active
    return recovery, control


def test_rate_reduction_lets_a_share_of_the_window_go_for_each_acknowledgement() -> None:
    mending, control = recovery(20, 20)
    assert control.ssthresh == 10 * MSS
    assert mending.room(16 * MSS) == MSS  # the fast retransmit itself
    mending.sent = MSS
    for number in range(4, 14):
        flight = mending.detect(ack(number), number, RTT, 17 * MSS - (number - 3) * MSS // 2, 20)
        assert mending.room(flight) == -(-(number - 3) * MSS * 10 // 20) - MSS


def test_below_the_threshold_only_a_mended_loss_lets_an_extra_packet_go() -> None:
    mending, _ = recovery(40, 10)
    mending.sent = 10 * MSS
    flight = mending.detect(ack(4), 4, RTT, 7 * MSS, 10)
    assert mending.room(flight) == MSS
    mending._owed = mending.missing = 2
    repair = ack(5)
    repair.repairs = Hole(0, MSS, Message(MSS, lambda _: None), 0, 0)
    flight = mending.detect(repair, 5, RTT, 7 * MSS, 10)
    assert mending.room(flight) == 2 * MSS


def test_a_lost_probe_costs_a_timeout() -> None:
    run = Run()
    run.user(("load", 20 * MSS))
    lose(run, 18, 19, 20)
    extra = run.go().spans()[0] - cold(20) - REQUEST - OVERHEAD
    sender = run.ports[0].connections[0].down
    assert (sender.retransmissions, sender.timeouts) == (3, 1)
    assert 200 * MS < extra < 320 * MS
