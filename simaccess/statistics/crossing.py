"""Where a noisy difference changes sign along a span, and how sure that place is."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from simaccess.statistics.intervals import CONFIDENCE, Sample, mean_interval
from simaccess.statistics.span import Span

__all__ = ["Crossing", "crossing", "limits"]

_FINEST = 4 * math.ulp(1.0)  # the least relative tolerance that scipy's root-finders take


@dataclass(frozen=True, slots=True)
class Crossing:
    """Where a difference goes from above 0 to below.

    Attributes
    ----------
    place : float
        Where its mean does; on a span of whole numbers the first at which it is not above 0.
    low, high : float
        The interval of that place. At `low` the whole confidence interval of the mean difference
        is still above 0, at `high` it is below 0.
    """

    place: float
    low: float
    high: float


def limits(differences: Sample, confidence: float = CONFIDENCE) -> tuple[float, float, float]:
    """Return the interval of a mean, the mean in its middle; of one figure, that three times."""
    mean = float(np.mean(differences))
    low, high = mean_interval(differences, confidence) or (mean, mean)
    return low, mean, high


def crossing(
    differences: Callable[[float], Sample],
    span: Span,
    low: float,
    high: float,
    *,
    tolerance: float,
    confidence: float = CONFIDENCE,
) -> Crossing:
    """Find where a mean difference changes sign, with an interval.

    Parameters
    ----------
    differences : callable
        ``differences(place)`` returns the paired differences there, one a replication: the same
        replications at each place. One figure is a difference without noise.
    span : Span
        How places are measured.
    low, high : float
        Two of its places. The whole interval of the mean difference is above 0 at the first, and
        below 0 at the second.
    tolerance : float
        How near to come, in the span's coordinate: a share of the place on a logarithmic span, of
        the span's length on a linear one.
    confidence : float
        Of the interval.

    Raises
    ------
    ValueError
        If the difference is not above 0 at the one, or not below 0 at the other.

    Notes
    -----
    By inversion of a test: the interval are the places at which the confidence interval of the mean
    difference holds 0. At the true place the mean difference is 0, so its confidence interval holds
    0, and this one the true place, with the same probability; no slope is estimated. The ends are
    where the lower and the upper confidence limit change sign, and each is found, as the place
    itself is, by algorithm 748 of G. E. Alefeld, F. A. Potra and Y. Shi (ACM Transactions on
    Mathematical Software 21, 1995), which keeps the sign change between two places that were looked
    at. Reported are the outer two, so that the interval has the root's tolerance in it. That the
    difference jumps, or is 0 over a stretch, does no harm.
    """
    seen: dict[float, tuple[float, float, float]] = {}

    def at(place: float, limit: int) -> float:
        """Return a limit of the difference; a lower one of 0 counts as below, others as above."""
        if place not in seen:
            seen[place] = limits(differences(place), confidence)
        value = seen[place][limit]
        if value == 0:  # the search needs a sign
            return -_FINEST if limit < 2 else _FINEST
        return value

    def at_coordinate(limit: int, ends: Mapping[float, float], coordinate: float) -> float:
        return at(ends.get(coordinate, span.place(coordinate)), limit)

    def narrowed(limit: int, first: float, last: float) -> tuple[float, float]:
        """Return the places around the first sign change of a limit between two places."""
        if not (at(first, limit) > 0 > at(last, limit)):
            raise ValueError(f"no change of sign between {first} and {last}")
        while True:
            places = [place for place in sorted(seen) if first <= place <= last]
            after = next(index for index, place in enumerate(places) if at(place, limit) < 0)
            first, last = places[after - 1], places[after]
            one, other = span.at(first), span.at(last)
            if other - one <= tolerance or (span.whole and last - first <= 1):
                return first, last
            # A coordinate of a place leads back to it only nearly.
            _search(partial(at_coordinate, limit, {one: first, other: last}), one, other, tolerance)

    before, after = narrowed(1, low, high)
    begin, _ = narrowed(0, low, after)
    _, end = narrowed(2, before, high)
    if span.whole or seen[after][1] == 0:
        place = after
    else:
        place = span.place((span.at(before) + span.at(after)) / 2)
    return Crossing(place, min(begin, place), max(end, place))


def _search(value: Callable[[float], float], low: float, high: float, tolerance: float) -> None:
    """Look at coordinates ever nearer to where a value changes sign."""
    from scipy import optimize  # noqa: PLC0415  # takes as long to import as a small run

    # Half the tolerance, since the bracket that it ends with is up to twice as wide as it says.
    optimize.toms748(value, low, high, xtol=tolerance / 2, rtol=_FINEST, k=1)
