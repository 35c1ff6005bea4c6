"""Residency: which cache holds which lines, who wrote them, and what a fill pushes out.

Lines are kept by *sector*: 64 lines under one tag, a bit each in an integer. A cache's capacity
is counted in lines exactly; the least recently used sector gives lines up first, its lowest
first, which is the order of LRU over lines wherever sectors are walked upwards. Each core has an
L1 and an L2; all share an L3. They are inclusive: L1 within L2 within L3.

A line that a core has written is *modified* in that core until another one reads it (both share
it then), another one writes it, or the core's L2 gives it up.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import Final, TypeAlias

__all__ = ["HIT", "SECTOR", "Caches", "Found", "PrivateCaches", "ones", "sectors"]

SECTOR = 64
"""Lines of a sector."""

Found: TypeAlias = tuple[int, int, int, int, int, int]
"""Where the lines of one request were; those that the core's own L1 held are in none.

As bits of a sector: lines in the core's own L2; in the L3; lines that came from a core, or whose
ownership was taken from cores, of the same socket, and of another one; lines that no cache held.
Last, the number of modified lines that the L3 had to give up.
"""

HIT: Final[Found] = (0, 0, 0, 0, 0, 0)


def sectors(first: int, count: int) -> Iterator[tuple[int, int]]:
    """Yield (sector, bits) of `count` lines from line `first` on."""
    end = first + count
    while first < end:
        sector, bit = divmod(first, SECTOR)
        take = min(SECTOR - bit, end - first)
        yield sector, ones(bit, take)
        first += take


def ones(bit: int, count: int) -> int:
    """Return `count` bits, one or more, from `bit` on; with signed words of 64 bits, too."""
    return ((2 << (count - 1)) - 1) << bit


def _lowest(bits: int, count: int) -> int:
    """Return the lowest `count` of the bits that are set."""
    if bits.bit_count() <= count:
        return bits
    run = (bits & -bits) * ((1 << count) - 1)
    if bits & run == run:
        return run
    chosen = 0
    for _ in range(count):
        low = bits & -bits
        chosen |= low
        bits ^= low
    return chosen


class PrivateCaches:
    """The L1 and L2 of one core.

    Parameters
    ----------
    index : int
        Number of the core.
    socket : int
        Its socket.
    l1, l2 : int
        Capacities in lines.
    """

    __slots__ = ("index", "l1", "l1_free", "l2", "l2_free", "modified", "socket")

    def __init__(self, index: int, socket: int, l1: int, l2: int) -> None:
        self.index = index
        self.socket = socket
        self.l1: OrderedDict[int, int] = OrderedDict()
        self.l2: OrderedDict[int, int] = OrderedDict()
        self.l1_free = l1
        self.l2_free = l2
        self.modified: dict[int, int] = {}

    def drop(self, sector: int, bits: int) -> None:
        """Lose lines to another core's write, or to the L3."""
        held = self.l2.get(sector, 0)
        gone = held & bits
        if not gone:
            return
        self.l2_free += gone.bit_count()
        _keep(self.l2, sector, held & ~gone)
        self.drop_l1(sector, gone)
        self.clean(sector, gone)

    def drop_l1(self, sector: int, bits: int) -> None:
        """Lose lines from the L1 alone."""
        held = self.l1.get(sector, 0)
        gone = held & bits
        if gone:
            self.l1_free += gone.bit_count()
            _keep(self.l1, sector, held & ~gone)

    def clean(self, sector: int, bits: int) -> int:
        """Make lines no longer modified here; return which were."""
        modified = self.modified.get(sector, 0)
        was = modified & bits
        if was:
            _keep(self.modified, sector, modified & ~was)
        return was


class _Shared:
    """A sector in the L3: its lines, which are dirty or modified in a core, whose L2 holds some.

    The last are numbers of cores. They are few; a word with a bit for each core would be as long as
    there are cores.
    """

    __slots__ = ("dirty", "holders", "lines", "owned")

    def __init__(self) -> None:
        self.lines = self.dirty = self.owned = 0
        self.holders: list[int] = []


class Caches:
    """All cores' caches.

    Parameters
    ----------
    l3 : int
        Capacity of the shared cache in lines; at least a sector.

    Attributes
    ----------
    cores : list of PrivateCaches
        The cores, by index. Whoever adds one appends it.
    """

    def __init__(self, l3: int) -> None:
        self.cores: list[PrivateCaches] = []
        self._l3: OrderedDict[int, _Shared] = OrderedDict()
        self._free = l3

    def read(self, core: PrivateCaches, sector: int, bits: int) -> Found:
        """Bring lines into the core's caches, to be read."""
        l1 = core.l1.get(sector, 0)
        absent = bits & ~l1
        if not absent:
            core.l1.move_to_end(sector)
            return HIT
        l2 = core.l2.get(sector, 0)
        wanted = absent & ~l2
        if not wanted:
            self._fill(core, sector, absent, 0)
            return (absent, 0, 0, 0, 0, 0)
        shared = self._sector(sector)
        near = far = 0
        if shared.owned & wanted:
            near, far = self._share(core, sector, shared, wanted)
        missing = wanted & ~shared.lines
        l3 = wanted & shared.lines & ~(near | far)
        shared.lines |= missing
        if not l2:
            shared.holders.append(core.index)
        self._fill(core, sector, absent, wanted)
        written_back = self._take(missing.bit_count()) if missing else 0
        return (absent & l2, l3, near, far, missing, written_back)

    def write(self, core: PrivateCaches, sector: int, bits: int) -> Found:
        """Bring lines into the core's caches as its own, to be written."""
        modified = core.modified.get(sector, 0)
        fresh = bits & ~modified
        l1 = core.l1.get(sector, 0)
        l2 = core.l2.get(sector, 0)
        absent = bits & ~l1
        if not fresh:
            if not absent:
                core.l1.move_to_end(sector)
                return HIT
            self._fill(core, sector, absent, 0)
            return (absent, 0, 0, 0, 0, 0)
        shared = self._sector(sector)
        near, far = self._invalidate(sector, shared, fresh, core)
        taken = near | far
        wanted = absent & ~l2
        missing = wanted & ~shared.lines
        l3 = wanted & shared.lines & ~taken
        shared.lines |= missing
        shared.dirty |= fresh
        shared.owned |= fresh
        if not l2:
            shared.holders.append(core.index)
        core.modified[sector] = modified | fresh
        self._fill(core, sector, absent, wanted)
        written_back = self._take(missing.bit_count()) if missing else 0
        return (absent & l2 & ~taken, l3, near, far, missing, written_back)

    def snoop(self, sector: int, bits: int) -> int:
        """Return which lines any cache holds, and change nothing."""
        shared = self._l3.get(sector)
        return 0 if shared is None else shared.lines & bits

    def discard(self, sector: int, bits: int) -> None:
        """Drop lines everywhere: memory is about to get new contents for them."""
        shared = self._l3.get(sector)
        if shared is None:
            return
        self._invalidate(sector, shared, bits, None)
        gone = shared.lines & bits
        shared.lines &= ~bits
        shared.dirty &= ~bits
        self._free += gone.bit_count()
        if not shared.lines:
            del self._l3[sector]

    def inject(self, sector: int, bits: int) -> int:
        """Put new contents of lines into the L3; return how many lines it had to write back."""
        shared = self._sector(sector)
        self._invalidate(sector, shared, bits, None)
        new = bits & ~shared.lines
        shared.lines |= bits
        shared.dirty |= bits
        return self._take(new.bit_count())

    def lines(self) -> int:
        """Count the lines in the L3."""
        return sum(shared.lines.bit_count() for shared in self._l3.values())

    def _sector(self, sector: int) -> _Shared:
        shared = self._l3.get(sector)
        if shared is None:
            shared = self._l3[sector] = _Shared()
        else:
            self._l3.move_to_end(sector)
        return shared

    def _share(
        self, core: PrivateCaches, sector: int, shared: _Shared, wanted: int
    ) -> tuple[int, int]:
        """Take lines over from the cores that modified them, who keep a copy."""
        near = far = 0
        for index in shared.holders:
            if index == core.index:
                continue
            other = self.cores[index]
            lines = other.clean(sector, wanted)
            if other.socket == core.socket:
                near |= lines
            else:
                far |= lines
        shared.owned &= ~(near | far)
        return near, far

    def _invalidate(
        self, sector: int, shared: _Shared, bits: int, core: PrivateCaches | None
    ) -> tuple[int, int]:
        """Drop lines from every core but `core`; return which near and which far cores held."""
        near = far = 0
        keep = -1 if core is None else core.index
        holders = shared.holders
        place = 0
        while place < len(holders):
            index = holders[place]
            if index == keep:
                place += 1
                continue
            other = self.cores[index]
            lines = other.l2.get(sector, 0) & bits
            if lines:
                other.drop(sector, lines)
                if core is None or other.socket == core.socket:
                    near |= lines
                else:
                    far |= lines
            if sector in other.l2:
                place += 1
            else:
                holders.remove(index)
        shared.owned &= ~bits
        return near & ~far, far

    def _fill(self, core: PrivateCaches, sector: int, l1: int, l2: int) -> None:
        """Put lines into the core's caches, and make room."""
        first = core.l1
        first[sector] = first.get(sector, 0) | l1
        first.move_to_end(sector)
        second = core.l2
        if l2:
            second[sector] = second.get(sector, 0) | l2
        second.move_to_end(sector)
        free = core.l1_free - l1.bit_count()
        while free < 0:
            oldest = next(iter(first))
            lines = first[oldest]
            gone = lines & -lines if free == -1 else _lowest(lines, -free)
            _keep(first, oldest, lines ^ gone)
            free += gone.bit_count()
        core.l1_free = free
        if not l2:
            return
        free = core.l2_free - l2.bit_count()
        while free < 0:
            oldest = next(iter(second))
            lines = second[oldest]
            gone = lines & -lines if free == -1 else _lowest(lines, -free)
            if oldest in first:
                core.drop_l1(oldest, gone)
            if oldest in core.modified:
                self._l3[oldest].owned &= ~core.clean(oldest, gone)  # its contents go to the L3
            _keep(second, oldest, lines ^ gone)
            free += gone.bit_count()
            if lines == gone:
                self._l3[oldest].holders.remove(core.index)
        core.l2_free = free

    def _take(self, count: int) -> int:
        """Make room in the L3 for `count` lines; return how many had to be written back."""
        self._free -= count
        written_back = 0
        while self._free < 0:
            oldest, shared = next(iter(self._l3.items()))
            gone = _lowest(shared.lines, -self._free)
            holders = shared.holders
            place = 0
            while place < len(holders):
                index = holders[place]
                other = self.cores[index]
                other.drop(oldest, gone)
                if oldest in other.l2:
                    place += 1
                else:
                    holders.remove(index)
            written_back += (shared.dirty & gone).bit_count()
            self._free += gone.bit_count()
            shared.lines &= ~gone
            shared.dirty &= ~gone
            shared.owned &= ~gone
            if not shared.lines:
                del self._l3[oldest]
        return written_back


def _keep(lines: dict[int, int], sector: int, left: int) -> None:
    if left:
        lines[sector] = left
        return
    del lines[sector]
    if not lines:
        lines.clear()  # which gives back the room for those that it has held
