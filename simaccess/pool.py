"""Perform tasks on the processes of this machine; their results come in the tasks' order."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from multiprocessing import forkserver, resource_tracker
from types import FrameType
from typing import TypeVar

from simaccess.errors import InputError

__all__ = ["Pool", "WorkerDied", "available", "processes"]

_Key = TypeVar("_Key")
_Result = TypeVar("_Result")


_MOMENT = 0.2
"""Seconds in which a signal that has ended the workers, too, reaches this process."""


_AHEAD = 8
"""Tasks given to the workers at a time, for each of them, so that none is ever idle."""


class WorkerDied(RuntimeError):  # noqa: N818  # says what happened
    """A worker process ended before its task did."""


class Pool:
    """Performs tasks: within this process for one job, else on worker processes.

    Parameters
    ----------
    executor : ProcessPoolExecutor, optional
        The workers.
    done : callable
        Is called for each task that is done.
    ahead : int
        How many tasks are given to the workers at a time, at least 1.

    Attributes
    ----------
    ahead : int
        The same.
    """

    def __init__(
        self, executor: ProcessPoolExecutor | None, done: Callable[[], None], ahead: int = 1
    ) -> None:
        self._executor = executor
        self._done = done
        self.ahead = ahead

    def run(
        self, tasks: Sequence[Callable[[], _Result]], ended: Callable[[_Result], None] | None = None
    ) -> list[_Result]:
        """Return the tasks' results in their order, whatever the order in which they end.

        Parameters
        ----------
        tasks : sequence of callable
            What is to be done.
        ended : callable, optional
            Is given each result as its task ends, before that is counted as done.

        Raises
        ------
        InputError
            If a task does.
        WorkerDied
            If a worker process does.
        """
        if self._executor is None:
            return list(self._one_by_one(tasks, ended))
        results: dict[int, _Result] = {}
        running: dict[Future[_Result], int] = {}
        left = iter(enumerate(tasks))
        try:
            while len(results) < len(tasks):
                with _interrupts_later():  # a worker that is being started could not be ended
                    for number, task in islice(left, self.ahead - len(running)):
                        running[self._executor.submit(_perform, task)] = number
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    result = results[running.pop(future)] = future.result()
                    self._ended(result, ended)
        except BrokenProcessPool:
            time.sleep(_MOMENT)
            problem = "a worker process died; is there enough memory? --jobs 1 uses none"
            raise WorkerDied(problem) from None
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
def processes(
    jobs: int, done: Callable[[], None] = lambda: None, *, preload: str
) -> Iterator[Pool]:
    """Provide `jobs` worker processes; none for one job.

    Parameters
    ----------
    jobs : int
        Processes, at least 1.
    done : callable
        Is called for each task that is done.
    preload : str
        The module of the tasks, which workers need not import each by itself.

    On any error, an interrupt included, what has not begun is dropped, and the workers have ended
    before the error goes on.

    Raises
    ------
    InputError
        If `jobs` is less than 1.
    """
    if jobs < 1:
        raise InputError("too few", key="jobs", value=jobs, allowed="1 or more")
    if jobs == 1:
        yield Pool(None, done)
        return
    # Not fork, which copies whatever locks the threads of the process hold.
    methods = multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
    if "forkserver" in methods:
        context.set_forkserver_preload([preload])
        _start_fork_server()
    others = set(multiprocessing.active_children())
    executor = ProcessPoolExecutor(jobs, context, _leave_signals)
    try:
        yield Pool(executor, done, _AHEAD * jobs)
    except KeyboardInterrupt:
        for worker in set(multiprocessing.active_children()) - others:
            worker.kill()
        raise
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def available() -> int:
    """Return how many processors this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        return os.cpu_count() or 1


@contextmanager
def _interrupts_later() -> Iterator[None]:
    """Hold interrupts and terminations back until the end, where Python handles them."""
    if threading.current_thread() is not threading.main_thread():
        yield  # elsewhere none arrives
        return
    came: list[tuple[int, FrameType | None]] = []
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    held = {number: handler for number, handler in handlers.items() if callable(handler)}
    for number in held:
        signal.signal(number, lambda *given: came.append(given))
    try:
        yield
    finally:
        for number, handler in held.items():
            signal.signal(number, handler)
        for first, frame in came[:1]:  # also in place of what it has led to, such as a worker's end
            held[signal.Signals(first)](first, frame)


def _start_fork_server() -> None:
    """Start the process that forks workers, deaf to interrupts from its first moment on.

    It, and so its workers, would hear one of the terminal's while they import, and die of it, and
    who waits for them would wait for ever.
    """
    resource_tracker.ensure_running()  # first: it lets interrupts through when it has started
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _perform(task: Callable[[], _Result]) -> _Result:
    return task()


def _leave_signals() -> None:
    """Leave to the parent, which ends the workers, what a whole process group is sent."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
