"""Figures. Each function draws into given Axes or into its own, and returns them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from simaccess import analytic
from simaccess.analytic import Conditions
from simaccess.sweep.outcome import MapPanel

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["STYLES", "Style", "method_map", "method_maps", "save"]


@dataclass(frozen=True, slots=True)
class Style:
    """How a method looks in every figure."""

    colour: str
    marker: str


STYLES: Mapping[str, Style] = {
    "zero-copy": Style("#0072B2", "o"),
    "copy-once": Style("#E69F00", "s"),
    "hybrid": Style("#009E73", "^"),
    "prefetch": Style("#CC79A7", "D"),
}
"""Colours of Okabe and Ito's palette, which colour-blind readers tell apart, and markers."""

_LEAST = 5e-4  # of t/T, where the axis begins
_MOST = 2.0

_SEEN = 0.1

# How high on its border a label stands, so that labels of borders that meet keep apart.
_HEIGHTS = {"H = C": 0.65, "Z = C": 0.5, "H = Z": 0.3}


def method_map(panel: MapPanel, ax: Axes | None = None) -> Axes:
    """Draw which method is best over t/T and p: by the closed forms, and in simulations.

    Areas and borders follow from the panel's conditions, its n_h, n_p and T'/T. A point is
    coloured by the method that won its simulations, and hollow where that is too close to call;
    the link's own points are larger and edged.

    Parameters
    ----------
    panel : MapPanel
        Points and conditions of one link.
    ax : Axes, optional
        Where to draw; a new figure's by default.
    """
    import matplotlib.pyplot as plt  # noqa: PLC0415  # takes longer to import than a small run

    if ax is None:
        ax = plt.subplots(layout="constrained")[1]
    seen = panel.conditions
    _areas(seen, ax)
    _borders(seen, ax)
    for point in panel.points:
        style = STYLES[point.verdict.best]
        decided = point.verdict.decided
        ax.scatter(
            point.ratio,
            point.p,
            s=26 if point.swept else 64,
            marker=style.marker,
            facecolors=style.colour if decided else "white",
            edgecolors=style.colour if point.swept or not decided else "black",
            linewidths=1.2,
            zorder=3 if point.swept else 4,
            clip_on=False,
        )
    ax.set_xscale("log")
    ax.set_xlim(_LEAST, _MOST)
    ax.set_ylim(0, 1)
    ax.set_xlabel("t / T  (one in-place read over one bulk copy)")
    ax.set_title(
        f"{panel.model}\n$n_h$ = {seen.n_h:.3g}, $n_p$ = {seen.n_p:.3g},"
        f" $T'/T$ = {seen.T_payload / seen.T:.3g}",
        fontsize=10,
    )
    return ax


def method_maps(panels: Sequence[MapPanel], figure: Figure | None = None) -> Figure:
    """Draw the maps of several links side by side, with one legend.

    Parameters
    ----------
    panels : sequence of MapPanel
        At least one.
    figure : Figure, optional
        Where to draw, in constrained layout; a new one of pyplot's by default. It is resized.
    """
    import matplotlib.pyplot as plt  # noqa: PLC0415  # takes longer to import than a small run
    from matplotlib.lines import Line2D  # noqa: PLC0415  # only who draws waits for it
    from matplotlib.patches import Patch  # noqa: PLC0415  # only who draws waits for it

    if figure is None:
        figure = plt.figure(layout="constrained")
    figure.set_size_inches(max(8.0, 4.2 * len(panels) + 0.4), 5.0)
    axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for panel, ax in zip(panels, axes, strict=True):
        method_map(panel, ax)
    axes[0].set_ylabel("p  (share of records whose payload is read)")
    drawn = ("zero-copy", "copy-once", "hybrid")
    handles: list[Patch | Line2D] = [
        Patch(facecolor=STYLES[method].colour, alpha=0.25, label=f"{method}: closed form least")
        for method in drawn
    ]
    handles += [
        Line2D(
            [],
            [],
            ls="",
            marker=STYLES[method].marker,
            color=STYLES[method].colour,
            label=f"{method} won the simulation",
        )
        for method in drawn
    ]
    handles += [
        Line2D([], [], ls="", marker="o", mfc="white", mec="grey", label="too close to call"),
        Line2D([], [], ls="", marker="o", ms=8, mfc="grey", mec="black", label="the link itself"),
        Line2D(
            [],
            [],
            ls="",
            marker="o",
            ms=5,
            color="grey",
            label="plain link with as many reads, latency swept",
        ),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, fontsize=9, frameon=False)
    return figure


def save(figure: Figure, path: Path) -> None:
    """Write a figure in the format of the path's suffix, the same bytes each time."""
    import matplotlib as mpl  # noqa: PLC0415  # takes longer to import than a small run

    with mpl.rc_context({"svg.hashsalt": "simaccess"}):
        figure.savefig(path, dpi=160, metadata={"Date": None} if path.suffix == ".svg" else None)


def _areas(seen: Conditions, ax: Axes) -> None:
    """Colour the plane by the method whose closed form is least."""
    from matplotlib.colors import ListedColormap  # noqa: PLC0415  # only who draws waits for it

    ratio = np.geomspace(_LEAST, _MOST, 500)[None, :]
    p = np.linspace(0, 1, 401)[:, None]
    T_payload = seen.T_payload / seen.T
    times = {
        "zero-copy": analytic.zero_copy(p, t=ratio, n_h=seen.n_h, n_p=seen.n_p),
        "copy-once": analytic.copy_once(p, T=np.ones_like(ratio)),
        "hybrid": analytic.hybrid(p, t=ratio, T_payload=T_payload, n_h=seen.n_h),
    }
    least = np.argmin(np.stack(list(times.values())), axis=0)
    colours = ListedColormap([STYLES[method].colour for method in times])
    ax.pcolormesh(
        ratio[0],
        p[:, 0],
        least,
        cmap=colours,
        vmin=0,
        vmax=len(times) - 1,
        alpha=0.18,
        shading="nearest",
        rasterized=True,
        linewidth=0,
    )


def _borders(seen: Conditions, ax: Axes) -> None:
    """Draw each border: solid where the two methods that it parts are ahead of the third."""
    T_payload = seen.T_payload / seen.T
    ratio = np.geomspace(_LEAST, _MOST, 4000)
    sides = np.linspace(0, 1, 4000)
    upright = analytic.hybrid_beats_zero_copy(T_payload=T_payload, n_p=seen.n_p)
    borders = {
        "H = C": (
            ratio,
            analytic.hybrid_beats_copy_once(t=ratio, T=1.0, T_payload=T_payload, n_h=seen.n_h),
        ),
        "Z = C": (
            ratio,
            analytic.zero_copy_beats_copy_once(t=ratio, T=1.0, n_h=seen.n_h, n_p=seen.n_p),
        ),
        "H = Z": (np.full_like(sides, upright), sides),
    }
    for name, (x, border) in borders.items():
        y = np.asarray(border, np.float64)
        times = {
            "Z": analytic.zero_copy(y, t=x, n_h=seen.n_h, n_p=seen.n_p),
            "C": analytic.copy_once(y, T=np.ones_like(x)),
            "H": analytic.hybrid(y, t=x, T_payload=T_payload, n_h=seen.n_h),
        }
        (third,) = set(times) - set(name.split(" = "))
        shown = (y >= 0) & (y <= 1) & (x >= _LEAST) & (x <= _MOST)
        real = shown & np.greater_equal(times[third], times[name[0]])
        ax.plot(x, np.where(shown, y, np.nan), color="0.4", lw=0.8, ls=":", zorder=2)
        ax.plot(x, np.where(real, y, np.nan), color="black", lw=1.4, zorder=2)
        places = np.flatnonzero(real)
        # A border of which next to nothing is seen is named by the others beside it.
        if len(places) and np.ptp(y[places]) > _SEEN:
            height = (1 - _HEIGHTS[name]) * y[places].min() + _HEIGHTS[name] * y[places].max()
            middle = places[np.argmin(np.abs(y[places] - height))]
            left = name == "H = Z"
            ax.annotate(
                name,
                (float(x[middle]), float(y[middle])),
                xytext=(-5 if left else 5, 4),
                ha="right" if left else "left",
                textcoords="offset points",
                fontsize=9,
                bbox={"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 1},
                zorder=5,
            )
