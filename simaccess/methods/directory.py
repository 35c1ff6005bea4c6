"""The shadow directory: which blocks of a segment a shadow holds, and in which state.

It is bookkeeping shared by the methods that keep a shadow; what it wants done it yields as
operations. The rules, for any interleaving of several clients of one shadow:

* a block is entered before its copy is asked for, so nobody asks for it twice;
* a slot is pinned while a call uses it, and is not given away while a transfer is in flight;
* bytes are served only once they have arrived; a write waits for the transfers of its slot;
* blocks are known by their place in the stream, so a ring's earlier lap is another block.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import Literal, TypeAlias, TypeVar

from simaccess.methods.blocks import Blocks, pieces
from simaccess.operations import AWAIT, FETCH, FLUSH, LOAD, LOCAL, STORE, Operation

__all__ = ["Directory", "Eviction", "Part", "Slot", "Steps"]

Eviction: TypeAlias = Literal["lru", "fifo"]
_Result = TypeVar("_Result")
Steps: TypeAlias = Generator[Operation, None, _Result]

Part: TypeAlias = tuple[int, int, int, int]
"""A part of a client's bytes: block number, start, stop, and where the copied part of that block
begins; what lies before that is reached in place."""


class Slot:
    """What one slot of the shadow holds.

    Bytes [low, high) of the block have been asked for or written, [low, ready) are there, and
    [dirty, clean) have been written and not been brought back.
    """

    __slots__ = (
        "base",
        "clean",
        "dirty",
        "ended",
        "high",
        "index",
        "low",
        "number",
        "origin",
        "pins",
        "ready",
        "started",
    )

    def __init__(self, index: int, base: int) -> None:
        self.index = index
        self.base = base  # where the slot begins in the shadow
        self.number = -1  # the block that it holds; -1: none
        self.origin = 0  # where that block begins in the segment
        self.low = self.high = self.ready = 0
        self.dirty = self.clean = 0
        self.pins = 0  # calls that are using it
        self.started = self.ended = 0  # transfers: asked for, and known to have ended

    def local(self, start: int, stop: int) -> Operation:
        """Return the operation that serves [start, stop) from the shadow."""
        return LOCAL, self.index, self.base + start - self.origin, stop - start


class Directory:
    """The blocks in a shadow.

    Parameters
    ----------
    blocks : Blocks
        How the segment is cut.
    slots : int
        Blocks that the shadow holds, at least 1.
    eviction : {'lru', 'fifo'}
        Whether the block that was used, or that was entered, the longest time ago makes room.
    """

    def __init__(self, blocks: Blocks, slots: int, eviction: Eviction = "lru") -> None:
        if slots < 1:
            raise ValueError(f"a shadow holds at least 1 block, not {slots}")
        if eviction not in ("lru", "fifo"):
            raise ValueError(f"eviction is 'lru' or 'fifo', not {eviction!r}")
        self.blocks = blocks
        self.slots = slots
        self.slot_bytes = blocks.longest
        self._lru = eviction == "lru"
        self._held: dict[int, Slot] = {}  # by block number, the next to make room first
        self._free = [Slot(i, i * self.slot_bytes) for i in reversed(range(slots))]
        self._last: Slot | None = None
        self._alone = True

    # -- clients' calls ------------------------------------------------------------------------

    def parts(self, offset: int, length: int, threshold: int = 0) -> list[Part]:
        """Cut a client's bytes at the bounds of blocks and at each block's threshold."""
        parts: list[Part] = []
        for number, start, stop in pieces(self.blocks, offset, length):
            low = self.blocks.bounds(number)[0] + threshold
            if start < low < stop:
                parts += (number, start, low, low), (number, low, stop, low)
            else:
                parts.append((number, start, stop, low))
        return parts

    def share(self) -> None:
        """Prepare for several calls under way at once: from now on each pins what it reads."""
        self._alone = False

    def hit(self, offset: int, length: int) -> tuple[Operation] | None:
        """Return the operation that serves a lone client's read of bytes that are there."""
        if not self._alone:
            return None
        slot = self._last
        if slot is None or not slot.low <= offset < slot.ready:
            slot = self._held.get(self.blocks.find(offset))
            if slot is None or offset < slot.low:
                return None
        if offset + length > slot.ready:
            return None
        if slot is not self._last:
            self._touch(slot)
        return ((LOCAL, slot.index, slot.base + offset - slot.origin, length),)

    def start(self, parts: list[Part], limit: int) -> Steps[list[Slot | None]]:
        """Start the copies of as many of the parts' blocks as find a slot, and pin those.

        Returns a slot for each part that can be served next, None for one to be reached in place:
        because it lies before the copied part of its block, or because every slot is in use.
        """
        slots: list[Slot | None] = []
        pinned = 0
        for number, start, _, low in parts:
            if start < low:
                slots.append(None)
                continue
            slot = yield from self.enter(number)
            if slot is None:
                if not pinned:
                    slots.append(None)
                break
            pinned += 1
            slots.append(slot)
            yield from self.fetch(slot, low, min(self.blocks.bounds(number)[1], limit))
        return slots

    def serve(self, parts: Iterable[Part], slots: list[Slot | None], limit: int) -> Steps[None]:
        """Read the parts that were started, in order, each once its bytes have arrived."""
        for (number, start, stop, low), slot in zip(parts, slots, strict=False):
            if slot is None:
                yield LOAD, start, stop - start
                continue
            while not (slot.low <= start and stop <= slot.ready):
                yield from self.fetch(slot, low, min(self.blocks.bounds(number)[1], limit))
                yield from self.arrive(slot)
            self._touch(slot)
            yield slot.local(start, stop)
            slot.pins -= 1

    def read(self, parts: list[Part], limit: int) -> Steps[None]:
        """Copy what is missing of the parts' blocks, and read the parts from the shadow."""
        while parts:
            slots = yield from self.start(parts, limit)
            yield from self.serve(parts, slots, limit)
            parts = parts[len(slots) :]

    def write(self, parts: Iterable[Part], limit: int) -> Steps[None]:
        """Write parts into the shadow, or in place those that start() would reach there."""
        for part in parts:
            yield from self.write_part(part, limit)

    def write_part(self, part: Part, limit: int) -> Steps[Slot | None]:
        """Write a part into the shadow; return its slot, None if it had to go in place."""
        number, start, stop, low = part
        slot = (yield from self.enter(number)) if start >= low else None
        if slot is None:
            yield STORE, start, stop - start
            return None
        while slot.started > slot.ended or self._apart(slot, start, stop):
            if slot.started == slot.ended:
                yield from self.fetch(slot, low, min(self.blocks.bounds(number)[1], limit))
            yield from self.arrive(slot)
        if slot.low == slot.high:
            slot.low = slot.high = start
        slot.low = min(slot.low, start)
        slot.high = slot.ready = max(slot.high, stop)
        self._touch(slot)
        self._soil(slot, start, stop)
        yield slot.local(start, stop)
        self._soil(slot, start, stop)  # a flush may have come in between
        slot.pins -= 1
        return slot

    def release(self, end: int) -> Steps[None]:
        """Bring back and forget the blocks that end at or before `end`."""
        past = [s for s in self._held.values() if self.blocks.bounds(s.number)[1] <= end]
        yield from self.sync(past)
        for slot in past:
            self._drop(slot)

    def sync(self, slots: Iterable[Slot] | None = None) -> Steps[None]:
        """Bring written blocks back, all of them unless told which, and wait for that."""
        chosen = [s for s in (self._held.values() if slots is None else slots) if s.clean]
        for slot in chosen:
            slot.pins += 1
            yield from self.write_back(slot)
        for slot in chosen:
            yield from self.arrive(slot)
            slot.pins -= 1

    # -- blocks and transfers --------------------------------------------------------------------

    def held(self, number: int) -> bool:
        """Say whether the shadow holds a block or has asked for it."""
        return number in self._held

    def enter(self, number: int, patient: bool = True) -> Steps[Slot | None]:
        """Find the slot of a block or give it one, and pin it; None if all are in use.

        Another block makes room, brought back first if it was written. Without `patient` nothing
        is waited for, and a slot with a transfer in flight counts as in use.
        """
        while number not in self._held and not self._free:
            victim = self._victim(patient)
            if victim is None:
                return None
            victim.pins += 1
            yield from self.write_back(victim)
            if patient:
                yield from self.arrive(victim)
            victim.pins -= 1
            self._drop(victim)
        slot = self._held.get(number)
        if slot is None:
            slot = self._free.pop()
            slot.number = number
            slot.origin = slot.low = slot.high = slot.ready = self.blocks.bounds(number)[0]
            self._held[number] = slot
        slot.pins += 1
        return slot

    def fetch(self, slot: Slot, low: int, high: int) -> Steps[None]:
        """Start to copy what the slot lacks of [low, high) of its block.

        What it holds stays if it adjoins; else that is brought back and all is copied anew.
        """
        while self._apart(slot, low, low):
            if slot.clean or slot.started > slot.ended:
                yield from self.write_back(slot)
                yield from self.arrive(slot)
            else:
                low, high = min(low, slot.low), max(high, slot.high)
                slot.low = slot.high = slot.ready = low
        if slot.low == slot.high:
            slot.low = slot.high = slot.ready = low
        if slot.high < high:
            start, slot.high = slot.high, high
            slot.started += 1
            yield FETCH, slot.index, start, high - start, slot.base + start - slot.origin

    def arrive(self, slot: Slot) -> Steps[None]:
        """Wait for the transfers of a slot that have been started."""
        started, high = slot.started, slot.high
        if started > slot.ended:
            yield AWAIT, slot.index
            if started > slot.ended:  # nobody else has noted it
                slot.ended = started
                slot.ready = max(slot.ready, high)

    def write_back(self, slot: Slot) -> Steps[None]:
        """Start to bring back what was written into a block."""
        if slot.clean:
            dirty, length = slot.dirty, slot.clean - slot.dirty
            slot.dirty = slot.clean = 0
            slot.started += 1
            yield FLUSH, slot.index, dirty, length, slot.base + dirty - slot.origin

    def _victim(self, patient: bool) -> Slot | None:
        waiting = None
        for slot in self._held.values():
            if not slot.pins:
                if slot.started == slot.ended:
                    return slot
                waiting = waiting or slot
        return waiting if patient else None

    def _touch(self, slot: Slot) -> None:
        self._last = slot
        if self._lru:
            self._held[slot.number] = self._held.pop(slot.number)

    def _drop(self, slot: Slot) -> None:
        if slot.number >= 0 and not slot.pins and not slot.clean and slot.started == slot.ended:
            del self._held[slot.number]
            slot.number = -1
            slot.low = slot.high = slot.ready = 0
            self._free.append(slot)

    @staticmethod
    def _apart(slot: Slot, start: int, stop: int) -> bool:
        """Say whether [start, stop) neither overlaps nor adjoins what the slot holds."""
        return slot.low < slot.high and (stop < slot.low or start > slot.high)

    @staticmethod
    def _soil(slot: Slot, start: int, stop: int) -> None:
        if not slot.clean:
            slot.dirty, slot.clean = start, stop
        else:
            slot.dirty, slot.clean = min(slot.dirty, start), max(slot.clean, stop)
