"""How long the rest of a sweep takes, from how long each sort of its tasks has taken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable

__all__ = ["Estimate"]


class Estimate:
    """Tells the time left; every sort of task counts with its own mean.

    One mean over all would take what is to come for what has been, and a sweep begins with its
    dearest tasks, the searches. A sort that has not been seen takes the mean over the others.
    """

    def __init__(self) -> None:
        self._left: Counter[Hashable] = Counter()
        self._seen: Counter[Hashable] = Counter()
        self._seconds: dict[Hashable, float] = {}

    def expect(self, sort: Hashable, tasks: float) -> None:
        """Note tasks to come; a negative number takes them back."""
        self._left[sort] += tasks  # type: ignore[assignment]  # a mean number of tasks is one, too

    def did(self, sort: Hashable, seconds: float, tasks: int = 1) -> None:
        """Note how long some tasks of one sort have taken a worker, together."""
        self._seen[sort] += tasks
        self._seconds[sort] = self._seconds.get(sort, 0.0) + seconds

    def left_s(self, parallel: int) -> float | None:
        """Return the seconds left if so many tasks are done at a time; None before the first."""
        if not self._seen:
            return None
        means = {sort: self._seconds[sort] / tasks for sort, tasks in self._seen.items()}
        typical = sum(means.values()) / len(means)
        work = sum(tasks * means.get(sort, typical) for sort, tasks in self._left.items())
        return max(0.0, work) / max(1, parallel)
