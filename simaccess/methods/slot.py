"""One slot of a shadow: which block it holds, and how much of it is there, written, on its way."""

from __future__ import annotations

from functools import lru_cache

from simaccess.operations import AWAIT, FETCH, LOCAL, Operation

__all__ = ["Slot"]


@lru_cache(maxsize=4096)
def _place(index: int, size: int) -> tuple[int, Operation]:
    """Return where a slot begins in its shadow, and what waits for it: the same in all shadows."""
    return index * size, (AWAIT, index)


class Slot:
    """What one slot of the shadow holds.

    Bytes [low, high) of the block have been asked for or are being written, [low, ready) are
    there, and [dirty, clean) have been written and not been brought back. Transfers and writes
    are numbered from 1 on in the order in which they start.

    Parameters
    ----------
    index : int
        Its place among the shadow's slots, from 0.
    size : int
        Bytes of a slot.
    """

    __slots__ = (
        "arrival",
        "base",
        "clean",
        "dirty",
        "ended",
        "flushed",
        "flushing",
        "high",
        "index",
        "joined",
        "low",
        "number",
        "origin",
        "pins",
        "ready",
        "started",
        "stop",
    )

    def __init__(self, index: int, size: int) -> None:
        self.index = index
        # Where the slot begins in the shadow, and what waits for what is under way.
        self.base, self.arrival = _place(index, size)
        self.number = -1  # the block that it holds; -1: none
        self.origin = self.stop = 0  # where that block begins and ends in the segment
        self.low = self.high = self.ready = 0
        self.dirty = self.clean = 0
        self.pins = 0  # calls that are using it
        self.started = self.ended = 0  # the last that was started; all up to `ended` are over
        self.flushed = 0  # the last that was a copy back
        self.flushing = 0, 0  # what that brings back
        self.joined = 0  # the last that put bytes before those that were there

    def local(self, start: int, stop: int) -> Operation:
        """Return the operation that serves [start, stop) from the shadow."""
        return LOCAL, self.index, self.base + start - self.origin, stop - start

    def request(self, low: int, limit: int) -> Operation | None:
        """Return the next copy, now under way, of what the slot lacks of its block.

        Wanted is what lies in [low, limit); None if all of that is there or under way.
        """
        if self.high < low:  # what it holds has been released
            self.low = self.high = self.ready = low
        if low < self.low < self.high:
            start, stop = low, self.low
        else:
            start = low if self.low == self.high else self.high
            stop = self.stop
            if limit < stop:
                stop = limit
            if start >= stop:
                return None
        self.begin(start, stop)
        return FETCH, self.index, start, stop - start, self.base + start - self.origin

    def begin(self, start: int, stop: int) -> int:
        """Note that [start, stop), next to what is there, is on its way; return its number."""
        self.started += 1
        if self.low == self.high:
            self.low = self.high = self.ready = start
        if start < self.low:
            self.low = self.ready = start
            self.joined = self.started
        if self.high < stop:
            self.high = stop
        return self.started

    def end(self, started: int, high: int) -> None:
        """Note that all up to number `started` are over, and so all bytes up to `high` there."""
        if started > self.ended:
            self.ended = started
            if started >= self.joined and high > self.ready:
                self.ready = high

    def apart(self, start: int, stop: int) -> bool:
        """Say whether [start, stop) neither overlaps nor adjoins what the slot holds."""
        return self.low < self.high and (stop < self.low or start > self.high)

    def flush(self) -> None:
        """Note that what was written is on its way back."""
        self.flushing = self.dirty, self.clean
        self.dirty = self.clean = 0
        self.started += 1
        self.flushed = self.started

    def abandon(self) -> None:
        """Keep nothing but what was written, be it on its way back or not."""
        if self.flushed > self.ended:
            self.dirty, self.clean = self.flushing
        self.ended = self.started
        self.low = self.dirty
        self.high = self.ready = self.clean

    def soil(self, start: int, stop: int) -> None:
        """Note [start, stop) as written."""
        if not self.clean:
            self.dirty, self.clean = start, stop
        else:
            self.dirty, self.clean = min(self.dirty, start), max(self.clean, stop)
