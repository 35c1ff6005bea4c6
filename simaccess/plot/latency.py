"""Distributions of latencies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from simaccess.errors import InputError
from simaccess.plot.style import engineer, own, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["latency_cdf"]

_MOST = 2000  # points of a curve: more are not seen


def latency_cdf(
    latencies: Mapping[str, ArrayLike], *, tail: bool = False, ax: Axes | None = None
) -> Axes:
    """Draw which share of requests ended within how long.

    Parameters
    ----------
    latencies : mapping of str to array of shape (n,)
        Seconds of each request, by the method's (or another) name, as of
        `simaccess.simulate.latencies`.
    tail : bool
        Whether the share that took longer is drawn, on a logarithmic axis, which shows the slowest
        requests.
    ax : Axes, optional
        Where to draw; a new figure's by default.

    Raises
    ------
    InputError
        If there is nothing to draw.
    """
    if not latencies:
        raise InputError("none", key="latencies", allowed="one distribution or more")
    ax = own(ax)
    names = tuple(latencies)
    for name, given in latencies.items():
        seconds = np.sort(np.asarray(given, np.float64))
        if not len(seconds):
            raise InputError("no latency", key=f"latencies[{name!r}]", allowed="one or more")
        share = np.arange(1, len(seconds) + 1) / len(seconds)
        if len(seconds) > _MOST:
            ranks = np.linspace(0, 1, _MOST)
            if tail:
                ranks = 1 - np.geomspace(1 / len(seconds), 1, _MOST)[::-1]
            kept = np.unique((ranks * (len(seconds) - 1)).round().astype(np.intp))
            seconds, share = seconds[kept], share[kept]
        look = style(name, names)
        ax.step(
            seconds,
            np.where(share < 1, 1 - share, np.nan) if tail else share,
            where="post",
            color=look.colour,
            ls=look.line,
            lw=1.8,
            label=name,
        )
    ax.set_xscale("log")
    engineer(ax, "x", "latency_s")
    if tail:
        ax.set_yscale("log")
        ax.set_ylabel("share of requests that took longer")
    else:
        ax.set_ylim(0, 1.02)
        ax.set_ylabel("share of requests that ended")
    ax.grid(color="0.9")
    ax.legend(frameon=False)
    return ax
