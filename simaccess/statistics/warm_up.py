"""How much of the beginning of a run is warm-up, by MSER-5."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simaccess.statistics.intervals import Sample

__all__ = ["BATCH", "WarmUp", "warm_up"]

BATCH = 5
"""Observations that are averaged before the rule is applied: the 5 of MSER-5."""


@dataclass(frozen=True, slots=True)
class WarmUp:
    """The warm-up of a run.

    Attributes
    ----------
    length : int
        Observations to leave out, from the first on.
    ended : bool
        Whether it ended in the first half of the run; if not, the run is too short to tell.
    """

    length: int
    ended: bool


def warm_up(series: Sample) -> WarmUp:
    """Return how many observations of a run's beginning to leave out.

    Parameters
    ----------
    series : sequence of float, shape (observations,)
        Such as the latencies of requests, in their order; at least 20.

    Raises
    ------
    ValueError
        If there are fewer.

    Notes
    -----
    With Y_1 ... Y_n the means of 5 observations each, the marginal standard error rule leaves out
    the d of them, 0 <= d <= n / 2, for which

        sum_{i>d} (Y_i - mean_{j>d} Y_j)^2 / (n - d)^2

    is least: the squared standard error of what remains, were it independent. A minimum at the end
    of the first half tells of no steady state (K. P. White, M. J. Cobb, S. C. Spratt, "A comparison
    of five steady-state truncation heuristics for simulation", Winter Simulation Conference 2000).
    """
    figures = np.asarray(series, np.float64)
    n = len(figures) // BATCH
    if n < 4:
        raise ValueError(f"{len(figures)} observations; a warm-up is told from {4 * BATCH} on")
    means = figures[: n * BATCH].reshape(n, BATCH).mean(axis=1)
    means -= means.mean()  # the sums of squares below then lose no digits
    left = np.arange(n, 0, -1)
    total = np.cumsum(means[::-1])[::-1]
    squares = np.cumsum(means[::-1] ** 2)[::-1]
    rule = ((squares - total**2 / left) / left**2)[: n // 2 + 1]
    least = int(np.argmin(rule))
    return WarmUp(least * BATCH, least < n // 2)
