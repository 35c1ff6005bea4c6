"""How our time and memory grow: with accesses, and with consumers.

Each point runs in a process of its own, which is what the memory of a run means: the most that the
process had in use, less what it had before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from simulators.child import Child
from simulators.registry import Simulator
from simulators.works import Bus, Engines, Work

__all__ = ["Point", "measure", "points"]

ACCESSES = tuple(10**power for power in range(3, 8))
CONSUMERS = tuple(10**power for power in range(5))
TOTAL = 10**6
"""Accesses of all consumers together, where their number grows."""

_ENOUGH = 1.0
_REPEATS = 5


@dataclass(frozen=True)
class Point:
    """A work at one size.

    Attributes
    ----------
    axis : {"accesses", "consumers"}
        What grows.
    size : int
        How many there are.
    name : str
        The work.
    work : Bus or Engines
        The work at this size.
    """

    axis: str
    size: int
    name: str
    work: Work

    @property
    def key(self) -> str:
        """Its name in a state file."""
        return f"{self.axis} {self.size} {self.name}"


def points(most: int) -> Iterator[Point]:
    """Return the points, small ones first.

    Parameters
    ----------
    most : int
        No point has more accesses.
    """
    for size in ACCESSES:
        if size <= most:
            yield Point("accesses", size, "one reader", Bus(1, size))
            yield Point("accesses", size, "eight consumers", Bus(8, size // 8))
            yield Point("accesses", size, "eight streams", Engines(8, size // 8))
    total = min(TOTAL, most)
    for size in CONSUMERS:
        if size <= total:
            yield Point("consumers", size, "FIFO bus", Bus(size, total // size))
            yield Point("consumers", size, "two DMA engines", Engines(size, total // size))


def measure(simulator: Simulator, point: Point) -> dict[str, Any]:
    """Run a point: seconds (the median of as many runs as a second holds, at most five), bytes."""
    with Child(simulator) as child:
        first = child.run(point.work)
        repeats = max(1, min(_REPEATS, int(_ENOUGH / max(first["seconds"], 1e-6))))
        seconds = child.run(point.work, repeats)["seconds"] if repeats > 1 else first["seconds"]
        return {
            "seconds": seconds,
            "bytes": first["peak"] - child.start["peak"],
            "count": first["count"],
        }
