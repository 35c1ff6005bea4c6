"""What everybody would use without a model: a latency and a rate.

    seconds = count (latency + size / rate)

Fitted in the logarithm, with the same robust loss as a model, for each operation apart. It knows
nothing of windows, caches, bursts or requests in flight.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from simaccess.fitting.points import Point
from simaccess.measured import Cell

__all__ = ["Baseline", "fit_baselines"]

_SCALE = 0.1  # beyond this error a point counts less


@dataclass(frozen=True, slots=True)
class Baseline:
    """A latency in seconds and a rate in bytes a second."""

    latency: float
    rate: float

    def seconds(self, cell: Cell) -> float:
        """Return the seconds of a cell."""
        return cell.count * (self.latency + cell.size / self.rate)


def fit_baselines(chosen: Iterable[Point]) -> Mapping[str, Baseline]:
    """Fit one to the points of each operation but those of whole methods.

    Parameters
    ----------
    chosen : iterable of Point
        The points.

    Returns
    -------
    mapping of str to Baseline
        By operation.
    """
    by_operation: dict[str, list[Point]] = {}
    for point in chosen:
        if point.cell.operation != "method":
            by_operation.setdefault(point.cell.operation, []).append(point)
    return {operation: _fit(own) for operation, own in by_operation.items()}


def _fit(own: list[Point]) -> Baseline:
    size = np.array([point.cell.size for point in own], dtype=np.float64)
    each = np.array([point.median / point.cell.count for point in own])
    smallest, largest = each[np.argmin(size)], each[np.argmax(size)]
    rate = max(float(size.max()), 1.0) / max(float(largest - smallest), float(largest) / 100)

    def residuals(logarithms: NDArray[np.float64]) -> NDArray[np.float64]:
        latency, inverse = np.exp(logarithms)
        off: NDArray[np.float64] = np.log((latency + size * inverse) / each)
        return off

    found = least_squares(residuals, np.log([smallest, 1 / rate]), loss="soft_l1", f_scale=_SCALE)
    latency, inverse = np.exp(found.x)
    return Baseline(float(latency), float(1 / inverse))
