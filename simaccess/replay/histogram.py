"""Latencies by a histogram of logarithmic buckets, where keeping each would take too much room.

Below 2**7 ticks each has a bucket of its own; from there on each power of two is cut into 2**7
buckets, so a percentile is off by less than a part in 256 of itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["BUCKETS", "bucket", "middles", "percentiles"]

_BITS: Final = 7
_EACH: Final = 1 << _BITS
BUCKETS: Final = (63 - _BITS + 1) * _EACH
"""How many buckets there are."""


def bucket(latency: int) -> int:
    """Return the bucket of a latency in ticks. Replay compiles this as it is."""
    shift = 0
    if latency >> 32 + _BITS:
        shift = 32
    if latency >> shift + 16 + _BITS:
        shift += 16
    if latency >> shift + 8 + _BITS:
        shift += 8
    if latency >> shift + 4 + _BITS:
        shift += 4
    if latency >> shift + 2 + _BITS:
        shift += 2
    if latency >> shift + 1 + _BITS:
        shift += 1
    if not latency >> _BITS:
        return latency
    # Its highest bit stands at _BITS + shift, and counts as one more run of buckets.
    return (shift + 1 << _BITS) + (latency >> shift) - _EACH


def middles() -> NDArray[np.float64]:
    """Return the middle of each bucket in ticks."""
    number = np.arange(BUCKETS)
    shift = np.maximum(number // _EACH - 1, 0)
    low = np.where(number < _EACH, number, number % _EACH + _EACH).astype(np.float64)
    width = np.exp2(shift)
    return low * width + (width - 1) / 2


def percentiles(counts: NDArray[np.int64], shares: Sequence[float]) -> NDArray[np.float64]:
    """Return percentiles in ticks.

    Parameters
    ----------
    counts : ndarray of int64, shape (..., BUCKETS)
        Latencies by bucket.
    shares : sequence of float
        Percentages, 0 to 100.

    Returns
    -------
    ndarray of float64, shape (..., shares)
        NaN where there is no latency.
    """
    sums = np.cumsum(counts, axis=-1)
    total = sums[..., -1:]
    found = np.empty((*counts.shape[:-1], len(shares)))
    middle = middles()
    for index, share in enumerate(shares):
        # The latency of this rank, from 0; NumPy's percentile lies between it and the next.
        rank = np.floor((total - 1) * (share / 100)).astype(np.int64)
        found[..., index] = middle[(sums <= rank).sum(axis=-1).clip(max=BUCKETS - 1)]
    found[total[..., 0] == 0] = np.nan
    return found
