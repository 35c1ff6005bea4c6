"""What the hosts at the ends add to TCP: time for each packet, and bursts.

The rules are Linux's (from memory; that they act was measured over the WAN in a box, Linux 6.18).
"""

from __future__ import annotations

from typing import NamedTuple

from simaccess.sim.bursts import LARGEST, burst_packets
from simaccess.sim.environment import TICKS_PER_SECOND
from simaccess.sim.tcp import CongestionControl
from simaccess.sim.train import Message

__all__ = ["Bursts", "Host"]

_MILLISECOND = TICKS_PER_SECOND // 1000
_SHARE = 3
"""A third of the window is worth a burst (``tcp_tso_win_divisor``)."""


class Host(NamedTuple):
    """What a host does.

    Attributes
    ----------
    time : int
        Ticks from one packet of a burst to the next.
    delayed_ack : bool
        Whether it delays acknowledgements.
    offload : bool
        Whether it waits for bursts.
    """

    time: int = 0
    delayed_ack: bool = False
    offload: bool = False


class Bursts:
    """A sender that hands down bursts, and waits for the acknowledgements that make one whole.

    A burst is what `burst_packets` says for twice the rate of the window in slow start and 1.2
    times it afterwards. A smaller one leaves if it is a third of the window; or the last packets
    of 64 KiB of the message; or more than a millisecond after the last packet; or when the next
    acknowledgement is not due within a millisecond or half a round trip
    (``tcp_tso_should_defer``; the millisecond was read off packet logs).

    Parameters
    ----------
    control : CongestionControl
        The sender's.
    window : int
        Bytes that the receiver lets be in flight.
    """

    __slots__ = ("_control", "_mss", "_piece", "_window")

    def __init__(self, control: CongestionControl, window: int) -> None:
        self._control = control
        self._window = window
        self._mss = control.mss
        self._piece = LARGEST // control.mss * control.mss

    def packets(
        self,
        message: Message,
        waiting: int,
        room: int,
        now: int,
        *,
        oldest: int | None,
        latest: int,
    ) -> int:
        """Return the packets that leave now; 0 to wait.

        Parameters
        ----------
        message : Message
            To send from first.
        waiting : int
            Bytes of it and of those that follow, or 64 KiB.
        room : int
            Bytes that the window lets go, at least a packet.
        now : int
            The time.
        oldest : int or None
            When the oldest packet in flight left.
        latest : int
            When the last packet left.
        """
        control, mss = self._control, self._mss
        allowed = room // mss
        left = -(-waiting // mss)
        rest = self._piece - (message.length - message.sending) % self._piece
        piece = min(left, -(-rest // mss))
        smoothed = control.rtt.smoothed
        share = 2.0 if control.cwnd < control.ssthresh // 2 else 1.2
        rate = share * control.cwnd * TICKS_PER_SECOND / smoothed
        most = max(burst_packets(rate, control.rtt.minimum, mss), 2)
        whole = (
            piece == 1
            or allowed >= most
            or (piece < left and allowed >= piece)
            or now - latest > _MILLISECOND
            or allowed >= min(control.cwnd, self._window) // mss // _SHARE
            or oldest is None
            or oldest + smoothed - now > min(smoothed // 2, _MILLISECOND)
        )
        if not whole:
            return 0
        return min(allowed, piece, most, max(control.cwnd // mss // 2, 1))
