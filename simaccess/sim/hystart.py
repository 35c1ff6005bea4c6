"""HyStart: two signs that slow start has filled the path (Ha and Rhee 2011), as Linux has them.

*Delay*: the least of a round's first eight round-trip times has risen. *Acknowledgement train*:
acknowledgements that come close behind one another span half the least round-trip time, so that
what they release fills the other half.
"""

from __future__ import annotations

from simaccess.sim.environment import TICKS_PER_SECOND

__all__ = ["WINDOW", "AckTrain", "delay_threshold"]

WINDOW = 16
"""Packets from which on HyStart looks."""

_MILLISECOND = TICKS_PER_SECOND // 1000
_CLOSE = 2 * _MILLISECOND
_BURSTS = 4 * 65536
"""Bytes of four of the largest bursts of a sender: what the far end may hold back."""


def delay_threshold(minimum: int) -> int:
    """Return the rise of the delay that ends slow start: RTT/8, from 4 ms to 16 ms."""
    return min(max(minimum // 8, 4 * _MILLISECOND), 16 * _MILLISECOND)


class AckTrain:
    """The train of acknowledgements since a round began.

    Its threshold is half of the least round-trip time and of a slack: 1 ms, or the time of four of
    the largest bursts at the rate at which the window sends, if that is less.
    """

    __slots__ = ("_began", "_latest")

    def __init__(self) -> None:
        self._began = self._latest = 0

    def begin(self, now: int) -> None:
        """Begin a round."""
        self._began = self._latest = now

    def full(self, now: int, latest: int, minimum: int, rate: float) -> bool:
        """Say whether an acknowledgement ends slow start.

        Parameters
        ----------
        now, latest : int
            When it and the last of those that are taken with it come.
        minimum : int
            Least round-trip time in ticks.
        rate : float
            Bytes a second of the window.
        """
        if now - self._latest > _CLOSE:
            return False
        self._latest = latest
        slack = min(_MILLISECOND, int(_BURSTS * TICKS_PER_SECOND / rate))
        return now - self._began > (minimum + slack) // 2

    def quiet(self, now: int, minimum: int) -> int:
        """Return until when no acknowledgement ends slow start."""
        if now - self._latest > _CLOSE:
            return 1 << 62
        return self._began + minimum // 2
