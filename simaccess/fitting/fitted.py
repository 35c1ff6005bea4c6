"""What a fit says of its parameters, and the figure that it makes small."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import lmfit
import numpy as np
from numpy.typing import NDArray

__all__ = ["CONFIDENCE", "Fitted", "correlations", "parallel", "slopes_of", "soft"]

_ALIKE = 1 - 1e-6  # cosine of the angle between the slopes of two parameters

CONFIDENCE = 0.95
"""Of the parameters' intervals."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A parameter that was fitted.

    Attributes
    ----------
    key : str
        Its dotted key.
    value : float
        In seconds, hertz, bytes or bytes a second.
    interval : (float, float)
        Confidence interval (95 %); of the fit alone, as if the model were true.
    bounds : (float, float)
        Between which it was sought.
    """

    key: str
    value: float
    interval: tuple[float, float]
    bounds: tuple[float, float]


def correlations(
    result: lmfit.minimizer.MinimizerResult, keys: Sequence[str]
) -> dict[tuple[str, str], float]:
    """Return the correlation of each pair of parameters; none where there is no covariance."""
    covariance = getattr(result, "covar", None)
    if covariance is None:
        return {}
    variances = np.diag(covariance)
    return {
        (first, second): float(covariance[i, j] / math.sqrt(variances[i] * variances[j]))
        for i, first in enumerate(keys)
        for j, second in enumerate(keys)
        if i < j and min(variances[i], variances[j]) > 0
    }


def slopes_of(
    result: lmfit.minimizer.MinimizerResult, keys: Sequence[str]
) -> dict[str, NDArray[np.float64]] | None:
    """Return by how many errors each point moves with each variable; None if that is not known."""
    slopes = getattr(result, "jac", None)
    if slopes is None or slopes.shape[1] != len(keys):  # the fit was ended before it had any
        return None
    return dict(zip(keys, np.asarray(slopes).T, strict=True))


def parallel(result: lmfit.minimizer.MinimizerResult, keys: Sequence[str]) -> list[tuple[str, str]]:
    """Return the pairs of parameters that move all points alike, so that there is no covariance.

    Those of which one moves none at all count, too.
    """
    slopes = slopes_of(result, keys) or {}
    return [
        (first, second)
        for first, second in combinations(slopes, 2)
        if abs(slopes[first] @ slopes[second])
        >= _ALIKE * np.linalg.norm(slopes[first]) * np.linalg.norm(slopes[second])
    ]


def soft(off: NDArray[np.float64], scale: float) -> float:
    """Return the sum of squares of what is off, in which what is beyond a scale counts by its root.

    That is twice the cost that `scipy.optimize.least_squares` makes small with ``soft_l1``.
    """
    return float(np.sum(2 * scale**2 * (np.sqrt(1 + (off / scale) ** 2) - 1)))
