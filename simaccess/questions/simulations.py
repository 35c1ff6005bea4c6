"""Simulations of a question: performed wherever it is asked, counted, and kept in a store.

They are tasks of `simaccess.sweep.task`, so that a store knows them by the same keys as a sweep's
(`simaccess.sweep.identity`): a question that is asked again goes on from what is there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import Any, overload

from simaccess.pool import available
from simaccess.progress import Count
from simaccess.result import Result
from simaccess.sweep.run import complete
from simaccess.sweep.store import Store
from simaccess.sweep.task import Run, Search
from simaccess.tune import Tuning

__all__ = ["Simulations"]


class Simulations:
    """Performs tasks.

    Parameters
    ----------
    executor : Executor, optional
        Where; without one, in this process.
    store : Store, optional
        Where results are looked for and kept.
    count : Count, optional
        Is told how many simulations are to come, and of each that is done.
    width : callable
        Says how many tasks the executor performs at a time.

    Attributes
    ----------
    done : int
        Simulations so far, those of searches included.
    stored : int
        How many of them the store had before.
    """

    def __init__(
        self,
        executor: Executor | None = None,
        store: Store | None = None,
        count: Count | None = None,
        *,
        width: Callable[[], int] = available,
    ) -> None:
        self._executor = executor
        self._store = store
        self._count = Count(lambda *_: None) if count is None else count
        self._width = width
        self._own: set[str] = set()
        self.done = self.stored = 0

    @overload
    def run(self, tasks: Sequence[Run], expected: int | None = None) -> list[Result]: ...
    @overload
    def run(self, tasks: Sequence[Search], expected: int | None = None) -> list[Tuning]: ...
    def run(self, tasks: Sequence[Run] | Sequence[Search], expected: int | None = None) -> Any:
        """Return what tasks give, in their order.

        Parameters
        ----------
        tasks : sequence of Run or of Search
            What is to be done.
        expected : int, optional
            How many simulations they take at most; one each by default.

        Raises
        ------
        InputError
            If one is refused, or the store cannot be written.
        WorkerDied
            If one ends its worker process again and again.
        """
        left = len(tasks) if expected is None else expected
        self._count.expect(left)
        results: dict[int, Any] = {}
        for done in complete(tasks, self._executor, self._store, width=self._width):
            if done.error is not None:
                raise done.error
            result = results[done.index] = done.result
            made = len(result.tried) if isinstance(result, Tuning) else 1
            self.done += made
            if done.fresh:
                self._own.add(done.key)
            elif done.key not in self._own:
                self.stored += made
            left -= made
            self._count.did(made)
        self._count.expect(-left)
        return [results[index] for index in range(len(tasks))]
