"""Measured points: the cells of a measured set, each with its repetitions, and their predictions.

A model predicts a cell by the same probe that measured it, run on the model's simulated link
(`simaccess.probe`). Where chance plays a part, in the model or in a cell's accesses, the median
over some draws is the prediction.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from simaccess.errors import InputError
from simaccess.kinds import kind_named
from simaccess.measured import Cell, MeasuredSet
from simaccess.model import Model
from simaccess.pool import Pool
from simaccess.predict import predict, predict_each

__all__ = [
    "FLOOR",
    "Point",
    "link_draws",
    "points",
    "predict_all",
    "segment_of",
    "spread_out",
]

FLOOR = 0.01
"""The least error that a measured point is credited with, as a share of it."""

_LUMP = 8  # predictions, at most, that a worker makes at once


@dataclass(frozen=True)
class Point:
    """A cell and what was measured there.

    Attributes
    ----------
    cell : Cell
        What was timed.
    seconds : ndarray of float, shape (n,)
        The repetitions that were not discarded, in the order in which they were measured.
    threshold : bool
        Whether the plan's rule put the cell on a threshold of loss.
    """

    cell: Cell
    seconds: NDArray[np.float64]
    threshold: bool

    @property
    def median(self) -> float:
        """The median of the repetitions, in seconds."""
        return float(np.median(self.seconds))

    @property
    def error(self) -> float:
        """The standard error of the median, as a share of it.

        From the interquartile range of the logarithms, which is 1.349 standard deviations of a
        normal distribution; the error of its median is 1.2533 sigma / sqrt(n).
        """
        if len(self.seconds) < 2:
            return 0.0
        low, high = np.percentile(np.log(self.seconds), [25, 75])
        return float(1.2533 * (high - low) / 1.349 / np.sqrt(len(self.seconds)))

    @property
    def weight(self) -> float:
        """The error that a fit credits the point with: its own, but at least `FLOOR`."""
        return max(self.error, FLOOR)


def points(measured: MeasuredSet) -> list[Point]:
    """Return the points of a measured set, in the order of their first repetition."""
    every = (
        Point(cell, measured.seconds(cell), measured.on_threshold(cell)) for cell in measured.cells
    )
    return [point for point in every if len(point.seconds)]


def segment_of(measured: MeasuredSet) -> int:
    """Return the bytes of the segment that was measured.

    Raises
    ------
    InputError
        If the set does not tell them.
    """
    if measured.segment is None:
        raise InputError(
            "the measured set does not tell the size of the segment",
            key="segment",
            allowed="bytes, in its header",
        )
    return measured.segment


def spread_out(
    model: Model, cells: Sequence[Cell], pool: Pool, segment: int, *, short: bool = False
) -> list[bool]:
    """Say of each cell whether its prediction depends on the draw."""
    pairs = predict_all(model, cells, pool, segment, draws=2, short=short)
    return [len(set(pair.tolist())) > 1 for pair in pairs]


def link_draws(model: Model, cells: Sequence[Cell], pool: Pool, segment: int) -> list[bool]:
    """Say of each cell whether its prediction depends on what the link draws, not on accesses.

    By what the link's parameters say, and where they do not, by two seeds.
    """
    known = model.parameters.draws() if kind_named(model.kind).seeded else False
    if known is not None:
        return [known] * len(cells)
    tasks = [
        partial(predict, model, cell, segment=segment, seed=seed)
        for cell in cells
        for seed in (0, 1)
    ]
    seconds = pool.run(tasks)
    return [one != two for one, two in zip(seconds[::2], seconds[1::2], strict=True)]


def predict_all(
    model: Model,
    cells: Iterable[Cell],
    pool: Pool,
    segment: int,
    draws: int | Sequence[int] = 1,
    *,
    short: bool = False,
) -> list[NDArray[np.float64]]:
    """Predict cells, each with a number of draws.

    Parameters
    ----------
    model : Model
        The model.
    cells : iterable of Cell
        What to predict.
    pool : Pool
        Who simulates.
    segment : int
        Bytes of the segment.
    draws : int or sequence of int
        Draws of each cell, or of all.
    short : bool
        Whether batches are cut to what tells the rest (`simaccess.predict.shorten`).

    Returns
    -------
    list of ndarray of float
        The seconds of each cell's draws, which have the seeds 0, 1, …
    """
    cells = list(cells)
    counts = [draws] * len(cells) if isinstance(draws, int) else draws
    pairs = [
        (cell, seed) for cell, count in zip(cells, counts, strict=True) for seed in range(count)
    ]
    # Most take about a millisecond, for which a worker is not asked one by one.
    lump = min(max(len(pairs) // pool.ahead, 1), _LUMP) if pool.ahead > 1 else 1
    parts = [pairs[begin : begin + lump] for begin in range(0, len(pairs), lump)]
    each = partial(predict_each, model, segment=segment, short=short)
    found = pool.run([partial(each, part) for part in parts])
    seconds = chain.from_iterable(found)
    return [np.array([next(seconds) for _ in range(count)]) for count in counts]
