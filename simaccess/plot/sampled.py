"""The points of a sample: a measure over one axis, or which method wins over two."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from simaccess.objective import Objective
from simaccess.plot.regimes import judge, mark, winners
from simaccess.plot.spread import require
from simaccess.plot.style import engineer, own, style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["scatter", "winner_points"]


def scatter(
    frame: pd.DataFrame,
    x: str,
    measure: str = "throughput_bytes_per_s",
    *,
    point: Sequence[str] = (),
    log: tuple[bool, bool] = (True, True),
    ax: Axes | None = None,
) -> Axes:
    """Draw each method's measure at each point of a sample over one axis.

    Parameters
    ----------
    frame : DataFrame
        A row a run: ``method``, the columns `x`, `measure` and those of `point`.
    x : str
        The axis: a column of numbers.
    measure : str
        What is drawn over it: the mean of rows that share method and point.
    point : sequence of str
        The columns that tell one point from another, besides `x`.
    log : (bool, bool)
        Whether the two axes are logarithmic.
    ax : Axes, optional
        Where to draw; a new figure's by default.

    Raises
    ------
    InputError
        If the frame has no such column, or no row.
    """
    keys = list(dict.fromkeys([x, *point]))
    require(frame, "method", measure, *keys)
    ax = own(ax)
    units = frame.attrs.get("units", {})
    methods = tuple(dict.fromkeys(frame["method"]))
    for method in methods:
        means = frame[frame["method"] == method].groupby(keys)[measure].mean().reset_index()
        look = style(method, methods)
        ax.plot(
            means[x],
            means[measure],
            ls="",
            color=look.colour,
            marker=look.marker,
            ms=4,
            alpha=0.7,
            label=method,
        )
    _axes(ax, (x, measure), (units.get(x), units.get(measure)), log)
    ax.legend(frameon=False)
    return ax


def winner_points(
    frame: pd.DataFrame,
    x: str,
    y: str,
    measure: str = "throughput_bytes_per_s",
    *,
    objective: Objective = "throughput",
    point: Sequence[str] = (),
    log: tuple[bool, bool] = (True, True),
    ax: Axes | None = None,
) -> Axes:
    """Draw which method wins at each point of a sample, over two axes.

    A point has its winner's marker, hollow where that is too close to call or uncertain
    (`simaccess.verdict`). Points that are near each other may differ in what is not drawn.

    Parameters
    ----------
    frame : DataFrame
        As for `simaccess.plot.regime_map`, with the columns of `point`; it need be no grid.
    x, y : str
        Columns of numbers.
    measure, objective
        As for `simaccess.plot.regime_map`.
    point : sequence of str
        The columns that tell one point from another, besides `x` and `y`.
    log, ax
        As for `scatter`.

    Raises
    ------
    InputError
        If the frame has no such column, no row, or some method lacks a replication.
    """
    keys = list(dict.fromkeys([x, y, *point]))
    require(frame, "method", measure, *keys)
    ax = own(ax)
    methods = tuple(dict.fromkeys(frame["method"]))
    judged = []
    for at, rows in frame.groupby(keys):
        where = ", ".join(f"{key} = {value}" for key, value in zip(keys, at, strict=True))
        judged.append(judge(rows, where, measure, objective))
        mark(ax, rows[x].iloc[0], rows[y].iloc[0], judged[-1], methods)
    units = frame.attrs.get("units", {})
    _axes(ax, (x, y), (units.get(x), units.get(y)), log)
    winners(ax, judged, methods, hollow=True)
    return ax


def _axes(
    ax: Axes, names: tuple[str, str], units: tuple[str | None, str | None], log: tuple[bool, bool]
) -> None:
    ax.set_xscale("log" if log[0] else "linear")
    ax.set_yscale("log" if log[1] else "linear")
    engineer(ax, "x", names[0], units[0])
    engineer(ax, "y", names[1], units[1])
    ax.grid(color="0.9")
