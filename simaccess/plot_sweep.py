"""Figures of a sweep: a measure over one of its axes, a line a method."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from simaccess.errors import InputError
from simaccess.plot import STYLES, Style, save
from simaccess.sweep.experiment import Lines
from simaccess.sweep.store import Store
from simaccess.sweep.tabulate import frame

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["lines", "write_figures"]

_OTHERS = (
    Style("#56B4E9", "v"),
    Style("#D55E00", "P"),
    Style("#000000", "X"),
    Style("#F0E442", "*"),
)
"""For methods from other packages: what is left of Okabe and Ito's palette."""


def lines(results: pd.DataFrame, x: str, y: str, ax: Axes | None = None) -> Axes:
    """Draw a measure over an axis: each method's median, and a band from its least to its most.

    The band spans whatever else is varied, seeds among it; without any, there is only the line.

    Parameters
    ----------
    results : DataFrame
        As `simaccess.sweep.tabulate.frame` makes it, with the units of its columns.
    x, y : str
        The columns of the axis and of the measure.
    ax : Axes, optional
        Where to draw; a new figure's by default.
    """
    import matplotlib.pyplot as plt  # noqa: PLC0415  # takes longer to import than a small run

    if ax is None:
        ax = plt.subplots(layout="constrained")[1]
    others = iter(_OTHERS)
    for method, rows in results.groupby("method", sort=False):
        style = STYLES.get(str(method)) or next(others, _OTHERS[-1])
        at = rows.groupby(x)[y].agg(["min", "median", "max"])
        ax.plot(
            at.index,
            at["median"],
            color=style.colour,
            marker=style.marker,
            markersize=5,
            label=str(method),
        )
        if (at["min"] < at["max"]).any():
            ax.fill_between(at.index, at["min"], at["max"], color=style.colour, alpha=0.18, lw=0)
    for axis, values in (("x", results[x]), ("y", results[y])):
        if values.dtype.kind in "iuf" and values.min() > 0 and values.max() >= 30 * values.min():
            ax.set(**{f"{axis}scale": "log"})
    units = results.attrs.get("units", {})
    ax.set_xlabel(_label(x, units.get(x, "1")))
    ax.set_ylabel(_label(y, units.get(y, "1")))
    ax.grid(alpha=0.3)
    ax.legend(frameon=False)
    return ax


def write_figures(
    figures: Sequence[Lines], store: Store, folder: Path, made: Callable[[], None]
) -> list[Path]:
    """Draw what an experiment wants into ``figure-1.png`` and so on, all of them or none.

    Parameters
    ----------
    figures : sequence of Lines
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
        If something cannot be written.
    """
    from matplotlib.figure import Figure  # noqa: PLC0415  # takes longer to import than a small run

    results = frame(store)
    units = results.attrs["units"]
    panels = list(results.groupby(["model", "workload"], sort=False))
    try:
        with tempfile.TemporaryDirectory(prefix=".writing-", dir=folder) as scratch:
            paths = []
            for number, wanted in enumerate(figures, 1):
                if wanted.y not in results:
                    allowed = sorted(name for name in units if name.startswith("links."))
                    raise InputError("no result has it", None, "figures.y", wanted.y, allowed)
                drawn = Figure(layout="constrained")
                drawn.set_size_inches(max(6.0, 4.4 * len(panels)), 4.2)
                axes = drawn.subplots(1, len(panels), sharey=True, squeeze=False)[0]
                for ax, ((model, workload), rows) in zip(axes, panels, strict=True):
                    rows.attrs["units"] = units
                    lines(rows, wanted.x, wanted.y, ax).set_title(
                        f"{model}, {workload}", fontsize=10
                    )
                paths.append(Path(scratch) / f"figure-{number}.png")
                save(drawn, paths[-1])
            made()
            return [path.replace(folder / path.name) for path in paths]
    except OSError as error:
        problem = f"cannot be written: {error.strerror}"
        raise InputError(problem, key="--out", value=str(folder)) from None


def _label(name: str, unit: str) -> str:
    return name if unit == "1" else f"{name}  ({unit})"
