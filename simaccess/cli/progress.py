"""How a long command shows its progress: by a bar on a terminal, else not at all."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simaccess.progress import Report

__all__ = ["progress"]


@contextmanager
def progress(unit: str) -> Iterator[Report]:
    """Provide what is told of progress. The bar is gone at the end.

    Parameters
    ----------
    unit : str
        What is counted, in the plural.
    """
    if not sys.stderr.isatty():
        yield lambda _done, _all: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Speed(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(f"{task.speed or 0:.1f} {unit}/s")

    with Progress(
        TextColumn(unit),
        BarColumn(),
        MofNCompleteColumn(),
        Speed(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as bar:
        shown = bar.add_task(unit)
        yield lambda done, total: bar.update(shown, completed=done, total=total)
