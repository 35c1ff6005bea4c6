from __future__ import annotations

import pytest

from simaccess.sim.outbox import Outbox
from simaccess.sim.receiver import Receiver
from simaccess.sim.train import Message, Parcel
from tests.sim.wan import MSS, OVERHEAD, REQUEST, RTT, TAU, Run


def outbox(*lengths: int) -> tuple[Outbox, list[int]]:
    """Messages that wait, and the times at which they are through."""
    box = Outbox()
    times: list[int] = []
    for length in lengths:
        box.messages.append(Message(length, times.append))
    return box, times


def test_the_end_of_a_message_shares_its_packet_with_the_next_ones() -> None:
    box, times = outbox(1500, 100, 1300, 200)
    receiver = Receiver()
    for message in box.messages:
        receiver.expect(message)
    sizes = []
    time = 0
    while box.messages:
        size = box.packet(1448)
        load = box.take(size)
        sizes.append(size)
        if len(sizes) == 2:
            assert isinstance(load, Parcel)
            assert [share for _, share in load.parts] == [52, 100, 1296]
        time += 1
        receiver.arrive(load, size, time)
    assert sizes == [1448, 1448, 204]
    assert times == [2, 2, 3, 3]


@pytest.mark.parametrize(("lengths", "packets"), [((3000,), 3), ((3000, 1), 2), ((2896, 1), 2)])
def test_packets_of_the_first_message(lengths: tuple[int, ...], packets: int) -> None:
    box, _ = outbox(*lengths)
    assert box.packets(1448) == packets
    assert (box.waiting(100), box.waiting(10**6)) == (100, sum(lengths))


@pytest.mark.parametrize("rounds", [True, False])
def test_what_waits_for_the_window_leaves_in_full_packets(*, rounds: bool) -> None:
    half = MSS // 2
    run = Run(rounds=rounds, tcp__receive_window=f"{4 * MSS} B")
    run.user(("load", 1), ("fetch", 4 * MSS + half), *[("fetch", half)] * 3, ("await", 1))
    sender = run.ports[0].connections[0].down
    run.go()
    # Four packets fill the window; the rest of the first message and the others are two more.
    assert sender._number == 1 + 4 + 2
    assert sum(run.spans()[1:]) < 2 * RTT + 6 * TAU + 4 * (REQUEST + OVERHEAD)
