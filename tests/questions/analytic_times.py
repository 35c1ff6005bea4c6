"""A stand-in for the simulation: times that a formula tells."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from simaccess.questions.case import Case, pairs
from simaccess.questions.log_times import LogTimes, Spot
from simaccess.questions.simulations import Simulations

Formula = Callable[[Spot, int], float]

ENGINE = 2.5e-6
"""Seconds of a bulk copy on `free_link` beside the latency."""


class Analytic(LogTimes):
    """Log times by a formula of the spot and the replication's number."""

    def __init__(self, formula: Formula) -> None:
        super().__init__(Simulations())
        self._formula = formula
        self.asked: set[tuple[Spot, int]] = set()

    def require(self, spots: Iterable[Spot], replications: int) -> None:
        self.asked |= {(spot, number) for spot in spots for number in range(replications)}
        self._simulations.done = len(self.asked)

    def drawn(self, spots: Iterable[Spot]) -> bool:
        return any(np.ptp(self.of(spot, 2)) > 0 for spot in spots)

    def of(self, spot: Spot, replications: int) -> NDArray[np.float64]:
        self.require([spot], replications)
        return np.array([self._formula(spot, number) for number in range(replications)])


def simulated(seed: int = 0) -> LogTimes:
    """Return what simulates within this process."""
    return LogTimes(Simulations(), seed=seed)


def free_link(workload: str, methods: tuple[str, ...], **settings: str) -> Case:
    """Return a case on a link whose bytes and local memory cost next to nothing.

    A load takes the link's latency, a bulk copy `ENGINE` more. Keys of `settings` have two
    underscores for a dot.
    """
    free = {
        "link.rate": "1e9 TB/s",
        "link.latency": "1 us",
        "dma.channels": "1",
        "dma.issue": "0.5 us",
        "dma.start": "1 us",
        "dma.completion": "1 us",
        "local.latency": "0 s",
        "local.rate": "1e9 TB/s",
        "local.copy_rate": "1e9 TB/s",
    }
    given = {key.replace("__", "."): value for key, value in settings.items()}
    return Case("example-link", workload, methods, pairs({**free, **given}))
