"""What chance does to medians: how far those of a cell's repetitions and draws may be apart.

Where a link draws, as losses, the times of a cell are of several sorts, and the median of thirty of
them may be of one sort or of another. The spread within thirty repetitions tells little of that; a
model's draws tell it, since as many medians can be made of them as one likes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from simaccess.fitting.points import FLOOR, Point, link_draws, predict_all, spread_out
from simaccess.model import Model
from simaccess.pool import Pool

__all__ = ["DRAWS", "Sampling", "median_spread", "resampled_medians", "sample", "weigh"]

DRAWS = 15
"""Draws, at most, whose median predicts a cell in which chance plays a part, in a fit."""

_FEWEST = 5
_PILOT = 60  # draws that tell how far medians are apart where the link draws
_SHARE = 0.5  # of a point's own error: what the draws of its prediction should add to it
_RESAMPLES = 500


@dataclass(frozen=True)
class Sampling:
    """What chance does to points and to their predictions.

    Attributes
    ----------
    draws : list of int
        Draws of which the median predicts each point.
    own : ndarray of float, shape (n,)
        Standard error of each measured median, as a share of it: that of its repetitions, or what
        the model's own draws say of as many if that is more.
    predicted : ndarray of float, shape (n,)
        Standard error of each prediction, as a share of it.
    drawn : list of int
        The points in which the link draws.
    """

    draws: list[int]
    own: NDArray[np.float64]
    predicted: NDArray[np.float64]
    drawn: list[int]

    @property
    def chance(self) -> NDArray[np.float64]:
        """By what share chance alone sets measured and predicted apart (a standard deviation)."""
        return np.hypot(self.own, self.predicted)

    @property
    def errors(self) -> NDArray[np.float64]:
        """The error that a fit credits each point with: its own is at least `FLOOR`."""
        return np.hypot(np.maximum(self.own, FLOOR), self.predicted)


def resampled_medians(
    draws: NDArray[np.float64], count: int, resamples: int = _RESAMPLES, seed: int = 0
) -> NDArray[np.float64]:
    """Return medians of `count` values, each time drawn anew from `draws`."""
    generator = np.random.default_rng(seed)
    medians: NDArray[np.float64] = np.median(generator.choice(draws, (resamples, count)), axis=1)
    return medians


def median_spread(draws: NDArray[np.float64], count: int) -> float:
    """Return the standard deviation of the logarithm of the median of `count` values.

    By resampling (the bootstrap; Efron 1979): for values of two sorts no formula of the normal
    distribution holds.
    """
    return float(np.std(np.log(resampled_medians(draws, count))))


def sample(model: Model, chosen: Sequence[Point], pool: Pool, segment: int) -> tuple[Sampling, int]:
    """Find out how many draws predict each point well enough, and what chance does to it.

    One draw where it plays no part; else as many as bring the standard error of their median below
    half of the point's own, so that the draws widen what is seen of a misfit by an eighth at most;
    `DRAWS` at most. Returns also how many cells were simulated.
    """
    cells = [point.cell for point in chosen]
    drawn = [n for n, each in enumerate(link_draws(model, cells, pool, segment)) if each]
    rest = sorted(set(range(len(cells))) - set(drawn))
    spread = spread_out(model, [cells[n] for n in rest], pool, segment, short=True)
    # These accesses are drawn, the same ones as were measured: they set no median apart.
    accesses = [n for n, each in zip(rest, spread, strict=True) if each]
    counts = [1] * len(cells)
    pilots = predict_all(model, [cells[n] for n in accesses], pool, segment, _FEWEST, short=True)
    for number, pilot in zip(accesses, pilots, strict=True):
        error = 1.2533 * float(np.std(np.log(pilot), ddof=1))
        wanted = math.ceil((error / (_SHARE * chosen[number].weight)) ** 2)
        counts[number] = min(max(wanted, _FEWEST), DRAWS)
    none = np.zeros(len(cells))
    begun = Sampling(counts, np.array([point.error for point in chosen]), none, drawn)
    found, took = weigh(begun, model, chosen, pool, segment, count=True)
    return found, took + 2 * len(rest) + _FEWEST * len(accesses)


def weigh(
    sampling: Sampling,
    model: Model,
    chosen: Sequence[Point],
    pool: Pool,
    segment: int,
    *,
    count: bool = False,
) -> tuple[Sampling, int]:
    """Weigh points in which the link draws by what a model's draws say, and count what it took.

    With `count` the number of draws is chosen anew, too.
    """
    draws, own, predicted = list(sampling.draws), sampling.own.copy(), sampling.predicted.copy()
    cells = [chosen[number].cell for number in sampling.drawn]
    pilots = predict_all(model, cells, pool, segment, _PILOT, short=True)
    for number, pilot in zip(sampling.drawn, pilots, strict=True):
        point = chosen[number]
        own[number] = max(point.error, median_spread(pilot, len(point.seconds)))
        if count:
            enough = _SHARE * max(own[number], FLOOR)
            few = range(_FEWEST, DRAWS, 2)
            draws[number] = next((n for n in few if median_spread(pilot, n) <= enough), DRAWS)
        predicted[number] = median_spread(pilot, draws[number])
    changed = replace(sampling, draws=draws, own=own, predicted=predicted)
    return changed, _PILOT * len(cells)
