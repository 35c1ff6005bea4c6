"""Measured points: the cells of a measured set, each with its repetitions, and their predictions.

A model predicts a cell by the same probe that measured it, run on the model's simulated link
(`simaccess.probe`). Where chance plays a part, in the model or in a cell's accesses, the median
over some draws is the prediction.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from simaccess.errors import InputError
from simaccess.measured import Cell, MeasuredSet
from simaccess.model import Model
from simaccess.pool import Pool
from simaccess.probe import predict

__all__ = ["DRAWS", "Point", "points", "predict_all", "segment_of", "spread_out"]

DRAWS = 15
"""Draws whose median predicts a cell in which chance plays a part."""


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


def spread_out(model: Model, cells: Sequence[Cell], pool: Pool, segment: int) -> list[bool]:
    """Say of each cell whether its prediction depends on the draw."""
    pairs = predict_all(model, cells, pool, segment, draws=2)
    return [len(set(pair.tolist())) > 1 for pair in pairs]


def predict_all(
    model: Model,
    cells: Iterable[Cell],
    pool: Pool,
    segment: int,
    draws: int | Sequence[int] = 1,
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

    Returns
    -------
    list of ndarray of float
        The seconds of each cell's draws, which have the seeds 0, 1, …
    """
    cells = list(cells)
    counts = [draws] * len(cells) if isinstance(draws, int) else draws
    tasks = [
        partial(predict, model, cell, seed, segment=segment)
        for cell, count in zip(cells, counts, strict=True)
        for seed in range(count)
    ]
    seconds = iter(pool.run(tasks))
    return [np.array([next(seconds) for _ in range(count)]) for count in counts]
