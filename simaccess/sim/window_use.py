"""Whether the window was what limited a sender, so that it may grow.

The rule is Linux's (``tcp_cwnd_validate`` and ``tcp_is_cwnd_limited``; RFC 7661 and RFC 9002, 7.8,
ask for one and leave it open): a sender that once filled its window counts as limited until all
that was out then is acknowledged and it sends again; in slow start it also grows up to twice the
most that was out.
"""

from __future__ import annotations

from simaccess.sim.tcp import CongestionControl

__all__ = ["WindowUse"]


class WindowUse:
    """Keeps the strongest sign of the latest window that the window was used.

    Attributes
    ----------
    limited : bool
        Whether the window was full.
    peak : int
        Bytes that were out at most.
    end : int
        Number of the packet from which on the sign is out of date.
    """

    __slots__ = ("_noted", "end", "limited", "peak")

    def __init__(self) -> None:
        self.limited = False
        self.peak = self.end = 0
        self._noted = 0

    def note(self, control: CongestionControl, flight: int, number: int, *, held: bool) -> None:
        """Take note that the sender has sent what it may; `number` is that of its next packet.

        `held` says that it waits for the window to let a whole burst go.
        """
        full = held or flight + control.mss > control.cwnd
        if number == self._noted and not full:
            return
        self._noted = number
        answered = number - flight // control.mss >= self.end
        if full or answered or (not self.limited and flight > self.peak):
            self.limited = full
            self.peak = flight
            self.end = number

    def counted(self, control: CongestionControl, count: int) -> int:
        """Return how many of `count` acknowledged packets let the window grow."""
        if self.limited:
            return count
        room = min(2 * self.peak, control.ssthresh) - control.cwnd
        return min(count, -(-room // control.mss)) if room > 0 else 0
