"""The figures that an experiment with axes wants, in files."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from simaccess.errors import InputError
from simaccess.objective import Objective
from simaccess.plot.axis import along
from simaccess.plot.regimes import regime_map
from simaccess.plot.style import save
from simaccess.sweep.experiment import Lines, Regimes
from simaccess.sweep.store import Store
from simaccess.sweep.tabulate import frame

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["sweep_figure", "write_figures"]

_WIDE = 30
"""An axis spans at least this factor to be logarithmic."""


def sweep_figure(
    results: pd.DataFrame, wanted: Lines | Regimes, objective: Objective, ax: Axes | None = None
) -> Axes:
    """Draw a figure of a sweep for one model and one workload.

    Parameters
    ----------
    results : DataFrame
        As `simaccess.sweep.tabulate.frame` makes it, with the units of its columns.
    wanted : Lines or Regimes
        What is drawn: a measure along an axis, or who is best over two.
    objective : {'throughput', 'latency'}
        What the best is best in.
    ax : Axes, optional
        Where to draw; a new figure's by default.

    Raises
    ------
    InputError
        If no result has the measure, or points are missing.
    """
    if isinstance(wanted, Lines):
        if wanted.y not in results:
            allowed = [name for name in map(str, results) if name.startswith("links.")]
            raise InputError("no result has it", None, "figures.y", wanted.y, allowed)
        log = _log(results[wanted.x]), _log(results[wanted.y])
        return along(results, wanted.x, wanted.y, log=log, ax=ax)
    log = _log(results[wanted.x]), _log(results[wanted.y])
    measure = "throughput_bytes_per_s" if objective == "throughput" else "latency_s.p50"
    return regime_map(results, wanted.x, wanted.y, measure, objective=objective, log=log, ax=ax)


def write_figures(
    figures: Sequence[Lines | Regimes], store: Store, folder: Path, made: Callable[[], None]
) -> list[Path]:
    """Draw what an experiment wants into ``figure-1.png`` and so on, all of them or none.

    Parameters
    ----------
    figures : sequence of Lines or Regimes
        What is wanted; each has a panel for each model and workload.
    store : Store
        The results.
    folder : Path
        Where to.
    made : callable
        Is called when all files are made, just before the first of them gets to its place.

    Raises
    ------
    InputError
        If something cannot be drawn or written.
    """
    from matplotlib.figure import Figure  # noqa: PLC0415  # takes longer to import than a small run

    results = frame(store)
    objective: Objective = store.experiment()["objective"]
    panels = list(results.groupby(["model", "workload"], sort=False))
    try:
        with tempfile.TemporaryDirectory(prefix=".writing-", dir=folder) as scratch:
            paths = []
            for number, wanted in enumerate(figures, 1):
                drawn = Figure(layout="constrained")
                drawn.set_size_inches(max(6.4, 5.2 * len(panels)), 4.4)
                axes = drawn.subplots(1, len(panels), squeeze=False)[0]
                for ax, ((model, workload), rows) in zip(axes, panels, strict=True):
                    rows.attrs = results.attrs
                    sweep_figure(rows, wanted, objective, ax)
                    title = f"{model}, {workload}"
                    if isinstance(wanted, Lines):
                        ax.set_title(title, fontsize=10)
                    else:  # its legend stands where a title would
                        ax.text(1, -0.2, title, transform=ax.transAxes, ha="right", fontsize=8)
                paths.append(Path(scratch) / f"figure-{number}.png")
                save(drawn, paths[-1])
            made()
            return [path.replace(folder / path.name) for path in paths]
    except OSError as error:
        problem = f"cannot be written: {error.strerror}"
        raise InputError(problem, key="--out", value=str(folder)) from None


def _log(values: pd.Series[float]) -> bool:
    return bool(values.min() > 0 and values.max() >= _WIDE * values.min())
