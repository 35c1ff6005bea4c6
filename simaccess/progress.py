"""How far work has got: how much is done, and of how much."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

__all__ = ["Count", "Report"]

Report: TypeAlias = Callable[[int, int], None]
"""Is told how many tasks are done, and of how many."""


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
        self.done = self.total = 0

    def expect(self, tasks: int) -> None:
        """Note tasks that are to come; a negative number takes back what was expected."""
        self.total += tasks
        self._report(self.done, self.total)

    def did(self, tasks: int = 1) -> None:
        """Note tasks that are done, or need not be."""
        self.done += tasks
        self._report(self.done, self.total)
