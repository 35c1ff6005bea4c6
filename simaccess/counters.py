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
    round_trips : int
        Times that the client was held by the link: each load, each store that is not posted, and
        each wait for a transfer that had not ended yet.
    hits : int
        Reads and writes of the shadow that had nothing to wait for.
    shadow : int
        Bytes served from the shadow.
    used : int
        Bytes of bulk requests that were read from the shadow (fetches) or had been written into
        it (flushes), each moved instance counted once.
    """

    __slots__ = (
        "bulk",
        "fetches",
        "flushes",
        "hits",
        "loads",
        "requested",
        "round_trips",
        "shadow",
        "stores",
        "used",
    )

    def __init__(self) -> None:
        self.requested = self.loads = self.stores = self.fetches = self.flushes = 0
        self.bulk = self.round_trips = self.hits = self.shadow = self.used = 0


class Coverage:
    """Which bytes of each shadow slot were touched since they were moved.

    One interval a slot as long as the touched bytes adjoin, a bitmap (an integer) when they do
    not.
    """

    __slots__ = ("_base", "_bits", "_high", "_low", "_slot_bytes")

    def __init__(self, slots: int, slot_bytes: int) -> None:
        self._low = [0] * slots
        self._high = [0] * slots
        self._bits: dict[int, int] = {}
        self._slot_bytes = slot_bytes

    def touch(self, slot: int, at: int, length: int) -> int:
        """Note [at, at + length) of the shadow as touched; return how many bytes are new."""
        low, high = self._low[slot], self._high[slot]
        end = at + length
        if slot in self._bits:
            return self._touch_bits(slot, at, length)
        if low == high:
            self._low[slot], self._high[slot] = at, end
            return length
        if at > high or end < low:
            self._bits[slot] = ((1 << (high - low)) - 1) << (low - slot * self._slot_bytes)
            return self._touch_bits(slot, at, length)
        new = 0
        if at < low:
            self._low[slot] = at
            new = low - at
        if end > high:
            self._high[slot] = end
            new += end - high
        return new

    def clear(self, slot: int, at: int, length: int) -> int:
        """Forget [at, at + length) of the shadow; return how many of its bytes were touched."""
        low, high = self._low[slot], self._high[slot]
        end = at + length
        if slot not in self._bits:
            if low == high or end <= low or at >= high:
                return 0
            if at <= low and end >= high:
                self._low[slot] = self._high[slot] = 0
                return high - low
            self._bits[slot] = ((1 << (high - low)) - 1) << (low - slot * self._slot_bytes)
        mask = ((1 << length) - 1) << (at - slot * self._slot_bytes)
        bits = self._bits[slot]
        left = bits & ~mask
        if left:
            self._bits[slot] = left
        else:
            del self._bits[slot]
            self._low[slot] = self._high[slot] = 0
        return (bits & mask).bit_count()

    def _touch_bits(self, slot: int, at: int, length: int) -> int:
        mask = ((1 << length) - 1) << (at - slot * self._slot_bytes)
        bits = self._bits[slot]
        self._bits[slot] = bits | mask
        return length - (bits & mask).bit_count()
