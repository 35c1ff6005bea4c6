"""A sender held against a packet log: 64 KiB over 50 ms and 20 Mbit/s with room for 8 packets.

The log was taken in the far namespace of a WAN in a box, Linux 6.18 at both ends, CUBIC, and with
it what `ss` says of the sender after each acknowledgement.
"""

from __future__ import annotations

from typing import Any

from simaccess.sim.train import Train
from tests.sim.wan import MS, MSS, Run

RUN: dict[str, Any] = {
    "path__rtt": "50 ms",
    "path__rate": "20 Mbit/s",
    "path__upstream_rate": "20 Mbit/s",
    "path__buffer": "12500 B",
    "path__upstream_buffer": "12500 B",
    "tcp__delayed_ack": True,
    "tcp__offload": True,
    "tcp__hystart": True,
    "tcp__receive_window": "8 MiB",
    "request__negotiation": 4,
    "request__size": "80 B",
    "request__service": "100 us",
}

# When an acknowledgement came, in milliseconds from the first data packet; then packets: the window
# and what is in flight (out, less what is acknowledged or lost, plus what is sent again).
LOG = [
    (51.3, 12, 12),
    (52.5, 14, 14),
    (53.7, 16, 16),
    (54.9, 18, 18),
    (102.0, 16, 16),  # two were lost of ten, and two of the last four; 0.7 times 18 are 12
    (102.6, 16, 16),
    (103.2, 15, 15),
    (104.9, 15, 15),  # from here on, acknowledgements are held back for 1.1 ms
    (106.1, 14, 14),
    (107.3, 12, 12),
    (108.5, 12, 12),
    (109.7, 12, 12),
    (110.9, 12, 12),
    (152.7, 12, 12),
    (153.3, 12, 12),
    (155.6, 12, 12),
    (156.1, 12, 12),
    (156.8, 12, 12),
    (160.3, 12, 12),
    (161.5, 12, 12),
    (162.7, 12, 12),
    (203.4, 12, 12),
    (203.9, 12, 12),
]


def test_a_recovery_goes_as_logged() -> None:
    run = Run(**RUN)
    run.user(("load", 1), ("load", 64 << 10))
    sender = run.ports[0].connections[0].down
    found: list[tuple[float, int, int]] = []
    began: list[int] = []
    acknowledge = sender._acknowledge

    def watch(train: Train, bound: int) -> None:
        acknowledge(train, bound)
        if began:
            flight = sender.flight // MSS
            found.append(((train.ack - began[0]) / MS, sender.control.cwnd // MSS, flight))

    emit = sender._emit

    def first(message: Any, count: int, last: int, left: int, **more: Any) -> None:
        if message.length > 1 << 10 and not began:
            began.append(left)
        emit(message, count, last, left, **more)

    sender._acknowledge = watch  # type: ignore[method-assign]
    sender._emit = first  # type: ignore[method-assign]
    span = run.go().spans()[1]
    assert abs(span / MS - 254.6) < 1
    for (time, window, flight), logged in zip(found, LOG, strict=False):
        assert (window, flight) == logged[1:], (time, logged)
        assert abs(time - logged[0]) < 0.5
    assert sender.retransmissions == 4
