"""Which method wins over two axes of a sweep."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simaccess.errors import InputError
from simaccess.objective import Objective
from simaccess.plot.spread import require
from simaccess.plot.style import engineer, own, style
from simaccess.verdict import LEAD, Verdict, verdict

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["regime_map", "regimes"]

_LINES = (0.1, 0.5, 1.0, 3.0, 9.0)
"""Leads whose contours are drawn: 1.1, 1.5, 2, 4 and 10 times as good."""


def regimes(
    frame: pd.DataFrame,
    x: str,
    y: str,
    measure: str = "throughput_bytes_per_s",
    objective: Objective = "throughput",
) -> dict[tuple[Any, Any], Verdict]:
    """Judge the methods at each point of two axes.

    Parameters
    ----------
    frame, x, y, measure, objective
        As for `regime_map`.

    Returns
    -------
    dict of (x, y) to Verdict
        In ascending order.

    Raises
    ------
    InputError
        If the frame has no such column, no row, or some method lacks a replication.
    """
    require(frame, "method", x, y, measure)
    order = ["method", "seed"] if "seed" in frame.columns else ["method"]
    found: dict[tuple[Any, Any], Verdict] = {}
    for (right, up), rows in frame.groupby([x, y]):
        figures = {
            str(method): own_rows[measure].to_list()
            for method, own_rows in rows.sort_values(order).groupby("method", sort=False)
        }
        most = max(len(some) for some in figures.values())
        for method, some in figures.items():
            if len(set(some)) == 1:  # nothing is drawn for it, so that its replications were fewer
                figures[method] = some[:1] * most
        if len({len(some) for some in figures.values()}) > 1:
            where = f"{x} = {right}, {y} = {up}"
            raise InputError(f"methods have different numbers of replications at {where}")
        found[right, up] = verdict(figures, objective)
    return found


def regime_map(
    frame: pd.DataFrame,
    x: str,
    y: str,
    measure: str = "throughput_bytes_per_s",
    *,
    objective: Objective = "throughput",
    units: Mapping[str, str] | None = None,
    log: tuple[bool, bool] = (True, True),
    borders: Mapping[str, tuple[ArrayLike, ArrayLike]] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw which method wins over two axes.

    A cell has its winner's colour and marker, and is hatched where that is too close to call
    (`simaccess.verdict`). Contour lines tell how many times as good the winner is as the second.

    Parameters
    ----------
    frame : DataFrame
        A row a run: ``method``, `x`, `y`, `measure`, and ``seed`` where there are replications;
        every method at every pair of `x` and `y`.
    x, y : str
        Columns of numbers, two values each at least.
    measure : str
        What methods are judged by.
    objective : {'throughput', 'latency'}
        Whether more of it is better, or less.
    units : mapping of str to str, optional
        Units of the axes; by default ``frame.attrs["units"]`` says them.
    log : (bool, bool)
        Whether the axes are logarithmic.
    borders : mapping of str to (array, array), optional
        Analytic borders: a name, and the line's `x` and `y`.
    ax : Axes, optional
        Where to draw; a new figure's by default.

    Raises
    ------
    InputError
        As for `regimes`, or if a pair of values is missing.
    """
    found = regimes(frame, x, y, measure, objective)
    across, up = (np.array(sorted({at[n] for at in found}), np.float64) for n in (0, 1))
    if len(across) * len(up) != len(found) or min(len(across), len(up)) < 2:
        raise InputError(
            f"{len(found)} points do not fill a grid of {len(across)} by {len(up)}",
            key=f"{x}, {y}",
            allowed="every value of one with every value of the other, two of each at least",
        )
    ax = own(ax)
    methods = tuple(dict.fromkeys(frame["method"]))
    judged = np.array(list(found.values()), object).reshape(len(across), len(up)).T
    edges = _edges(across, log[0]), _edges(up, log[1])
    _fill(ax, edges, judged, methods)
    _mark(ax, across, up, judged, methods)
    lead = np.array([[1 + (one.lead or 0.0) for one in row] for row in judged])
    if lead.max() > 1 + _LINES[0]:
        lines = ax.contour(
            across, up, lead, [1 + line for line in _LINES], colors="0.25", linewidths=0.8
        )
        ax.clabel(lines, fmt=lambda times: f"{times:g}x", fontsize=8)
    for name, (line_x, line_y) in (borders or {}).items():
        ax.plot(np.asarray(line_x), np.asarray(line_y), color="black", lw=2, ls="--", label=name)
    ax.set_xscale("log" if log[0] else "linear")
    ax.set_yscale("log" if log[1] else "linear")
    ax.set_xlim(edges[0][0], edges[0][-1])
    ax.set_ylim(edges[1][0], edges[1][-1])
    units = frame.attrs.get("units", {}) if units is None else units
    engineer(ax, "x", x, units.get(x))
    engineer(ax, "y", y, units.get(y))
    _legend(ax, {one.best for one in found.values()}, judged, methods)
    return ax


def _edges(values: NDArray[np.float64], log: bool) -> NDArray[np.float64]:
    """Return the borders of cells around values, one more than these."""
    if log and values[0] <= 0:
        raise InputError("not above 0", value=values[0], allowed="log=False for its axis")
    scaled = np.log(values) if log else values
    middle = (scaled[1:] + scaled[:-1]) / 2
    first, last = scaled[0] - (middle[0] - scaled[0]), scaled[-1] + (scaled[-1] - middle[-1])
    edges = np.concatenate([[first], middle, [last]])
    return np.exp(edges) if log else edges


def _fill(
    ax: Axes,
    edges: tuple[NDArray[np.float64], NDArray[np.float64]],
    judged: NDArray[np.object_],
    methods: tuple[str, ...],
) -> None:
    from matplotlib.colors import ListedColormap  # noqa: PLC0415  # only who draws waits for it
    from matplotlib.patches import Rectangle  # noqa: PLC0415  # only who draws waits for it

    best = np.array([[methods.index(one.best) for one in row] for row in judged])
    colours = ListedColormap([style(method, methods).colour for method in methods])
    ax.pcolormesh(*edges, best, cmap=colours, vmin=-0.5, vmax=len(methods) - 0.5, alpha=0.35)
    right, top = edges
    for (row, column), one in np.ndenumerate(judged):
        if not one.decided:
            width, height = right[column + 1] - right[column], top[row + 1] - top[row]
            corner = (float(right[column]), float(top[row]))
            ax.add_patch(
                Rectangle(corner, width, height, fill=False, hatch="////", ec="0.45", lw=0)
            )


def _mark(
    ax: Axes,
    across: NDArray[np.float64],
    up: NDArray[np.float64],
    judged: NDArray[np.object_],
    methods: tuple[str, ...],
) -> None:
    for row, high in zip(judged, up, strict=True):
        for one, right in zip(row, across, strict=True):
            look = style(one.best, methods)
            face = look.colour if one.decided else "white"
            ax.plot(right, high, ls="", marker=look.marker, ms=4, mfc=face, mec=look.colour)


def _legend(
    ax: Axes, winners: set[str], judged: NDArray[np.object_], methods: tuple[str, ...]
) -> None:
    from matplotlib.lines import Line2D  # noqa: PLC0415  # only who draws waits for it
    from matplotlib.patches import Patch  # noqa: PLC0415  # only who draws waits for it

    handles: list[Any] = [
        Line2D(
            [],
            [],
            ls="",
            marker=style(method, methods).marker,
            color=style(method, methods).colour,
            label=f"{method} wins",
        )
        for method in methods
        if method in winners
    ]
    if any(not one.decided for one in judged.ravel().tolist()):
        name = f"too close to call (lead < {100 * LEAD:g} %, or by seeds)"
        handles.append(Patch(fill=False, hatch="////", ec="0.4", lw=0, label=name))
    handles += [line for line in ax.get_lines() if not str(line.get_label()).startswith("_")]
    ax.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(0, 1.01),
        ncols=2,
        fontsize=8,
        frameon=False,
        borderaxespad=0,
    )
