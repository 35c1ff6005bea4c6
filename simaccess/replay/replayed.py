"""What one replay of a record on a link gave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from simaccess.replay.compiled import have_compiler
from simaccess.replay.record import Record
from simaccess.replay.recorder import NotReplayableError
from simaccess.result import StationUse

__all__ = ["ALL", "COUNTED", "NONE", "Replayed", "by_consumer", "require_compiler"]

NONE: Final = 0
ALL: Final = 1
COUNTED: Final = 2
"""What becomes of latencies; as in `simaccess.replay.consumers`, which needs numba."""


@dataclass(frozen=True, eq=False, slots=True)
class Replayed:
    """What one replay gave.

    Attributes
    ----------
    record : Record
        The record.
    agents : ndarray of AGENT, shape (consumers,)
        How the consumers ended; times in picoseconds.
    answered : bool
        Whether stores wait for the link's answer.
    delays : ndarray of DELAY, shape (delays,)
        The private delays on this link's local memory.
    moved : ndarray of int64, shape (consumers,), or None
        Bytes that loads and stores moved, where that is not what they asked for.
    copied : ndarray of int64, shape (consumers,), or None
        Ticks that the processor spent on bulk copies, where it makes them.
    latencies : list of ndarray of int64
        The latency of each request in picoseconds, by consumer.
    links : mapping of str to StationUse
        The use of each station up to the end of the last consumer.
    """

    record: Record
    agents: NDArray[np.void]
    answered: bool
    delays: NDArray[np.void]
    latencies: list[NDArray[np.int64]]
    links: Mapping[str, StationUse]
    moved: NDArray[np.int64] | None = None
    copied: NDArray[np.int64] | None = None


def by_consumer(record: Record, latencies: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Return the latencies of each consumer."""
    return [latencies[begin:end] for begin, end in pairwise(record.flat.marks)]


def require_compiler() -> None:
    """Refuse where numba is not installed."""
    if not have_compiler():
        raise NotReplayableError("numba is not installed (the extra 'numba')")
