"""Telling sequential readers apart, and how far ahead of each to copy."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Reader", "Readers"]


@dataclass(slots=True)
class Reader:
    """A reader: the block it is in, the next one to copy ahead, and how many to copy ahead.

    A depth of 0 is that of a reader that has not been found sequential; nothing is ahead of it,
    and its next block to copy ahead says nothing.
    """

    block: int
    frontier: int
    depth: int = 0


class Readers:
    """The readers of a segment.

    Parameters
    ----------
    depth : int
        Blocks ahead of a reader at most.
    initial : int
        Blocks ahead of a reader that has just been found sequential.
    most : int
        Readers that are told apart; the one longest unseen is forgotten.
    kept : int
        Readers for whose blocks there is room.
    """

    __slots__ = ("_depth", "_initial", "_kept", "_most", "_readers")

    def __init__(self, depth: int, initial: int, most: int, kept: int) -> None:
        self._depth = depth
        self._initial = initial
        self._most = most
        self._kept = kept
        self._readers: list[Reader] = []  # the one seen last at the end

    def follow(self, first: int, last: int) -> Reader:
        """Return the reader that goes on with these blocks, its depth grown, or a new one."""
        readers = self._readers
        for place in reversed(range(len(readers))):
            reader = readers[place]
            if reader.block - 1 <= first <= max(reader.block + 1, reader.frontier - 1):
                if last > reader.block:  # else it is in its block, or steps back over a border
                    depth = max(self._initial, 2 * reader.depth, last - first + 1)
                    reader.depth = min(self._depth, depth)
                readers.append(readers.pop(place))
                return reader
        reader = Reader(first, first)
        self._readers = [*self._readers, reader][-self._most :]
        return reader

    def steady(self, number: int) -> Reader | None:
        """Return the reader seen last if this block is its next, and its copies ahead are full.

        None if another has come to the same block: which of them goes on is for `follow` to say.
        """
        readers = self._readers
        if not readers:
            return None
        reader = readers[-1]
        if (
            reader.block + 1 != number
            or reader.frontier != number + reader.depth
            or reader.depth != self._depth
        ):
            return None
        for other in readers:
            if other.block == reader.block and other is not reader:
                return None
        return reader

    def await_block(self, number: int) -> bool:
        """Say whether a block lies ahead of a reader, who has not consumed it yet."""
        left = self._kept
        for reader in reversed(self._readers):
            if reader.depth:
                if reader.block <= number < reader.frontier:
                    return True
                left -= 1
                if not left:
                    break
        return False
