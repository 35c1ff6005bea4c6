"""One slot of a shadow: which block it holds, and how much of it is there, written, on its way."""

from __future__ import annotations

from collections.abc import Generator
from functools import lru_cache
from typing import TypeAlias, TypeVar

from simaccess.operations import AWAIT, FETCH, FLUSH, LOCAL, Operation

__all__ = ["NOTHING", "Slot", "Steps", "unpin"]

_Result = TypeVar("_Result")
Steps: TypeAlias = Generator[Operation, None, _Result]

NOTHING = 0, 0
"""A range without bytes."""


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
        "failed",
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
        "writing",
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
        self.flushing = NOTHING  # what that brings back
        self.writing = NOTHING  # what a client's write under way covers
        self.joined = 0  # the last that put bytes before those that were there
        self.failed = 0  # the last failure, which is numbered as if it had started, too

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

    def fetch(self, low: int, limit: int) -> Steps[None]:
        """Start the copies of what the slot lacks of its block from `low` to `limit`."""
        request = self.request(low, limit)
        while request is not None:
            yield request
            request = self.request(low, limit)

    def arrive(self) -> Steps[None]:
        """Wait for the transfers and writes that have been started."""
        started, high = self.started, self.high
        if started > self.ended:
            yield self.arrival
            self.end(started, high)

    def write_back(self) -> Steps[None]:
        """Start to bring back what was written."""
        while self.clean and self.started > self.ended:
            yield from self.arrive()  # an older copy back must not come in last
        if self.clean:
            dirty, length = self.dirty, self.clean - self.dirty
            self.flush()
            yield FLUSH, self.index, dirty, length, self.base + dirty - self.origin

    def apart(self, start: int, stop: int) -> bool:
        """Say whether [start, stop) neither overlaps nor adjoins what the slot holds."""
        return self.low < self.high and (stop < self.low or start > self.high)

    def flush(self) -> None:
        """Note that what was written is on its way back."""
        self.flushing = self.dirty, self.clean
        self.dirty = self.clean = 0
        self.started += 1
        self.flushed = self.started

    def written(self) -> bool:
        """Say whether something that was written has not been brought back yet."""
        return self.clean > 0 or self.flushed > self.ended

    def abandon(self) -> None:
        """Keep nothing but what was or is being written, be it on its way back or not.

        What others have under way goes on. Whoever waits for it waited for bytes that are kept no
        longer, and whatever is kept is there once everything is over that was started until now.
        """
        if self.flushed > self.ended:
            self.soil(*self.flushing)
        kept = [part for part in ((self.dirty, self.clean), self.writing) if part != NOTHING]
        self.low = self.ready = min((start for start, _ in kept), default=0)
        self.high = max((stop for _, stop in kept), default=0)
        self.started += 1
        self.joined = self.failed = self.started

    def soil(self, start: int, stop: int) -> None:
        """Note [start, stop) as written."""
        if not self.clean:
            self.dirty, self.clean = start, stop
        else:
            self.dirty, self.clean = min(self.dirty, start), max(self.clean, stop)


def unpin(slots: list[Slot | None]) -> None:
    """Let go of slots, which leaves none in the list."""
    while slots:
        slot = slots.pop()
        if slot is not None:
            slot.pins -= 1
