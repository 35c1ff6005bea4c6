"""What becomes of a packet in one direction of the link: the arithmetic, in whole numbers.

A FIFO queue is emptied at a constant rate and holds so many bytes; random loss strikes behind it,
so that lost packets use its time; then comes a constant delay. `emulator.c` has the same in C.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

__all__ = ["CARRIED", "FULL", "LOSS_SCALE", "LOST", "DropTail"]

CARRIED: Final = 0
"""The packet gets through."""
FULL: Final = 1
"""The buffer has no room for it."""
LOST: Final = 2
"""It gets lost behind the queue."""

LOSS_SCALE: Final = 2**53

_BILLION = 1_000_000_000
_WORD = 2**64 - 1


class DropTail:
    """One direction of the link.

    Parameters
    ----------
    rate : int
        Bytes of IP packets a second.
    buffer : int
        Bytes that wait or are being sent, at most. Of the packet that is being sent, the part that
        is still to be sent counts.
    delay : int
        Nanoseconds from the end of a packet's service to its arrival.
    loss : int
        Probability that a packet behind the queue gets lost, times `LOSS_SCALE`.
    seed : int
        Decides which packets get lost, by their number among those that the buffer took: the
        outputs of SplitMix64 (Steele, Lea and Flood 2014) from this state on.
    """

    __slots__ = ("_backlog", "_last", "_passed", "buffer", "delay", "loss", "rate", "seed")

    def __init__(self, rate: int, buffer: int, delay: int, loss: int = 0, seed: int = 0) -> None:
        self.rate = rate
        self.buffer = buffer
        self.delay = delay
        self.loss = loss
        self.seed = seed
        self._backlog = 0  # billionths of a byte that wait or are being sent at the time `_last`
        self._last = 0
        self._passed = 0

    def admit(self, now: int, size: int) -> tuple[int, int]:
        """Return what becomes of a packet that arrives, and when it is there.

        Parameters
        ----------
        now : int
            Nanoseconds, no less than at the packet before.
        size : int
            Bytes of the IP packet.

        Returns
        -------
        fate : int
            `CARRIED`, `FULL` or `LOST`.
        due : int
            The nanosecond at which a carried packet is there, rounded up; 0 for the others.
        """
        backlog = max(0, self._backlog - (now - self._last) * self.rate)
        self._last = now
        after = backlog + size * _BILLION
        if after > self.buffer * _BILLION:
            self._backlog = backlog
            return FULL, 0
        self._backlog = after
        if self._is_lost():
            return LOST, 0
        return CARRIED, now - (-after // self.rate) + self.delay

    def _is_lost(self) -> bool:
        self._passed += 1
        z = (self.seed + self._passed * 0x9E3779B97F4A7C15) & _WORD
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _WORD
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _WORD
        return (z ^ (z >> 31)) >> 11 < self.loss

    def words(self) -> list[str]:
        """Return the parameters as an emulator takes them on its command line."""
        return [str(n) for n in (self.rate, self.buffer, self.delay, self.loss, self.seed)]

    @classmethod
    def parse(cls, words: Sequence[str]) -> DropTail:
        """Return the direction of five words of an emulator's command line."""
        return cls(*(int(word) for word in words))
