"""Go through the points of a sweep: searches first, then replications in rounds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

from simaccess.errors import InputError
from simaccess.objective import figure
from simaccess.sweep.design import described
from simaccess.sweep.experiment import Experiment
from simaccess.sweep.grid import Cell, Grid
from simaccess.sweep.run import Done
from simaccess.sweep.runner import Runner
from simaccess.sweep.task import Pairs, Run, Search, Task

__all__ = ["Walked", "walk"]


@dataclass(frozen=True, slots=True)
class Walked:
    """What a sweep has done.

    Attributes
    ----------
    points : int
        Simulations that the results hold; searches apart.
    simulated : int
        How many of them were simulated now: neither stored before nor alike.
    failed : list of (mapping, str)
        Where points failed, and why.
    """

    points: int
    simulated: int
    failed: list[tuple[dict[str, Any], str]]


@dataclass(slots=True)
class _Group:
    """The replications of a method in a cell."""

    settings: Pairs | None = None
    figures: list[float] = field(default_factory=list)
    texts: set[bytes] = field(default_factory=set)  # digests, of the first two


@dataclass(frozen=True, slots=True)
class _Point:
    """A replication that is asked for, or a search."""

    cell: Cell
    method: str
    group: int
    replication: int | None  # None of a search
    task: Task


def walk(experiment: Experiment, runner: Runner) -> Walked:
    """Simulate every point of a sweep; its store then has the results.

    Parameters
    ----------
    experiment : Experiment
        One with axes.
    runner : Runner
        Where and how it is simulated.

    Raises
    ------
    InputError
        If an axis or a constraint is refused, or the store cannot be written.
    WorkerDied
        If the executor can do no more. A point that ends its worker again and again has failed,
        and the others go on.
    """
    return _Walk(experiment, runner).go()


class _Walk:
    """The state of `walk`."""

    def __init__(self, experiment: Experiment, runner: Runner) -> None:
        self._experiment = experiment
        self._runner = runner
        self._grid = Grid(experiment)
        # What the replications gave is kept only where others may follow them.
        self._groups: dict[int, _Group] = {}
        self._repeats = experiment.seeds > 1 or experiment.interval is not None
        self._least = max(experiment.seeds, 2 if experiment.interval is not None else 1)
        self._first = min(2, self._least)  # replications of the first round
        self._most = self._least
        if experiment.interval is not None:
            self._most = max(self._least, experiment.most_seeds)
        self._asked: dict[int, _Point] = {}
        self._failed: list[tuple[dict[str, Any], str]] = []
        self._points = self._simulated = 0

    def go(self) -> Walked:
        """Go through all points."""
        runner, experiment = self._runner, self._experiment
        runner.begin(experiment, described(experiment, self._grid.dimensions))
        first = self._first
        for method, groups in self._grid.counts.items():
            searches = groups if experiment.tunes(method) else 0
            runner.expect(method, groups * first, searches=searches)
        if any(experiment.tunes(method) for method in experiment.methods):
            self._do(self._searches())
        self._do(self._replications({}, first))
        done = first
        while (again := self._unsure(done)) and done < self._most:
            to = self._least if done < self._least else min(2 * done, self._most)
            for group in again:
                runner.expect(self._method(group), to - done)
            self._do(self._replications(again, to))
            done = to
        runner.store.flush()
        return Walked(self._points, self._simulated, self._failed)

    def _method(self, group: int) -> str:
        return self._experiment.methods[group % len(self._experiment.methods)]

    def _groups_of(self, cell: Cell) -> Iterator[tuple[str, int]]:
        methods = self._experiment.methods
        for method in self._grid.methods(cell):
            yield method, cell.number * len(methods) + methods.index(method)

    def _searches(self) -> Iterator[_Point]:
        for cell in self._grid.cells():
            for method, group in self._groups_of(cell):
                if self._experiment.tunes(method):
                    run = self._made(cell, method, group)
                    if run is not None:
                        search = Search(run, self._experiment.objective)
                        yield _Point(cell, method, group, None, search)

    def _replications(self, begun: dict[int, int], to: int) -> Iterator[_Point]:
        """Return the replications up to one: of some groups from others on, or of all from none."""
        cells = self._grid.cells()
        if begun:
            methods = len(self._experiment.methods)
            cells = map(self._grid.cell, dict.fromkeys(group // methods for group in begun))
        for cell in cells:
            for method, group in self._groups_of(cell):
                if begun and group not in begun:
                    continue
                run = self._base(cell, method, group)
                if run is None:
                    continue
                for number in range(begun.get(group, 0), to):
                    task = replace(run, seed=self._experiment.seed + number, real=True)
                    yield _Point(cell, method, group, number, task)

    def _base(self, cell: Cell, method: str, group: int) -> Run | None:
        """Return what is replicated; None if that, or the search for its settings, failed."""
        if not self._experiment.tunes(method):
            return self._made(cell, method, group)
        found = self._groups.get(group)
        if found is None or found.settings is None:
            return None
        return replace(self._grid.run(cell, method), settings=found.settings)

    def _made(self, cell: Cell, method: str, group: int) -> Run | None:
        """Return what a method runs in a cell; None if the cell's values do not fit together."""
        try:
            return self._grid.run(cell, method)
        except InputError as error:
            place = {**cell.place, "method": method}
            self._failed.append((place, str(error)))
            self._runner.store.fail(group * self._most, place, str(error))
            points = self._first + self._experiment.tunes(method)
            self._runner.leave_out(method, points, failed=1)
            return None

    def _do(self, points: Iterator[_Point]) -> None:
        for done in self._runner.complete(self._tasks(points), self._sort):
            point = self._asked.pop(done.index)
            if done.stored is None:
                self._fail(point, done)
            elif point.replication is None:
                settings = tuple(done.result.settings.items())
                self._groups[point.group] = _Group(settings=settings)
            else:
                self._note(point, point.replication, done)

    def _tasks(self, points: Iterator[_Point]) -> Iterator[Task]:
        for index, point in enumerate(points):
            self._asked[index] = point
            yield point.task

    @staticmethod
    def _sort(task: Task) -> str:
        run = task.run if isinstance(task, Search) else task
        assert isinstance(run, Run)
        return run.method

    def _place(self, point: _Point) -> dict[str, Any]:
        place = {"at": point.cell.at, **point.cell.place, "method": point.method}
        if point.replication is not None:
            place["seed"] = self._experiment.seed + point.replication
        return place

    def _note(self, point: _Point, replication: int, done: Done) -> None:
        """Say in the store where a result lies, and keep what decides whether others follow."""
        self._points += 1
        self._simulated += done.fresh
        number = point.group * self._most + replication
        self._runner.store.place(number, done.key, self._place(point))
        if self._repeats and done.stored is not None:
            group = self._groups.setdefault(point.group, _Group())
            group.figures.append(figure(done.result, self._experiment.objective))
            if replication < 2:
                seed = f'"seed":{self._experiment.seed + replication},'
                text = done.stored.text.replace(seed, "", 1)
                group.texts.add(sha256(text.encode()).digest())

    def _fail(self, point: _Point, done: Done) -> None:
        place = self._place(point)
        del place["at"]
        number = point.group * self._most + (point.replication or 0)
        self._failed.append((place, str(done.error)))
        self._runner.store.fail(number, place, str(done.error))
        if point.replication is None:  # what it was the search for is not simulated
            self._runner.leave_out(point.method, self._first)

    def _unsure(self, done: int) -> dict[int, int]:
        """Return the groups that need more replications, and how many they have."""
        unsure = {}
        for number, group in self._groups.items():
            if len(group.figures) < done or len(group.texts) < 2:
                continue  # something failed, or the seed changes nothing
            if done < self._least or not self._narrow(group.figures):
                unsure[number] = done
        return unsure

    def _narrow(self, figures: Sequence[float]) -> bool:
        """Return whether the 95 % interval of the mean is narrow enough, by Student's t."""
        if self._experiment.interval is None:
            return True
        from scipy.stats import t  # noqa: PLC0415  # takes as long to import as a small run

        count = len(figures)
        mean = math.fsum(figures) / count
        variance = math.fsum((each - mean) ** 2 for each in figures) / (count - 1)
        half = float(t.ppf(0.975, count - 1)) * math.sqrt(variance / count)
        return half <= self._experiment.interval * abs(mean)
