"""A figure of how our time and memory grow."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from simaccess.plot.style import STYLES
from simulators.growth import points

__all__ = ["draw"]

_AXES = {
    "accesses": "accesses of all consumers together",
    "consumers": "consumers, for as many accesses together",
}
_ROWS: dict[str, tuple[Callable[[dict[str, Any]], float], str]] = {
    "time of the run (s)": (lambda step: float(step["seconds"]), "log"),
    # Small runs fit into what was there before: zero, and so linear below 1 MB.
    "memory of the run (MB)": (lambda step: float(step["bytes"]) / 1e6, "symlog"),
}


def draw(steps: dict[str, Any], most: int, path: Path) -> None:
    """Draw time and memory over accesses and over consumers, on logarithmic axes.

    Parameters
    ----------
    steps : dict
        What was measured, as a `State` keeps it.
    most : int
        Accesses of the largest point.
    path : Path
        The file to write.
    """
    figure = Figure(figsize=(9, 6), layout="constrained")
    axes = figure.subplots(len(_ROWS), len(_AXES), sharex="col", sharey="row")
    for row, (name, (value, scale)) in zip(axes, _ROWS.items(), strict=True):
        row[0].set_ylabel(name)
        for ax, axis in zip(row, _AXES, strict=True):
            lines: dict[str, list[tuple[int, float]]] = {}
            for point in points(most):
                if point.axis == axis:
                    found = (point.size, value(steps[point.key]))
                    lines.setdefault(point.name, []).append(found)
            for (work, line), look in zip(lines.items(), STYLES.values(), strict=False):
                ax.plot(
                    *zip(*line, strict=True),
                    color=look.colour,
                    marker=look.marker,
                    linestyle=look.line,
                    label=work,
                )
            ax.set(xscale="log", yscale=scale)
            ax.grid(alpha=0.3)
    for ax, title in zip(axes[-1], _AXES.values(), strict=True):
        ax.set_xlabel(title)
    for ax in axes[0]:
        ax.legend(frameon=False)
    figure.savefig(path, dpi=110)
