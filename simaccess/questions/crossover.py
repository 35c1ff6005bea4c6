"""Where along an axis the best method changes.

A scan looks at places in equal steps from end to end and asks which method is best at each. Where
the best one is another than at the place before, the change in between is found by a search for
the root of the two methods' mean log ratio, over the same replications at each place
(`simaccess.statistics.crossing`); if a third method is best at the root, there are two changes, and
each is searched. What changes twice between neighbouring places of the scan is not seen.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simaccess.errors import InputError
from simaccess.questions.axis import Axis
from simaccess.questions.case import Case
from simaccess.questions.log_times import LogTimes, Spot
from simaccess.statistics.crossing import crossing, limits
from simaccess.statistics.span import Span
from simaccess.statistics.stopping import StopRule
from simaccess.verdict import LEAD

__all__ = [
    "PLACES",
    "TOLERANCE",
    "Change",
    "Crossover",
    "Leader",
    "Search",
    "crossover",
    "scan",
    "spot",
]

PLACES = 9
"""Places of the scan."""

TOLERANCE = 1e-3
"""How near a search comes: a share of the place on a logarithmic axis, else of the axis."""

Times = Mapping[str, NDArray[np.float64]]
"""Logarithms of each method's times, one a replication."""


@dataclass(frozen=True, slots=True)
class Leader:
    """Who is best at a place.

    Attributes
    ----------
    place : float
        Where.
    best : tuple of str
        The method with the least mean log time; with it those that take exactly as long, in each
        replication.
    second : str or None
        The next one.
    lead : float
        By which share the best is better than that.
    decided : bool
        Whether the confidence interval of each other method's paired difference is above 0.
    """

    place: float
    best: tuple[str, ...]
    second: str | None
    lead: float
    decided: bool


@dataclass(frozen=True, slots=True)
class Change:
    """Where the best method changes.

    Attributes
    ----------
    place : float
        Where; on an axis of whole numbers the first at which `after` is best.
    low, high : float
        The confidence interval of the place, with the search's tolerance in it.
    level_low, level_high : float
        Between them the mean lead of either over the other is below 2 % (`simaccess.verdict.LEAD`),
        so that it matters little which one is chosen; an end of the axis, if that goes on to there.
    before, after : tuple of str
        Who is best below and above (`Leader.best`).
    """

    place: float
    low: float
    high: float
    level_low: float
    level_high: float
    before: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Crossover:
    """What the search found.

    Attributes
    ----------
    scan : tuple of Leader
        Who is best at the places of the scan.
    changes : tuple of Change
        The changes, in the order of the axis.
    drawn : bool
        Whether anything is drawn from the seeds; not asked where one replication was wanted.
    replications : int
        Seeds that it stands on; 1 where nothing is drawn.
    simulations : int
        How many there were.
    """

    scan: tuple[Leader, ...]
    changes: tuple[Change, ...]
    drawn: bool
    replications: int
    simulations: int

    @property
    def undecided(self) -> tuple[Leader, ...]:
        """The places of the scan at which the best method is not sure."""
        return tuple(each for each in self.scan if not each.decided)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain dicts, lists and numbers, ready for JSON."""
        plain = asdict(self)
        for each in plain["scan"]:
            each["lead"] = None if math.isinf(each["lead"]) else each["lead"]
        return plain


def crossover(
    case: Case,
    along: Axis,
    times: LogTimes,
    *,
    replications: int = 10,
    rule: StopRule | None = None,
    places: int = PLACES,
    tolerance: float = TOLERANCE,
) -> Crossover:
    """Find where the best method changes.

    Parameters
    ----------
    case : Case
        The link, the workload and the methods, two or more.
    along : Axis
        What is varied.
    times : LogTimes
        What simulates, and by which objective.
    replications : int
        Seeds, if anything is drawn from them.
    rule : StopRule, optional
        In place of a number: replicate until the interval of each change is narrow enough. Its
        relative half-width is measured as `tolerance` is.
    places : int
        Of the scan, ends included; at least 2.
    tolerance : float
        How near a search comes: a share of the place on a logarithmic axis, of the axis' length on
        a linear one.

    Raises
    ------
    InputError
        If the methods are fewer than two, or a combination of values is refused.
    """
    if len(case.methods) < 2:
        raise InputError("alone", key="methods", value=case.methods, allowed="two methods or more")
    if places < 2 or not tolerance > 0 or replications < 1:
        raise ValueError("at least 2 places and 1 replication, and a tolerance above 0")

    scanned = along.span.places(places)
    wanted = replications if rule is None else rule.first
    drawn = False
    if wanted > 1:
        drawn = times.drawn(spot(case, along, who, at) for at in scanned for who in case.methods)
        wanted = wanted if drawn else 1
    while True:
        count = wanted
        leaders, search = scan(case, along, times, scanned, count=count, tolerance=tolerance)
        changes = tuple(search.changes([each for each in leaders if each.decided]))
        if not drawn or rule is None or count == rule.most:
            break
        widths = [along.span.at(each.high) - along.span.at(each.low) for each in changes]
        wanted = rule.after(count, max(widths, default=0.0) / 2)
        if wanted == count:
            break
    return Crossover(tuple(leaders), changes, drawn, count, times.simulations)


def spot(case: Case, along: Axis, method: str, place: float) -> Spot:
    """Return a method of a case at a place of an axis."""
    return Spot(case, method, ((along.key, along.value(place)),))


def scan(
    case: Case,
    along: Axis,
    times: LogTimes,
    scanned: Sequence[float],
    *,
    count: int,
    tolerance: float,
) -> tuple[list[Leader], Search]:
    """Return who is best at some places with so many replications, and what searches between."""

    def require(places: Sequence[float]) -> None:  # all at a time
        times.require([spot(case, along, who, at) for at in places for who in case.methods], count)

    def sample(place: float) -> Times:
        require([place])
        return {who: times.of(spot(case, along, who, place), count) for who in case.methods}

    require(scanned)
    leaders = [_leader(at, sample(at)) for at in scanned]
    return leaders, Search(sample, along.span, scanned, tolerance)


def _leader(place: float, times: Times) -> Leader:
    means = {method: float(found.mean()) for method, found in times.items()}
    first, *others = sorted(means, key=means.__getitem__)
    level = [each for each in others if np.array_equal(times[each], times[first])]
    behind = [each for each in others if each not in level]
    second = behind[0] if behind else None
    return Leader(
        place,
        tuple(method for method in times if method == first or method in level),
        second,
        math.expm1(means[second] - means[first]) if second else 0.0,
        all(_beats(times, first, other) for other in behind),
    )


def _beats(times: Times, one: str, other: str) -> bool:
    """Return whether one method takes less than another, for all that noise can tell."""
    return limits(times[other] - times[one])[0] > 0


class Search:
    """Searches the changes between places at which the best method is sure."""

    def __init__(
        self,
        sample: Callable[[float], Times],
        span: Span,
        scanned: Sequence[float],
        tolerance: float,
    ) -> None:
        self._sample = sample
        self._span = span
        self._scanned = scanned
        self._tolerance = tolerance

    def changes(self, decided: Sequence[Leader], *, level: bool = True) -> Iterator[Change]:
        """Return the changes between some places at which the best method is sure.

        Parameters
        ----------
        decided : sequence of Leader
            Those places, in order.
        level : bool
            Whether to search the stretch in which it matters little, too; without, it is none.
        """
        for one, other in pairwise(decided):
            if not set(one.best) & set(other.best):
                yield from self._between(one.place, other.place, one.best, other.best, level)

    def _between(
        self,
        low: float,
        high: float,
        before: tuple[str, ...],
        after: tuple[str, ...],
        level: bool,
    ) -> Iterator[Change]:
        """Find what changes between a place where one method is surely best and one of another."""

        def difference(place: float) -> NDArray[np.float64]:
            found = self._sample(place)
            return found[after[0]] - found[before[0]]

        found = crossing(difference, self._span, low, high, tolerance=self._tolerance)
        here = self._sample(found.place)
        best = _leader(found.place, here).best
        third = not set(best) & {*before, *after}
        if third and all(_beats(here, best[0], each) for each in (before[0], after[0])):
            yield from self._between(low, found.place, before, best, level)
            yield from self._between(found.place, high, best, after, level)
        else:
            ends = found.place, found.place
            if level:
                margin = math.log1p(LEAD)
                below = [each for each in reversed(self._scanned) if each < found.place]
                above = [each for each in self._scanned if each > found.place]
                ends = (
                    self._edge(difference, margin, found.place, below),
                    self._edge(difference, -margin, found.place, above),
                )
            yield Change(found.place, found.low, found.high, *ends, before, after)

    def _edge(
        self,
        difference: Callable[[float], NDArray[np.float64]],
        margin: float,
        start: float,
        onward: Sequence[float],
    ) -> float:
        """Return where a mean difference passes a margin on the way onward, or where that ends."""

        def beyond(place: float) -> list[float]:
            return [float(np.mean(difference(place))) - margin]

        inside = start
        for outside in (start, *onward):
            if beyond(outside)[0] * margin > 0:
                if outside == start:  # it has jumped over the margin
                    return start
                ends = sorted((inside, outside))
                return crossing(beyond, self._span, *ends, tolerance=self._tolerance).place
            inside = outside
        return inside
