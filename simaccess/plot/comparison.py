"""Methods side by side, each with its interval."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simaccess.plot.spread import require, spread
from simaccess.plot.style import engineer, own, style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["comparison"]


def comparison(
    frame: pd.DataFrame,
    measure: str = "throughput_bytes_per_s",
    *,
    by: str | None = None,
    log: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """Draw a figure of each method as a point, with its 95 % interval over replications.

    Parameters
    ----------
    frame : DataFrame
        A row a run, as of `simaccess.result.frame`: ``method``, `measure` and perhaps `by`. Rows
        that share these are replications.
    measure : str
        What is drawn.
    by : str, optional
        A column that parts the figure into groups, such as ``workload`` or ``model``.
    log : bool
        Whether its axis is logarithmic; else it begins at 0.
    ax : Axes, optional
        Where to draw; a new figure's by default.

    Raises
    ------
    InputError
        If the frame has no such column, or no row.
    """
    require(frame, "method", measure, *([] if by is None else [by]))
    ax = own(ax)
    methods = tuple(dict.fromkeys(frame["method"]))
    groups = [None] if by is None else list(dict.fromkeys(frame[by]))
    places, names = [], []
    row = 0.0
    for group in groups:
        inside = frame if group is None else frame[frame[by] == group]
        for method in methods:
            values = inside.loc[inside["method"] == method, measure]
            if not len(values):
                continue
            found, look = spread(values), style(method, methods)
            ax.plot([found.low, found.high], [row, row], color=look.colour, lw=2)
            ax.plot(found.mean, row, ls="", marker=look.marker, color=look.colour, ms=8)
            places.append(row)
            names.append(method if group is None else f"{group}: {method}")
            row += 1
        row += 0.5
    ax.set_yticks(places, names)
    ax.invert_yaxis()
    if log:
        ax.set_xscale("log")
    else:
        ax.set_xlim(left=0)
    engineer(ax, "x", measure)
    ax.grid(axis="x", color="0.9")
    ax.set_axisbelow(True)
    ax.margins(y=0.1)
    return ax
