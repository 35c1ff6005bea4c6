"""Fit a model's parameters to measured points, through the model itself.

What is made small is the logarithm of predicted over measured, over the error of both (that of the
measurement is at least `FLOOR`), under a loss that grows like its root for points that do not fit.
What the data do not tell keeps its first guess (`simaccess.left_out`). The parameters are fitted
within bounds, all but durations in their logarithm. What was timed on the
link itself, loads and copies, tells the parameters that it depends on; only those that it does not
are fitted to whole methods, and otherwise no method is simulated. Points held out never are.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np

from simaccess.baseline import fit_baselines
from simaccess.course import Course, Watch
from simaccess.errors import InputError
from simaccess.figures import Figure, Scalar
from simaccess.fitted import CONFIDENCE, Fitted, correlations
from simaccess.kinds import kind_named
from simaccess.least_squares import Problem
from simaccess.left_out import TIED, UNKNOWN, leave_out
from simaccess.measured import MeasuredSet, held_out
from simaccess.model import Model, load_model
from simaccess.points import FLOOR, Point, points, segment_of
from simaccess.pool import Pool
from simaccess.real.known import Known, known
from simaccess.refusal import did_you_mean
from simaccess.uncertainty import FITTED, correlation_of, unexplained

__all__ = [
    "CONFIDENCE",
    "FLOOR",
    "Fit",
    "Fitted",
    "Interrupted",
    "begin",
    "calibrate",
    "fitted_by",
    "known_of",
]


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
    points, held_out, spare, left_out : int
        Points that were fitted, that were left alone, whole methods that had no parameter left to
        tell, and points of states for which the kind has no mechanism.
    simulations : int
        Cells simulated.
    untold : tuple of str
        Parameters that the data do not tell and that have kept their first guess.
    interrupted : bool
        Whether an interrupt ended it: then the values are those of the best try, and of what was
        still being fitted nothing is known but its bounds.
    """

    model: Model
    fitted: tuple[Fitted, ...]
    correlation: Mapping[tuple[str, str], float]
    warnings: tuple[str, ...]
    median_error: float
    p95_error: float
    points: int
    held_out: int
    spare: int
    simulations: int
    left_out: int = 0
    untold: tuple[str, ...] = ()
    interrupted: bool = False


class Interrupted(KeyboardInterrupt):
    """An interrupt that left something behind.

    Parameters
    ----------
    fit : Fit
        The best of what was tried.
    """

    def __init__(self, fit: Fit) -> None:
        self.fit = fit
        super().__init__(fit)


def begin(kind: str, measured: MeasuredSet, settings: Mapping[str, str]) -> Model:
    """Return the model with which a calibration of a kind begins.

    Parameters
    ----------
    kind : str
        A name of `simaccess.kinds.KINDS`.
    measured : MeasuredSet
        Whose latency and rate a typical model of the kind gets, and what is known of its link
        (`known_of`).
    settings : mapping of str to str
        What else is known, by dotted key; it comes before all else.

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
    own = known_of(kind, measured)
    known_there = {} if own is None else dict(own.settings)
    first = start.written(values) | known_there
    begun = start.with_values(first | dict(settings), "a first guess")
    provenance = dict(begun.provenance)
    for key in settings:
        provenance[key] = replace(provenance[key], source="given")
    # A guess has the range that it had before.
    for key in values.keys() - settings.keys() - known_there.keys():
        value = float(begun.value(key) or 0)
        low, high = start.bounds().get(key, (value, value))
        ends = (begun.written({key: end})[key] for end in (min(low, value), max(high, value)))
        provenance[key] = replace(provenance[key], range=(next(ends), next(ends)))
    return replace(begun, provenance=provenance)


def known_of(kind: str, measured: MeasuredSet) -> Known | None:
    """Return what is known of the link that was measured, if it is told in this kind's terms.

    Parameters
    ----------
    kind : str
        The kind of model.
    measured : MeasuredSet
        Whose header names the link and the machine.
    """
    if kind != "fifo-link":
        return None
    machine = measured.header.get("machine")
    told = machine if isinstance(machine, Mapping) else {}
    return known(str(measured.header.get("link", "")), told)


def fitted_by(kind: str, measured: MeasuredSet) -> tuple[str, ...] | None:
    """Return the parameters that are fitted to a link of which something is known.

    None: those of the kind.
    """
    own = known_of(kind, measured)
    return None if own is None else own.fitted


def calibrate(
    measured: MeasuredSet,
    start: Model,
    pool: Pool,
    *,
    vary: Sequence[str] | None = None,
    bounds: Mapping[str, tuple[float, float]] | None = None,
    hold_out: float = 0.0,
    without: Collection[str] = (),
    data: str = "",
    watch: Watch = lambda _: None,
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
    without : collection of str
        States, as ``cold``, whose points are left out, here and in a validation: those for which
        the kind has no mechanism.
    data : str
        Name of the measured set, for the model's provenance.
    watch : callable
        Is told how far it has come, each time the model has been evaluated.

    Raises
    ------
    InputError
        If there is nothing to fit, or a parameter is no number of the kind.
    Interrupted
        If an interrupt ends it after the first try.
    """
    if not 0 <= hold_out < 1:
        raise InputError(
            "leaves nothing", key="hold_out", value=hold_out, allowed="0 to 1, less than 1"
        )
    all_points = points(measured)
    every = [point for point in all_points if point.cell.state not in without]
    hidden = held_out((point.cell for point in every), hold_out)
    chosen = [point for point in every if point.cell not in hidden]
    own = [point for point in chosen if point.cell.operation != "method"]
    whole = [point for point in chosen if point.cell.operation == "method"]
    keys = _keys(start, vary)
    made = _Made(start, measured, data, hold_out, len(every), len(chosen))
    if len(every) < len(all_points):
        made.left_out = len(all_points) - len(every), " ".join(sorted(without))
    course = Course(watch)
    model = start
    for some in (own, whole):
        if not (some and keys):
            continue
        problem = Problem(model, some, pool, segment_of(measured), keys, dict(bounds or {}), course)
        # What is left for whole methods to tell takes about as long, if anything is left.
        course.points(*((0.5, 1.0) if some is whole else (0.0, 0.5 if whole else 1.0)))
        try:
            made.silent = problem.look_around()
            keys = [key for key in keys if key not in problem.keys]
            if problem.keys:
                _check_enough(some, problem.keys)
                result, out, kept = leave_out(problem, problem.solve())
                made.keep(out, kept, start)
                made.add(problem, problem.fitted(result), correlations(result, problem.keys))
        except KeyboardInterrupt:
            if problem.best:
                made.add(problem, problem.best_so_far(), None)
            if made.fitted:
                made.simulations += problem.simulations
                raise Interrupted(made.fit(interrupted=True)) from None
            raise
        made.simulations += problem.simulations
        model = start.with_values(start.written({one.key: one.value for one in made.fitted}))
    if not made.fitted:
        raise InputError("none of the parameters changes any of these times", key="vary")
    course.points(1.0, 1.0)
    course.begin("done", 1.0, 0)
    return made.fit()


class _Made:
    """What a calibration has made so far."""

    def __init__(  # noqa: PLR0917  # made in one place
        self,
        start: Model,
        measured: MeasuredSet,
        data: str,
        hold_out: float,
        every: int,
        chosen: int,
    ) -> None:
        self.fitted: list[Fitted] = []
        self.silent: list[str] = []
        self.untold: list[str] = []
        self.simulations = 0
        self.left_out = 0, ""  # points, and their states
        self._start = start
        self._measured = measured
        self._data = data
        self._hold_out = hold_out
        self._held_out = every - chosen
        self._chosen = chosen
        self._ties: dict[tuple[str, str], float] = {}
        self._doubts: list[str] = []
        self._errors: list[float] = []
        self._logs: list[float] = []
        self._chance: list[float] = []

    def add(
        self, problem: Problem, found: list[Fitted], ties: Mapping[tuple[str, str], float] | None
    ) -> None:
        """Add what was fitted to some points; without `ties` it is no more than the best try."""
        off = problem.errors({one.key: one.value for one in found})
        self._errors += np.abs(off).tolist()
        self._logs += np.log1p(off).tolist()
        self._chance += problem.chance.tolist()
        self.fitted += found
        if ties is not None:
            self._ties |= ties
            self._doubts += _doubts(found, ties)

    def keep(self, out: Mapping[str, str], kept: Sequence[str], start: Model) -> None:
        """Add what has kept its first guess, each with the reason, and what could not."""
        guesses = {key: start.provenance[key].value for key in (*out, *kept)}
        for key, reason in out.items():
            self._doubts.append(f"{reason}; {key} keeps its first guess, {guesses[key]}")
        for key in kept:
            self._doubts.append(
                f"{key}: fitted all the same; its first guess, {guesses[key]}, is off"
            )
        self.untold += out

    def fit(self, *, interrupted: bool = False) -> Fit:
        """Return it all."""
        median, p95 = (float(np.percentile(self._errors, share)) for share in (50, 95))
        calibration: dict[str, Scalar] = {
            "data": self._data,
            "digest": self._measured.digest,
            "date": datetime.now(UTC).strftime("%Y-%m-%d"),
            "hold_out": self._hold_out,
            "points": len(self._errors),
            "held_out": self._held_out,
            "median_error": float(f"{median:.3g}"),
            "p95_error": float(f"{p95:.3g}"),
            "unexplained": float(f"{unexplained(self._logs, self._chance, len(self.fitted)):.3g}"),
            FITTED: ", ".join(one.key for one in self.fitted),
        }
        for (first, second), tie in self._ties.items():
            calibration[correlation_of(first, second)] = round(tie, 3)
        if self.untold:
            calibration["untold"] = ", ".join(self.untold)
        if self.left_out[0]:
            calibration["left_out"] = self.left_out[1]
        if interrupted:
            calibration["interrupted"] = True
        for fact in ("link", "kernel"):
            if fact in self._measured.header:
                calibration[fact] = str(self._measured.header[fact])
        return Fit(
            model=_model(self._start, self.fitted, self.untold, calibration),
            fitted=tuple(self.fitted),
            correlation=self._ties,
            warnings=(*self.silent, *self._doubts),
            median_error=median,
            p95_error=p95,
            points=len(self._errors),
            held_out=self._held_out,
            spare=self._chosen - len(self._errors),
            left_out=self.left_out[0],
            simulations=self.simulations,
            untold=tuple(self.untold),
            interrupted=interrupted,
        )


def _check_enough(some: Sequence[Point], keys: Sequence[str]) -> None:
    """Check that the points outnumber the parameters that they are to tell."""
    if len(some) <= len(keys):
        raise InputError(
            "too few points to fit",
            key="points",
            value=len(some),
            allowed=f"more than the {len(keys)} parameters that they are to tell",
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
        if high >= UNKNOWN * low:
            doubts.append(f"{one.key}: the data do not tell it ({low:.3g} to {high:.3g})")
        elif one.value <= one.bounds[0] * 1.001 or one.value >= one.bounds[1] / 1.001:
            doubts.append(f"{one.key}: at a bound of what was sought, {one.value:.3g}")
    if len(ties) < len(fitted) * (len(fitted) - 1) // 2:  # a covariance that is none
        keys = ", ".join(one.key for one in fitted)
        doubts.append(f"the data do not tell all of these apart: {keys}")
    for (first, second), tie in ties.items():
        if abs(tie) > TIED:
            doubts.append(f"{first} and {second}: hardly told apart (correlation {tie:.3f})")
    return doubts


def _model(
    start: Model,
    fitted: Sequence[Fitted],
    untold: Sequence[str],
    calibration: dict[str, Scalar],
) -> Model:
    """Return the model with what was fitted."""
    written = {one.key: start.written_between(one.key, one.value, *one.interval) for one in fitted}
    made = start.with_values({key: value for key, (value, _) in written.items()})
    source = f"fitted to {calibration['data'] or 'measured points'}, {calibration['date']}"
    numbers = set(start.numbers())
    figures = {}
    for key, figure in made.provenance.items():
        figures[key] = figure
        if key in untold:
            not_told = f"{figure.source}; not told by {calibration['data'] or 'measured points'}"
            figures[key] = replace(
                figure, source=not_told, range=figure.range or (figure.value, figure.value)
            )
        elif key in written:
            value, ends = written[key]
            figures[key] = Figure(value, source, "derived", ends)
        elif figure.status == "set" and key in numbers:  # a file's number has a range
            figures[key] = replace(figure, range=figure.range or (figure.value, figure.value))
    return replace(made, provenance=figures, calibration=calibration)
