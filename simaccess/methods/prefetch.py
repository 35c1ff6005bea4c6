"""Prefetch: copy ahead of a sequential reader, with several requests in flight.

A read is served from the shadow, as in copy-once. A reader that goes on where it was is
sequential: the copies of the next `depth` blocks are started before it asks for them, one more
each time it begins to consume a block, and `depth` doubles with each block from `initial` to its
maximum, as readahead does. A short jump forward that the blocks in flight still cover keeps them
and goes on; any other jump is taken for random access, for which nothing is copied ahead.
Several sequential readers are told apart by where they are. Writes go into the shadow and are
written behind: a block's copy back starts when its end has been written.
"""

from __future__ import annotations

from simaccess.methods import writes
from simaccess.methods.blocks import Blocks, Part
from simaccess.methods.directory import Directory, Eviction, Steps
from simaccess.methods.readers import Reader, Readers
from simaccess.methods.shadowed import Shadowed
from simaccess.methods.slot import unpin
from simaccess.methods.step import step
from simaccess.operations import Operations

__all__ = ["Prefetch"]


class Prefetch(Shadowed):
    """Blocks through a shadow, copied ahead of sequential readers.

    Parameters
    ----------
    blocks : Blocks
        What one bulk copy moves.
    depth : int
        Blocks copied ahead of a reader at most, at least 1.
    initial : int
        Blocks copied ahead of a reader that has just been found sequential.
    slots : int, optional
        Blocks that the shadow holds; by default what one reader's depth takes.
    readers : int
        Sequential readers that are told apart; the one longest unseen is forgotten.
    eviction : {'lru', 'fifo'}
        Which block makes room.
    """

    __slots__ = ("_block", "_readers", "depth", "initial")

    layers = 2
    """Layers around the directory of blocks, which cost time on a link within one machine."""

    def __init__(
        self,
        blocks: Blocks,
        *,
        depth: int = 8,
        initial: int = 1,
        slots: int | None = None,
        readers: int = 8,
        eviction: Eviction = "lru",
    ) -> None:
        if not 1 <= initial <= depth:
            raise ValueError(f"1 <= initial <= depth must hold, not 1 <= {initial} <= {depth}")
        slots = 2 * depth + 2 if slots is None else slots
        self.depth = depth
        self.initial = initial
        self._readers = Readers(depth, initial, most=readers, kept=max(1, slots // (depth + 2)))
        super().__init__(Directory(blocks, slots, eviction, self._readers.await_block))
        self._block = -1  # the block that was read last

    def read(self, offset: int, length: int, limit: int) -> Operations:
        """Yield what serves the read, and the copies ahead of it."""
        shadow = self.shadow
        number = shadow.blocks.find(offset)
        if number == self._block:
            hit = shadow.hit(offset, length)
            if hit:
                return hit
        else:
            reader = self._readers.steady(number)
            if reader is not None:
                reader.block = number
                operations = step(shadow, number, reader.frontier, offset, length, limit=limit)
                if operations:
                    reader.frontier += 1
                    self._block = number
                    return operations
                reader.block = number - 1  # it is there still, and keeps that block
        parts = shadow.parts(offset, length)
        reader = self._readers.follow(parts[0][0], parts[-1][0])
        if not reader.depth and len(parts) == 1:  # nothing is copied ahead: as copy-once does it
            reader.block = self._block = parts[0][0]  # one int, in the directory too
            return shadow.access(offset, length, limit, 0, parts)
        return self._read(reader, parts, limit)

    def write(self, offset: int, length: int, limit: int) -> Operations:
        """Yield writes of the shadow, and the copy back of each block that is complete."""
        shadow = self.shadow
        return writes.write(shadow, shadow.parts(offset, length), limit, behind=True)

    def _read(self, reader: Reader, parts: list[Part], limit: int) -> Steps[None]:
        shadow = self.shadow
        while parts:
            slots = yield from shadow.start(parts, limit)
            begun, parts = parts[: len(slots)], parts[len(slots) :]
            reader.block = self._block = begun[-1][0]
            try:
                yield from self._copy_ahead(reader, reader.depth - 1, limit)
                for slot in slots:
                    if slot is not None:
                        yield from slot.arrive()
                yield from self._copy_ahead(reader, reader.depth, limit)
                for part in begun:
                    yield from shadow.serve(part, slots.pop(0), limit)
            finally:
                unpin(slots)

    def _copy_ahead(self, reader: Reader, depth: int, limit: int) -> Steps[None]:
        """Start the copies of up to `depth` blocks behind the one that the reader is in."""
        shadow = self.shadow
        # From the last one on, of which more may have become readable since.
        for number in range(max(reader.frontier, reader.block + 2) - 1, reader.block + depth + 1):
            low = shadow.blocks.bounds(number)[0]
            if low >= limit:
                break
            slot = shadow.claim(number) or (yield from shadow.enter(number, patient=False))
            if slot is None:
                break
            reader.frontier = max(reader.frontier, number + 1)
            try:
                yield from slot.fetch(low, limit)
            finally:
                slot.pins -= 1
