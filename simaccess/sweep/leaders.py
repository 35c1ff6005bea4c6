"""Which method is best so far, while a sweep runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable

from simaccess.objective import Objective, figure, lead
from simaccess.sweep.run import Done
from simaccess.sweep.task import Measure, Search

__all__ = ["Leaders"]

MOST = 10_000
"""Places that are looked at: the first of a fair order tell of the others."""


class Leaders:
    """Counts the places at which each method leads, each with the best of its settings so far.

    A place is a model and a workload with all their parameters, and who shares the link. It counts
    once two methods have been there.
    """

    def __init__(self, objective: Objective) -> None:
        self._objective = objective
        self._best: dict[Hashable, dict[str, float]] = {}
        self._leader: dict[Hashable, str] = {}
        self._counts: Counter[str] = Counter()

    def saw(self, done: Done) -> None:
        """Note a task that is done."""
        if isinstance(done.task, Measure):
            return
        run = done.task.run if isinstance(done.task, Search) else done.task
        if run.model.draw is not None:
            return
        place = (run.model, run.workload, run.consumers, run.shared, run.producer)
        if place not in self._best and len(self._best) == MOST:
            return
        result = done.result
        found = result.figure if isinstance(done.task, Search) else figure(result, self._objective)
        here = self._best.setdefault(place, {})
        if run.method not in here or lead(found, here[run.method], self._objective) > 0:
            here[run.method] = found
        if len(here) > 1:
            choose = max if self._objective == "throughput" else min
            leader = choose(here, key=here.__getitem__)
            self._counts[self._leader.get(place, leader)] -= place in self._leader
            self._counts[leader] += 1
            self._leader[place] = leader

    @property
    def told(self) -> str:
        """Which method leads at most places, and at how many; empty before any."""
        if not self._leader:
            return ""
        (method, places), *_ = self._counts.most_common(1)
        return f"{method} best at {places} of {len(self._leader)} places"
