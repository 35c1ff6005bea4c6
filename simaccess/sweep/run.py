"""Run tasks: each once, wherever an executor puts it, and only if the store has not got it.

from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from simaccess.sweep.run import run
from simaccess.sweep.store import Store
from simaccess.sweep.task import ModelRef, Run, WorkloadRef

work = WorkloadRef("random", (("requests", 1000),))
runs = [Run(ModelRef("pci-64-66"), work, "copy-once", seed=seed) for seed in range(20)]
with ProcessPoolExecutor(2) as executor, Store(Path("random.sqlite")) as store:
    results = run(runs, executor, store)
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    wait,
)
from dataclasses import dataclass, field
from itertools import islice
from statistics import median
from typing import Any, overload

from simaccess.analytic import Conditions
from simaccess.errors import InputError
from simaccess.pool import TRIES, WorkerDied, available
from simaccess.result import Result
from simaccess.sweep.chunk import Failed, perform
from simaccess.sweep.identity import key
from simaccess.sweep.store import Store, Stored
from simaccess.sweep.task import Measure, Run, Search, Task
from simaccess.sweep.text import from_text
from simaccess.tune import Tuning

__all__ = ["CHUNK", "LONGEST_CHUNK", "Done", "complete", "run"]

CHUNK = 0.1
"""Seconds that a chunk is to take: all that a kill costs, and long beside what a chunk costs."""

LONGEST_CHUNK = 256
"""Tasks of a chunk, at most."""

_BATCH = 128  # tasks whose results are looked for at a time
_SEEN = 31  # tasks from whose times the size of a chunk follows


@dataclass(frozen=True, slots=True)
class Done:
    """A task that is done, or that failed.

    Attributes
    ----------
    index : int
        The task's number among those given, from 0.
    task : Task
        The task.
    key : str
        What its result is known by.
    stored : Stored or None
        What it gave; None if it failed.
    error : Exception or None
        Why it failed: the user's error, `WorkerDied`, or a `RuntimeError` with what went wrong.
    trace : str
        Where it went wrong, if that is not the user's error.
    fresh : bool
        Whether it was simulated now, and not found in the store.
    """

    index: int
    task: Task
    key: str
    stored: Stored | None
    error: Exception | None = None
    trace: str = ""
    fresh: bool = True

    @property
    def result(self) -> Any:
        """What it gave: a `Result`, a `Tuning` or `Conditions`."""
        if self.stored is None:
            raise ValueError("it failed")
        return from_text(self.task.kind, self.stored.text)


@overload
def run(
    tasks: Sequence[Run],
    executor: Executor | None = None,
    store: Store | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Result]: ...
@overload
def run(
    tasks: Sequence[Search],
    executor: Executor | None = None,
    store: Store | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Tuning]: ...
@overload
def run(
    tasks: Sequence[Measure],
    executor: Executor | None = None,
    store: Store | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Conditions]: ...
def run(
    tasks: Sequence[Task],
    executor: Executor | None = None,
    store: Store | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Any:
    """Return what tasks give, in their order.

    Parameters
    ----------
    tasks : sequence of Task
        What is to be done; equal ones are done once.
    executor : Executor, optional
        Where; without one, in this process. Results do not depend on it.
    store : Store, optional
        Where results are looked for and kept.
    progress : callable, optional
        Is told how many tasks are done, and of how many.

    Raises
    ------
    InputError
        If a task is refused, or the store cannot be written.
    WorkerDied
        If a task ended its worker process `TRIES` times, or the executor is broken.
    """
    results: dict[int, Any] = {}
    for done in complete(tasks, executor, store):
        if done.error is not None:
            raise done.error
        results[done.index] = done.result
        if progress is not None:
            progress(len(results), len(tasks))
    return [results[index] for index in range(len(results))]


def complete(
    tasks: Iterable[Task],
    executor: Executor | None = None,
    store: Store | None = None,
    *,
    width: Callable[[], int] = available,
    verify: bool = False,
) -> Generator[Done, None, None]:
    """Do tasks, and return each as it is done or has failed, in any order.

    Tasks are taken from the iterable as there is room for them, so that there may be millions.

    Parameters
    ----------
    tasks, executor, store
        As for `run`.
    width : callable
        Says how many tasks the executor performs at a time.
    verify : bool
        Whether workers check that their code and files are those of this process.

    Raises
    ------
    InputError
        If the store cannot be written.
    WorkerDied
        If the executor is broken.
    """
    return _Conveyor(tasks, executor, store, width, verify).carry()


@dataclass(slots=True)
class _Item:
    """A task, under whichever numbers it was asked for, and how many workers it has ended."""

    task: Task
    key: str
    indices: list[int]
    tries: int = 0


@dataclass(slots=True)
class _Conveyor:
    """The state of `complete`."""

    tasks: Iterable[Task]
    executor: Executor | None
    store: Store | None
    width: Callable[[], int]
    verify: bool
    waiting: deque[_Item] = field(default_factory=deque)
    alone: deque[_Item] = field(default_factory=deque)  # of chunks whose worker died
    open: dict[str, _Item] = field(default_factory=dict)  # waiting or running, by key
    running: dict[Future[list[Stored | Failed]], list[_Item]] = field(default_factory=dict)
    seconds: deque[float] = field(default_factory=lambda: deque(maxlen=_SEEN))
    memory: dict[str, Stored] = field(default_factory=dict)  # in place of a store
    more: bool = True  # whether there may be tasks that were not taken yet

    def carry(self) -> Generator[Done, None, None]:
        """Do what there is to do."""
        left = enumerate(self.tasks)
        try:
            while True:
                while self.more and len(self.waiting) < self._size() and self._room():
                    batch = list(islice(left, _BATCH))
                    self.more = len(batch) == _BATCH
                    yield from self._enter(batch)
                while self._room() and (self.alone or self.waiting):
                    if self.executor is None:
                        yield from self._here(self._take())
                        break  # for more, if there is
                    self._submit(self.executor, self._take())
                if self.running:
                    yield from self._wait()
                elif not (self.more or self.waiting or self.alone):
                    return
        finally:
            for future in self.running:
                future.cancel()

    def _room(self) -> bool:
        return self.executor is None or len(self.running) <= 2 * self.width()

    def _size(self) -> int:
        """Return how many tasks make a chunk."""
        if not self.seconds:
            return 1
        size = min(LONGEST_CHUNK, int(CHUNK / max(1e-9, median(self.seconds))))
        if not self.more:  # shorter ones towards the end, so that all end together
            size = min(size, len(self.waiting) // (2 * self.width()))
        return max(1, size)

    def _enter(self, batch: list[tuple[int, Task]]) -> Iterator[Done]:
        """Take tasks in; return those that are known already, or of which nothing can be made."""
        keyed: list[tuple[int, Task, str]] = []
        for index, task in batch:
            try:
                keyed.append((index, task, key(task)))
            except InputError as error:
                yield Done(index, task, "", None, error)
        asked = {its_key for _, _, its_key in keyed}
        if self.store is not None:
            known = self.store.known(asked)
        else:
            known = {each: self.memory[each] for each in asked if each in self.memory}
        for index, task, its_key in keyed:
            if its_key in known:
                yield Done(index, task, its_key, known[its_key], fresh=False)
            elif its_key in self.open:
                self.open[its_key].indices.append(index)
            else:
                item = self.open[its_key] = _Item(task, its_key, [index])
                self.waiting.append(item)

    def _take(self) -> list[_Item]:
        """Return the next chunk."""
        if self.alone:
            return [self.alone.popleft()]
        size = min(self._size(), len(self.waiting))
        return [self.waiting.popleft() for _ in range(size)]

    def _here(self, chunk: list[_Item]) -> Iterator[Done]:
        yield from self._keep(zip(chunk, perform([item.task for item in chunk]), strict=True))

    def _submit(self, executor: Executor, chunk: list[_Item]) -> None:
        tasks = [item.task for item in chunk]
        keys = [item.key for item in chunk] if self.verify else None
        try:
            self.running[executor.submit(perform, tasks, keys)] = chunk
        except BrokenExecutor as error:
            raise _broken(error) from error

    def _wait(self) -> Iterator[Done]:
        """Wait for a chunk; return what has become of its tasks, and of others done meanwhile."""
        ended: list[tuple[_Item, Stored | Failed]] = []
        for future in wait(self.running, return_when=FIRST_COMPLETED).done:
            chunk = self.running.pop(future)
            try:
                ended += zip(chunk, future.result(), strict=True)
            except (BrokenExecutor, CancelledError) as error:
                raise _broken(error) from error
            except Exception as error:  # noqa: BLE001  # it is for whoever asked
                ended += self._again(chunk, error)
        yield from self._keep(ended)

    def _again(self, chunk: list[_Item], error: Exception) -> Iterator[tuple[_Item, Failed]]:
        """Let the tasks of a chunk whose worker died be done alone, to find the one to blame."""
        if len(chunk) > 1:
            self.alone += chunk
            return
        (item,) = chunk
        item.tries += 1
        if not _is_death(error):
            yield item, Failed(error)
        elif item.tries == TRIES:
            problem = f"{error}, {TRIES} times; is there enough memory?"
            yield item, Failed(WorkerDied(problem))
        else:
            self.alone.append(item)

    def _keep(self, ended: Iterable[tuple[_Item, Stored | Failed]]) -> Iterator[Done]:
        """Store what tasks gave; return them as done."""
        ended = list(ended)
        good = {item.key: made for item, made in ended if isinstance(made, Stored)}
        if self.store is not None and good:
            self.store.keep({item.key: item.task.kind for item, _ in ended}, good)
        elif self.store is None:
            self.memory |= good
        for item, made in ended:
            del self.open[item.key]
            first = True
            for index in item.indices:
                if isinstance(made, Stored):
                    self.seconds.append(made.seconds)
                    yield Done(index, item.task, item.key, made, fresh=first)
                else:
                    yield Done(index, item.task, item.key, None, made.error, made.trace)
                first = False


def _is_death(error: Exception) -> bool:
    # distributed's is known by its name, since distributed need not be installed.
    return isinstance(error, WorkerDied) or type(error).__name__ == "KilledWorker"


def _broken(error: BaseException) -> WorkerDied:
    said = f": {error}" if str(error) else ""
    return WorkerDied(f"the executor can do no more ({type(error).__name__}{said})")
