"""A measure along an axis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simaccess.plot.spread import require, spread
from simaccess.plot.style import engineer, own, style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["along"]


def along(
    frame: pd.DataFrame,
    x: str,
    measure: str = "throughput_bytes_per_s",
    *,
    unit: str | None = None,
    log: tuple[bool, bool] = (True, True),
    ax: Axes | None = None,
) -> Axes:
    """Draw each method's measure along an axis, with a band for its 95 % interval.

    Parameters
    ----------
    frame : DataFrame
        A row a run: ``method``, the columns `x` and `measure`. Rows that share method and `x` are
        replications.
    x : str
        The axis: a column of numbers.
    measure : str
        What is drawn over it.
    unit : str, optional
        The axis' unit; by default ``frame.attrs["units"]`` says it, where it does.
    log : (bool, bool)
        Whether the two axes are logarithmic.
    ax : Axes, optional
        Where to draw; a new figure's by default.

    Raises
    ------
    InputError
        If the frame has no such column, or no row.
    """
    require(frame, "method", x, measure)
    ax = own(ax)
    units = frame.attrs.get("units", {})
    methods = tuple(dict.fromkeys(frame["method"]))
    for method in methods:
        rows = frame[frame["method"] == method]
        found = {at: spread(values) for at, values in rows.groupby(x)[measure]}
        look = style(method, methods)
        at = list(found)
        ax.plot(
            at,
            [one.mean for one in found.values()],
            color=look.colour,
            marker=look.marker,
            ls=look.line,
            ms=5,
            label=method,
        )
        ax.fill_between(
            at,
            [one.low for one in found.values()],
            [one.high for one in found.values()],
            color=look.colour,
            alpha=0.2,
            lw=0,
        )
    ax.set_xscale("log" if log[0] else "linear")
    ax.set_yscale("log" if log[1] else "linear")
    engineer(ax, "x", x, unit or units.get(x))
    engineer(ax, "y", measure, units.get(measure))
    ax.grid(color="0.9")
    ax.legend(frameon=False)
    return ax
