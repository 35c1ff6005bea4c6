"""How far work has got: how much is done, and of how much."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Count", "Report"]


class Report(Protocol):
    """Is told how many tasks are done, perhaps with a share of the next one, and of how many."""

    def __call__(self, done: float, total: int, stage: str = "", /) -> None:
        """Show it, and what the next task is at, if that is worth a word."""


class Begun(Protocol):
    """A task that has begun."""

    @property
    def stage(self) -> str:
        """What it is at, if that is worth a word."""

    def share(self) -> float:
        """Return which share of it is done, from 0 to 1."""


class Count:
    """Counts tasks and reports them.

    Parameters
    ----------
    report : callable
        Is told after each change.

    Attributes
    ----------
    done, total : int
        Tasks that are done, and all that are known of.
    """

    def __init__(self, report: Report) -> None:
        self._report = report
        self._begun: Begun | None = None
        self.done = self.total = 0

    def expect(self, tasks: int) -> None:
        """Note tasks that are to come; a negative number takes back what was expected."""
        self.total += tasks
        self._report(self.done, self.total)

    def begun(self, task: Begun) -> None:
        """Note the task that has begun, until one is done."""
        self._begun = task

    def look(self) -> None:
        """Report, with how far the task is that has begun; from any thread."""
        task = self._begun
        if task is not None:
            self._report(self.done + task.share(), self.total, task.stage)

    def did(self, tasks: int = 1) -> None:
        """Note tasks that are done, or need not be."""
        self._begun = None
        self.done += tasks
        self._report(self.done, self.total)
