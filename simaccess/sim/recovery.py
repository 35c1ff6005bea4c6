"""What a sender knows of its losses, and what it may send until they are made good.

Loss is found as RACK does (RFC 8985), by the order of transmission and by time. When three packets
sent after the first missing one are acknowledged, everything sent before the latest of them is
lost; with fewer, only what left a reordering window before it, and the rest when a timer says that
it is late. Proportional rate reduction: RFC 6937, and its successor's rule that the reduction is
undone by one packet an acknowledgement only while what was lost is being made good.
"""

from __future__ import annotations

from collections import deque

from simaccess.sim.environment import TICKS_PER_SECOND
from simaccess.sim.tcp import CongestionControl
from simaccess.sim.train import Hole, Train

__all__ = ["TIMER", "Recovery"]

TIMER = 8 * TICKS_PER_SECOND // 1000
"""What Linux adds to its timers at the least: 2 ticks of its clock, at 250 a second."""

_SURE = 3


class Recovery:
    """Finds losses, and reduces the window once for all that are in flight together.

    Parameters
    ----------
    control : CongestionControl
        Is told of losses and of their end.

    Attributes
    ----------
    holes : deque of Hole
        Packets that got lost and are not known to be.
    lost : deque of Hole
        Packets that are known to be, to be sent again.
    missing : int
        Packets whose data is not there.
    active : bool
        Whether a reduction of the window is under way.
    sent : int
        Bytes sent since it began.
    probe : int
        Number of the last tail-loss probe.
    late : int
        When what may only have been overtaken counts as lost.
    events : int
        How often the window was to be reduced.
    """

    __slots__ = (
        "_above",
        "_acked",
        "_again",
        "_before",
        "_burst",
        "_control",
        "_from",
        "_mending",
        "_owed",
        "_window",
        "active",
        "events",
        "holes",
        "late",
        "lost",
        "missing",
        "probe",
        "sent",
    )

    def __init__(self, control: CongestionControl) -> None:
        self.holes: deque[Hole] = deque()
        self.lost: deque[Hole] = deque()
        self.missing = 0
        self.active = False
        self.sent = 0
        self.probe = 1 << 62
        self.events = 0
        self._control = control
        self._owed = 0  # missing packets that it waits for
        self._again = False
        self._from = 0  # packets before this were in flight when it began
        self._window = self._acked = 0
        self._burst = 0  # what the latest acknowledgement covers
        self._mending = False  # whether it shows that lost data has arrived and no new loss
        self._above = 0  # packets acknowledged above the first missing one
        self.late = 0
        self._before = 0  # the packets before this count as lost then

    def detect(self, train: Train, number: int, now: int, flight: int, coming: int) -> int:
        """See which packets an acknowledgement shows to be lost.

        Parameters
        ----------
        train, number : Train, int
            The packet that is acknowledged, and its train.
        now : int
            The time.
        flight : int
            Bytes in flight.
        coming : int
            Number of the next packet.

        Returns
        -------
        int
            Bytes in flight without the lost ones.
        """
        mss = self._control.mss
        repairs = train.repairs
        if repairs is not None:
            self._repaired(repairs, number, coming)
        holes = self.holes
        if not self.missing:
            self._above = 0
        elif not holes or number > holes[0].number:
            self._above += 1
        before = number
        if not self.active and self._above < _SURE and holes and holes[0].number < number:
            before = self._reordering(number, train.left(number), now)
        self._acked += mss
        self._burst = mss
        known = len(self.lost)
        flight = self._lose(before, flight, coming)
        self._mending = repairs is not None and len(self.lost) == known
        while self.active and not self._owed:
            self.active = False
            self._above = 0
            self._control.recovered(now)
            if self._again:
                self._again = False
                self._reduce(coming)
        return flight

    def overdue(self, flight: int, coming: int) -> int:
        """Take for lost what the timer waited for; return the bytes in flight without it."""
        self.late = 0
        return self._lose(self._before, flight, coming)

    def _reordering(self, number: int, left: int, now: int) -> int:
        """Return the packet before which all are lost, and set the timer for those behind it."""
        rtt = self._control.rtt
        window = min(rtt.minimum // 4, rtt.smoothed // 8)
        for hole in self.holes:
            if hole.number >= number:
                break
            if hole.left + window > left:
                last = next(h for h in reversed(self.holes) if h.number < number)
                self.late = now + last.left - left + window + TIMER
                self._before = number
                return hole.number
        return number

    def _lose(self, before: int, flight: int, coming: int) -> int:
        """Take the missing packets before a number for lost; return what is in flight then."""
        holes = self.holes
        fresh = False
        while holes and holes[0].number < before:
            hole = holes.popleft()
            fresh = fresh or hole.number >= self._from
            self.lost.append(hole)
            flight -= self._control.mss
        if fresh and self.active:
            self._again = True
        elif fresh:
            self._reduce(coming)
        return flight

    def _repaired(self, hole: Hole, number: int, coming: int) -> None:
        """Note that lost data has arrived in the packet `number`; `coming` is as for `detect`."""
        self.missing -= 1
        if hole.original < self._from:
            self._owed -= 1
        elif number == self.probe and not self.active:
            self._reduce(coming)  # a loss that the probe has mended counts as well

    def expire(self, flight: int, coming: int) -> int:
        """Take everything for lost after a time-out; return the bytes in flight without it."""
        self.active = self._again = False
        self._from = coming
        while self.holes:
            hole = self.holes.popleft()
            flight -= self._control.mss
            self.lost.append(hole)
        return flight

    def room(self, flight: int) -> int:
        """Return the bytes that proportional rate reduction lets go now (RFC 6937)."""
        threshold = self._control.ssthresh
        mss = self._control.mss
        if flight > threshold:
            room = -(-self._acked * threshold // self._window)
            room -= self.sent
        else:
            owed = max(self._acked - self.sent, self._burst)
            room = min(threshold - flight, owed + mss if self._mending else owed)
        if not self.sent:  # the fast retransmit itself
            room = max(room, mss)
        return room

    def _reduce(self, coming: int) -> None:
        """Reduce the window once for everything that is in flight now."""
        self.events += 1
        self._window = self._control.cwnd
        self.late = 0
        self._from = coming
        self._control.lost()
        self.active = True
        self._acked = self.sent = 0
        self._burst = self._control.mss
        self._mending = False
        self._owed = self.missing
