"""The figures that an experiment with axes wants, in files."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from simaccess.errors import InputError
from simaccess.figures import Scalar
from simaccess.objective import Objective
from simaccess.plot.axis import along
from simaccess.plot.regimes import regime_map
from simaccess.plot.style import save
from simaccess.present import frequency, rate, seconds
from simaccess.present import size as bytes_of
from simaccess.sweep.experiment import Experiment, Lines, Regimes
from simaccess.sweep.grid import Grid, Panel
from simaccess.sweep.store import Store
from simaccess.sweep.tabulate import frame

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

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
    experiment: Experiment, store: Store, folder: Path, made: Callable[[], None]
) -> list[Path]:
    """Draw what an experiment wants into ``figure-1.png`` and so on, all of them or none.

    Parameters
    ----------
    experiment : Experiment
        One with axes.
    store : Store
        Its results.
    folder : Path
        Where to.
    made : callable
        Is called when all files are made, just before the first of them gets to its place.

    Raises
    ------
    InputError
        If something cannot be drawn or written.
    """
    results = frame(store)
    grid = Grid(experiment)
    try:
        with tempfile.TemporaryDirectory(prefix=".writing-", dir=folder) as scratch:
            paths = []
            for number, wanted in enumerate(experiment.figures, 1):
                paths.append(Path(scratch) / f"figure-{number}.png")
                drawn = _figure(results, wanted, grid.panels(wanted), experiment.objective)
                save(drawn, paths[-1])
            made()
            return [path.replace(folder / path.name) for path in paths]
    except OSError as error:
        problem = f"cannot be written: {error.strerror}"
        raise InputError(problem, key="--out", value=str(folder)) from None


def _figure(
    results: pd.DataFrame, wanted: Lines | Regimes, panels: Sequence[Panel], objective: Objective
) -> Figure:
    from matplotlib.figure import Figure  # noqa: PLC0415  # takes longer to import than a small run

    columns = min(3, len(panels))
    lines = -(-len(panels) // columns)
    drawn = Figure(layout="constrained")
    drawn.set_size_inches(max(6.4, 5.2 * columns), 4.6 * lines)
    units = results.attrs["units"]
    for place, panel in enumerate(panels, 1):
        ax = drawn.add_subplot(lines, columns, place)
        here = (results["model"] == panel.model) & (results["workload"] == panel.workload)
        titles = [panel.model, panel.workload]
        for key, value in panel.values.items():
            here &= results[key] == value
            titles.append(f"{key} {_shown(value, units.get(key))}")
        rows = results[here]
        rows.attrs = results.attrs
        sweep_figure(rows, wanted, objective, ax)
        # Below a map's legend, which stands where a title would.
        pad = None if isinstance(wanted, Lines) else 26
        ax.set_title(", ".join(titles), fontsize=9, pad=pad)
    return drawn


def _shown(value: Scalar, unit: str | None) -> str:
    if isinstance(value, str | bool):
        return str(value)
    if unit == "B":
        return bytes_of(round(value))
    shown = {"s": seconds, "B/s": rate, "Hz": frequency}.get(unit or "")
    return f"{value:g}" if shown is None else shown(value)


def _log(values: pd.Series[float]) -> bool:
    return bool(values.min() > 0 and values.max() >= _WIDE * values.min())
