"""Which method is best over t/T and p, by the closed forms and in simulations."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from simaccess import analytic
from simaccess.analytic import Conditions
from simaccess.plot.style import STYLES, own
from simaccess.sweep.outcome import MapPanel

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["method_map", "method_maps"]


_LEAST = 5e-4  # of t/T, where the axis begins
_MOST = 2.0

_SEEN = 0.1

# How high on its border a label would stand, so that labels of borders that meet keep apart.
_HEIGHTS = {"H = C": 0.65, "Z = C": 0.5, "H = Z": 0.3}

_ROOM = 0.4  # of t/T, beyond which a label has no room to the right of its border

_LETTERS = {"zero-copy": "Z", "copy-once": "C", "hybrid": "H"}


def method_map(panel: MapPanel, ax: Axes | None = None) -> Axes:
    """Draw which method is best over t/T and p: by the closed forms, and in simulations.

    Areas and borders follow from the panel's conditions, its n_h, n_p and T'/T. A point is
    coloured by the method that won its simulations, and hollow where that is too close to call;
    the link's own points are larger and edged, and lie below the others where they meet.

    Parameters
    ----------
    panel : MapPanel
        Points and conditions of one link.
    ax : Axes, optional
        Where to draw; a new figure's by default.
    """
    ax = own(ax)
    seen = panel.conditions
    _areas(seen, ax)
    _borders(panel, ax)
    for point in panel.points:
        style = STYLES[point.verdict.best]
        decided = point.verdict.decided
        edge = "white" if point.swept else "black"
        ax.scatter(
            point.ratio,
            point.p,
            s=36 if point.swept else 80,
            marker=style.marker,
            facecolors=style.colour if decided else "white",
            edgecolors=edge if decided else style.colour,
            linewidths=0.8 if point.swept and decided else 1.2,
            zorder=4 if point.swept else 3,
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
        pad=9,  # room for the points at p = 1
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

    if figure is None:
        figure = plt.figure(layout="constrained")
    figure.set_size_inches(max(8.0, 4.2 * len(panels) + 0.4), 5.4)
    axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for panel, ax in zip(panels, axes, strict=True):
        method_map(panel, ax)
    axes[0].set_ylabel("p  (share of records whose payload is read)")
    figure.legend(
        handles=_handles(), loc="outside lower center", ncols=3, fontsize=9, frameon=False
    )
    return figure


def _handles() -> list[Artist]:
    """Return the entries of the legend, column by column."""
    from matplotlib.lines import Line2D  # noqa: PLC0415  # only who draws waits for it
    from matplotlib.patches import Patch  # noqa: PLC0415  # only who draws waits for it

    def marker(label: str, **look: Any) -> Line2D:
        return Line2D([], [], ls="", label=label, **{"marker": "o", **look})

    def note(text: str) -> Line2D:
        return Line2D([], [], ls="", label=text)

    areas = [
        Patch(
            facecolor=STYLES[method].colour,
            alpha=0.25,
            label=f"{method} ({letter}): closed form least",
        )
        for method, letter in _LETTERS.items()
    ]
    winners = [
        marker(
            f"{method} won the simulation",
            marker=STYLES[method].marker,
            color=STYLES[method].colour,
        )
        for method in _LETTERS
    ]
    return [
        *areas,
        Line2D([], [], color="black", lw=1.4, label="border: the two best are equal"),
        note("$n_h$, $n_p$: in-place reads of a header, of a payload"),
        *winners,
        Line2D([], [], color="0.4", lw=0.8, ls=":", label="the two that lose there are equal"),
        note("$T'$: one bulk copy without the header"),
        marker("too close to call", mfc="white", mec="grey"),
        marker("the link itself", ms=9, mfc="grey", mec="black"),
        marker("plain link with as many reads, latency swept", ms=5, color="grey"),
        note("prefetch has no closed form, and is left out"),
    ]


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


def _borders(panel: MapPanel, ax: Axes) -> None:
    """Draw each border: solid where the two methods that it parts are ahead of the third.

    Its label stands between two rows of points, where it covers none.
    """
    seen = panel.conditions
    rows = sorted({0.0, 1.0, *(point.p for point in panel.points)})
    between = np.array([(low + high) / 2 for low, high in pairwise(rows) if high - low > _SEEN])
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
            free = between[(between > y[places].min()) & (between < y[places].max())]
            if len(free):
                height = free[np.argmin(np.abs(free - height))]
            middle = places[np.argmin(np.abs(y[places] - height))]
            left = name == "H = Z" or x[middle] > _ROOM
            ax.annotate(
                name,
                (float(x[middle]), float(y[middle])),
                xytext=(-5 if left else 5, 0),
                ha="right" if left else "left",
                va="center",
                textcoords="offset points",
                fontsize=9,
                bbox={"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 1},
                zorder=5,
            )
