"""Fit a model's parameters to measured points, through the model itself.

What is made small is the logarithm of predicted over measured, over the error of both (that of the
measurement is at least `FLOOR`), under a loss that grows like its root for points that do not fit.
What the data do not tell keeps its first guess (`simaccess.fitting.left_out`). The parameters are
fitted within bounds, all but durations in their logarithm. What was timed on the link itself, loads
and copies, tells the parameters that it depends on; only those that it does not are fitted to whole
methods, and otherwise no method is simulated. Points held out never are.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from simaccess.errors import InputError
from simaccess.fitting.baseline import fit_baselines
from simaccess.fitting.calibration import Fit, Interrupted, Made
from simaccess.fitting.course import Course, Watch
from simaccess.fitting.fitted import CONFIDENCE, Fitted, correlations
from simaccess.fitting.least_squares import Problem
from simaccess.fitting.left_out import leave_out
from simaccess.fitting.points import FLOOR, Point, points, segment_of
from simaccess.kinds import kind_named
from simaccess.measured import MeasuredSet, held_out
from simaccess.model import Model, load_model
from simaccess.pool import Pool
from simaccess.real.known import Known, known
from simaccess.refusal import did_you_mean

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
        least, most = (
            begun.written({key: end})[key] for end in (min(low, value), max(high, value))
        )
        provenance[key] = replace(provenance[key], range=(least, most))
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


def fitted_by(start: Model, own: Known | None = None, given: Collection[str] = ()) -> list[str]:
    """Return the parameters that are fitted unless told.

    Parameters
    ----------
    start : Model
        Where the fit begins. What it leaves at nothing is not fitted.
    own : Known, optional
        What is known of the link (`known_of`); without it the parameters are those of the kind.
    given : collection of str
        Dotted keys of what the user has set, which is known.
    """
    numbers = set(start.numbers()) - set(given)
    usual = kind_named(start.kind).fitted if own is None else own.fitted
    return [key for key in usual if key in numbers and start.value(key)]


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
    made = Made(start, measured, data, hold_out, len(every), len(chosen))
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
    keys = list(fitted_by(start) if vary is None else vary)
    for key in keys:
        if key not in numbers:
            problem = "no number of this kind" + did_you_mean(key, numbers)
            raise InputError(problem, key="vary", value=key, allowed=numbers)
    if len(set(keys)) < len(keys) or not keys:
        raise InputError(
            "a parameter comes twice, or none", key="vary", value=keys, allowed=numbers
        )
    return keys
