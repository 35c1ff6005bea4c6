"""How a segment is cut into blocks: the units that a shadow holds and a threshold applies to."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

__all__ = ["Blocks", "FixedBlocks", "Part", "Records", "cut", "pieces"]

Part: TypeAlias = tuple[int, int, int, int]
"""A part of a client's bytes: block number, start, stop, and where the copied part of that block
begins; what lies before that is reached in place."""


class Blocks(Protocol):
    """A cut of the offsets from 0 on into numbered blocks without gaps."""

    @property
    def longest(self) -> int:
        """Bytes of the longest block."""
        ...

    def find(self, offset: int) -> int:
        """Return the number of the block that `offset` lies in."""
        ...

    def bounds(self, number: int) -> tuple[int, int]:
        """Return where a block starts and where it ends."""
        ...

    def locate(self, offset: int) -> tuple[int, int, int]:
        """Return the number and the bounds of the block that `offset` lies in."""
        ...


@dataclass(frozen=True, slots=True)
class FixedBlocks:
    """Blocks of one size.

    Parameters
    ----------
    size : int
        Bytes of a block, at least 1.
    """

    size: int

    def __post_init__(self) -> None:
        if self.size < 1:
            raise ValueError(f"a block has at least 1 byte, not {self.size}")

    @property
    def longest(self) -> int:
        """Bytes of a block."""
        return self.size

    def find(self, offset: int) -> int:
        """Return the number of the block that `offset` lies in."""
        return offset // self.size

    def bounds(self, number: int) -> tuple[int, int]:
        """Return where a block starts and where it ends."""
        return number * self.size, (number + 1) * self.size

    def locate(self, offset: int) -> tuple[int, int, int]:
        """Return the number and the bounds of the block that `offset` lies in."""
        size = self.size
        number = offset // size
        start = number * size
        return number, start, start + size


class Records:
    """Blocks of given lengths back to back, such as the packets of a capture, lap after lap.

    Parameters
    ----------
    lengths : sequence of int
        Bytes of each record, padding included, each at least 1.
    """

    __slots__ = ("_starts", "_total", "longest")

    def __init__(self, lengths: Sequence[int]) -> None:
        if not lengths or min(lengths) < 1:
            raise ValueError("records have at least 1 byte each, and there is at least one")
        self._starts = [0]
        for length in lengths:
            self._starts.append(self._starts[-1] + int(length))
        self._total = self._starts.pop()
        self.longest = int(max(lengths))

    def find(self, offset: int) -> int:
        """Return the number of the record that `offset` lies in."""
        lap, within = divmod(offset, self._total)
        return lap * len(self._starts) + bisect_right(self._starts, within) - 1

    def bounds(self, number: int) -> tuple[int, int]:
        """Return where a record starts and where it ends."""
        starts = self._starts
        lap, place = divmod(number, len(starts))
        base = lap * self._total
        end = starts[place + 1] if place + 1 < len(starts) else self._total
        return base + starts[place], base + end

    def locate(self, offset: int) -> tuple[int, int, int]:
        """Return the number and the bounds of the record that `offset` lies in."""
        number = self.find(offset)
        return number, *self.bounds(number)


def pieces(blocks: Blocks, offset: int, length: int) -> Iterator[tuple[int, int, int]]:
    """Cut [offset, offset + length) at the blocks' bounds into (number, start, stop)."""
    stop = offset + length
    while offset < stop:
        number, _, end = blocks.locate(offset)
        end = min(end, stop)
        yield number, offset, end
        offset = end


def cut(blocks: Blocks, offset: int, length: int, floor: int, threshold: int = 0) -> list[Part]:
    """Cut [offset, offset + length) at the bounds of blocks, and where their copied parts begin.

    A copied part begins `threshold` bytes after its block does, and not before `floor`.
    """
    number, begin, end = blocks.locate(offset)
    low = max(begin + threshold, floor)
    if offset + length <= end and not offset < low < offset + length:
        return [(number, offset, offset + length, low)]
    parts: list[Part] = []
    for number, start, stop in pieces(blocks, offset, length):
        low = max(blocks.bounds(number)[0] + threshold, floor)
        if start < low < stop:
            parts += (number, start, low, low), (number, low, stop, low)
        else:
            parts.append((number, start, stop, low))
    return parts
