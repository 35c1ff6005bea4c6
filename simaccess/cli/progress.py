"""How a long command shows its progress: by a bar on a terminal, else not unless asked."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

    from simaccess.fitting.course import Progress as Stand
    from simaccess.fitting.course import Watch
    from simaccess.progress import Count, Report

__all__ = ["following", "looking", "progress", "progresses"]

EVERY = 10.0
"""Seconds from one line about a stage to the next."""

LOOK = 0.5
"""Seconds from one look at a task to the next."""


@contextmanager
def progress(unit: str) -> Iterator[Report]:
    """Provide what is told of progress. The bar is gone at the end.

    Parameters
    ----------
    unit : str
        What is counted, in the plural.
    """
    with progresses(unit) as (report,):
        yield report


@contextmanager
def progresses(*units: str) -> Iterator[tuple[Report, ...]]:
    """Provide what is told of progress, one for each unit; a bar shows from its first report on.

    Parameters
    ----------
    *units : str
        What is counted, in the plural.
    """
    if not sys.stderr.isatty():
        yield tuple([lambda *_: None] * len(units))
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
            return Text(f"{task.speed or 0:.1f}/s")

    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        Speed(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[stage]}"),
        console=Console(stderr=True),
        transient=True,
    ) as bar:
        yield tuple(
            [
                _report_to(bar, bar.add_task(unit, start=False, visible=False, stage=""))
                for unit in units
            ]
        )


def _report_to(bar: Bars, shown: TaskID) -> Report:
    def report(done: float, total: int, stage: str = "") -> None:
        if not bar.tasks[shown].started:
            bar.start_task(shown)
        bar.update(shown, completed=done, total=total, visible=True, stage=stage)

    return report


@contextmanager
def looking(count: Count) -> Iterator[None]:
    """Look at a count now and then, so that a terminal sees a long task advance."""
    if not sys.stderr.isatty():
        yield
        return
    over = Event()

    def look() -> None:
        while not over.wait(LOOK):
            count.look()

    watcher = Thread(target=look, name="simaccess-progress", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


@contextmanager
def following(verbose: bool) -> Iterator[Watch]:
    """Provide what is told how far a calibration has come.

    A terminal gets a bar, unless lines are asked for: one at each new stage, and every ten seconds.
    """
    if verbose:
        yield _Lines()
        return
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[off]}"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as bar:
        shown = bar.add_task("simulating", total=1.0, off="")
        yield lambda now: bar.update(
            shown, description=now.stage, completed=now.share, off=_off(now)
        )


class _Lines:
    """Writes a line now and then."""

    def __init__(self) -> None:
        self._begin = monotonic()
        self._last = -EVERY
        self._stage = ""

    def __call__(self, now: Stand) -> None:
        """Write one if the stage is new, or ten seconds are over."""
        seconds = monotonic() - self._begin
        if now.stage == self._stage and seconds - self._last < EVERY:
            return
        self._stage, self._last = now.stage, seconds
        sys.stderr.write(
            f"{seconds:.0f} s, about {100 * now.share:.0f} %: {now.stage}; {_off(now)}\n"
        )
        sys.stderr.flush()


def _off(now: Stand) -> str:
    """Say how good the best try is, and what it took."""
    counts = f"{now.tries} tries, {now.simulations} simulations"
    if not now.tries:
        return f"no try yet, {counts}"
    return f"mean error {100 * now.error:.2f} %, {counts}" if now.error < 1e9 else counts
