"""CUBIC's law of growth, acknowledgement by acknowledgement, as Linux computes it.

``W(t) = C (t - K)^3 + W_max`` packets, with ``K = ((W_max - W_0) / C)^(1/3)`` seconds, where W_0 is
the window at the time 0, that of the first growth after a loss; and at least what Reno would have
with the same average window (RFC 9438, equations 1, 2 and 4). Linux looks a round trip ahead,
counts time in ticks of its clock, and lets the window grow by a packet for each
``W / (W(t) - W)`` acknowledged, a number that it keeps until the window changes or 1/32 s is over
(``bictcp_update``, from memory; windows seen in packet logs: ``docs/decisions.md``).
"""

from __future__ import annotations

from simaccess.sim.environment import TICKS_PER_SECOND
from simaccess.sim.kernel_clock import JIFFY

__all__ = ["CubicLaw"]

_KEPT = 7
"""Jiffies for which growth is as it was while the window is: 1/32 s."""
_C = 410 / 1024
"""Packets a cubic second."""
_FRIENDLY = 15
"""Eighths of a window that are acknowledged while Reno's grows by a packet."""
_FIRST = 20
"""Packets that let the window grow by one before any loss, at most."""


class CubicLaw:
    """How many packets must be acknowledged for the window to grow by one."""

    __slots__ = (
        "_K",
        "_acknowledged",
        "_at",
        "_began",
        "_friendly",
        "_maximum",
        "_needed",
        "_origin",
        "_window",
    )

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Be as at the beginning."""
        self._maximum = 0  # packets of the window before the latest loss
        self._began: int | None = None  # jiffies
        self._at = self._window = -1  # when the number needed was computed, and for which window
        self._needed = 1
        self._origin = 0
        self._K = 0.0
        self._acknowledged = self._friendly = 0

    def needed(self, window: int, packets: int, now: int, minimum: int) -> int:
        """Return how many packets acknowledged let the window grow by one.

        Parameters
        ----------
        window : int
            Packets of the window.
        packets : int
            Packets that are acknowledged now.
        now : int
            The time.
        minimum : int
            Ticks of the least round trip.
        """
        jiffy = now // JIFFY
        self._acknowledged += packets
        if window == self._window and jiffy - self._at <= _KEPT:
            return self._needed
        if self._began is None:
            self._begin(window, packets, jiffy)
        if jiffy != self._at:
            self._window = window
            self._at = jiffy
            self._needed = self._cubic(window, jiffy + -(-minimum // JIFFY))
        share = window * _FRIENDLY >> 3
        while self._acknowledged > share:
            self._acknowledged -= share
            self._friendly += 1
        if self._friendly > window:
            self._needed = min(self._needed, window // (self._friendly - window))
        self._needed = max(self._needed, 2)
        return self._needed

    def _begin(self, window: int, packets: int, jiffy: int) -> None:
        self._began = jiffy
        self._acknowledged = packets
        self._friendly = window
        self._origin = max(self._maximum, window)
        self._at = -1
        self._K = ((self._origin - window) / _C) ** (1 / 3)

    def _cubic(self, window: int, jiffy: int) -> int:
        """Return the number needed by the cubic function at a time."""
        assert self._began is not None
        away = (jiffy - self._began) * JIFFY / TICKS_PER_SECOND - self._K
        change = int(_C * abs(away) ** 3.0)
        target = self._origin + (change if away > 0 else -change)
        needed = window // (target - window) if target > window else 100 * window
        return needed if self._maximum else min(needed, _FIRST)

    def idle(self, gap: int) -> None:
        """Let time stand still for `gap` ticks."""
        if self._began is not None:
            self._began += gap // JIFFY

    def lost(self, window: int) -> None:
        """Remember the window, less if it did not reach its former maximum: fast convergence."""
        self._maximum = window * (1024 + 717) // 2048 if window < self._maximum else window
        self._began = None
