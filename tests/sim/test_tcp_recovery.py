from __future__ import annotations

import pytest

from simaccess.sim.kernel_clock import JIFFY, rings_after
from simaccess.sim.recovery import LEAST, Recovery
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
    timer = LEAST * JIFFY
    assert 3 * RTT + timer < extra < 5 * RTT + timer


def test_a_lone_lost_packet_waits_for_the_longest_delayed_acknowledgement() -> None:
    run = Run()
    run.user(("load", 200 * MSS))
    lose(run, 199)
    extra = run.go().spans()[0] - cold(200) - REQUEST - OVERHEAD
    sender = run.ports[0].connections[0].down
    # Linux reduces the window when later data is acknowledged: here none is.
    assert (sender.retransmissions, sender.congestion_events, sender.timeouts) == (1, 0, 0)
    assert 200 * MS < extra < 200 * MS + 4 * RTT


def test_a_loss_that_a_probe_mends_reduces_the_window_once_later_data_is_acknowledged() -> None:
    run = Run(tcp__congestion_control="reno")
    run.user(("load", 20 * MSS), ("load", 20 * MSS))
    lose(run, 19)
    sender = run.ports[0].connections[0].down
    windows = []
    lost = sender.control.lost

    def watch() -> int | None:
        windows.append(sender.control.cwnd)
        answer = lost()
        windows.append(sender.control.ssthresh)
        return answer

    sender.control.lost = watch  # type: ignore[method-assign]
    run.go()
    assert (sender.retransmissions, sender.congestion_events) == (1, 1)
    assert windows[1] == windows[0] // MSS // 2 * MSS


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
    window = rings_after(min(RTT // 4, sender.rtt.smoothed // 8), LEAST) if late else 0
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
        out = covered(recovery, number, out - MSS, flight)
    assert recovery.active
    return recovery, control


def covered(recovery: Recovery, number: int, flight: int, coming: int) -> int:
    """Acknowledge a packet out of order."""
    train = ack(number)
    train.advances = False
    recovery.cover(train)
    return recovery.detect(number, 0, RTT, flight, coming)


def test_rate_reduction_lets_a_share_of_the_window_go_for_each_acknowledgement() -> None:
    mending, control = recovery(21, 21)
    assert control.ssthresh == 10 * MSS
    assert control.cwnd == 18 * MSS  # 17 are out; the fast retransmit itself
    mending.sent = 1
    for number in range(4, 14):
        flight = covered(mending, number, 17 * MSS - (number - 3) * MSS // 2, 21)
        # Whole packets, rounded up.
        assert control.cwnd - flight == (-(-(number - 2) * 10 // 21) - 1) * MSS


def test_below_the_threshold_only_a_mended_loss_lets_an_extra_packet_go() -> None:
    mending, control = recovery(40, 10)
    mending.sent = 10
    flight = covered(mending, 4, 7 * MSS, 10)
    assert control.cwnd - flight == MSS
    mending._owed = mending.missing = 2
    for advances, packets in ((True, 2), (False, 1)):
        repair = ack(5)
        repair.repairs = Hole(0, MSS, Message(MSS, lambda _: None), 0, 0)
        repair.advances = advances
        mending.cover(repair)
        mending._owed = mending.missing = 2
        flight = mending.detect(5, 0, RTT, 7 * MSS, 10)
        assert control.cwnd - flight == packets * MSS


def test_a_lost_probe_costs_a_timeout() -> None:
    run = Run()
    run.user(("load", 20 * MSS))
    lose(run, 18, 19, 20)
    extra = run.go().spans()[0] - cold(20) - REQUEST - OVERHEAD
    sender = run.ports[0].connections[0].down
    assert (sender.retransmissions, sender.timeouts) == (3, 1)
    assert 200 * MS < extra < 320 * MS
