"""What an experiment's tasks are run by: an executor, a store, and who watches."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar, overload

from simaccess.analytic import Conditions
from simaccess.result import Result
from simaccess.sweep.design import design_of
from simaccess.sweep.estimate import Estimate, SearchOf
from simaccess.sweep.experiment import Experiment
from simaccess.sweep.leaders import Leaders
from simaccess.sweep.run import Done, complete
from simaccess.sweep.served import Served
from simaccess.sweep.store import Store
from simaccess.sweep.task import Measure, Run, Search, Task
from simaccess.tune import Tuning

__all__ = ["Runner", "State", "Watch", "sort_of"]

_Key = TypeVar("_Key")

_OFTEN = 0.1  # seconds for which the time left is good enough

LOG = logging.getLogger("simaccess.sweep")


@dataclass(frozen=True, slots=True)
class State:
    """How far a sweep has got.

    Attributes
    ----------
    done, total : int
        Points that are done, and all that are known of.
    stored, failed : int
        Those of the done that the store had, and that failed.
    rate : float
        Points simulated a second, since the first one was asked for.
    left_s : float or None
        Seconds to go; None while nothing tells.
    best : str
        Which method is best so far, and where; empty while nothing tells.
    """

    done: int
    total: int
    stored: int = 0
    failed: int = 0
    rate: float = 0.0
    left_s: float | None = None
    best: str = ""


Watch: TypeAlias = Callable[[State], None]
"""Is told how far a sweep has got, after each point."""


class Runner:
    """Runs the tasks of an experiment, and says how far they are.

    Parameters
    ----------
    executor : Executor, optional
        Where tasks are performed; without one, in this process.
    store : Store, optional
        Where results are looked for and kept; in memory by default.
    watch : callable, optional
        Is told of progress.
    width : callable
        Says how many tasks the executor performs at a time.
    verify : bool
        Whether workers check that their code and files are those of this process.

    Attributes
    ----------
    served : Served
        Which engine served.
    """

    def __init__(
        self,
        executor: Executor | None = None,
        store: Store | None = None,
        watch: Watch | None = None,
        *,
        width: Callable[[], int] = lambda: 1,
        verify: bool = False,
    ) -> None:
        self._executor = executor
        self.store = Store() if store is None else store
        self._watch = watch
        self._width = width
        self._verify = verify
        self._estimate = Estimate()
        self.served = Served()
        self._started: float | None = None
        self._counts: Counter[str] = Counter()
        self._leaders: Leaders | None = None
        self._told: tuple[float, float | None] = (0.0, None)

    def begin(self, experiment: Experiment, description: Mapping[str, Any]) -> None:
        """Say what is run: the store is told, and who is best is told by the objective."""
        self.store.begin(design_of(experiment), description)
        self._leaders = Leaders(experiment.objective)

    def expect(
        self, sort: Hashable, points: int, *, searches: int = 0, like: Hashable = None
    ) -> None:
        """Note what is to come.

        Parameters
        ----------
        sort : hashable
            Of what sort.
        points, searches : int
            How many points, and searches for their settings, each a point until it is done.
        like : hashable, optional
            The sort that they take as long as, until it is known better.
        """
        if like is not None:
            self._estimate.alike(sort, like)
        self._counts["total"] += points + searches
        self._estimate.expect(sort, points)
        if searches:
            self._estimate.expect(SearchOf(sort), searches)
        self._tell()

    def leave_out(self, sort: Hashable, points: int, *, failed: int = 0) -> None:
        """Note points that were expected and are not simulated: they count as done.

        Parameters
        ----------
        sort : hashable
            What they were expected as.
        points, failed : int
            How many, and how many of those since something is wrong with them.
        """
        self._estimate.expect(sort, -points)
        self._counts["done"] += points
        self._counts["failed"] += failed
        self._tell()

    def sample(self, tasks: Sequence[Task], sort: Hashable) -> None:
        """Do a few tasks before their turn to learn how long their sort takes; no points yet."""
        for done in complete(tasks, self._executor, self.store, width=self._width):
            if done.stored is not None and done.fresh:
                self._estimate.did(sort, done.stored.seconds)

    @property
    def state(self) -> State:
        """How far it has got."""
        counts = self._counts
        fresh = counts["done"] - counts["stored"]
        elapsed = 0.0 if self._started is None else time.perf_counter() - self._started
        return State(
            counts["done"],
            counts["total"],
            counts["stored"],
            counts["failed"],
            fresh / elapsed if elapsed else 0.0,
            self._left_s(),
            "" if self._leaders is None else self._leaders.told,
        )

    def complete(self, tasks: Iterable[Task], sort: Callable[[Task], Hashable]) -> Iterator[Done]:
        """Return tasks as they are done or fail; they were expected."""
        if self._started is None:
            self._started = time.perf_counter()
        every = complete(tasks, self._executor, self.store, width=self._width, verify=self._verify)
        for done in every:
            self._count(done, sort(done.task))
            yield done

    @overload
    def run(self, tasks: Sequence[Run], sort: Hashable = None) -> list[Result]: ...
    @overload
    def run(self, tasks: Sequence[Search], sort: Hashable = None) -> list[Tuning]: ...
    @overload
    def run(self, tasks: Sequence[Measure], sort: Hashable = None) -> list[Conditions]: ...
    def run(self, tasks: Sequence[Task], sort: Hashable = None) -> Any:
        """Return what tasks give, in their order; they were expected.

        Parameters
        ----------
        tasks : sequence of Task
            What is to be done.
        sort : hashable, optional
            What they were expected as; each its own (`sort_of`) by default.

        Raises
        ------
        InputError, WorkerDied
            As `simaccess.sweep.run.run` does.
        """
        results: dict[int, Any] = {}
        for done in self.complete(tasks, sort_of if sort is None else lambda _: sort):
            if done.error is not None:
                raise done.error
            results[done.index] = done.result
        return [results[index] for index in range(len(tasks))]

    def run_groups(self, groups: Mapping[_Key, Sequence[Task]]) -> dict[_Key, tuple[Any, ...]]:
        """Return what each group's tasks give, by the group's key; as `run`."""
        every: Any = [task for tasks in groups.values() for task in tasks]
        results = iter(self.run(every))
        return {key: tuple(next(results) for _ in tasks) for key, tasks in groups.items()}

    def _count(self, done: Done, sort: Hashable) -> None:
        """Count a task; a search as the simulations it took, each of which shows."""
        searched = isinstance(done.task, Search)
        points = len(done.result.tried) if searched and done.stored is not None else 1
        of = SearchOf(sort) if searched else sort
        self._estimate.expect(of, -1)
        if done.fresh and done.stored is not None:
            self._estimate.did(of, done.stored.seconds)
            if done.stored.one_s is not None:
                self._estimate.hint(sort, done.stored.one_s)
        if self._leaders is not None and done.stored is not None:
            self._leaders.saw(done)
        if searched and done.stored is not None:
            self.served.searched += points
        if isinstance(done.task, Run) and done.stored is not None:
            self.served.saw(done.stored, fresh=done.fresh)
        _log(done, sort)
        for point in range(points):
            self._counts["total"] += point > 0
            self._counts["done"] += 1
            self._counts["stored"] += not done.fresh
            self._counts["failed"] += done.error is not None
            self._tell()

    def _left_s(self) -> float | None:
        """Return the seconds left, as they were a moment ago at most."""
        now = time.perf_counter()
        told, left_s = self._told
        if left_s is None or now - told >= _OFTEN:
            left_s = self._estimate.left_s(self._width())
            self._told = now, left_s
        return left_s

    def _tell(self) -> None:
        if self._watch is not None:
            self._watch(self.state)


def sort_of(task: Task) -> Hashable:
    """Return what tasks that take about as long as each other have in common.

    Drawn models are a sort apart: a link that loses packets takes far longer than one without.
    """
    inner = task.run if isinstance(task, Search) else task
    method = inner.method if isinstance(inner, Run) else "conditions"
    is_drawn = inner.model.draw is not None
    return inner.model.name, inner.workload.name, inner.workload.settings, method, is_drawn


def _log(done: Done, sort: Hashable) -> None:
    if done.error is not None:
        LOG.warning("failed: %s: %s\n%s", sort, done.error, done.trace)
    elif done.stored is not None and LOG.isEnabledFor(logging.INFO):
        how = f"{done.stored.engine}, {done.stored.seconds:.4f} s" if done.fresh else "stored"
        LOG.info("%s %s of %s: %s", done.task.kind, done.key[:12], sort, how)
