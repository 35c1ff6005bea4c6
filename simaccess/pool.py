"""Perform tasks on the processes of this machine; their results come in the tasks' order."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from contextlib import contextmanager
from itertools import islice
from typing import TypeVar

from simaccess.errors import InputError
from simaccess.workers import WorkerDied, Workers

__all__ = ["TRIES", "Pool", "WorkerDied", "available", "local_workers", "processes"]

_Key = TypeVar("_Key")
_Result = TypeVar("_Result")

TRIES = 3
"""How often a task is begun whose worker dies."""

_AHEAD = 8
"""Tasks given to the workers at a time, for each of them, so that none is ever idle."""


class Pool:
    """Performs tasks: within this process for one job, else on worker processes.

    Parameters
    ----------
    executor : Executor, optional
        The workers.
    done : callable
        Is called for each task that is done.
    ahead : int
        How many tasks are given to the workers at a time, at least 1.
    expect : callable, optional
        Is told how many tasks there are when they are handed over.

    Attributes
    ----------
    ahead : int
        The same.
    """

    def __init__(
        self,
        executor: Executor | None,
        done: Callable[[], None],
        ahead: int = 1,
        expect: Callable[[int], None] = lambda _tasks: None,
    ) -> None:
        self._executor = executor
        self._done = done
        self._expect = expect
        self.ahead = ahead

    def run(
        self, tasks: Sequence[Callable[[], _Result]], ended: Callable[[_Result], None] | None = None
    ) -> list[_Result]:
        """Return the tasks' results in their order, whatever the order in which they end.

        Parameters
        ----------
        tasks : sequence of callable
            What is to be done. One whose worker process dies is done again.
        ended : callable, optional
            Is given each result as its task ends, before that is counted as done.

        Raises
        ------
        InputError
            If a task does.
        WorkerDied
            If a task's worker process does, `TRIES` times.
        """
        self._expect(len(tasks))
        if self._executor is None:
            return list(self._one_by_one(tasks, ended))
        results: dict[int, _Result] = {}
        running: dict[Future[_Result], int] = {}
        tried: dict[int, int] = {}
        left = iter(enumerate(tasks))
        while len(results) < len(tasks):
            for number, task in islice(left, self.ahead - len(running)):
                running[self._executor.submit(_perform, task)] = number
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                number = running.pop(future)
                try:
                    result = results[number] = future.result()
                except WorkerDied as error:
                    tried[number] = tried.get(number, 0) + 1
                    if tried[number] == TRIES:
                        problem = f"{error}, {TRIES} times; is there enough memory?"
                        raise WorkerDied(f"{problem} --jobs 1 uses none") from None
                    running[self._executor.submit(_perform, tasks[number])] = number
                else:
                    self._ended(result, ended)
        return [results[number] for number in range(len(tasks))]

    def run_groups(
        self,
        groups: Mapping[_Key, Sequence[Callable[[], _Result]]],
        ended: Callable[[_Result], None] | None = None,
    ) -> dict[_Key, tuple[_Result, ...]]:
        """Return the results of each group's tasks by the group's key.

        Parameters
        ----------
        groups : mapping to sequence of callable
            What is to be done.
        ended : callable, optional
            As for `run`.

        Raises
        ------
        InputError, WorkerDied
            As `run` does.
        """
        results = iter(self.run([task for tasks in groups.values() for task in tasks], ended))
        return {key: tuple(next(results) for _ in tasks) for key, tasks in groups.items()}

    def _one_by_one(
        self, tasks: Iterable[Callable[[], _Result]], ended: Callable[[_Result], None] | None
    ) -> Iterator[_Result]:
        for task in tasks:
            result = task()
            yield result
            self._ended(result, ended)

    def _ended(self, result: _Result, ended: Callable[[_Result], None] | None) -> None:
        if ended is not None:
            ended(result)
        self._done()


@contextmanager
def local_workers(jobs: int, *, preload: str) -> Iterator[Workers | None]:
    """Provide `jobs` worker processes; none for one job.

    Parameters
    ----------
    jobs : int
        Processes, at least 1.
    preload : str
        The module of the tasks, which workers need not import each by itself.

    On any error, an interrupt included, what is not done is dropped, and the workers have ended
    before the error goes on.

    Raises
    ------
    InputError
        If `jobs` is less than 1.
    """
    if jobs < 1:
        raise InputError("too few", key="jobs", value=jobs, allowed="1 or more")
    if jobs == 1:
        yield None
        return
    workers = Workers(jobs, preload)
    try:
        yield workers
    except BaseException:
        workers.kill()
        raise
    workers.shutdown()


@contextmanager
def processes(
    jobs: int,
    done: Callable[[], None] = lambda: None,
    expect: Callable[[int], None] = lambda _tasks: None,
    *,
    preload: str,
) -> Iterator[Pool]:
    """Provide a pool of `jobs` worker processes; without any for one job.

    Parameters
    ----------
    jobs, preload
        As for `local_workers`.
    done, expect : callable
        As for `Pool`.

    Raises
    ------
    InputError
        If `jobs` is less than 1.
    """
    with local_workers(jobs, preload=preload) as workers:
        yield Pool(workers, done, _AHEAD * jobs, expect)


def available() -> int:
    """Return how many processors this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        return os.cpu_count() or 1


def _perform(task: Callable[[], _Result]) -> _Result:
    return task()
