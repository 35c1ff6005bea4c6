"""What a buffer counts, each with its definition."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from typing import Final

__all__ = ["Counters", "Coverage"]


class Counters:
    """Tallies of one client of a buffer.

    Attributes
    ----------
    requested : int
        Bytes that the client asked to read or write.
    loads, stores : int
        Operations in place.
    fetches, flushes : int
        Bulk requests, towards the client and away from it.
    bulk : int
        Bytes of bulk requests.
    answered : int
        Stores that were not posted, so that the client waited for the link's answer.
    waits : int
        Waits for a transfer that had not ended yet.
    hits : int
        Reads and writes of the shadow that had nothing to wait for.
    shadow : int
        Bytes served from the shadow.
    used : int
        Bytes of bulk requests that were read from the shadow (fetches) or had been written into
        it (flushes), each moved instance counted once.
    copies : bool
        Whether the client's own processor makes the copies towards it, so that the link holds it
        for each of them; as its segment says.
    """

    __slots__ = (
        "answered",
        "bulk",
        "copies",
        "fetches",
        "flushes",
        "hits",
        "loads",
        "requested",
        "shadow",
        "stores",
        "used",
        "waits",
    )

    def __init__(self) -> None:
        self.requested = self.loads = self.stores = self.fetches = self.flushes = 0
        self.bulk = self.answered = self.waits = self.hits = self.shadow = self.used = 0
        self.copies = False

    @property
    def round_trips(self) -> int:
        """Times that the link held the client: loads, answered stores, waits, and own copies."""
        return self.loads + self.answered + self.waits + (self.fetches if self.copies else 0)


_NONE: Final[list[int]] = []
_NO_BOUNDS: Final[dict[int, array[int]]] = {}
"""What a set begins with, never written to: most are never put to use, or not in part."""


class Coverage:
    """A set of bytes of each shadow slot: those not read since they were fetched, for example.

    One interval a slot as long as the bytes adjoin; when they do not, the bounds of all intervals
    in order, so that a touch costs time by how many intervals there are and never by how many
    bytes. Room for slots is made when they are first touched: most shadows are never filled.
    """

    __slots__ = ("_bounds", "_high", "_low")

    def __init__(self) -> None:
        self._low = self._high = _NONE
        # Of slots with several intervals: where the first begins and ends, where the second does…
        self._bounds = _NO_BOUNDS

    def add(self, slot: int, at: int, length: int) -> None:
        """Put bytes [at, at + length) of the shadow in."""
        end = at + length
        if slot not in self._bounds:
            try:
                low, high = self._low[slot], self._high[slot]
            except IndexError:
                self._make_room(slot)
                low = high = 0
            if low == high:
                self._low[slot], self._high[slot] = at, end
                return
            if at <= high and low <= end:
                if at < low:
                    self._low[slot] = at
                if end > high:
                    self._high[slot] = end
                return
            self._split(slot, (low, high))
        bounds = self._bounds[slot]
        # An odd number of bounds before a place: it lies in an interval, or adjoins one.
        first, last = bisect_left(bounds, at), bisect_right(bounds, end)
        bounds[first:last] = array("q", [at] * (1 - first % 2) + [end] * (1 - last % 2))
        self._settle(slot)

    def take(self, slot: int, at: int, length: int) -> int:
        """Take bytes [at, at + length) of the shadow out; return how many of them were in."""
        end = at + length
        if slot not in self._bounds:
            try:
                low, high = self._low[slot], self._high[slot]
            except IndexError:
                return 0
            if high <= at or end <= low:
                return 0
            if at <= low:
                self._low[slot] = end = min(end, high)
                return end - low
            if high <= end:
                self._high[slot] = at
                return high - at
            self._split(slot, (low, at, end, high))
            return length
        return self._take(slot, at, end)

    def clear(self, slot: int) -> None:
        """Take everything of a slot out."""
        if slot in self._bounds:
            del self._bounds[slot]
        if slot < len(self._low):
            self._low[slot] = self._high[slot] = 0

    def renew(self, slot: int, at: int, length: int, taken: int, size: int) -> None:
        """Let [at, at + length) be in, less [taken, taken + size) of it, and nothing else."""
        if self._bounds and slot in self._bounds:
            del self._bounds[slot]
        try:
            self._high[slot] = at + length
        except IndexError:
            self._make_room(slot)
            self._high[slot] = at + length
        if taken == at:
            self._low[slot] = at + size
        else:
            self._low[slot] = at
            self.take(slot, taken, size)

    def _make_room(self, slot: int) -> None:
        """Make room for all slots up to this one."""
        more = [0] * (slot + 1 - len(self._low))
        if self._low is _NONE:
            self._low, self._high = more, more.copy()
        else:
            self._low += more
            self._high += more

    def _split(self, slot: int, bounds: tuple[int, ...]) -> None:
        """Keep several intervals of a slot, or one that will not be alone."""
        if self._bounds is _NO_BOUNDS:
            self._bounds = {}
        self._bounds[slot] = array("q", bounds)
        self._low[slot] = self._high[slot] = 0

    def _take(self, slot: int, at: int, end: int) -> int:
        """Take [at, end) out of several intervals."""
        bounds = self._bounds[slot]
        place = bisect_right(bounds, at)
        if place % 2 and end < bounds[place]:  # the usual case: within one interval
            if bounds[place - 1] == at:
                bounds[place - 1] = end
            else:
                bounds[place:place] = array("q", (at, end))
            return end - at
        first, last = bisect_left(bounds, at), bisect_right(bounds, end)
        before, after = [at] * (first % 2), [end] * (last % 2)
        inside = [*before, *bounds[first:last], *after]
        taken = sum(inside[1::2]) - sum(inside[::2])
        if taken:
            bounds[first:last] = array("q", before + after)
            self._settle(slot)
        return taken

    def _settle(self, slot: int) -> None:
        """Keep what is one interval, or none, as such."""
        bounds = self._bounds[slot]
        if len(bounds) <= 2:
            self._low[slot], self._high[slot] = bounds or (0, 0)
            del self._bounds[slot]
