"""The interval of a steady state's mean from one long run, by batch means."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simaccess.statistics.intervals import CONFIDENCE, Interval, Sample, mean_interval

__all__ = ["BATCHES", "BatchMeans", "batch_means"]

BATCHES = 20
"""More than 30 gain next to nothing, fewer than 10 cost width (B. Schmeiser, "Batch size effects in
the analysis of simulation output", Operations Research 30, 1982)."""


@dataclass(frozen=True, slots=True)
class BatchMeans:
    """The mean of a run without its warm-up.

    Attributes
    ----------
    mean : float
        Of the observations in the batches.
    interval : (float, float)
        Its confidence interval.
    batches, size : int
        How many batches, and of how many observations.
    correlation : float
        Between neighbouring batches' means (lag 1). Where it is far above 0, batches are too short
        and the interval is too narrow: among independent ones it is within 2 / sqrt(batches) of 0
        nineteen times in twenty.
    """

    mean: float
    interval: Interval
    batches: int
    size: int
    correlation: float


def batch_means(
    series: Sample, batches: int = BATCHES, confidence: float = CONFIDENCE
) -> BatchMeans:
    """Return the mean of a steady run's observations with its interval.

    Parameters
    ----------
    series : sequence of float, shape (observations,)
        In their order, without the warm-up (`simaccess.statistics.warm_up`).
    batches : int
        Into how many equal parts they are cut; what is left over is left out at the beginning.
    confidence : float
        How often the interval shall hold the mean.

    Raises
    ------
    ValueError
        If there are fewer than two batches, or fewer observations than batches.

    Notes
    -----
    The batches' means are as good as independent once batches are long against the correlation of
    the series, and their mean has Student's interval.
    """
    figures = np.asarray(series, np.float64)
    size = len(figures) // batches if batches > 1 else 0
    if size < 1:
        raise ValueError(f"{len(figures)} observations cannot be cut into {batches} batches")
    means = figures[len(figures) - size * batches :].reshape(batches, size).mean(axis=1)
    interval = mean_interval(means, confidence)
    assert interval is not None
    apart = means - means.mean()
    squares = float(apart @ apart)
    correlation = float(apart[1:] @ apart[:-1]) / squares if squares else 0.0
    return BatchMeans(float(means.mean()), interval, batches, size, correlation)
