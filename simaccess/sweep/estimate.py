"""How long the rest of a sweep takes, from how long each sort of its tasks has taken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable
from dataclasses import dataclass

__all__ = ["Estimate", "SearchOf"]


class Estimate:
    """Tells the time left; every sort of task counts with its own mean.

    One mean over all would take what is to come for what has been, and a sweep begins with its
    dearest tasks, the searches. A sort of which none is done takes what it was hinted at, or what
    the one takes that it is like, or the mean over the other sorts.
    """

    def __init__(self) -> None:
        self._left: Counter[Hashable] = Counter()
        self._seen: Counter[Hashable] = Counter()
        self._seconds: dict[Hashable, float] = {}
        self._hints: dict[Hashable, float] = {}
        self._like: dict[Hashable, Hashable] = {}

    def expect(self, sort: Hashable, tasks: float) -> None:
        """Note tasks to come; a negative number takes them back."""
        self._left[sort] += tasks  # type: ignore[assignment]  # a mean number of tasks is one, too

    def hint(self, sort: Hashable, seconds: float) -> None:
        """Note how long a task of a sort should take."""
        self._hints[sort] = seconds

    def alike(self, sort: Hashable, other: Hashable) -> None:
        """Note that a sort takes about as long as another one until one of its own is done."""
        self._like[sort] = other

    def did(self, sort: Hashable, seconds: float, tasks: int = 1) -> None:
        """Note how long some tasks of one sort have taken a worker, together."""
        self._seen[sort] += tasks
        self._seconds[sort] = self._seconds.get(sort, 0.0) + seconds

    def left_s(self, parallel: int) -> float | None:
        """Return the seconds left if so many tasks are done at a time; None before the first."""
        if not self._seen:
            return None
        return max(0.0, sum(self.work().values())) / max(1, parallel)

    def work(self) -> dict[Hashable, float]:
        """Return the seconds left of each sort if one task is done at a time."""
        means = {sort: self._seconds[sort] / tasks for sort, tasks in self._seen.items()}
        searches = {sort for sort in means if isinstance(sort, SearchOf)}
        usual = _mean(means[sort] for sort in searches)
        means = {**self._hints, **means}
        typical = _mean(means[sort] for sort in means if sort not in searches) or usual or 0.0
        work: dict[Hashable, float] = {}
        for sort, tasks in self._left.items():
            other = (usual or typical) if isinstance(sort, SearchOf) else typical
            work[sort] = tasks * means.get(sort, means.get(self._like.get(sort), other))
        return work


@dataclass(frozen=True, slots=True)
class SearchOf:
    """The sort of the searches for the settings of another sort; they are unlike all others."""

    sort: Hashable


def _mean(values: Iterable[float]) -> float | None:
    given = list(values)
    return sum(given) / len(given) if given else None
