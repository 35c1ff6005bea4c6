"""What a sweep would do: how many points, and about how long, from a few that are timed."""

from __future__ import annotations

import time
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

from simaccess.present import counted
from simaccess.sweep import plane
from simaccess.sweep.answer import expected
from simaccess.sweep.design import design_of
from simaccess.sweep.estimate import Estimate, SearchOf
from simaccess.sweep.experiment import Experiment
from simaccess.sweep.grid import Grid, fair
from simaccess.sweep.replay_ahead import Replay, Timed, on, replayed, simulations_of
from simaccess.sweep.store import Store
from simaccess.sweep.task import Run, Search
from simaccess.sweep.walk import rule_of
from simaccess.tune import most

__all__ = ["TIMED_S", "Plan", "plan"]

TIMED_S = 5.0
"""Seconds after which no further point is timed."""

_CELLS = 8  # whose points are timed, at most


@dataclass(frozen=True, slots=True)
class Plan:
    """What a sweep would do.

    Attributes
    ----------
    points, searches : int
        Simulations that results come from, and searches for settings before them.
    at_most : bool
        Whether there may be fewer.
    stored : int
        Points that the store has.
    timed : int
        Tasks that were timed for the estimate.
    work_s : float
        Seconds that one process takes for what is not stored, if SimPy serves it all.
    replay : Replay
        What of that may be replayed.
    start_s : float
        Seconds that a process takes to load what it runs.
    """

    points: int
    searches: int
    at_most: bool
    stored: int
    timed: int
    work_s: float
    replay: Replay
    start_s: float

    def seconds(self, parallel: int) -> float:
        """Return how long it takes in all, for so many points at a time."""
        if not self.work_s:
            return 0.0
        work = self.work_s - self.replay.saved_s(parallel)
        starts = 1 if parallel == 1 else 2  # this process, and then the others together
        return starts * self.start_s + work / parallel

    def lines(self, parallel: int) -> list[str]:
        """Return it as text, for so many points at a time."""
        limit = "at most " if self.at_most else ""
        many = "search" if self.searches == 1 else "searches"
        searches = f" and {self.searches:,} {many} for settings" if self.searches else ""
        stored = f", {counted(self.stored, 'point')} of them stored" if self.stored else ""
        what = f"{limit}{counted(self.points, 'point')}{searches}{stored}"
        how = f"{parallel} process" + ("es" if parallel > 1 else "")
        return [
            what,
            f"about {_long(self.seconds(parallel))} on {how} ({counted(self.timed, 'task')} timed)",
        ]


def plan(experiment: Experiment, store: Store | None, start_s: float = 0.0) -> Plan:
    """Return what a sweep would do, timing a few of its points in this process.

    Parameters
    ----------
    experiment : Experiment
        The sweep, or an experiment without axes.
    store : Store, optional
        What it has so far.
    start_s : float
        Processor seconds that a process takes to load what it runs.

    Raises
    ------
    InputError
        If a point that is timed is refused.
    """
    stored = 0
    if store is not None and store.experiment().get("design") == design_of(experiment):
        stored = sum(1 for _ in store.rows())
    return (_sweep if experiment.axes else _table)(experiment, stored, start_s)


def _sweep(experiment: Experiment, stored: int, start_s: float) -> Plan:
    grid = Grid(experiment)
    groups = grid.counts.total()
    rule = rule_of(experiment)
    each = (experiment.seeds if rule is None else rule.most) + experiment.draws
    searches = sum(count for method, count in grid.counts.items() if experiment.tunes(method))
    estimate = Estimate()
    for method, count in grid.counts.items():
        estimate.expect(method, count * each)
        estimate.expect(SearchOf(method), count if experiment.tunes(method) else 0)
    timed = _time(_few(grid), estimate)
    points = groups * each
    left = 1.0 if not points else max(0.0, 1 - stored / points)
    work_s = (estimate.left_s(1) or 0.0) * left
    replay = replayed(timed, estimate, left)
    return Plan(points, searches, each > 1, stored, len(timed), work_s, replay, start_s)


def _few(grid: Grid) -> Iterator[tuple[Hashable, Run | Search]]:
    """Return some of a sweep's tasks, spread over all of it."""
    asked = grid.experiment
    for cell in islice(grid.cells(), _CELLS):
        for method in grid.methods(cell):
            run = grid.run(cell, method)
            if asked.tunes(method):
                yield SearchOf(method), Search(run, asked.objective)
            yield method, replace(run, real=True)


def _table(experiment: Experiment, stored: int, start_s: float) -> Plan:
    estimate = Estimate()
    every: list[tuple[Hashable, Run | Search]] = []
    points = 0
    for base, seeds in expected(experiment):
        searched = most(base.scenario()) if experiment.tunes(base.method) else 0
        estimate.expect(base, searched + seeds + experiment.draws)
        points += searched + seeds + experiment.draws
        every.append((base, base))
    few = [every[number] for number in fair(len(every))]
    if experiment.figure is not None:
        count = plane.tasks(experiment.figure, len(experiment.models))
        points += count
        estimate.expect(plane.SORT, count)
        links = [(entry.title, entry.ref) for entry in experiment.models]
        samples = plane.some(experiment.figure, links, experiment.seed)
        few = [(plane.SORT, task) for task in samples] + few
    timed = _time(iter(few), estimate)
    work_s = estimate.left_s(1) or 0.0
    replay = replayed(timed, estimate)
    return Plan(points, 0, True, stored, len(timed), work_s, replay, start_s)


def _time(few: Iterator[tuple[Hashable, Run | Search]], estimate: Estimate) -> list[Timed]:
    """Time tasks on SimPy until that has taken long enough; return them."""
    begun = time.perf_counter()
    timed: list[Timed] = []
    for sort, task in few:
        task.run.scenario() if isinstance(task, Search) else task.scenario()  # made once a process
        asked = on(task, "simpy")
        start = time.perf_counter()
        made = asked()
        end = time.perf_counter()
        estimate.did(sort, end - start)
        timed.append(Timed(sort, task, end - start, simulations_of(made)))
        if end - begun > TIMED_S:
            break
    return timed


def _long(seconds: float) -> str:
    """Return a duration for people, to two digits or so."""
    for unit, length in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.2g} {unit}"
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.2g} s"
