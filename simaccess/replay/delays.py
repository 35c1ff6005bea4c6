"""The private delays of a record, by what they are spent on and not in ticks.

A delay is the client's own computing, in ticks, with so many accesses of each length to the
memory beside the consumer and so many copies of each length within it. So one record serves
memories of any speed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["ACCESS", "COPY", "LOCAL", "MISS", "PART", "STEP", "DelayTable", "Delays"]

LOCAL: Final = 0
"""A read or write of the shadow."""

COPY: Final = 1
"""A copy that the processor makes within local memory."""

ACCESS: Final = 2
"""The client's software for a read or write; its length is 0, as are those of the next two."""

MISS: Final = 3
"""More of it, where one look decides on a copy and what it serves."""

STEP: Final = 4
"""More of it, for an operation that is decided by itself."""

PART: Final = np.dtype([("delay", "i8"), ("kind", "i8"), ("length", "i8"), ("count", "i8")])
"""`count` accesses of one kind and length within a delay."""


@dataclass(frozen=True, eq=False, slots=True)
class Delays:
    """The distinct delays of a record.

    Attributes
    ----------
    compute : ndarray of int64, shape (delays,)
        Ticks of the client's own work in each.
    parts : ndarray of PART, shape (parts,)
        The accesses to local memory, and what the client's software does where that was recorded;
        those of one delay together.
    """

    compute: NDArray[np.int64]
    parts: NDArray[np.void]


_Parts = tuple[tuple[tuple[int, int], int], ...]
"""Kind and length of accesses, and how many of them."""

_Content = tuple[int, _Parts]
"""Ticks of work, and the rest."""


class DelayTable:
    """Numbers the delays of a record as it is made; 0 is none at all."""

    __slots__ = ("_contents", "_followers", "_numbers")

    def __init__(self) -> None:
        self._contents: list[_Content] = [(0, ())]
        self._numbers = {self._contents[0]: 0}
        self._followers: dict[tuple[int, int, int], int] = {}

    def worked(self, delay: int, ticks: int) -> int:
        """Return the delay that is this one and the client's work of so many ticks."""
        compute, parts = self._contents[delay]
        return self._number(compute + ticks, parts)

    def accessed(self, delay: int, kind: int, length: int) -> int:
        """Return the delay that is this one and an access to local memory."""
        try:
            return self._followers[delay, kind, length]
        except KeyError:
            compute, parts = self._contents[delay]
            counts = dict(parts)
            counts[kind, length] = counts.get((kind, length), 0) + 1
            number = self._number(compute, tuple(sorted(counts.items())))
            self._followers[delay, kind, length] = number
            return number

    def table(self) -> Delays:
        """Return the delays so far."""
        compute = np.array([compute for compute, _ in self._contents], np.int64)
        parts = [
            (number, kind, length, count)
            for number, (_, content) in enumerate(self._contents)
            for (kind, length), count in content
        ]
        return Delays(compute, np.array(parts, PART))

    def _number(self, compute: int, parts: _Parts) -> int:
        content = compute, parts
        number = self._numbers.setdefault(content, len(self._contents))
        if number == len(self._contents):
            self._contents.append(content)
        return number
