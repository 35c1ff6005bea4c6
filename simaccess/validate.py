"""How far a model is off, on points that its fit never saw.

An error is relative: predicted over measured, less 1, without its sign. Beside it stand the error
of the baseline, a latency and a rate (`simaccess.fitting.baseline`), fitted to the points that the
fit did see, and the measurement's own: how far the medians of its odd and of its even repetitions
are apart. Whole methods are compared with each other: whether the model ranks them as the
measurement does, and what it costs to choose by the model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simaccess.choices import Choice, choices, undecided
from simaccess.errors import InputError
from simaccess.fitting.baseline import fit_baselines
from simaccess.fitting.points import Point, link_draws, points, predict_all, segment_of, spread_out
from simaccess.fitting.uncertainty import asides, median_interval, spread
from simaccess.measured import CellClass, MeasuredSet, held_out
from simaccess.model import Model
from simaccess.pool import Pool

__all__ = ["Errors", "Validation", "Verified", "validate"]

DRAWS = 200
"""Draws of a cell in which the link draws: of them the prediction is the median, and of
medians of as many of them as there are repetitions the chance in its interval."""

_MORE = 2000  # draws of methods between which those do not decide

INTERVAL = 0.90
"""Share of the measured medians that the intervals are to hold."""

_ASIDE = 50  # draws with a parameter aside: the same ones as without, so that few tell its effect


@dataclass(frozen=True, slots=True)
class Verified:
    """A point with its prediction.

    Attributes
    ----------
    point : Point
        What was measured.
    predicted : float
        Seconds; the median where chance plays a part.
    interval : (float, float) or None
        The model's own interval (90 %) of the median of as many repetitions as were measured,
        where the link draws, as losses: what chance makes of as many draws, what the fit does not
        know of its parameters, and what it left unexplained (`simaccess.fitting.uncertainty`). None
        where only the accesses are drawn: the prediction is of the very ones that were measured.
    baseline : float or None
        Seconds by the baseline; None for a whole method.
    """

    point: Point
    predicted: float
    interval: tuple[float, float] | None
    baseline: float | None

    @property
    def error(self) -> float:
        """Relative error of the model."""
        return abs(self.predicted / self.point.median - 1)

    @property
    def baseline_error(self) -> float | None:
        """Relative error of the baseline."""
        return None if self.baseline is None else abs(self.baseline / self.point.median - 1)

    @property
    def split_half(self) -> float | None:
        """How far the medians of the odd and of the even repetitions are apart."""
        seconds = self.point.seconds
        if len(seconds) < 4:
            return None
        return float(abs(np.median(seconds[::2]) / np.median(seconds[1::2]) - 1))


@dataclass(frozen=True, slots=True)
class Errors:
    """Errors over some points; None where there are none.

    Attributes
    ----------
    points : int
        How many.
    median_error, p95_error : float or None
        Of the model.
    baseline_median_error, baseline_p95_error : float or None
        Of the baseline, over those points that it predicts.
    split_half_p95 : float or None
        Of the measurement itself.
    coverage : float or None
        Share of the medians inside the model's interval, where it has one.
    """

    points: int
    median_error: float | None
    p95_error: float | None
    baseline_median_error: float | None
    baseline_p95_error: float | None
    split_half_p95: float | None
    coverage: float | None


@dataclass(frozen=True)
class Validation:
    """How far a model is off.

    Attributes
    ----------
    model, data : str
        Names.
    verified : tuple of Verified
        Every point that the fit never saw.
    overall : Errors
        Over those that are no whole methods and on no threshold of loss.
    classes : mapping of (str, str, str) to Errors
        The same by operation, size class and state; methods too.
    threshold : Errors
        Over the points on a threshold of loss.
    choices : tuple of Choice
        The methods, workload by workload. Predictions of methods enter no fit's errors but are
        made for all measured cells, since a choice needs all of them.
    left_out : int
        Points of states that the fit left out, and this does.
    """

    model: str
    data: str
    verified: tuple[Verified, ...]
    overall: Errors
    classes: Mapping[CellClass, Errors]
    threshold: Errors
    choices: tuple[Choice, ...]
    left_out: int = 0

    @property
    def rank_agreement(self) -> float | None:
        """Share of the pairs of methods, not too close to call, that are ranked as measured."""
        pairs = sum(choice.pairs for choice in self.choices)
        return sum(choice.agreeing for choice in self.choices) / pairs if pairs else None

    @property
    def regret(self) -> float | None:
        """The largest regret of choosing by the model."""
        return None if self._worst is None else self._worst.regret

    @property
    def regret_interval(self) -> tuple[float, float] | None:
        """The interval of the largest regret (95 %)."""
        return None if self._worst is None else self._worst.regret_interval

    @property
    def _worst(self) -> Choice | None:
        return max(self.choices, key=lambda choice: choice.regret, default=None)

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as plain dicts, lists and numbers, ready for JSON."""
        return {
            "model": self.model,
            "data": self.data,
            **asdict(self.overall),
            "rank_agreement": self.rank_agreement,
            "regret": self.regret,
            "regret_interval": self.regret_interval,
            "left_out": self.left_out,
            "threshold": asdict(self.threshold),
            "classes": [
                {"operation": operation, "size": size, "state": state, **asdict(errors)}
                for (operation, size, state), errors in self.classes.items()
            ],
            "choices": [asdict(choice) for choice in self.choices],
        }


def validate(
    measured: MeasuredSet,
    model: Model,
    pool: Pool,
    *,
    hold_out: float | None = None,
    data: str = "",
) -> Validation:
    """Compare a model with the points of a measured set that its fit never saw.

    Parameters
    ----------
    measured : MeasuredSet
        What was measured.
    model : Model
        The model.
    pool : Pool
        Who simulates.
    hold_out : float, optional
        Share of the points that were held out of the fit; by default what the model's calibration
        says if it was fitted to this set, and otherwise all.
    data : str
        Name of the measured set.

    Raises
    ------
    InputError
        If there are no such points.
    """
    without = str(model.calibration.get("left_out", "")).split()
    all_points = points(measured)
    every = [point for point in all_points if point.cell.state not in without]
    if hold_out is None:
        fitted = model.calibration.get("digest") == measured.digest
        hold_out = float(model.calibration.get("hold_out", 1.0)) if fitted else 1.0
    hidden = held_out((point.cell for point in every), hold_out)
    unseen = [point for point in every if point.cell in hidden]
    seen = [point for point in every if point.cell not in hidden] or unseen
    if not unseen:
        raise InputError(
            "no points that the fit never saw",
            key="hold_out",
            value=hold_out,
            allowed="a fit with --hold-out, or another measured set",
        )
    methods = [point for point in every if point.cell.operation == "method"]
    wanted = list({point.cell: point for point in [*unseen, *methods]}.values())
    baselines = fit_baselines(seen)
    predictions, drawn = _predictions(measured, model, wanted, pool)
    spreads = _spreads(measured, model, wanted, predictions, drawn, pool)
    verified = {}
    for number, (point, draws) in enumerate(zip(wanted, predictions, strict=True)):
        baseline = baselines.get(point.cell.operation)
        some = len(point.seconds)
        verified[point.cell] = Verified(
            point,
            float(np.median(draws)),
            median_interval(draws, some, spreads[number], INTERVAL) if number in spreads else None,
            None if baseline is None else baseline.seconds(point.cell),
        )
    ours = [verified[point.cell] for point in unseen]
    classes: dict[CellClass, list[Verified]] = {}
    for one in ours:
        classes.setdefault(one.point.cell.kind, []).append(one)
    plain = [one for one in ours if one.point.cell.operation != "method"]
    return Validation(
        model=model.name,
        data=data,
        verified=tuple(ours),
        overall=_errors([one for one in plain if not one.point.threshold]),
        classes={kind: _errors(classes[kind]) for kind in sorted(classes)},
        threshold=_errors([one for one in plain if one.point.threshold]),
        choices=tuple(choices((point, verified[point.cell].predicted) for point in methods)),
        left_out=len(all_points) - len(every),
    )


def _predictions(
    measured: MeasuredSet, model: Model, wanted: Sequence[Point], pool: Pool
) -> tuple[list[NDArray[np.float64]], list[int]]:
    """Return the draws of each point, and the points in which the link draws.

    Where only the accesses are drawn, they are those of as many repetitions as were measured.
    Methods between which few draws do not decide get more.
    """
    cells = [point.cell for point in wanted]
    segment = segment_of(measured)
    drawn = [n for n, each in enumerate(link_draws(model, cells, pool, segment)) if each]
    rest = sorted(set(range(len(cells))) - set(drawn))
    counts = dict.fromkeys(drawn, DRAWS)
    apart = spread_out(model, [cells[number] for number in rest], pool, segment)
    for number, each in zip(rest, apart, strict=True):
        counts[number] = len(wanted[number].seconds) if each else 1
    draws = predict_all(model, cells, pool, segment, [counts[n] for n in range(len(cells))])
    methods = [number for number in drawn if cells[number].operation == "method"]
    unsure = [methods[at] for at in undecided([(wanted[n], draws[n]) for n in methods])]
    more = predict_all(model, [cells[n] for n in unsure], pool, segment, _MORE)
    for number, found in zip(unsure, more, strict=True):
        draws[number] = found
    return draws, drawn


def _spreads(  # noqa: PLR0917  # made in one place
    measured: MeasuredSet,
    model: Model,
    wanted: Sequence[Point],
    predictions: Sequence[NDArray[np.float64]],
    drawn: Sequence[int],
    pool: Pool,
) -> dict[int, float]:
    """Return by what share each of some predictions may be off, chance aside."""
    others = asides(model) if drawn else []
    cells = [wanted[number].cell for number in drawn]
    before = np.array([np.median(predictions[number][:_ASIDE]) for number in drawn])
    effects = np.empty((len(others), len(drawn)))
    for row, aside in enumerate(others):
        moved = predict_all(aside.model, cells, pool, segment_of(measured), _ASIDE)
        effects[row] = aside.sign * np.log([np.median(each) for each in moved] / before)
    keys = [aside.key for aside in others]
    return {number: spread(model, keys, effects[:, n]) for n, number in enumerate(drawn)}


def _errors(some: Sequence[Verified]) -> Errors:
    ours = [one.error for one in some]
    theirs = [one.baseline_error for one in some if one.baseline_error is not None]
    own = [one.split_half for one in some if one.split_half is not None]
    inside = [
        one.interval[0] <= one.point.median <= one.interval[1]
        for one in some
        if one.interval is not None
    ]
    return Errors(
        points=len(some),
        median_error=_percentile(ours, 50),
        p95_error=_percentile(ours, 95),
        baseline_median_error=_percentile(theirs, 50),
        baseline_p95_error=_percentile(theirs, 95),
        split_half_p95=_percentile(own, 95),
        coverage=float(np.mean(inside)) if inside else None,
    )


def _percentile(values: Sequence[float], share: float) -> float | None:
    return float(np.percentile(values, share)) if values else None
