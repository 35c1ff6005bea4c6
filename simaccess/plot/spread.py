"""What replications of the same thing say together: a mean, and its interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from simaccess.errors import InputError
from simaccess.statistics.intervals import mean_interval

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Spread", "require", "spread"]


@dataclass(frozen=True, slots=True)
class Spread:
    """A mean and its 95 % confidence interval, which is the mean itself for one replication."""

    mean: float
    low: float
    high: float


def spread(values: pd.Series) -> Spread:
    """Return the mean of replications with its interval (Student's t)."""
    sample = np.asarray(values, np.float64)
    mean = float(sample.mean())
    low, high = mean_interval(sample) or (mean, mean)
    return Spread(mean, low, high)


def require(frame: pd.DataFrame, *columns: str) -> None:
    """Check that a frame has some columns, and rows.

    Raises
    ------
    InputError
        If it has not.
    """
    for column in columns:
        if column not in frame.columns:
            raise InputError(
                "no such column", key=column, allowed=[str(name) for name in frame.columns]
            )
    if not len(frame):
        raise InputError("no row", key="frame", allowed="one or more")
