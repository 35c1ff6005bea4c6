"""What a sender knows of its losses, and what it may send until they are made good.

Loss is found as QUIC and RACK do, by the order of transmission: a packet is lost when three sent
after it are acknowledged, or a probe. Sources: PRR, RFC 6937; RACK, RFC 8985.
"""

from __future__ import annotations

from collections import deque

from simaccess.sim.tcp import CongestionControl
from simaccess.sim.train import Hole

__all__ = ["Recovery"]


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
    events : int
        How often the window was to be reduced.
    """

    __slots__ = (
        "_acked",
        "_again",
        "_burst",
        "_control",
        "_flight",
        "_from",
        "_owed",
        "active",
        "events",
        "holes",
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
        self._flight = self._acked = 0
        self._burst = 0  # what the latest acknowledgement covers

    def detect(self, number: int, now: int, size: int, flight: int, coming: int) -> int:
        """See which packets an acknowledgement shows to be lost.

        Parameters
        ----------
        number : int
            The packet that is acknowledged.
        now : int
            The time.
        size : int
            Bytes that are acknowledged.
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
        fresh = False
        while holes and (holes[0].number + 3 <= number or holes[0].number < self.probe <= number):
            hole = holes.popleft()
            fresh = fresh or hole.number >= self._from
            self.lost.append(hole)
            flight -= self._control.mss
        self._acked += size
        self._burst = size
        if fresh and self.active:
            self._again = True
        elif fresh:
            self._reduce(flight, coming)
        while self.active and not self._owed:
            self.active = False
            self._control.recovered(now)
            if self._again:
                self._again = False
                self._reduce(flight, coming)
        return flight

    def repaired(self, hole: Hole, number: int, flight: int, coming: int) -> None:
        """Note that lost data has arrived in the packet `number`; the rest is as for `detect`."""
        self.missing -= 1
        if hole.original < self._from:
            self._owed -= 1
        elif number == self.probe and not self.active:
            self._reduce(flight, coming)  # a loss that the probe has mended counts as well

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
            room = -(-self._acked * threshold // self._flight)
            room -= self.sent
        else:
            owed = max(self._acked - self.sent, self._burst)
            room = min(threshold - flight, owed + mss)
        if not self.sent:  # the fast retransmit itself
            room = max(room, mss)
        return room

    def _reduce(self, flight: int, coming: int) -> None:
        """Reduce the window once for everything that is in flight now."""
        mss = self._control.mss
        self.events += 1
        self._flight = max(flight + len(self.lost) * mss, mss)
        self._from = coming
        if self._control.lost() is None:
            return
        self.active = True
        self._acked = self.sent = 0
        self._burst = mss
        self._owed = self.missing
