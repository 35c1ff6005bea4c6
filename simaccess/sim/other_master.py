"""Another master of a bus, which loads it with bursts at random or periodic times."""

from __future__ import annotations

import numpy as np

from simaccess.sim.bus_job import Job
from simaccess.sim.bus_use import OTHER
from simaccess.sim.pci_path import Path
from simaccess.sim.round_robin import RoundRobin

__all__ = ["OtherMaster"]


class OtherMaster:
    """Writes bursts into host memory at random or periodic times.

    Parameters
    ----------
    bus : RoundRobin
        The bus.
    master : int
        Its place among the bus's masters.
    path : Path
        What its bursts cost.
    burst : int
        Bytes of a burst.
    gap, first : float
        Mean ticks between two bursts, and the time from which they are counted.
    generator : numpy.random.Generator or None
        Draws exponential gaps; None for periodic bursts.
    """

    def __init__(
        self,
        bus: RoundRobin,
        *,
        master: int,
        path: Path,
        burst: int,
        gap: float,
        first: float,
        generator: np.random.Generator | None,
    ) -> None:
        self._bus = bus
        self._master = master
        self._path = path
        self._burst = burst
        self._gap = gap
        self._time = first
        self._generator = generator
        self._gaps: list[float] = []

    def following(self) -> tuple[int, Job]:
        """Return the next burst and when it is asked for."""
        if self._generator is None:
            self._time += self._gap
        else:
            if not self._gaps:
                self._gaps = self._generator.exponential(self._gap, 256).tolist()
            self._time += self._gaps.pop()
        job = Job(self._bus, self._master, self._path, 0, self._burst, OTHER)
        return int(self._time), job
