from __future__ import annotations

import pytest

from simaccess.sim.bursts import burst_packets
from simaccess.sim.delayed_acks import DelayedAcks
from simaccess.sim.host import Bursts
from simaccess.sim.tcp import Reno, RoundTripTime
from simaccess.sim.train import Hole, Message
from simaccess.sim.window_use import WindowUse
from tests.sim.wan import MS, MSS, OVERHEAD, REQUEST, RTT, TAU, Run, ack, ramp


@pytest.mark.parametrize("rounds", [True, False])
def test_a_burst_takes_its_hosts_time_so_that_a_buffer_takes_more_of_it(*, rounds: bool) -> None:
    run = Run(rounds=rounds, tcp__initial_window=60, tcp__host_time="12 us", path__buffer="60 kB")
    run.user(("load", 60 * MSS))
    sender = run.ports[0].connections[0].down
    lost = []
    launch = sender._launch

    def watch(message: Message, size: int, now: int, hole: Hole | None) -> None:
        number, before = sender._number, len(sender._holes)
        launch(message, size, now, hole)
        if len(sender._holes) > before:
            lost.append(number)

    sender._launch = watch  # type: ignore[method-assign]
    run.go()
    # 40 packets at once; while those come, a tenth of as many leave: 1 + 39 / (1 - 0.1).
    assert lost[0] == 44
    assert len(lost) == 60 - 44 - 1  # one more fits in the time of the others


def test_the_host_delays_no_burst_that_the_bottleneck_serves_more_slowly() -> None:
    run = Run(tcp__host_time="12 us")
    run.user(ramp(), ("load", 100 * MSS))
    assert run.go().spans()[1] == RTT + REQUEST + 100 * TAU + OVERHEAD


@pytest.mark.parametrize("window", [10, 40, 100])
def test_a_round_with_delayed_acknowledgements_takes_two_packets_more(window: int) -> None:
    run = Run(tcp__receive_window=f"{window * MSS} B", tcp__delayed_ack=True)
    run.user(("load", MSS), ramp(2_000_000), ("load", 1000 * window * MSS))
    *_, span = run.go().spans()
    assert span / 1000 == pytest.approx(RTT + 2 * TAU, rel=1e-3)


def test_an_odd_packet_is_acknowledged_after_40_ms() -> None:
    run = Run(tcp__receive_window=f"{MSS} B", tcp__delayed_ack=True)
    run.user(("load", MSS), ("load", 5 * MSS))
    *_, span = run.go().spans()
    assert span == RTT + TAU + REQUEST + OVERHEAD + 4 * (RTT + TAU + 40 * MS)


def test_a_request_acknowledges_what_came_before_it() -> None:
    run = Run(tcp__initial_window=1, tcp__delayed_ack=True)
    run.user(*[("load", MSS)] * 3)
    assert set(run.go().spans()[1:]) == {RTT + TAU + REQUEST + OVERHEAD}


def test_delayed_acknowledgements_come_for_pairs_and_at_once_for_gaps() -> None:
    delayed = DelayedAcks(RTT // 2)
    trains = [ack(number) for number in range(6)]
    delayed.arrive(trains[0], 0, gap=False)
    assert (trains[0].ack, delayed.waiting) == (RTT // 2, None)  # quick ones at the beginning
    delayed.sends(0)
    delayed.arrive(trains[1], 1, gap=False)
    assert (trains[1].ack, delayed.waiting) == (1 + RTT // 2 + 40 * MS, trains[1])
    delayed.arrive(trains[2], 2, gap=False)
    assert trains[1].ack == trains[2].ack == 2 + RTT // 2
    assert trains[1].joined
    delayed.arrive(trains[3], 3, gap=True)
    assert (trains[3].ack, delayed.waiting) == (3 + RTT // 2, None)
    delayed.arrive(trains[4], 4, gap=False)
    delayed.arrive(trains[5], 5 + 40 * MS, gap=False)
    assert trains[4].ack == 4 + RTT // 2 + 40 * MS  # the second came too late
    assert (trains[4].joined, delayed.waiting) == (False, trains[5])


@pytest.mark.parametrize(
    ("room", "now", "oldest", "packets"),
    [
        (4, 20, 0, 0),  # wait for more
        (6, 20, 0, 6),  # a whole burst is 5: 1.2 times 100 packets in 20 ms, for 1/1024 s
        (3, 20, 0, 0),
        (3, 21.1, 0, 3),  # more than 1 ms after the last one
        (3, 20, None, 3),  # nothing is in flight
        (3, 20, 11, 3),  # no acknowledgement is due soon
    ],
)
def test_a_sender_waits_for_a_burst(
    room: int, now: float, oldest: int | None, packets: int
) -> None:
    control = Reno(MSS, 100, RoundTripTime(RTT, 200 * MS))
    control.ssthresh = control.cwnd
    bursts = Bursts(control, 10**9)
    message = Message(1000 * MSS, lambda _: None)
    assert bursts.packets(message, MSS, 20 * MS, None) == 1  # one leaves at 20 ms
    before = None if oldest is None else oldest * MS
    most = burst_packets(1.2 * 100 * MSS / 0.020, RTT, MSS)
    assert most == 5
    left = bursts.packets(message, room * MSS, int(now * MS), before)
    assert left == min(packets, most)


@pytest.mark.parametrize(("held", "counted"), [(True, 3), (False, 0)])
def test_a_sender_that_waits_for_a_burst_uses_its_window(*, held: bool, counted: int) -> None:
    control = Reno(MSS, 100, RoundTripTime(RTT, 200 * MS))
    control.ssthresh = control.cwnd
    use = WindowUse()
    use.note(control, 90 * MSS, 90, held=held)
    assert use.counted(control, 3) == counted
