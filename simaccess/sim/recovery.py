"""What a sender knows of its losses, and how its window goes down until they are made good.

Loss is found as RACK does (RFC 8985), by the order of transmission and by time. When three packets
sent after the first missing one are acknowledged, everything sent before the latest of them is
lost; with fewer, only what left a reordering window before it, and the rest when a timer says that
it is late. Each acknowledgement then sets the window by proportional rate reduction (RFC 6937, with
its successor's rule that the reduction is undone by one packet an acknowledgement only where that
advances and shows no new loss), counted in packets as in Linux' ``tcp_cwnd_reduction``.
"""

from __future__ import annotations

from bisect import insort
from collections import deque

from simaccess.sim.kernel_clock import rings_after
from simaccess.sim.tcp import CongestionControl
from simaccess.sim.train import Hole, Train

__all__ = ["LEAST", "RETRIES", "Recovery"]

LEAST = 2
"""Jiffies that Linux adds to its timers at the least."""

RETRIES = 15
"""Time-outs in a row after which a connection is given up (Linux: ``net.ipv4.tcp_retries2``)."""

_SURE = 3
_NEVER = 1 << 62


def _original(hole: Hole) -> int:
    return hole.original


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
        Packets that are known to be, to be sent again in the order of their data.
    missing : int
        Packets whose data is not known to be there.
    active : bool
        Whether a reduction of the window is under way.
    collapsed : bool
        Whether what a time-out has taken for lost is not all made good.
    sent : int
        Packets sent since the reduction began.
    probe : int
        Number of the last tail-loss probe that repeated data.
    late : int
        When what may only have been overtaken counts as lost.
    events : int
        How often the window was to be reduced.
    covered : int
        Packets that the acknowledgement covers which is being looked at.
    """

    __slots__ = (
        "_above",
        "_acked",
        "_advances",
        "_before",
        "_control",
        "_from",
        "_known",
        "_owed",
        "_window",
        "active",
        "collapsed",
        "covered",
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
        self.active = self.collapsed = False
        self.sent = 0
        self.probe = _NEVER
        self.events = 0
        self.late = 0
        self.covered = 0
        self._control = control
        self._owed = 0  # missing packets that its end waits for
        self._known: set[int] = set()  # the missing packets that are known to be lost
        self._from = 0  # packets before this were in flight when it began
        self._window = 1  # packets of the window then
        self._acked = 0  # packets acknowledged since
        self._advances = False  # whether it is for data in order
        self._above = 0  # packets acknowledged above the first missing one
        self._before = 0  # the packets before this count as lost when `late` has come

    @property
    def calm(self) -> bool:
        """Whether nothing tells of a loss."""
        return not (self.active or self.collapsed or self._above)

    def cover(self, train: Train) -> None:
        """Take note of a packet that an acknowledgement covers, before `detect` looks at it."""
        self.covered += 1
        if train.advances:
            self._advances = True
        else:
            self._above += 1
        repairs = train.repairs
        if repairs is not None:
            self.missing -= 1
            self._known.discard(repairs.original)
            if repairs.original < self._from:
                self._owed -= 1
            if not self.missing:
                self._above = 0

    def detect(self, number: int, left: int, now: int, flight: int, coming: int) -> int:
        """See which packets an acknowledgement shows to be lost, and set the window.

        Parameters
        ----------
        number, left : int
            The latest of the packets that it covers, and when that left.
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
        holes = self.holes
        before = number
        calm = not (self.active or self.collapsed)
        if calm and self._above < _SURE and holes and holes[0].number < number:
            before = self._reordering(number, left, now)
        found = bool(holes) and holes[0].number < before
        flight = self._lose(before, flight, coming)
        while (self.active or self.collapsed) and not self._owed:
            if self.active:
                self._control.recovered(now)
            self.active = self.collapsed = False
            self._above = 0
            if self._known:
                self._reduce(coming)
        if self.active and not self._control.paced:
            self._set_window(flight, found=found)
        self.covered = 0
        self._advances = False
        return flight

    def overdue(self, flight: int, coming: int) -> int:
        """Take for lost what the timer waited for; return the bytes in flight without it."""
        self.late = 0
        begun = self.events
        flight = self._lose(self._before, flight, coming)
        if self.events > begun and not self._control.paced:
            self._control.cwnd = flight + self._control.mss  # the fast retransmit
        return flight

    def _reordering(self, number: int, left: int, now: int) -> int:
        """Return the packet before which all are lost, and set the timer for those behind it."""
        rtt = self._control.rtt
        window = min(rtt.minimum // 4, rtt.smoothed // 8)
        first = number  # the first of those that may only have been overtaken
        for hole in self.holes:
            if hole.number >= number:
                break
            if first == number and hole.left + window > left:
                first = hole.number
                self._before = number
            if first < number:
                self.late = now + rings_after(hole.left - left + window, LEAST)
        return first

    def _lose(self, before: int, flight: int, coming: int) -> int:
        """Take the missing packets before a number for lost; return what is in flight then."""
        holes = self.holes
        while holes and holes[0].number < before:
            self._know(holes.popleft())
            flight -= self._control.mss
        if self._known and not (self.active or self.collapsed):
            self._reduce(coming)
        return flight

    def _know(self, hole: Hole) -> None:
        """Take note that a packet is lost."""
        self._known.add(hole.original)
        insort(self.lost, hole, key=_original)

    def mended(self, now: int) -> None:
        """Reduce the window at once for a loss that the probe alone has made good."""
        self.events += 1
        self.probe = _NEVER
        self._control.lost()
        self._control.recovered(now)

    def expire(self, flight: int, coming: int) -> int:
        """Take everything for lost after a time-out; return the bytes in flight without it."""
        if not (self.active or self.collapsed):
            self._control.lost()
        self._control.expired()
        self.active, self.collapsed = False, True
        self.probe = _NEVER
        self._from = coming
        self._owed = self.missing
        while self.holes:
            flight -= self._control.mss
            self._know(self.holes.popleft())
        return flight

    def _set_window(self, flight: int, *, found: bool) -> None:
        """Set the window as proportional rate reduction has it (RFC 6937)."""
        control = self._control
        mss = control.mss
        threshold = control.ssthresh // mss
        room = threshold - flight // mss
        self._acked += self.covered
        if room < 0:
            count = -(-self._acked * threshold // self._window) - self.sent
        else:
            owed = max(self._acked - self.sent, self.covered)
            count = min(room, owed + 1 if self._advances and not found else owed)
        if not self.sent:  # the fast retransmit itself
            count = max(count, 1)
        control.cwnd = flight + count * mss

    def _reduce(self, coming: int) -> None:
        """Reduce the window once for everything that is in flight now."""
        self.events += 1
        self._window = self._control.cwnd // self._control.mss
        self.late = 0
        self.probe = _NEVER
        self._from = coming
        self._control.lost()
        self.active = True
        self._acked = self.sent = 0
        self._owed = self.missing
