"""A stretch of an axis that is searched: linear or logarithmic, of real or whole numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["Span"]


@dataclass(frozen=True, slots=True)
class Span:
    """Where to look.

    Parameters
    ----------
    low, high : float
        Its ends, the lower one first; above 0 if it is logarithmic.
    logarithmic : bool
        Whether equal ratios count as equal steps, or equal differences.
    whole : bool
        Whether its places are whole numbers.
    """

    low: float
    high: float
    logarithmic: bool = False
    whole: bool = False

    def at(self, place: float) -> float:
        """Return the coordinate of a place: its logarithm, or its share of the way."""
        if self.logarithmic:
            return math.log(place)
        return (place - self.low) / (self.high - self.low)

    def place(self, coordinate: float) -> float:
        """Return the place of a coordinate; the nearest whole number where they are whole."""
        if self.logarithmic:
            place = math.exp(coordinate)
        else:
            place = self.low + coordinate * (self.high - self.low)
        if self.whole:
            place = float(round(place))
        return float(min(max(place, self.low), self.high))  # whatever a search calls with

    def places(self, count: int) -> list[float]:
        """Return places in equal steps from end to end; fewer where whole numbers coincide."""
        first, last = self.at(self.low), self.at(self.high)
        steps = (first + (last - first) * step / (count - 1) for step in range(1, count - 1))
        return sorted({self.low, *map(self.place, steps), self.high})
