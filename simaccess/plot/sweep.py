"""The figures that an experiment with axes wants, in files."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

from simaccess.errors import InputError
from simaccess.objective import Objective
from simaccess.plot.axis import along
from simaccess.plot.regimes import regime_map
from simaccess.plot.sampled import scatter, winner_points
from simaccess.plot.style import save
from simaccess.sweep.drawing import Lines, Points, Regimes
from simaccess.sweep.experiment import Experiment
from simaccess.sweep.grid import Grid, Panel
from simaccess.sweep.judged import MEASURES
from simaccess.sweep.quantity import shown
from simaccess.sweep.store import Store
from simaccess.sweep.tabulate import frame
from simaccess.sweep.uncertainty import AS_IT_STANDS
from simaccess.whole_file import put

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["sweep_figure", "write_figures"]

_WIDE = 30
"""An axis spans at least this factor to be logarithmic."""


Wanted: TypeAlias = Lines | Points | Regimes
"""A figure of a sweep, as an experiment's file has it."""


def sweep_figure(
    results: pd.DataFrame,
    wanted: Wanted,
    objective: Objective,
    ax: Axes | None = None,
    sampled: Mapping[str, bool] = MappingProxyType({}),
) -> Axes:
    """Draw a figure of a sweep for one model and one workload.

    Parameters
    ----------
    results : DataFrame
        As `simaccess.sweep.tabulate.frame` makes it, with the units of its columns.
    wanted : Lines, Points or Regimes
        What is drawn: a measure along an axis, or who is best over two.
    objective : {'throughput', 'latency'}
        What the best is best in.
    ax : Axes, optional
        Where to draw; a new figure's by default.
    sampled : mapping of str to bool
        The axes of the sample, which vary together, and whether each is logarithmic.

    Raises
    ------
    InputError
        If no result has the measure, or points are missing.
    """
    up = wanted.y
    if isinstance(wanted, Regimes):
        measure = MEASURES[objective]
        log = _log(results, wanted.x, sampled), _log(results, up, sampled)
        if sampled:
            return winner_points(
                results,
                wanted.x,
                up,
                measure,
                objective=objective,
                point=[*sampled],
                log=log,
                ax=ax,
            )
        return regime_map(results, wanted.x, up, measure, objective=objective, log=log, ax=ax)
    if up not in results:
        allowed = [name for name in map(str, results) if name.startswith("links.")]
        raise InputError("no result has it", None, "figures.y", up, allowed)
    if "draw" in results:
        units = results.attrs
        results = results[results["draw"] == AS_IT_STANDS]
        results.attrs = units
    log = _log(results, wanted.x, sampled), _log(results, up, sampled)
    if isinstance(wanted, Points):
        return scatter(results, wanted.x, up, point=[*sampled], log=log, ax=ax)
    return along(results, wanted.x, up, log=log, ax=ax)


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
    sampled = {key: entry.scale == "log" for key, entry in experiment.axes.items() if entry.sampled}
    try:
        with tempfile.TemporaryDirectory(prefix=".writing-", dir=folder) as scratch:
            paths = []
            for number, wanted in enumerate(experiment.figures, 1):
                paths.append(Path(scratch) / f"figure-{number}.png")
                panels = grid.panels(wanted)
                save(_figure(results, wanted, panels, experiment.objective, sampled), paths[-1])
            made()
            return [put(path, folder / path.name) for path in paths]
    except OSError as error:
        problem = f"cannot be written: {error.strerror}"
        raise InputError(problem, key="--out", value=str(folder)) from None


def _figure(
    results: pd.DataFrame,
    wanted: Wanted,
    panels: Sequence[Panel],
    objective: Objective,
    sampled: Mapping[str, bool],
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
            titles.append(f"{key} {shown(value, units.get(key))}")
        rows = results[here]
        rows.attrs = results.attrs
        sweep_figure(rows, wanted, objective, ax, sampled)
        # Above a map's legend, which stands where a title would.
        legend = ax.get_legend() if isinstance(wanted, Regimes) else None
        pad = None if legend is None else 6 + 13 * -(-len(legend.get_texts()) // 2)
        ax.set_title(", ".join(titles), fontsize=9, pad=pad)
    return drawn


def _log(results: pd.DataFrame, column: str, sampled: Mapping[str, bool]) -> bool:
    if column in sampled:
        return sampled[column]
    values = results[column]
    return bool(values.min() > 0 and values.max() >= _WIDE * values.min())
