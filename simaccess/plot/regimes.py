"""Which method wins over two axes of a sweep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simaccess.errors import InputError
from simaccess.objective import Objective
from simaccess.plot.spread import require
from simaccess.plot.style import engineer, own, style
from simaccess.sweep.uncertainty import AS_IT_STANDS
from simaccess.verdict import LEAD, SHARE, Verdict, verdict

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["judge", "mark", "regime_map", "regimes", "winners"]

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
    return {
        (right, up): judge(rows, f"{x} = {right}, {y} = {up}", measure, objective)
        for (right, up), rows in frame.groupby([x, y])
    }


def judge(rows: pd.DataFrame, where: str, measure: str, objective: Objective) -> Verdict:
    """Judge the methods at one point.

    Parameters
    ----------
    rows : DataFrame
        ``method``, ``seed`` where there are replications, ``draw`` where models were drawn from
        the parameters' ranges, and the measure.
    where : str
        What the point is called.
    measure, objective
        As for `regime_map`.

    Raises
    ------
    InputError
        If some method lacks a replication.
    """
    methods = list(dict.fromkeys(rows["method"]))
    draws: list[dict[str, float]] = []
    if "draw" in rows.columns:
        drawn = rows[rows["draw"] != AS_IT_STANDS].pivot(
            index="draw", columns="method", values=measure
        )
        draws = [
            {str(method): float(value) for method, value in each.items()}
            for each in drawn.dropna().to_dict("records")  # what failed is in no draw
        ]
        rows = rows[rows["draw"] == AS_IT_STANDS]
    if "seed" in rows.columns:
        rows = rows.sort_values("seed", kind="stable")
    figures = {str(method): rows[rows["method"] == method][measure].to_list() for method in methods}
    most = max(len(some) for some in figures.values())
    for method, some in figures.items():
        if len(set(some)) == 1:  # nothing is drawn for it, so that its replications were fewer
            figures[method] = some[:1] * most
    if len({len(some) for some in figures.values()}) > 1:
        raise InputError(f"methods have different numbers of replications at {where}")
    return verdict(figures, objective, draws)


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

    A cell has its winner's colour and marker. It is hatched where that is too close to call, and
    dotted where only the parameters' ranges leave it uncertain (`simaccess.verdict`). Contour lines
    tell how many times as good the winner is as the second.

    Parameters
    ----------
    frame : DataFrame
        A row a run: ``method``, `x`, `y`, `measure`, ``seed`` where there are replications, and
        ``draw`` where models were drawn from the parameters' ranges (-1 on the model as it
        stands); every method at every pair of `x` and `y`.
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
    for (row, column), one in np.ndenumerate(judged):
        mark(ax, float(across[column]), float(up[row]), one, methods)
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
    winners(ax, list(found.values()), methods)
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
        hatch = _hatch(one)
        if hatch:
            width, height = right[column + 1] - right[column], top[row + 1] - top[row]
            corner = (float(right[column]), float(top[row]))
            ax.add_patch(Rectangle(corner, width, height, fill=False, hatch=hatch, ec="0.45", lw=0))


_CLOSE, _UNCERTAIN = "////", "..."


def _hatch(one: Verdict) -> str:
    """Return how a verdict is hatched: not at all, as too close, or as uncertain."""
    if one.decided:
        return ""
    reasons = {reason for rival in one.rivals for reason in rival.close}
    return _UNCERTAIN if reasons == {"parameters"} else _CLOSE


def mark(ax: Axes, x: float, y: float, one: Verdict, methods: tuple[str, ...]) -> None:
    """Draw the winner's marker: filled where it is decided, else hollow."""
    look = style(one.best, methods)
    face = look.colour if one.decided else "white"
    ax.plot(x, y, ls="", marker=look.marker, ms=4, mfc=face, mec=look.colour)


def winners(
    ax: Axes, judged: Sequence[Verdict], methods: tuple[str, ...], *, hollow: bool = False
) -> None:
    """Draw the legend of winners above the axes.

    Parameters
    ----------
    ax : Axes
        Whose.
    judged : sequence of Verdict
        What is drawn.
    methods : tuple of str
        All methods, in their order.
    hollow : bool
        Whether hollow markers stand for what is not decided, and not hatches.
    """
    from matplotlib.lines import Line2D  # noqa: PLC0415  # only who draws waits for it
    from matplotlib.patches import Patch  # noqa: PLC0415  # only who draws waits for it

    handles: list[Any] = []
    for method in methods:
        if any(one.best == method for one in judged):
            look = style(method, methods)
            handles.append(
                Line2D([], [], ls="", marker=look.marker, color=look.colour, label=f"{method} wins")
            )
    found = {_hatch(one) for one in judged} - {""}
    names = {
        _CLOSE: f"too close to call (lead < {100 * LEAD:g} %, or by seeds)",
        _UNCERTAIN: f"uncertain (best or level in < {100 * SHARE:.0f} % of the draws)",
    }
    if hollow and found:
        name = "too close to call, or uncertain"
        handles.append(Line2D([], [], ls="", marker="o", mfc="white", color="0.4", label=name))
    else:
        handles += [
            Patch(fill=False, hatch=hatch, ec="0.4", lw=0, label=name)
            for hatch, name in names.items()
            if hatch in found
        ]
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
