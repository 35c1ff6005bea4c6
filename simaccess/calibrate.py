"""Fit a model's parameters to measured points, through the model itself.

What is made small is the logarithm of predicted over measured, over the error of the measurement
(at least `FLOOR`), under a loss that grows like its root for points that do not fit. The
parameters are fitted within bounds, all but durations in their logarithm. What was timed on the
link itself, loads and copies, tells the parameters that it depends on; only those that it does not
are fitted to whole methods. Points held out are never simulated here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np

from simaccess.baseline import fit_baselines
from simaccess.errors import InputError
from simaccess.figures import Figure, Scalar
from simaccess.kinds import kind_named
from simaccess.least_squares import CONFIDENCE, FLOOR, Fitted, Problem, correlations
from simaccess.measured import MeasuredSet, held_out
from simaccess.model import Model, load_model
from simaccess.points import points, segment_of
from simaccess.pool import Pool
from simaccess.refusal import did_you_mean

__all__ = ["CONFIDENCE", "FLOOR", "Fit", "Fitted", "begin", "calibrate"]

_TIED = 0.98  # parameters whose correlation is beyond this are told apart by their sum only
_UNKNOWN = 10.0  # an interval this many times as wide as its lower end says nothing


@dataclass(frozen=True, slots=True)
class Fit:
    """What a calibration gave.

    Attributes
    ----------
    model : Model
        The model with the fitted parameters, their intervals as ranges, and its calibration.
    fitted : tuple of Fitted
        The parameters.
    correlation : mapping of (str, str) to float
        Of each pair of them.
    warnings : tuple of str
        What the data cannot tell, a line each.
    median_error, p95_error : float
        Relative error on the points that were fitted.
    points, held_out : int
        Points that were fitted and that were left alone.
    simulations : int
        Cells simulated.
    """

    model: Model
    fitted: tuple[Fitted, ...]
    correlation: Mapping[tuple[str, str], float]
    warnings: tuple[str, ...]
    median_error: float
    p95_error: float
    points: int
    held_out: int
    simulations: int


def begin(kind: str, measured: MeasuredSet, settings: Mapping[str, str]) -> Model:
    """Return the model with which a calibration of a kind begins.

    Parameters
    ----------
    kind : str
        A name of `simaccess.kinds.KINDS`.
    measured : MeasuredSet
        Whose latency and rate a typical model of the kind gets.
    settings : mapping of str to str
        What is known, by dotted key; it comes before all else.

    Raises
    ------
    InputError
        If there is no such kind, or a setting is refused.
    """
    found = kind_named(kind)
    start = load_model(found.template)
    baselines = fit_baselines(points(measured))
    values: dict[str, float] = {}
    for operation in ("fetch", "load"):  # what is measured of loads comes before what is of copies
        if operation in baselines:
            values |= dict.fromkeys(found.latency, baselines[operation].latency)
    for operation in ("load", "fetch"):
        if operation in baselines:
            values |= dict.fromkeys(found.rate, baselines[operation].rate)
    return start.with_values(start.written(values) | dict(settings), "a first guess")


def calibrate(
    measured: MeasuredSet,
    start: Model,
    pool: Pool,
    *,
    vary: Sequence[str] | None = None,
    bounds: Mapping[str, tuple[float, float]] | None = None,
    hold_out: float = 0.0,
    data: str = "",
    report: Callable[[float], None] = lambda _: None,
) -> Fit:
    """Fit a model to a measured set.

    Parameters
    ----------
    measured : MeasuredSet
        What was measured.
    start : Model
        Where to begin; what is not fitted keeps its value.
    pool : Pool
        Who simulates.
    vary : sequence of str, optional
        Dotted keys of the parameters to fit; by default those of the kind.
    bounds : mapping of str to (float, float), optional
        Bounds of parameters, in seconds, hertz, bytes or bytes a second.
    hold_out : float
        Share of the points to leave alone, for `simaccess.validate`.
    data : str
        Name of the measured set, for the model's provenance.
    report : callable
        Is told the mean error, as a share, each time the model has been evaluated.

    Raises
    ------
    InputError
        If there is nothing to fit, or a parameter is no number of the kind.
    """
    every = points(measured)
    hidden = held_out((point.cell for point in every), hold_out)
    chosen = [point for point in every if point.cell not in hidden]
    own = [point for point in chosen if point.cell.operation != "method"]
    whole = [point for point in chosen if point.cell.operation == "method"]
    keys = _keys(start, vary)
    fitted: list[Fitted] = []
    ties: dict[tuple[str, str], float] = {}
    silent: list[str] = []
    doubts: list[str] = []
    simulations = 0
    made = start
    for some in (own, whole):
        if not (some and keys):
            continue
        problem = Problem(made, some, pool, segment_of(measured), keys, dict(bounds or {}), report)
        silent = problem.look_around()
        keys = [key for key in keys if key not in problem.keys]
        if problem.keys:
            if len(some) <= len(problem.keys):
                raise InputError(
                    "too few points to fit",
                    key="points",
                    value=len(some),
                    allowed=f"more than the {len(problem.keys)} parameters that they are to tell",
                )
            result = problem.solve()
            found = problem.fitted(result)
            tied = correlations(result, problem.keys)
            fitted += found
            ties |= tied
            doubts += _doubts(found, tied)
            made = made.with_values(made.written({one.key: one.value for one in found}))
        simulations += problem.simulations
    if not fitted:
        raise InputError("none of the parameters changes any of these times", key="vary")
    last = Problem(made, chosen, pool, segment_of(measured), [], {}, report)
    errors = last.errors()
    simulations += last.simulations
    count = len(every) - len(chosen)
    calibration: dict[str, Scalar] = {
        "data": data,
        "digest": measured.digest,
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "hold_out": hold_out,
        "points": len(chosen),
        "held_out": count,
        "median_error": float(f"{np.median(errors):.3g}"),
        "p95_error": float(f"{np.percentile(errors, 95):.3g}"),
    }
    for fact in ("link", "kernel"):
        if fact in measured.header:
            calibration[fact] = str(measured.header[fact])
    return Fit(
        model=_model(start, fitted, calibration),
        fitted=tuple(fitted),
        correlation=ties,
        warnings=(*silent, *doubts),
        median_error=float(np.median(errors)),
        p95_error=float(np.percentile(errors, 95)),
        points=len(chosen),
        held_out=count,
        simulations=simulations,
    )


def _keys(start: Model, vary: Sequence[str] | None) -> list[str]:
    """Return the parameters to fit."""
    numbers = start.numbers()
    usual = [key for key in kind_named(start.kind).fitted if key in numbers and start.value(key)]
    keys = list(usual if vary is None else vary)
    for key in keys:
        if key not in numbers:
            problem = "no number of this kind" + did_you_mean(key, numbers)
            raise InputError(problem, key="vary", value=key, allowed=numbers)
    if len(set(keys)) < len(keys) or not keys:
        raise InputError(
            "a parameter comes twice, or none", key="vary", value=keys, allowed=numbers
        )
    return keys


def _doubts(fitted: Sequence[Fitted], ties: Mapping[tuple[str, str], float]) -> list[str]:
    """Say what the data cannot tell."""
    doubts = []
    for one in fitted:
        low, high = one.interval
        if high >= _UNKNOWN * low:
            doubts.append(f"{one.key}: the data do not tell it ({low:.3g} to {high:.3g})")
        elif one.value <= one.bounds[0] * 1.001 or one.value >= one.bounds[1] / 1.001:
            doubts.append(f"{one.key}: at a bound of what was sought, {one.value:.3g}")
    if len(ties) < len(fitted) * (len(fitted) - 1) // 2:  # a covariance that is none
        keys = ", ".join(one.key for one in fitted)
        doubts.append(f"the data do not tell all of these apart: {keys}")
    for (first, second), tie in ties.items():
        if abs(tie) > _TIED:
            doubts.append(f"{first} and {second}: hardly told apart (correlation {tie:.3f})")
    return doubts


def _model(start: Model, fitted: Sequence[Fitted], calibration: dict[str, Scalar]) -> Model:
    """Return the model with what was fitted."""
    values = start.written({one.key: one.value for one in fitted})
    made = start.with_values(values)
    lows = start.written({one.key: one.interval[0] for one in fitted}, -1)
    highs = start.written({one.key: one.interval[1] for one in fitted}, 1)
    source = f"fitted to {calibration['data'] or 'measured points'}, {calibration['date']}"
    numbers = set(start.numbers())
    figures = {}
    for key, figure in made.provenance.items():
        figures[key] = figure
        if key in values:
            figures[key] = Figure(values[key], source, "derived", (lows[key], highs[key]))
        elif figure.status == "set" and key in numbers:  # a file's number has a range
            figures[key] = replace(figure, range=(figure.value, figure.value))
    return replace(made, provenance=figures, calibration=calibration)
