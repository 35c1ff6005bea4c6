"""Go through the points of a sweep: searches first, replications in rounds, then drawn models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

from simaccess.errors import InputError
from simaccess.objective import OBJECTIVES
from simaccess.statistics.seeds import replication_seeds
from simaccess.statistics.stopping import FIRST, StopRule, relative_half_width
from simaccess.sweep.design import described
from simaccess.sweep.estimate import SearchOf
from simaccess.sweep.experiment import Experiment
from simaccess.sweep.grid import Cell, Grid
from simaccess.sweep.run import Done
from simaccess.sweep.runner import Runner
from simaccess.sweep.task import Pairs, Run, Search, Task
from simaccess.sweep.uncertainty import AS_IT_STANDS, Figures, drawn, far_behind, figures

__all__ = ["Walked", "rule_of", "walk"]


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


def rule_of(experiment: Experiment) -> StopRule | None:
    """Return when replications stop, where an interval is asked for."""
    if experiment.interval is None:
        return None
    most = max(experiment.seeds, experiment.most_seeds)
    return StopRule(experiment.interval, min(max(experiment.seeds, FIRST), most), most)


@dataclass(slots=True)
class _Group:
    """The replications of a method in a cell."""

    settings: Pairs | None = None
    figures: dict[int, Figures] = field(default_factory=dict)  # by the replication's number
    texts: set[bytes] = field(default_factory=set)  # digests, of the first two


@dataclass(frozen=True, slots=True)
class _Point:
    """What is asked for: a search, a replication, or a run on a drawn model."""

    cell: Cell
    method: str
    group: int
    task: Task
    replication: int | None = None
    draw: int = AS_IT_STANDS


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
        self._rule = rule_of(experiment)
        self._least = experiment.seeds if self._rule is None else self._rule.first
        self._most = self._least if self._rule is None else self._rule.most
        self._first = min(2, self._least)  # replications of the first round
        self._seeds = replication_seeds(experiment.seed, self._most)
        # What the replications gave is kept only where something may follow them.
        self._groups: dict[int, _Group] = {}
        self._kept = self._least > 1 or experiment.draws > 0
        self._asked: dict[int, _Point] = {}
        self._failed: list[tuple[dict[str, Any], str]] = []
        self._points = self._simulated = 0

    def go(self) -> Walked:
        """Go through all points."""
        runner, experiment = self._runner, self._experiment
        runner.begin(experiment, described(experiment, self._grid.dimensions))
        for method, groups in self._grid.counts.items():
            searches = groups if experiment.tunes(method) else 0
            runner.expect(method, groups * (self._first + experiment.draws), searches=searches)
        if any(experiment.tunes(method) for method in experiment.methods):
            self._do(self._searches())
        self._do(self._replications(self._grid.cells(), {}))
        begun: dict[int, int] = {}
        while again := self._unsure(begun):
            for number, to in again.items():
                have = begun.get(number, self._first)
                for method, group in self._groups_of(self._grid.cell(number)):
                    runner.expect(method, (to - have) * self._goes_on(group, have))
            self._do(self._replications(map(self._grid.cell, again), again, begun))
            begun = again
        if experiment.draws:
            self._do(self._drawn())
        runner.store.flush()
        return Walked(self._points, self._simulated, self._failed)

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
                        yield _Point(cell, method, group, search)

    def _replications(
        self,
        cells: Iterator[Cell],
        to: Mapping[int, int],
        begun: Mapping[int, int] | None = None,
    ) -> Iterator[_Point]:
        """Return the replications of some cells up to a number; of the first round without one."""
        for cell in cells:
            low = 0 if begun is None else begun.get(cell.number, self._first)
            for method, group in self._groups_of(cell):
                run = self._base(cell, method, group) if self._goes_on(group, low) else None
                if run is None:
                    continue
                for number in range(low, to.get(cell.number, self._first)):
                    task = replace(run, seed=self._seeds[number], real=True)
                    yield _Point(cell, method, group, task, number)

    def _goes_on(self, group: int, have: int) -> bool:
        """Return whether a group has all replications so far: what failed goes on no more."""
        return not have or (group in self._groups and len(self._groups[group].figures) >= have)

    def _drawn(self) -> Iterator[_Point]:
        """Return the runs on drawn models, but those of methods far behind in their cell."""
        asked = self._experiment
        for cell in self._grid.cells():
            groups = dict(self._groups_of(cell))
            firsts = {
                method: self._groups[group].figures[0]
                for method, group in groups.items()
                if group in self._groups and 0 in self._groups[group].figures
            }
            for method, group in groups.items():
                run = None
                if method in firsts and not far_behind(firsts[method], firsts.values()):
                    run = self._base(cell, method, group)
                if run is None:
                    if method in firsts:  # else it failed, and was left out then
                        self._runner.leave_out(method, asked.draws)
                    continue
                for draw, task in enumerate(drawn(run, asked.draws, asked.seed)):
                    yield _Point(cell, method, group, task, draw=draw)

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
            self._runner.store.fail(self._number(group), place, str(error))
            self._runner.leave_out(method, self._first + self._experiment.draws, failed=1)
            if self._experiment.tunes(method):
                self._runner.leave_out(SearchOf(method), 1)
            return None

    def _number(self, group: int, replication: int | None = None, draw: int = AS_IT_STANDS) -> int:
        """Return the number of a point: a group's replications come first, then its draws."""
        behind = replication or 0 if draw == AS_IT_STANDS else self._most + draw
        return group * (self._most + self._experiment.draws) + behind

    def _do(self, points: Iterator[_Point]) -> None:
        for done in self._runner.complete(self._tasks(points), self._sort):
            point = self._asked.pop(done.index)
            if done.stored is None:
                self._fail(point, done)
            elif isinstance(point.task, Search):
                settings = tuple(done.result.settings.items())
                self._groups[point.group] = _Group(settings=settings)
            else:
                self._note(point, done)

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
        if isinstance(point.task, Run):
            place["seed"] = point.task.seed
            if self._experiment.draws:
                place["draw"] = point.draw
        return place

    def _note(self, point: _Point, done: Done) -> None:
        """Say in the store where a result lies, and keep what decides whether others follow."""
        self._points += 1
        self._simulated += done.fresh
        number = self._number(point.group, point.replication, point.draw)
        self._runner.store.place(number, done.key, self._place(point))
        if not self._kept or point.replication is None or done.stored is None:
            return
        group = self._groups.setdefault(point.group, _Group())
        group.figures[point.replication] = figures(done.result)
        if point.replication < 2:
            seed = f'"seed":{self._seeds[point.replication]},'
            text = done.stored.text.replace(seed, "", 1)
            group.texts.add(sha256(text.encode()).digest())

    def _fail(self, point: _Point, done: Done) -> None:
        place = self._place(point)
        del place["at"]
        number = self._number(point.group, point.replication, point.draw)
        self._failed.append((place, str(done.error)))
        self._runner.store.fail(number, place, str(done.error))
        if isinstance(point.task, Search):  # what it was the search for is not simulated
            self._runner.leave_out(point.method, self._first + self._experiment.draws)
        elif point.replication == 0:  # nor is what would be compared with it
            self._runner.leave_out(point.method, self._experiment.draws)

    def _unsure(self, begun: Mapping[int, int]) -> dict[int, int]:
        """Return the cells that need more replications, and how many they are to have.

        A cell is replicated for all its methods or for none, which keeps their results paired.
        """
        if self._first < 2 or self._most == self._first:
            return {}
        methods = len(self._experiment.methods)
        cells: dict[int, list[_Group]] = {}
        for number, group in self._groups.items():
            if not begun or number // methods in begun:
                cells.setdefault(number // methods, []).append(group)
        unsure = {}
        for number, groups in cells.items():
            have = begun.get(number, self._first)
            if have < self._least:
                drawn_from = any(len(group.texts) > 1 for group in groups)
                to = self._least if drawn_from else have  # the seed may change nothing
            elif self._rule is not None:
                to = self._rule.after(have, max(map(self._width, groups)))
            else:
                to = have
            if to > have:
                unsure[number] = to
        return unsure

    def _width(self, group: _Group) -> float:
        """Return the relative half-width of the interval of the objective's mean."""
        at = OBJECTIVES.index(self._experiment.objective)
        known = [each[at] for each in group.figures.values()]
        return relative_half_width(known) if len(known) > 1 else 0.0  # it failed
