"""Confidence intervals of means, of paired differences, and of shares."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["CONFIDENCE", "Interval", "Sample", "mean_interval", "paired_interval", "share_interval"]

Interval: TypeAlias = tuple[float, float]
"""The lower and the upper end."""

Sample: TypeAlias = Sequence[float] | NDArray[np.float64]
"""Figures, one a replication."""

CONFIDENCE = 0.95
"""How often an interval holds the truth, over many experiments."""


def mean_interval(sample: Sample, confidence: float = CONFIDENCE) -> Interval | None:
    """Return the confidence interval of the mean of independent figures; None of fewer than two.

    Notes
    -----
    mean ± t s / sqrt(n), with s the sample's standard deviation and t the quantile of Student's
    distribution with n - 1 degrees of freedom.
    """
    figures = np.asarray(sample, np.float64)
    if len(figures) < 2:
        return None
    mean = float(figures.mean())
    half = float(figures.std(ddof=1)) / math.sqrt(len(figures))
    half *= _quantile(confidence, len(figures) - 1)
    return mean - half, mean + half


@cache
def _quantile(confidence: float, freedom: int) -> float:
    from scipy import stats  # noqa: PLC0415  # takes as long to import as a small run

    return float(stats.t.ppf((1 + confidence) / 2, freedom))


def paired_interval(one: Sample, other: Sample, confidence: float = CONFIDENCE) -> Interval | None:
    """Return the interval of the mean of ``one - other``, figure by figure; None of fewer than two.

    Parameters
    ----------
    one, other : sequence of float, shape (replications,)
        The figures of two methods; the same replication has the same place in both.
    confidence : float
        As for `mean_interval`.

    Raises
    ------
    ValueError
        If they are not as many.
    """
    if len(one) != len(other):
        raise ValueError(f"{len(one)} figures cannot be paired with {len(other)}")
    return mean_interval(np.asarray(one, np.float64) - np.asarray(other, np.float64), confidence)


def share_interval(count: int, of: int, confidence: float = CONFIDENCE) -> Interval:
    """Return the interval of the probability of what came `count` times in `of` draws.

    It is that of Clopper and Pearson (1934), which holds the probability at least as often as it
    says, whatever that is; also where something came never or always.
    """
    from scipy import stats  # noqa: PLC0415  # as above

    found = stats.binomtest(count, of).proportion_ci(confidence, method="exact")
    return float(found.low), float(found.high)
