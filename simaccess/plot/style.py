"""How figures look: methods, labels with units, and files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["STYLES", "Style", "engineer", "label", "own", "save", "style"]


@dataclass(frozen=True, slots=True)
class Style:
    """How a method looks in every figure.

    Attributes
    ----------
    colour : str
        Of Okabe and Ito's palette, which colour-blind readers tell apart.
    marker, line : str
        A marker and a dash pattern, which tell it apart in grey.
    """

    colour: str
    marker: str
    line: str = "-"


STYLES: Mapping[str, Style] = {
    "zero-copy": Style("#0072B2", "o", "-"),
    "copy-once": Style("#E69F00", "s", "--"),
    "hybrid": Style("#009E73", "^", "-."),
    "prefetch": Style("#CC79A7", "D", ":"),
}
"""The four methods."""

_OTHERS = (
    Style("#D55E00", "v", "-"),
    Style("#56B4E9", "P", "--"),
    Style("#F0E442", "X", "-."),
    Style("#000000", "*", ":"),
)

_UNITS = (("_bytes_per_s", "B/s"), ("_per_s", "1/s"), ("_bytes", "B"), ("_s", "s"))


def style(method: str, others: tuple[str, ...] = ()) -> Style:
    """Return a method's look; methods of other packages get the looks that are left.

    Parameters
    ----------
    method : str
        Its name.
    others : tuple of str
        All methods of the figure, by whose order looks are given to unknown ones.
    """
    if method in STYLES:
        return STYLES[method]
    unknown = [name for name in others if name not in STYLES]
    return _OTHERS[unknown.index(method) % len(_OTHERS) if method in unknown else 0]


def label(column: str, unit: str | None = None) -> tuple[str, str]:
    """Return what a column of results is called on an axis, and its unit, perhaps empty.

    Parameters
    ----------
    column : str
        As ``throughput_bytes_per_s`` or ``latency_s.p50``.
    unit : str, optional
        Its unit, where the name does not tell it; "1" for shares and counts.

    Examples
    --------
    >>> label("latency_s.p50")
    ('latency, p50', 's')
    >>> label("throughput_bytes_per_s", "B/s")
    ('throughput', 'B/s')
    >>> label("model.path.rtt", "s")
    ('model.path.rtt', 's')
    """
    known = _named(column)
    if unit is None or unit == known[1]:
        return known
    return column, "" if unit == "1" else unit


def _named(column: str) -> tuple[str, str]:
    """Return what a column is called, and its unit, as far as its name tells."""
    first, _, rest = column.partition(".")
    if first == "bytes":
        return f"bytes {rest}", "B"
    for suffix, found in _UNITS:
        if first.endswith(suffix):
            name = first.removesuffix(suffix).replace("_", " ")
            return (f"{name}, {rest}" if rest else name), found
    return column, ""


def engineer(ax: Axes, axis: str, column: str, unit: str | None = None) -> None:
    """Label an axis with a column's name, and its ticks with prefixes of its unit.

    Parameters
    ----------
    ax : Axes
        Whose.
    axis : {'x', 'y'}
        Which.
    column, unit : str
        As for `label`.
    """
    from matplotlib.ticker import EngFormatter, LogLocator  # noqa: PLC0415  # only who draws waits

    name, found = label(column, unit)
    one = ax.xaxis if axis == "x" else ax.yaxis
    one.set_label_text(name)  # its ticks have units
    one.set_major_formatter(EngFormatter(found) if found else "{x:g}")
    if one.get_scale() == "log":
        low, high = sorted(one.get_view_interval())
        narrow = low > 0 and high / low < 100  # else there would be one tick, or none
        one.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if narrow else (1.0,)))
        one.set_minor_formatter(lambda *_: "")


def own(ax: Axes | None) -> Axes:
    """Return the given axes, or those of a new figure."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt  # noqa: PLC0415  # takes longer to import than a small run

    made: Axes = plt.subplots(layout="constrained")[1]
    return made


def save(figure: Figure, path: Path) -> None:
    """Write a figure in the format of the path's suffix, the same bytes each time."""
    import matplotlib as mpl  # noqa: PLC0415  # takes longer to import than a small run

    with mpl.rc_context({"svg.hashsalt": "simaccess"}):
        figure.savefig(path, dpi=160, metadata={"Date": None} if path.suffix == ".svg" else None)
