"""How sure a calibrated model's predictions are: what its file says of the fit, made use of.

A prediction is off by what the fit does not know of its parameters, and by what no parameters make
good. The first is carried to a prediction by its derivatives, as the *Guide to the Expression of
Uncertainty in Measurement* has it (JCGM 100:2008, equation 13, with correlations): the same draws
are simulated with each fitted parameter a standard error aside. The second is the share by which
the points of the fit were off beyond what chance explains, and at least the error that the fit
credits every point with (`FLOOR`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from simaccess.fitting.points import FLOOR
from simaccess.fitting.sampling import resampled_medians
from simaccess.model import Model

__all__ = [
    "FITTED",
    "Aside",
    "asides",
    "correlation_of",
    "median_interval",
    "spread",
    "unexplained",
]

FITTED = "fitted"
"""What a model file calls the parameters that were fitted, under ``[calibration]``."""

_REACH = 2 * 1.96  # standard errors in an interval of 95 %
_RESAMPLES = 2000
_NORMAL = 0.6745  # half of a normal distribution is nearer to its middle, in standard deviations


def correlation_of(first: str, second: str) -> str:
    """Return what a model file calls the correlation of two parameters."""
    return f"correlation of {first} and {second}"


def unexplained(
    off: Sequence[float] | NDArray[np.float64],
    chance: Sequence[float] | NDArray[np.float64],
    parameters: int,
    least: float = FLOOR,
) -> float:
    """Return by what share points are off beyond chance (a standard deviation).

    The share with which half of the points are no further off than half of a normal distribution
    is: the estimate of Paule and Mandel (1982) for the scatter between laboratories, with the
    median in place of the sum of squares, so that a few points far off do not decide.

    Parameters
    ----------
    off : sequence of float
        Logarithms of predicted over measured.
    chance : sequence of float
        Standard deviation that chance alone gives each of them.
    parameters : int
        How many were fitted to these points.
    least : float
        The least that is returned.
    """
    logs, errors = np.abs(off), np.asarray(chance)
    free = max(len(logs) - parameters, 1)
    wanted = _NORMAL * math.sqrt(free / len(logs))

    def beyond(share: float) -> float:
        return float(np.median(logs / np.hypot(errors, share))) - wanted

    if beyond(least) <= 0:
        return least
    most = float(np.max(logs)) / wanted + least
    return float(optimize.brentq(beyond, least, most))


@dataclass(frozen=True)
class Aside:
    """A model with one fitted parameter a standard error aside.

    Attributes
    ----------
    key : str
        The parameter.
    model : Model
        The model.
    sign : int
        1 if it is more, -1 if it is less.
    """

    key: str
    model: Model
    sign: int


def asides(model: Model) -> list[Aside]:
    """Return a model with each of its fitted parameters aside.

    Those that have been set since the fit are known, and have no range.
    """
    fitted = str(model.calibration.get(FITTED, "")).split(", ")
    found = []
    for key, (low, high) in model.bounds().items():
        if key in fitted:
            value = float(model.value(key) or 0)
            error = (high - low) / _REACH
            sign = 1 if value + error <= high else -1
            moved = model.written({key: value + sign * error})
            found.append(Aside(key, model.with_values(moved, "a try"), sign))
    return found


def spread(model: Model, keys: Sequence[str], effects: NDArray[np.float64]) -> float:
    """Return by what share a prediction may be off by parameters and what they do not explain.

    Parameters
    ----------
    model : Model
        The model.
    keys : sequence of str
        The fitted parameters.
    effects : ndarray of float, shape (n,)
        Logarithm of what a standard error of each makes of the prediction.
    """
    ties = np.eye(len(keys))
    for i, first in enumerate(keys):
        for j, second in enumerate(keys):
            tie = model.calibration.get(correlation_of(first, second))
            if tie is not None:
                ties[i, j] = ties[j, i] = float(tie)
    by_parameters = math.sqrt(max(float(effects @ ties @ effects), 0.0))
    return math.hypot(by_parameters, float(model.calibration.get("unexplained", FLOOR)))


def median_interval(
    draws: NDArray[np.float64], repetitions: int, share: float, confidence: float
) -> tuple[float, float]:
    """Return the interval of the median of as many draws as there are repetitions.

    Parameters
    ----------
    draws : ndarray of float
        The model's, in seconds.
    repetitions : int
        How many there are.
    share : float
        By which they all may be off together (a standard deviation).
    confidence : float
        Share of such medians that the interval is to hold.
    """
    medians = resampled_medians(draws, repetitions, _RESAMPLES)
    generator = np.random.default_rng(1)
    medians *= np.exp(share * generator.standard_normal(_RESAMPLES))
    tail = (1 - confidence) / 2
    low, high = np.quantile(medians, [tail, 1 - tail])
    return float(low), float(high)
