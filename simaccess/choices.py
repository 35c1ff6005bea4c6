"""Choosing a method by a model: whether it ranks them as measured, and what the choice costs.

Medians of few repetitions are not sure, least of all where a cell takes one of two courses, as
where packets are lost. So each pair of methods is judged by what resampling their repetitions says
of the ratio of their medians (the bootstrap; Efron 1979), which holds for values of two sorts too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, permutations

import numpy as np
from numpy.typing import NDArray

from simaccess.fitting.points import Point
from simaccess.fitting.sampling import median_spread, resampled_medians

__all__ = ["CLOSE", "Choice", "choices", "undecided"]

CLOSE = 0.02
"""Methods whose measured medians differ by less are too close to call."""

_CONFIDENCE = 95.0  # per cent
_RESAMPLES = 2000
_SURE = 1.96  # standard errors, of 95 %

Foretold = tuple[Point, float]
"""A point of a method, and the seconds that a model predicts for it."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The methods on one workload, as measured and as predicted, each at its own best parameters.

    Attributes
    ----------
    workload : str
        What they did.
    consumers : int
        How many did it at once.
    measured, predicted : mapping of str to float
        Seconds by method: the measured ones of the parameters that are best as measured, the
        predicted ones of those that are best as predicted.
    best, chosen : str
        The best method as measured, and as predicted.
    pairs, agreeing : int
        Pairs of methods that are not too close to call, and those of them that the model ranks as
        measured.
    regret : float
        By which share the measured seconds of what the model would choose, method and parameters,
        exceed the least measured.
    regret_interval : (float, float)
        Its interval of 95 %, by resampling the repetitions of both; 0 where the choice is the best.
    """

    workload: str
    consumers: int
    measured: Mapping[str, float]
    predicted: Mapping[str, float]
    best: str
    chosen: str
    pairs: int
    agreeing: int
    regret: float
    regret_interval: tuple[float, float]


def choices(methods: Iterable[Foretold]) -> Iterable[Choice]:
    """Yield the choice on each workload with several methods.

    Parameters
    ----------
    methods : iterable of (Point, float)
        Measured points of methods, each with its predicted seconds.
    """
    groups: dict[tuple[str, int], list[Foretold]] = {}
    for one in methods:
        groups.setdefault((one[0].cell.workload, one[0].cell.consumers), []).append(one)
    for (workload, consumers), group in groups.items():
        if len({point.cell.method for point, _ in group}) > 1:
            yield _choice(workload, consumers, group)


def undecided(methods: Sequence[tuple[Point, NDArray[np.float64]]]) -> list[int]:
    """Return the methods whose predictions need more draws before a model can choose.

    Those that may be a method's best parameters, and whose predicted median is not surely apart
    from that of another of those. Medians that are sure to a quarter of `CLOSE` need none.

    Parameters
    ----------
    methods : sequence of (Point, ndarray of float)
        Measured points of methods, each with the draws of its prediction, in seconds.
    """
    middles = [float(np.log(np.median(draws))) for _, draws in methods]
    errors = [median_spread(draws, len(draws)) for _, draws in methods]

    def apart(one: int, other: int) -> bool:
        error = float(np.hypot(errors[one], errors[other]))
        sure = _SURE * error <= np.log1p(CLOSE) / 4
        return sure or abs(middles[one] - middles[other]) > _SURE * error

    best: dict[tuple[str, int, str], int] = {}
    keys = [(p.cell.workload, p.cell.consumers, p.cell.method) for p, _ in methods]
    for number, key in enumerate(keys):
        if key not in best or middles[number] < middles[best[key]]:
            best[key] = number
    may_be = [n for n, key in enumerate(keys) if n == best[key] or not apart(n, best[key])]
    found = {
        one
        for one, other in permutations(may_be, 2)
        if keys[one][:2] == keys[other][:2] and not apart(one, other)
    }
    return sorted(found)


def _choice(workload: str, consumers: int, group: Sequence[Foretold]) -> Choice:
    measured: dict[str, Point] = {}
    predicted: dict[str, Foretold] = {}
    for point, seconds in group:
        method = point.cell.method
        if method not in measured or point.median < measured[method].median:
            measured[method] = point
        if method not in predicted or seconds < predicted[method][1]:
            predicted[method] = point, seconds
    best = min(measured.values(), key=lambda point: point.median)
    chosen = min(predicted.values(), key=lambda one: one[1])[0]
    pairs = agreeing = 0
    for first, second in combinations(measured, 2):
        if not _close(measured[first], measured[second]):
            pairs += 1
            as_measured = measured[first].median < measured[second].median
            agreeing += as_measured == (predicted[first][1] < predicted[second][1])
    low, high = (0.0, 0.0) if chosen is best else _ratio(chosen, best)
    return Choice(
        workload=workload,
        consumers=consumers,
        measured={method: point.median for method, point in measured.items()},
        predicted={method: seconds for method, (_, seconds) in predicted.items()},
        best=best.cell.method,
        chosen=chosen.cell.method,
        pairs=pairs,
        agreeing=agreeing,
        regret=chosen.median / best.median - 1,
        regret_interval=(max(low, 0.0), max(high, 0.0)),
    )


def _close(first: Point, second: Point) -> bool:
    """Say whether two are too close to call: less than 2 % apart, or not surely apart."""
    apart = abs(np.log(first.median / second.median))
    low, high = _ratio(first, second)
    return bool(apart < np.log1p(CLOSE) or low <= 0 <= high)


def _ratio(first: Point, second: Point) -> tuple[float, float]:
    """Return the interval of by which share the median of one exceeds that of another."""
    one, other = (
        resampled_medians(point.seconds, len(point.seconds), _RESAMPLES, seed=number)
        for number, point in enumerate((first, second))
    )
    outside = (100 - _CONFIDENCE) / 2
    low, high = np.percentile(one / other, [outside, 100 - outside]) - 1
    return float(low), float(high)
