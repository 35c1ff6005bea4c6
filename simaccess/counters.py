"""What a buffer counts, each with its definition."""

from __future__ import annotations

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
    """

    __slots__ = (
        "answered",
        "bulk",
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

    @property
    def round_trips(self) -> int:
        """Times that the client was held by the link: loads, answered stores, and waits."""
        return self.loads + self.answered + self.waits


class Coverage:
    """A set of bytes of each shadow slot: those not read since they were fetched, for example.

    One interval a slot as long as the bytes adjoin, or have one hole; when they do not, a mark for
    each byte, so that a touch costs time in proportion to its own length and not to the slot's.
    Room for slots is made when they are first touched: most shadows are never filled.

    Parameters
    ----------
    slot_bytes : int
        Bytes of each slot.
    """

    __slots__ = ("_high", "_left", "_low", "_marks", "_slot_bytes")

    def __init__(self, slot_bytes: int) -> None:
        self._low: list[int] = []
        self._high: list[int] = []
        # 1 for each byte that is in; or where the one hole in the slot's interval is, and its
        # length: many slots are touched once and never again.
        self._marks: dict[int, bytearray | tuple[int, int]] = {}
        self._left: dict[int, int] = {}  # how many are in
        self._slot_bytes = slot_bytes

    def add(self, slot: int, at: int, length: int) -> None:
        """Put bytes [at, at + length) of the shadow in."""
        if slot not in self._marks:
            try:
                low, high = self._low[slot], self._high[slot]
            except IndexError:
                self._make_room(slot)
                low = high = 0
            end = at + length
            if low == high:
                self._low[slot], self._high[slot] = at, end
                return
            if at <= high and low <= end:
                if at < low:
                    self._low[slot] = at
                if end > high:
                    self._high[slot] = end
                return
            self._left[slot] = high - low
            self._marks[slot] = at, 0
        marks = self._marked(slot)
        begin = at - slot * self._slot_bytes
        self._left[slot] += length - marks.count(1, begin, begin + length)
        marks[begin : begin + length] = b"\1" * length

    def take(self, slot: int, at: int, length: int) -> int:
        """Take bytes [at, at + length) of the shadow out; return how many of them were in."""
        if slot not in self._marks:
            try:
                low, high = self._low[slot], self._high[slot]
            except IndexError:
                return 0
            end = at + length
            if high <= at or end <= low:
                return 0
            if at <= low:
                self._low[slot] = end = min(end, high)
                return end - low
            if high <= end:
                self._high[slot] = at
                return high - at
            self._left[slot] = high - low - length
            self._marks[slot] = at, length
            return length
        marks = self._marked(slot)
        begin = at - slot * self._slot_bytes
        taken = marks.count(1, begin, begin + length)
        if taken == self._left[slot]:
            del self._marks[slot], self._left[slot]
            self._low[slot] = self._high[slot] = 0
        elif taken:
            marks[begin : begin + length] = bytes(length)
            self._left[slot] -= taken
        return taken

    def clear(self, slot: int) -> None:
        """Take everything of a slot out."""
        self._marks.pop(slot, None)
        self._left.pop(slot, None)
        if slot < len(self._low):
            self._low[slot] = self._high[slot] = 0

    def renew(self, slot: int, at: int, length: int, taken: int, size: int) -> None:
        """Let [at, at + length) be in, less [taken, taken + size) of it, and nothing else."""
        if self._marks and slot in self._marks:
            del self._marks[slot], self._left[slot]
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
        self._low += more
        self._high += more

    def _marked(self, slot: int) -> bytearray:
        """Return the slot's marks, which its interval and the hole in it become."""
        marks = self._marks[slot]
        if isinstance(marks, tuple):
            hole, missing = marks
            base = slot * self._slot_bytes
            low, high = self._low[slot] - base, self._high[slot] - base
            marks = bytearray(self._slot_bytes)
            marks[low:high] = b"\1" * (high - low)
            marks[hole - base : hole - base + missing] = bytes(missing)
            self._marks[slot] = marks
        return marks
