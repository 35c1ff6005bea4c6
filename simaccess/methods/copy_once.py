"""Copy-once: copy each block once, in bulk, and serve it from the local shadow.

The first touch of a block starts one bulk copy of the block (of its readable part, in a ring);
reads are served from the shadow. Writes go into the shadow, and one bulk copy brings them back
when their block is released, synchronised or makes room for another.
"""

from __future__ import annotations

from simaccess.methods import writes
from simaccess.methods.blocks import Blocks
from simaccess.methods.directory import Directory, Eviction
from simaccess.methods.shadowed import Shadowed
from simaccess.operations import Operations

__all__ = ["CopyOnce"]


class CopyOnce(Shadowed):
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

    __slots__ = ("read",)

    def __init__(self, blocks: Blocks, slots: int, eviction: Eviction = "lru") -> None:
        super().__init__(Directory(blocks, slots, eviction))
        self.read = self.shadow.access  # the directory's own: no layer between

    def write(self, offset: int, length: int, limit: int) -> Operations:
        """Yield writes of the shadow."""
        shadow = self.shadow
        return writes.write(shadow, shadow.parts(offset, length), limit)
