"""Looking for a while before sleeping, as long as that pays.

Who sleeps must be woken up by the far end, which costs both of them more than most waits for a
server on the same machine take. In vain it is to look where the far end is slow, or where it
cannot run because the looker has its processor: then it is left out, and only tried now and then.
"""

from __future__ import annotations

from time import perf_counter

__all__ = ["Looking"]

_LOOK = 100e-6  # seconds
_BORNE = 16  # times in vain, in a row
_DOUBLINGS = 6  # of the waits in which it is not looked, at most


class Looking:
    """Says for how long to look."""

    __slots__ = ("_left_out", "_vain")

    def __init__(self) -> None:
        self._vain = 0  # times, in a row
        self._left_out = 0  # waits in which it is not to be looked

    def until(self) -> float:
        """Return the time until which to look in the wait that begins now."""
        now = perf_counter()
        if self._left_out:
            self._left_out -= 1
            return now
        return now + _LOOK

    def ended(self, found: bool) -> None:
        """Take note of whether something came while it was looked.

        Beyond what is borne, the first time in vain leaves out the looks of one wait, the next of
        3, then of 7, and so on.
        """
        self._vain = 0 if found else min(self._vain + 1, _BORNE + _DOUBLINGS)
        self._left_out = (1 << max(self._vain - _BORNE, 0)) - 1
