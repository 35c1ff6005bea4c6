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

    One interval a slot as long as the bytes adjoin, a bitmap (an integer) when they do not.
    """

    __slots__ = ("_bits", "_high", "_low", "_slot_bytes")

    def __init__(self, slots: int, slot_bytes: int) -> None:
        self._low = [0] * slots
        self._high = [0] * slots
        self._bits: dict[int, int] = {}
        self._slot_bytes = slot_bytes

    def add(self, slot: int, at: int, length: int) -> None:
        """Put bytes [at, at + length) of the shadow in."""
        if slot not in self._bits:
            low, high = self._low[slot], self._high[slot]
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
        self._bits[slot] = self._bitmap(slot) | self._mask(slot, at, length)

    def take(self, slot: int, at: int, length: int) -> int:
        """Take bytes [at, at + length) of the shadow out; return how many of them were in."""
        if slot not in self._bits:
            low, high = self._low[slot], self._high[slot]
            end = at + length
            if high <= at or end <= low:
                return 0
            if at <= low:
                self._low[slot] = end = min(end, high)
                return end - low
            if high <= end:
                self._high[slot] = at
                return high - at
        bits = self._bitmap(slot)
        mask = self._mask(slot, at, length)
        if bits & ~mask:
            self._bits[slot] = bits & ~mask
        else:
            self._bits.pop(slot, None)
            self._low[slot] = self._high[slot] = 0
        return (bits & mask).bit_count()

    def _bitmap(self, slot: int) -> int:
        if slot in self._bits:
            return self._bits[slot]
        low, high = self._low[slot], self._high[slot]
        return self._mask(slot, low, high - low) if low < high else 0

    def _mask(self, slot: int, at: int, length: int) -> int:
        return ((1 << length) - 1) << (at - slot * self._slot_bytes)
