"""A processor's own cache, as far as its copying is concerned: which bytes are near, which far.

Which bytes are near is kept by pages. A full cache gives up any of its pages, each as likely as the
others: real ones replace by rules that are near to that for ranges walked through again and again,
where least-recently-used would keep nothing of a range a little larger than the cache. With random
replacement a share h of the bytes of a range F in turn is found in a cache of C < F, where

    h = exp(-(1 - h) F / C)

since a page survives the (1 - h) F / CHUNK replacements of a turn with probability (1 - CHUNK / C)
each.
"""

from __future__ import annotations

from random import Random
from typing import Self

from pydantic import Field, model_validator

from simaccess.parameters import Section
from simaccess.quantities import Rate, Size

__all__ = ["CHUNK", "NearCache", "NearCacheSection"]

CHUNK = 4096
"""Bytes that come and go together."""

_MEMORY = 1 << 60  # bytes from one memory's numbers to the next one's


class NearCacheSection(Section):
    """The cache of each consumer's processor.

    Parameters
    ----------
    size : int
        Bytes that it holds, at least 4 KiB: what a core has near, its L2 and what others leave it
        of the L3.
    rate : float
        Bytes a second at which the processor copies to where it holds the bytes.
    """

    size: Size
    rate: Rate = Field(gt=0)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.size < CHUNK:
            raise ValueError(f"cache.size must be {CHUNK} B or more; allowed: as in '1 MiB'")
        return self


class NearCache:
    """Which pages of which memories are near.

    Parameters
    ----------
    size : int
        Bytes that it holds.
    """

    __slots__ = ("_capacity", "_draw", "_pages", "_places")

    def __init__(self, size: int) -> None:
        self._capacity = size // CHUNK
        self._pages: list[int] = []
        self._places: dict[int, int] = {}
        self._draw = Random(0).random

    def touch(self, memory: int, offset: int, length: int) -> int:
        """Bring a range in; return how many of its bytes were not there.

        Parameters
        ----------
        memory : int
            Which memory.
        offset, length : int
            The range in it.
        """
        places, pages = self._places, self._pages
        begin = memory * _MEMORY + offset
        end = begin + length
        missing = 0
        for page in range(begin // CHUNK, -(-end // CHUNK)):
            if page in places:
                continue
            place = page * CHUNK
            missing += min(place + CHUNK, end) - max(place, begin)
            if len(pages) < self._capacity:
                places[page] = len(pages)
                pages.append(page)
            else:
                place = int(self._draw() * self._capacity)
                del places[pages[place]]
                places[page] = place
                pages[place] = page
        return missing
