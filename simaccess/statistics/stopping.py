"""When to stop replicating: once the interval is narrow enough."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simaccess.statistics.intervals import Sample, mean_interval

__all__ = ["FIRST", "StopRule", "relative_half_width", "replicate"]

FIRST = 10
"""Replications before the first look. Looking often at few replications stops by luck while the
interval happens to be narrow, and then holds the truth less often than it says."""


@dataclass(frozen=True, slots=True)
class StopRule:
    """Replicate until a relative half-width is small enough.

    Parameters
    ----------
    target : float
        The half-width of the interval over what it is the interval of, at which to stop.
    first : int
        Replications before the first look (`FIRST`).
    most : int
        Where to stop in any case.
    """

    target: float
    first: int = FIRST
    most: int = 1000

    def __post_init__(self) -> None:
        if not (self.target > 0 and 2 <= self.first <= self.most):
            raise ValueError(f"a target above 0 and 2 <= first <= most, not {self}")

    def after(self, count: int, width: float) -> int:
        """Return how many replications to have next; `count` if they are enough.

        A half-width falls with the root of the number. At most twice as many are made before the
        next look, since the first estimate of what is needed is a rough one.

        Parameters
        ----------
        count : int
            Those there are; 0 before the first look.
        width : float
            The relative half-width that they give.
        """
        if not count:
            return self.first
        if width <= self.target or count >= self.most:
            return count
        needed = 2.0 * count
        if math.isfinite(width):
            needed = min(needed, count * (width / self.target) ** 2)
        return min(max(math.ceil(needed), count + 1), self.most)


def relative_half_width(figures: Sample) -> float:
    """Return the half-width of the interval of a mean over its absolute value.

    It is 0 where all figures are alike, and infinite for fewer than two.
    """
    interval = mean_interval(figures)
    if interval is None:
        return math.inf
    half, mean = (interval[1] - interval[0]) / 2, abs(interval[0] + interval[1]) / 2
    return half / mean if mean else (math.inf if half else 0.0)


def replicate(
    measure: Callable[[Sequence[int]], Sequence[float]], rule: StopRule
) -> NDArray[np.float64]:
    """Return the figures of as many replications as a rule asks for.

    Parameters
    ----------
    measure : callable
        ``measure(numbers)`` returns the figures of the replications of those numbers, from 0 on.
    rule : StopRule
        When to stop: by the interval of the mean over its absolute value.

    Returns
    -------
    ndarray of float, shape (replications,)
        Which replications they are depends on the figures alone, not on how they were computed.
    """
    figures: list[float] = []
    wanted = rule.after(0, math.inf)
    while wanted > len(figures):
        figures += measure(range(len(figures), wanted))
        wanted = rule.after(len(figures), relative_half_width(figures))
    return np.array(figures)
