from __future__ import annotations

from collections import deque

import pytest

from simaccess.sim.bursts import burst_packets
from simaccess.sim.delayed_acks import DelayedAcks
from simaccess.sim.host import Bursts
from simaccess.sim.kernel_clock import rings_after
from simaccess.sim.receiver import Gaps
from simaccess.sim.tcp import Reno, RoundTripTime
from simaccess.sim.train import Hole, Message, Parcel, Train
from simaccess.sim.window_use import WindowUse
from tests.sim.wan import MS, MSS, OVERHEAD, REQUEST, RTT, TAU, Run, ack, ramp


@pytest.mark.parametrize("rounds", [True, False])
def test_a_burst_takes_its_hosts_time_so_that_a_buffer_takes_more_of_it(*, rounds: bool) -> None:
    run = Run(rounds=rounds, tcp__initial_window=60, tcp__host_time="12 us", path__buffer="60 kB")
    run.user(("load", 60 * MSS))
    sender = run.ports[0].connections[0].down
    lost = []
    launch = sender._launch

    def watch(message: Message | Parcel, size: int, now: int, hole: Hole | None) -> None:
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


def test_an_odd_packet_waits_40_ms_and_after_that_each_is_acknowledged() -> None:
    run = Run(tcp__receive_window=f"{MSS} B", tcp__delayed_ack=True)
    run.user(("load", MSS), ("load", 5 * MSS))
    *_, span = run.go().spans()
    late = rings_after(40 * MS)
    assert 40 * MS < late < 44 * MS  # the kernel's clock
    assert span == RTT + TAU + REQUEST + OVERHEAD + late + 4 * (RTT + TAU)


def test_a_request_acknowledges_what_came_before_it() -> None:
    run = Run(tcp__initial_window=1, tcp__delayed_ack=True)
    run.user(*[("load", MSS)] * 3)
    assert set(run.go().spans()[1:]) == {RTT + TAU + REQUEST + OVERHEAD}


LATE = rings_after(40 * MS)
BACK = RTT // 2


class Receiving:
    """A receiver of packets, which are acknowledged when `at` says."""

    def __init__(self, *, dialogue: bool = True) -> None:
        self.acks: deque[Train] = deque()
        self.gaps = Gaps()
        self.delayed = DelayedAcks(self.acks, BACK, RTT)
        if dialogue:
            self.delayed.sends(0, 0)

    def arrive(self, number: int, arrival: int, repairs: int | None = None) -> Train:
        train = ack(number)
        if repairs is not None:
            train.repairs = Hole(0, MSS, Message(MSS, lambda _: None), repairs, 0)
        self.acks.append(train)
        if self.gaps.missing:
            self.gaps.come(train)
        self.delayed.arrive(train, arrival, self.gaps)
        return train

    def times(self) -> list[tuple[int, int]]:
        """Take all acknowledgements; return their packets, and the ticks from the first arrival."""
        taken: list[tuple[int, int]] = []
        count = 0
        while self.acks:
            train = self.acks.popleft()
            self.delayed.took(train)
            count += 1
            if not train.joined:
                taken.append((count, train.ack - BACK))
                count = 0
        return taken


def test_in_a_dialogue_pairs_are_acknowledged_until_a_packet_waits_in_vain() -> None:
    receiving = Receiving()
    for number, arrival in enumerate((1, 2, 3, 4 + LATE, 5 + LATE, 6 + LATE)):
        receiving.arrive(number, arrival)
    assert receiving.times() == [
        (2, 2),
        (1, 3 + LATE),  # the next one came too late
        *[(1, number + LATE) for number in (4, 5, 6)],
    ]


def test_the_first_packets_are_acknowledged_one_by_one_without_a_dialogue() -> None:
    receiving = Receiving(dialogue=False)
    for number in range(503):
        receiving.arrive(number, number)
    *ones, last = receiving.times()
    assert ones[:500] == [(1, number) for number in range(500)]
    assert ones[500:] == [(2, 501)]
    assert last == (1, 502 + LATE)


def test_a_message_of_the_receivers_acknowledges_what_has_come() -> None:
    receiving = Receiving()
    first, second, third = (receiving.arrive(number, number * MS) for number in (1, 2, 3))
    receiving.delayed.sends(MS + BACK, MS + BACK + 7)  # the second packet comes later
    assert (first.ack, first.joined) == (MS + BACK + 7, False)
    assert receiving.times()[1:] == [(2, 3 * MS)]
    assert (second.joined, third.joined) == (True, False)


def test_behind_a_gap_three_are_acknowledged_at_once_and_others_by_the_millisecond() -> None:
    receiving = Receiving()
    receiving.gaps.lose(0)
    step = MS // 2
    for number in range(1, 8):
        receiving.arrive(number, number * step)
    receiving.arrive(8, 8 * step, repairs=0)
    late = 11 * MS // 10  # a millisecond and the kernel's slack
    assert receiving.times() == [
        *[(1, number * step) for number in (1, 2, 3)],
        (3, 4 * step + late),
        (2, 8 * step),  # data is in order again: what was held back comes with it
    ]


def test_an_advance_by_one_packet_counts_among_the_three() -> None:
    for lost, at_once in ((1, 2), (5, 3)):  # the next gap is right behind the first, or not
        receiving = Receiving()
        receiving.gaps.lose(0)
        receiving.gaps.lose(lost)
        assert receiving.arrive(10, 0, repairs=0).place == ("fills" if lost == 1 else "leaps")
        for number in range(11, 15):
            receiving.arrive(number, 0)
        counts = [count for count, _ in receiving.times()]
        assert counts == [1] * (1 + at_once) + [4 - at_once]


@pytest.mark.parametrize(
    ("room", "now", "oldest", "packets"),
    [
        (4, 20, 0, 0),  # wait for more
        (6, 20, 0, 6),  # a whole burst is 5: 1.2 times 100 packets in 20 ms, for 1/1024 s
        (3, 20, 0, 0),
        (3, 21.1, 0, 3),  # more than 1 ms after the last one
        (3, 20, None, 3),  # nothing is in flight
        (3, 20, 0.9, 0),  # the next acknowledgement is due in 0.9 ms
        (3, 20, 1.1, 3),  # and here not within a millisecond
    ],
)
def test_a_sender_waits_for_a_burst(
    room: int, now: float, oldest: float | None, packets: int
) -> None:
    control = Reno(MSS, 100, RoundTripTime(RTT, 200 * MS))
    control.ssthresh = control.cwnd
    bursts = Bursts(control, 10**9)
    message = Message(1000 * MSS, lambda _: None)
    waiting = 1000 * MSS
    before = None if oldest is None else int(oldest * MS)
    most = burst_packets(1.2 * 100 * MSS / 0.020, RTT, MSS)
    assert most == 5
    # The last packet left at 20 ms.
    left = bursts.packets(
        message, waiting, room * MSS, int(now * MS), oldest=before, latest=20 * MS
    )
    assert left == min(packets, most)


@pytest.mark.parametrize(("held", "counted"), [(True, 3), (False, 0)])
def test_a_sender_that_waits_for_a_burst_uses_its_window(*, held: bool, counted: int) -> None:
    control = Reno(MSS, 100, RoundTripTime(RTT, 200 * MS))
    control.ssthresh = control.cwnd
    use = WindowUse()
    use.note(control, 90 * MSS, 90, held=held)
    assert use.counted(control, 3) == counted
