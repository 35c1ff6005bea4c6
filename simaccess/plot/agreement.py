"""Figures of a validation: measured against predicted, and what is left between them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from simaccess.plot.style import Style, engineer, own
from simaccess.validate import Validation, Verified

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["OPERATIONS", "agreement", "measured_against_predicted", "residuals"]

OPERATIONS: Mapping[str, Style] = {
    "load": Style("#0072B2", "o"),
    "fetch": Style("#E69F00", "s"),
    "store": Style("#56B4E9", "v"),
    "flush": Style("#D55E00", "^"),
    "method": Style("#CC79A7", "D"),
}
"""How an operation looks: colours of Okabe and Ito's palette, and markers."""


_LINEAR, _ALL = 1.0, 100.0  # % of the measured: where the axis of residuals turns, and ends below
_BELOW = (0.5, -0.13)  # where the legend of residuals is: anywhere within, points may lie
_HOLLOW = "hollow: on a loss threshold"


def agreement(validation: Validation, figure: Figure) -> Figure:
    """Draw both figures side by side."""
    left, right = figure.subplots(1, 2)
    figure.set_size_inches(10, 4.4)
    measured_against_predicted(validation, left)
    residuals(validation, right)
    return figure


def measured_against_predicted(validation: Validation, ax: Axes | None = None) -> Axes:
    """Draw each unseen point at its measured and its predicted seconds, and the line of equals.

    A bar spans the model's own interval where chance plays a part; a hollow marker stands for a
    point on a threshold of loss.
    """
    ax = own(ax)
    for operation, points in _by_operation(validation).items():
        measured = [one.point.median for one in points]
        predicted = [one.predicted for one in points]
        _scatter(ax, operation, points, measured, predicted)
        for one in points:
            if one.interval is not None:
                ax.plot([one.point.median] * 2, one.interval, lw=0.8, color="0.5", zorder=1)
    seconds = [value for one in validation.verified for value in (one.point.median, one.predicted)]
    ends = min(seconds), max(seconds)
    ax.plot(ends, ends, color="black", lw=1, zorder=1)
    ax.set(xscale="log", yscale="log")
    engineer(ax, "x", "measured_s")
    engineer(ax, "y", "predicted_s")
    ax.set_title(f"{validation.model}: {len(validation.verified)} points not fitted")
    if validation.threshold.points:
        ax.scatter([], [], s=22, marker="s", facecolors="white", edgecolors="0.3", label=_HOLLOW)
    ax.legend(frameon=False)
    return ax


def residuals(validation: Validation, ax: Axes | None = None) -> Axes:
    """Draw the relative error of each unseen point over its measured seconds.

    Beside it stand that of the baseline, where there is one, and how far the halves of the point's
    own measurement are apart, to either side of none. The axis is linear up to 1 % and logarithmic
    beyond, so that what is nearly right can be told from what is right.
    """
    ax = own(ax)
    halves = [one for one in validation.verified if one.split_half is not None]
    ax.vlines(
        [one.point.median for one in halves],
        [-100 * (one.split_half or 0) for one in halves],
        [100 * (one.split_half or 0) for one in halves],
        color="0.75",
        lw=3,
        zorder=1,
        label="split-half, either side" if halves else "_nothing",
    )
    simple = [one for one in validation.verified if one.baseline is not None]
    ax.scatter(
        [one.point.median for one in simple],
        [100 * ((one.baseline or 0) / one.point.median - 1) for one in simple],
        s=20,
        marker="x",
        color="0.35",
        lw=0.9,
        zorder=2,
        label="baseline" if simple else "_nothing",
    )
    for operation, points in _by_operation(validation).items():
        measured = [one.point.median for one in points]
        off = [100 * (one.predicted / one.point.median - 1) for one in points]
        _scatter(ax, operation, points, measured, off)
    ax.axhline(0, color="black", lw=1, zorder=1)
    ax.set(xscale="log", ylabel="predicted less measured (% of measured)")
    engineer(ax, "x", "measured_s")
    ax.set_yscale("symlog", linthresh=_LINEAR, linscale=0.6)
    ax.margins(y=0.08)
    ax.set_yticks(_marks(ax.get_ylim()))
    ax.yaxis.set_major_formatter(lambda value, _: f"{value:+g}" if value else "0")
    ax.grid(axis="y", color="0.92", lw=0.6)
    ax.set_axisbelow(True)
    ax.legend(frameon=False, fontsize="small", ncols=3, loc="upper center", bbox_to_anchor=_BELOW)
    overall = validation.overall
    if overall.median_error is not None and overall.p95_error is not None:
        ax.set_title(
            f"{overall.points} filled loads and copies: median {100 * overall.median_error:.1f} %,"
            f" p95 {100 * overall.p95_error:.1f} %",
            fontsize="medium",
        )
    return ax


def _marks(limits: tuple[float, float]) -> list[float]:
    """Return where the axis of residuals is marked: 1, 3, 10, 30 % and so on, either side."""
    low, high = limits
    steps = [mantissa * 10.0**power for power in range(7) for mantissa in (1, 3)]
    marks = [0.0, *steps, *(-step for step in steps if step <= _ALL), -_ALL]
    return sorted({mark for mark in marks if low <= mark <= high})


def _by_operation(validation: Validation) -> dict[str, list[Verified]]:
    found: dict[str, list[Verified]] = {}
    for one in validation.verified:
        found.setdefault(one.point.cell.operation, []).append(one)
    return {name: found[name] for name in OPERATIONS if name in found}


def _scatter(
    ax: Axes, operation: str, points: list[Verified], x: list[float], y: list[float]
) -> None:
    style = OPERATIONS[operation]
    hollow = np.array([one.point.threshold for one in points])
    faces = np.where(hollow, "white", style.colour)
    ax.scatter(
        x,
        y,
        s=22,
        marker=style.marker,
        facecolors=faces.tolist(),
        edgecolors=style.colour,
        linewidths=1,
        label=operation,
        zorder=3,
    )
