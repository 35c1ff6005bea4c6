"""What a calibration gave, and how it is put together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np

from simaccess.figures import Figure, Scalar
from simaccess.fitting.fitted import Fitted
from simaccess.fitting.least_squares import Problem
from simaccess.fitting.left_out import TIED, UNKNOWN
from simaccess.fitting.uncertainty import FITTED, correlation_of, unexplained
from simaccess.measured import MeasuredSet
from simaccess.model import Model

__all__ = ["Fit", "Interrupted", "Made"]


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


class Made:
    """What a calibration has made so far.

    Parameters
    ----------
    start : Model
        Where it began.
    measured : MeasuredSet
        What it is fitted to.
    data : str
        The set's name.
    hold_out : float
        Share of the points that were left alone.
    every, chosen : int
        Points, and those that were not left alone.

    Attributes
    ----------
    fitted : list of Fitted
        The parameters so far.
    silent, untold : list of str
        A line about each parameter that changes no time; those that kept their first guess.
    simulations : int
        Cells simulated.
    left_out : (int, str)
        Points of states for which the kind has no mechanism, and those states.
    """

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
