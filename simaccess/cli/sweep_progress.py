"""How a sweep shows its progress: by a bar on a terminal, else not at all."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simaccess.sweep.runner import State, Watch

__all__ = ["clock", "sweep_progress"]

_OFTEN = 0.1
"""Seconds between two looks of a terminal."""


@contextmanager
def sweep_progress(*, quiet: bool = False) -> Iterator[Watch]:
    """Provide what is told of a sweep's progress: points, rate, time left and the best method.

    Parameters
    ----------
    quiet : bool
        Whether to show nothing, as where there is no terminal.
    """
    if quiet or not sys.stderr.isatty():
        yield lambda _state: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    with Progress(
        TextColumn("points"),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}"),
        TextColumn("{task.fields[best]}"),
        console=Console(stderr=True),
        transient=True,
    ) as bar:
        shown = bar.add_task("points", total=None, rate="", left="", best="")
        told = 0.0

        def tell(state: State) -> None:
            nonlocal told
            now = time.monotonic()
            if now - told < _OFTEN and state.done < state.total:
                return
            told = now
            failed = f", {state.failed} failed" if state.failed else ""
            bar.update(
                shown,
                completed=state.done,
                total=state.total,
                rate=f"{state.rate:.1f} points/s{failed}",
                left="" if state.left_s is None else f"left {clock(state.left_s)}",
                best=state.best,
            )

        yield tell


def clock(seconds: float) -> str:
    """Return a duration as ``0:07``, ``12:34``, or ``1:02:03``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
