"""When a receiver acknowledges packets, as Linux does.

In order, it acknowledges every second packet. Out of order, the first three packets after each
advance are acknowledged at once, so that the sender learns of a loss; those that follow are held
back for up to a millisecond and acknowledged together (``tcp_comp_sack_delay_ns``; RFC 8985, 6.2
step 3, counts packets and not acknowledgements). The rules were read off packet logs over the WAN
in a box, Linux 6.18: ``docs/decisions.md``.
"""

from __future__ import annotations

from simaccess.sim.environment import TICKS_PER_SECOND
from simaccess.sim.kernel_clock import rings_after
from simaccess.sim.receiver import Gaps
from simaccess.sim.train import Train

__all__ = ["DelayedAcks"]

_MILLISECOND = TICKS_PER_SECOND // 1000
_ACTIVE = 40 * _MILLISECOND
_DELAY = rings_after(_ACTIVE)
_QUICK = 500
"""Packets of a connection at whose arrival Linux still raises its receive window, and acknowledges
each at once: 400 to 740 were measured."""
_DUPLICATES = 3
_COMPRESS = _MILLISECOND
_COMPRESS_SHARE = 20
"""That part of a round trip, if it is less."""
_SLACK = _MILLISECOND // 10
"""By which the kernel lets the timer for them be late (``tcp_comp_sack_slack_ns``)."""
_COMPRESSED = 44
"""Packets of one such acknowledgement at most (``tcp_comp_sack_nr``)."""


class DelayedAcks:
    """A receiver that acknowledges every second packet, and packets after a loss by the millisecond.

    It acknowledges each of the first 500 packets of a connection, unless it is in a dialogue: from
    when it sends something within 40 ms of data, until an acknowledgement waits in vain. An odd
    packet waits for the next one, for 42 ms, or until the receiver itself sends.

    Parameters
    ----------
    back : int
        Ticks of an acknowledgement's way.
    round_trip : int
        Ticks of a round trip.
    gaps : Gaps
        What is missing when a packet has come.

    Attributes
    ----------
    held : list of Train
        Packets whose acknowledgement is held back.
    """

    __slots__ = (
        "_arrival",
        "_back",
        "_compress",
        "_dialogue",
        "_duplicates",
        "_gaps",
        "_quick",
        "held",
    )

    def __init__(self, back: int, round_trip: int, gaps: Gaps) -> None:
        self.held: list[Train] = []
        self._arrival = 0
        self._back = back
        self._compress = min(_COMPRESS, round_trip // _COMPRESS_SHARE) + _SLACK
        self._gaps = gaps
        self._dialogue = False
        self._duplicates = 0
        self._quick = _QUICK

    def arrive(self, train: Train, arrival: int) -> None:
        """Decide when the packet of a train is acknowledged that arrives after those before it."""
        held = self.held
        before, self._arrival = self._arrival, max(self._arrival, arrival)  # none overtakes
        ack = self._arrival + self._back
        if held and ack > held[0].ack:  # the timer has been faster
            if held[0].ack >= before + self._back + _DELAY:
                self._dialogue = False
            held.clear()
        hold = self._hold(train)
        self._quick = max(0, self._quick - 1)
        if held:
            held[-1].joined = True
        if hold:
            train.ack = held[0].ack if held else ack + hold
            held.append(train)
            return
        train.ack = ack
        for other in held:
            other.ack = ack
        held.clear()

    def _hold(self, train: Train) -> int:
        """Return for how long the packet's acknowledgement may be held back."""
        missing = self._gaps.missing
        if not missing:
            self._duplicates = 0
            mends = train.repairs is not None
            quick = self._quick and not self._dialogue
            return 0 if self.held or mends or quick else _DELAY
        if train.advances:
            # As Linux counts: an advance by a lone packet is the first of the three.
            assert train.repairs is not None
            self._duplicates = 1 if missing[0] == train.repairs.original + 1 else 0
            return 0
        if self._duplicates < _DUPLICATES:
            self._duplicates += 1
            return 0
        return 0 if len(self.held) >= _COMPRESSED else self._compress

    def sends(self, now: int) -> None:
        """Take note that what the receiver has sent arrives at the other end."""
        if now - self._back - self._arrival < _ACTIVE:
            self._dialogue = True
        if self.held and self._arrival + self._back <= now < self.held[0].ack:
            for train in self.held:
                train.ack = now
            self.held.clear()
