"""Hybrid: headers in place, payload in bulk.

Bytes below the threshold of a block always come in place. The first read at or beyond it starts
one bulk copy of [threshold, end of block), and those bytes are served from the shadow. Writes
mirror that: a header is stored in place, payload goes into the shadow and back in bulk.
"""

from __future__ import annotations

from simaccess.methods import writes
from simaccess.methods.blocks import Blocks
from simaccess.methods.directory import Directory, Eviction
from simaccess.methods.shadowed import Shadowed
from simaccess.operations import LOAD, STORE, Operations

__all__ = ["TCP_PAYLOAD_OFFSET", "Hybrid"]

TCP_PAYLOAD_OFFSET = 54
"""Where TCP payload begins: 14 bytes of Ethernet, 20 of IPv4, 20 of TCP, without options."""


class Hybrid(Shadowed):
    """In place below a threshold of each block, through a shadow beyond it.

    Parameters
    ----------
    blocks : Blocks
        The units that have a header: packets, records, chunks.
    slots : int
        Blocks that the shadow holds.
    threshold : int
        Bytes of each block that are always reached in place, at least 0.
    eviction : {'lru', 'fifo'}
        Which block makes room.
    """

    __slots__ = ("threshold",)

    layers = 1
    """Layers around the directory of blocks, which cost time on a link within one machine."""

    def __init__(
        self,
        blocks: Blocks,
        slots: int,
        threshold: int = TCP_PAYLOAD_OFFSET,
        eviction: Eviction = "lru",
    ) -> None:
        if threshold < 0:
            raise ValueError(f"a threshold is at least 0 bytes, not {threshold}")
        super().__init__(Directory(blocks, slots, eviction))
        self.threshold = threshold

    def read(self, offset: int, length: int, limit: int) -> Operations:
        """Yield loads of header bytes, and what serves payload bytes from the shadow."""
        shadow = self.shadow
        hit = shadow.hit(offset, length)
        if hit:
            return hit
        parts = shadow.parts(offset, length, self.threshold)
        if len(parts) == 1 and offset < parts[0][3]:
            return ((LOAD, offset, length),)
        return shadow.access(offset, length, limit, self.threshold, parts)

    def write(self, offset: int, length: int, limit: int) -> Operations:
        """Yield stores of header bytes and writes of payload bytes into the shadow."""
        shadow = self.shadow
        parts = shadow.parts(offset, length, self.threshold)
        if len(parts) == 1 and offset < parts[0][3]:
            return ((STORE, offset, length),)
        return writes.write(shadow, parts, limit)
