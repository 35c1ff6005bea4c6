"""Where the best method changes if parameters lie anywhere in the ranges of the model's file.

Each drawn model has a crossover of its own, found as that of the model as it stands and with the
same seeds: their spread is that of the parameters. What the axis varies is not drawn.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from simaccess.errors import InputError
from simaccess.figures import Scalar
from simaccess.questions.axis import Axis
from simaccess.questions.case import Case
from simaccess.questions.crossover import PLACES, TOLERANCE, Change, scan, spot
from simaccess.questions.log_times import LogTimes
from simaccess.statistics.intervals import CONFIDENCE, Interval, share_interval
from simaccess.sweep.settings import SECTIONS

__all__ = ["Best", "DrawnChange", "Spread", "spread"]

Best = tuple[str, ...]
"""The best method, with those that take exactly as long."""


@dataclass(frozen=True, slots=True)
class DrawnChange:
    """A change of the best method, over the draws.

    Attributes
    ----------
    before, after : tuple of str
        Who is best below and above.
    count : int
        In how many draws there is such a change.
    interval : (float, float)
        The confidence interval of its probability.
    median, low, high : float
        The median of its places over those draws, and between which 95 % of them lie.
    """

    before: Best
    after: Best
    count: int
    interval: Interval
    median: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Spread:
    """How the changes spread over the ranges of the parameters.

    Attributes
    ----------
    draws : int
        Models that were drawn.
    refused : int
        How many of them the kind refuses somewhere on the axis; they count for nothing.
    changes : tuple of DrawnChange
        The most frequent first.
    throughout : tuple of (tuple of str, int)
        Who is best at every place of a draw's scan, and in how many draws; the most frequent
        first. Nobody where no place tells one method from the others.
    """

    draws: int
    refused: int
    changes: tuple[DrawnChange, ...]
    throughout: tuple[tuple[Best, int], ...]

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain dicts, lists and numbers, ready for JSON."""
        return asdict(self)


def spread(
    case: Case,
    along: Axis,
    times: LogTimes,
    draws: int,
    seed: int = 0,
    *,
    replications: int = 1,
    places: int = PLACES,
    tolerance: float = TOLERANCE,
) -> Spread:
    """Find where the best method changes on models drawn from the ranges of a link's parameters.

    Parameters
    ----------
    case, along, times, places, tolerance
        As for `simaccess.questions.crossover.crossover`.
    draws : int
        How many models (`Model.draws`).
    seed : int
        Of the draws.
    replications : int
        Seeds for each draw; those that the crossover itself stands on. With fewer, all draws would
        be off by what is particular to these.

    Raises
    ------
    InputError
        If no parameter has a range, or every draw is refused.
    """
    scanned = along.span.places(places)
    drawn = list(_drawn(case, along, draws, seed))
    cases = [each for each in drawn if _accepted(each, along, scanned)]
    if not cases:
        raise InputError("every draw is refused somewhere on the axis", key="--draws", value=draws)
    # All scans at a time; the searches then go on from them.
    every = [
        spot(each, along, method, at) for each in cases for at in scanned for method in case.methods
    ]
    times.require(every, replications)
    found: dict[tuple[Best, Best], list[float]] = {}
    counts: Counter[tuple[Best, Best]] = Counter()
    throughout: Counter[Best] = Counter()
    for each in cases:
        leaders, search = scan(each, along, times, scanned, count=replications, tolerance=tolerance)
        decided = [leader for leader in leaders if leader.decided]
        changes: list[Change] = list(search.changes(decided, level=False))
        for change in changes:
            found.setdefault((change.before, change.after), []).append(change.place)
        counts.update({(change.before, change.after) for change in changes})
        if not changes:
            throughout[decided[0].best if decided else ()] += 1
    return Spread(
        draws=draws,
        refused=len(drawn) - len(cases),
        changes=tuple(
            _change(who, found[who], count, len(cases)) for who, count in counts.most_common()
        ),
        throughout=tuple(throughout.most_common()),
    )


def _drawn(case: Case, along: Axis, draws: int, seed: int) -> Iterator[Case]:
    """Return the case with each of some drawn models; the axis' parameter has no range."""
    model = case.loaded()[0]
    if along.key.partition(".")[0] not in SECTIONS:
        model = model.with_values({along.key: along.value(along.span.low)})
    if not model.bounds():
        problem = "no parameter but the axis has a range that is wider than a point"
        raise InputError(problem, key="model", value=case.model, allowed="a model with ranges")
    for each in model.draws(draws, seed):
        values: dict[str, Scalar] = {
            key: figure.value for key, figure in each.provenance.items() if figure.status == "drawn"
        }
        yield replace(case, settings=(*case.settings, *values.items()))


def _accepted(case: Case, along: Axis, scanned: Sequence[float]) -> bool:
    """Return whether the kind accepts a drawn model at every place of the scan."""
    try:
        for at in scanned:
            spot(case, along, case.methods[0], at).scenario()
    except InputError:
        return False
    return True


def _change(who: tuple[Best, Best], places: Sequence[float], count: int, draws: int) -> DrawnChange:
    ends = ((1 - CONFIDENCE) / 2, 0.5, (1 + CONFIDENCE) / 2)
    low, median, high = (float(each) for each in np.quantile(places, ends))
    return DrawnChange(*who, count, share_interval(count, draws), median, low, high)
