"""The shadow directory: which blocks of a segment a shadow holds, and in which state.

It is bookkeeping shared by the methods that keep a shadow; what it wants done it yields as
operations. The rules, for any interleaving of several clients of one shadow:

* a block is entered before its copy is asked for, so nobody asks for it twice;
* a slot is pinned while a call uses it, and is not given away while a transfer is in flight;
* bytes are served only once they have arrived, and a write is served like a transfer: what
  comes after it in its slot waits for it, and it waits for what came before;
* a block that is being written in place, because every slot was in use, gets no slot meanwhile;
* each call lets go of what it has pinned, also when it fails; what others have under way goes on;
* blocks are known by their place in the stream, so a ring's earlier lap is another block.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Final, Literal, TypeAlias

from simaccess.methods.blocks import Blocks, Part, cut
from simaccess.methods.slot import Slot, Steps, unpin
from simaccess.operations import FETCH, LOAD, LOCAL, Operation, Operations

__all__ = ["Directory", "Eviction", "Steps"]

Eviction: TypeAlias = Literal["lru", "fifo"]

_FEW = 16  # blocks up to which a dict, a third as large, does what an OrderedDict does as fast
_NONE_FREE: Final[list[Slot]] = []
_NOWHERE: Final[dict[int, int]] = {}
"""What a directory begins with, never written to: most never have one of the kind."""


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
    keep : callable, optional
        ``keep(number)`` tells whether a block should make room only after all others.
    """

    __slots__ = (
        "_free",
        "_last",
        "_lru",
        "_move_to_end",
        "alone",
        "blocks",
        "floor",
        "held",
        "in_place",
        "keep",
        "past",
        "slot_bytes",
        "slots",
    )

    def __init__(
        self,
        blocks: Blocks,
        slots: int,
        eviction: Eviction = "lru",
        keep: Callable[[int], bool] | None = None,
    ) -> None:
        if slots < 1:
            raise ValueError(f"a shadow holds at least 1 block, not {slots}")
        if eviction not in ("lru", "fifo"):
            raise ValueError(f"eviction is 'lru' or 'fifo', not {eviction!r}")
        self.blocks = blocks
        self.slots = slots
        self.slot_bytes = blocks.longest
        self._lru = eviction == "lru"
        self.keep = keep
        # By block number, the next to make room first.
        self.held: dict[int, Slot] = {}
        self._move_to_end: Callable[[int], None] | None = None  # once there are more than a few
        self._free = _NONE_FREE  # slots that were made and hold no block
        self.in_place = _NOWHERE  # writes in place under way, by block number
        self.past = 0  # blocks before this one are released
        self.floor = 0  # bytes before this one are released: not to be copied any more
        self._last: Slot | None = None
        self.alone = True

    # -- clients' calls ------------------------------------------------------------------------

    def parts(self, offset: int, length: int, threshold: int = 0) -> list[Part]:
        """Cut a client's bytes at the bounds of blocks and at each block's threshold."""
        return cut(self.blocks, offset, length, self.floor, threshold)

    def share(self) -> None:
        """Prepare for several calls under way at once: from now on each pins what it reads."""
        self.alone = False

    def hit(self, offset: int, length: int) -> tuple[Operation] | None:
        """Return the operation that serves a lone client's read of bytes that are there."""
        if not self.alone:
            return None
        slot = self._last
        if slot is None or not slot.low <= offset < slot.ready:
            slot = self.held.get(self.blocks.find(offset))
            if slot is None or offset < slot.low:
                return None
        if offset + length > slot.ready:
            return None
        if slot is not self._last:
            self.touch(slot)
        return ((LOCAL, slot.index, slot.base + offset - slot.origin, length),)

    def access(
        self,
        offset: int,
        length: int,
        limit: int,
        threshold: int = 0,
        parts: list[Part] | None = None,
    ) -> Operations:
        """Return what reads bytes; `parts` are theirs, if the caller has cut them already.

        All operations at once for a lone client's read that takes one block and one copy at most:
        nobody else runs before they are done, so what they copy is noted as there at once.
        """
        if self.alone:
            slot = self._last
            end = offset + length
            if slot is not None and end <= slot.ready and slot.low <= offset:
                return ((LOCAL, slot.index, slot.base + offset - slot.origin, length),)
            if parts is None:
                number, origin, stop = self.blocks.locate(offset)
            else:
                number = parts[0][0]
                origin, stop = self.blocks.bounds(number)
            low = origin + threshold if threshold else origin
            if low < self.floor:
                low = self.floor
            high = stop if stop < limit else limit  # noqa: FURB136  # min() costs a call
            slot = self.held.get(number)
            if slot is not None:
                if slot.low <= offset and end <= slot.ready:
                    self.touch(slot)
                    return ((LOCAL, slot.index, slot.base + offset - slot.origin, length),)
            elif low <= offset and end <= high:
                slot = self.assign(number)
                if slot is not None:
                    slot.origin = origin
                    slot.stop = stop
                    slot.low = low
                    slot.high = slot.ready = high
                    self._last = slot
                    index = slot.index
                    base = slot.base - origin
                    return (
                        (FETCH, index, low, high - low, base + low),
                        slot.arrival,
                        (LOCAL, index, base + offset, length),
                    )
        return self.read(parts or cut(self.blocks, offset, length, self.floor, threshold), limit)

    def start(self, parts: list[Part], limit: int) -> Steps[list[Slot | None]]:
        """Start the copies of as many of the parts' blocks as find a slot, and pin those.

        Returns a slot for each part that can be served next, None for one to be reached in place:
        because it lies before the copied part of its block, or because every slot is in use.
        """
        slots: list[Slot | None] = []
        pinned = 0
        try:
            for number, start, _, low in parts:
                if start < low:
                    slots.append(None)
                    continue
                slot = self.claim(number) or (yield from self.enter(number))
                if slot is None:
                    if not pinned:
                        slots.append(None)
                    break
                pinned += 1
                slots.append(slot)
                yield from slot.fetch(low, limit)
        except GeneratorExit:
            unpin(slots)
            raise
        return slots

    def serve(self, part: Part, slot: Slot | None, limit: int) -> Steps[None]:
        """Read a part that was started once its bytes have arrived, and unpin its slot."""
        _, start, stop, low = part
        if slot is None:
            yield LOAD, start, stop - start
            return
        try:
            while start < slot.low or slot.ready < stop:
                request = slot.request(low, limit)
                while request is not None:
                    yield request
                    request = slot.request(low, limit)
                started, high = slot.started, slot.high
                if started > slot.ended:
                    yield slot.arrival
                    slot.end(started, high)
            self.touch(slot)
            yield slot.local(start, stop)
        finally:
            slot.pins -= 1

    def read(self, parts: list[Part], limit: int) -> Steps[None]:
        """Copy what is missing of the parts' blocks, and read the parts from the shadow."""
        if len(parts) == 1 and parts[0][1] >= parts[0][3]:
            slot = self.claim(parts[0][0])
            if slot is not None:
                return self.serve(parts[0], slot, limit)
        return self._read(parts, limit)

    def _read(self, parts: list[Part], limit: int) -> Steps[None]:
        while parts:
            slots = yield from self.start(parts, limit)
            begun, parts = parts[: len(slots)], parts[len(slots) :]
            try:
                for part in begun:
                    yield from self.serve(part, slots.pop(0), limit)
            finally:
                unpin(slots)

    def abandon(self, slots: Iterable[int]) -> None:
        """Forget what a call that failed left under way, and what these slots had not written.

        A lone client has nothing under way then. Other clients' calls go on with their slots.
        """
        doubtful = set(slots)
        self._last = None
        if self.alone:  # an interrupt may have struck just where something was noted
            self.in_place.clear()
        for slot in list(self.held.values()):
            if self.alone:
                slot.pins = 0
            if slot.index in doubtful or (self.alone and slot.started > slot.ended):
                slot.abandon()
                if self.alone:
                    slot.end(slot.started, slot.high)
                    self.drop(slot)

    # -- blocks and transfers --------------------------------------------------------------------

    def claim(self, number: int) -> Slot | None:
        """Pin the slot of a block, or one for it that is free or can be given away at once."""
        slot = self.held.get(number)
        if slot is None:
            slot = self.assign(number)
            if slot is None:
                return None
            slot.origin, slot.stop = self.blocks.bounds(number)
            slot.low = slot.high = slot.ready = slot.origin
        slot.pins += 1
        return slot

    def enter(self, number: int, patient: bool = True) -> Steps[Slot | None]:
        """Find the slot of a block or give it one, and pin it; None if all are in use.

        Another block makes room, brought back first if it was written. Without `patient` no copy
        back is waited for.
        """
        while self.crowded(number):
            victim = self.victim(patient)
            if victim is None:
                return None
            victim.pins += 1
            try:
                yield from victim.write_back()
                hasty = not patient and victim.flushed > victim.ended
                if not hasty:
                    yield from victim.arrive()
            finally:
                victim.pins -= 1
            if hasty:
                return None
            if self.crowded(number):
                self.drop(victim)
        return self.claim(number)

    def assign(self, number: int) -> Slot | None:
        """Enter a block into a slot that is free or can be given away at once."""
        if number in self.in_place:
            return None
        held = self.held
        if len(held) < self.slots:
            # Slots are made on demand: most shadows are never filled. All of them hold a block
            # where none is free, so the next one's index is their number.
            made = len(held)
            slot = self._free.pop() if self._free else Slot(made, self.slot_bytes)
            if made == _FEW and self._move_to_end is None:
                self.held = held = many = OrderedDict(held)
                self._move_to_end = many.move_to_end
        else:
            oldest = next(iter(held))
            slot = held[oldest]
            if slot.pins or slot.clean or slot.started > slot.ended:
                return None
            if self.keep is not None and self.keep(oldest):
                return None
            del held[oldest]
        held[number] = slot
        slot.number = number
        return slot

    def crowded(self, number: int) -> bool:
        """Say whether a block could have a slot only if another made room."""
        held = self.held
        return len(held) >= self.slots and number not in held and number not in self.in_place

    def victim(self, patient: bool) -> Slot | None:
        """Choose who makes room."""
        kept = None
        for slot in self.held.values():
            if not slot.pins and (patient or slot.flushed <= slot.ended):
                if self.keep is None or not self.keep(slot.number):
                    return slot
                kept = kept or slot
        return kept if patient else None

    def touch(self, slot: Slot) -> None:
        """Note that a slot has been used."""
        self._last = slot
        if not self._lru:
            return
        if self._move_to_end is None:
            held = self.held
            held[slot.number] = held.pop(slot.number)
        else:
            self._move_to_end(slot.number)

    def drop(self, slot: Slot) -> None:
        """Free a slot if nothing speaks against it."""
        if not slot.pins and not slot.clean and slot.started == slot.ended:
            del self.held[slot.number]
            slot.number = -1
            slot.low = slot.high = slot.ready = 0
            if self._free is _NONE_FREE:
                self._free = []
            self._free.append(slot)
