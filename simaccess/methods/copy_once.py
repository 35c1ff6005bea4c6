"""Copy-once: copy each block once, in bulk, and serve it from the local shadow.

The first touch of a block starts one bulk copy of the block (of its readable part, in a ring);
reads are served from the shadow. Writes go into the shadow, and one bulk copy brings them back
when their block is released, synchronised or makes room for another.
"""

from __future__ import annotations

from collections.abc import Iterable

from simaccess.methods import writes
from simaccess.methods.blocks import Blocks
from simaccess.methods.directory import Directory, Eviction
from simaccess.operations import Operations

__all__ = ["CopyOnce"]


class CopyOnce:
    """Whole blocks through a shadow.

    Parameters
    ----------
    blocks : Blocks
        What one bulk copy moves.
    slots : int
        Blocks that the shadow holds.
    eviction : {'lru', 'fifo'}
        Which block makes room.
    """

    __slots__ = ("read", "shadow", "slot_bytes", "slots")

    timed = False

    def __init__(self, blocks: Blocks, slots: int, eviction: Eviction = "lru") -> None:
        self.shadow = Directory(blocks, slots, eviction)
        self.slots = slots
        self.slot_bytes = blocks.longest
        self.read = self.shadow.access  # the directory's own: no layer between

    def share(self) -> None:
        """Prepare for several calls under way at once."""
        self.shadow.share()

    def write(self, offset: int, length: int, limit: int) -> Operations:
        """Yield writes of the shadow."""
        shadow = self.shadow
        return writes.write(shadow, shadow.parts(offset, length), limit)

    def release(self, end: int) -> Operations:
        """Yield the copies back of what was written in blocks before `end`."""
        return writes.release(self.shadow, end)

    def abandon(self, slots: Iterable[int]) -> None:
        """Forget what a call that failed left under way in these slots."""
        self.shadow.abandon(slots)

    def sync(self) -> Operations:
        """Yield the copies back of all that was written."""
        return writes.sync(self.shadow)
