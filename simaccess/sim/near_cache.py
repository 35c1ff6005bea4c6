"""The caches of processors, as far as their copying is concerned: which bytes are near, which far.

A processor has one of its own, and all may share another one behind those. Which bytes they hold is
kept by pages. A full cache gives up any of its pages, each as likely as the
others: real ones replace by rules that are near to that for ranges walked through again and again,
where least-recently-used would keep nothing of a range a little larger than the cache. With random
replacement a share h of the bytes of a range F in turn is found in a cache of C < F, where

    h = exp(-(1 - h) F / C)

since a page survives the (1 - h) F / CHUNK replacements of a turn with probability (1 - CHUNK / C)
each.
"""

from __future__ import annotations

from random import Random
from typing import Any, Self

from pydantic import model_validator

from simaccess import present
from simaccess.parameters import Section
from simaccess.quantities import PositiveRate, Rate, Size

__all__ = ["CHUNK", "SEGMENT", "Memories", "NearCache", "NearCacheSection"]

CHUNK = 4096
"""Bytes that come and go together."""

SEGMENT = 0
"""The number of the segment; that of other memories is larger."""

_MEMORY = 1 << 60  # bytes from one memory's numbers to the next one's


class NearCacheSection(Section):
    """The cache of each consumer's processor.

    Parameters
    ----------
    size : int
        Bytes that it holds, at least 4 KiB: the L2 of a core.
    rate : float
        Bytes a second at which the processor copies what it holds.
    shared : int
        Bytes of the cache behind it that all processors share, the L3; 0: none.
    shared_rate : float
        Bytes a second at which a processor copies what that holds.
    """

    size: Size
    rate: PositiveRate
    shared: Size = 0
    shared_rate: Rate = 0.0

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.size < CHUNK:
            raise self.unfit("size", "too small", f"{present.size(CHUNK)} or more, as in '1 MiB'")
        self.both_or_none("shared", "shared_rate", "cache.")
        if self.shared and self.shared < self.size:
            least = present.size(self.size)
            problem = f"less than cache.size = {least}"
            raise self.unfit("shared", problem, f"0, or {least} or more")
        return self


class Memories(dict[Any, int]):
    """The numbers by which caches know memories: each gets one when it is first asked for."""

    def __missing__(self, memory: Any) -> int:
        self[memory] = number = len(self) + 1
        return number


class NearCache:
    """Which pages of which memories are near.

    Parameters
    ----------
    size : int
        Bytes that it holds.
    behind : NearCache, optional
        What holds more, and is asked for what is not near.
    """

    __slots__ = ("_behind", "_capacity", "_draw", "_pages", "_places")

    def __init__(self, size: int, behind: NearCache | None = None) -> None:
        self._behind = behind
        self._capacity = size // CHUNK
        self._pages: list[int] = []
        self._places: dict[int, int] = {}
        self._draw = Random(0).random

    def touch(self, memory: int, offset: int, length: int) -> tuple[int, int]:
        """Bring a range in.

        Parameters
        ----------
        memory : int
            Which memory.
        offset, length : int
            The range in it.

        Returns
        -------
        tuple of int
            How many of its bytes were not there; and how many of those not behind it, either.
        """
        places, behind = self._places, self._behind
        begin = memory * _MEMORY + offset
        end = begin + length
        missing = far = 0
        for page in range(begin // CHUNK, -(-end // CHUNK)):
            if page in places:
                continue
            place = page * CHUNK
            size = min(place + CHUNK, end) - max(place, begin)
            missing += size
            if behind is None or behind.brings(page):
                far += size
            self.brings(page)
        return missing, far

    def brings(self, page: int) -> bool:
        """Bring a page in unless it is there; say whether it was not."""
        places, pages = self._places, self._pages
        if page in places:
            return False
        if len(pages) < self._capacity:
            places[page] = len(pages)
            pages.append(page)
        else:
            place = int(self._draw() * self._capacity)
            del places[pages[place]]
            places[page] = place
            pages[place] = page
        return True
