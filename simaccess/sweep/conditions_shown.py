"""The conditions under an experiment's table: for whole records, and for each method's blocks."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import groupby

from rich.console import Group, RenderableType
from rich.text import Text

from simaccess import present
from simaccess.analytic import Conditions, shared_copy
from simaccess.quantities import parse_size
from simaccess.sweep.outcome import Cell

__all__ = ["conditions_shown"]

_NAMES = ("t", "w", "T", "T'", "n_h", "n_p", "p", "Z", "C", "H")
_OF_BLOCKS = ("B", "T_B", "k", "C_B", "B", "T'_B", "k", "H_B")

_OF_RECORDS = (
    "t: one in-place read of w bytes. T: a synchronous bulk copy of a whole record (a block of the"
    " workload where it has none), T' without its header. n_h, n_p: time of the in-place reads of a"
    " request's header fields and payload over t. p: share of the requests that read payload. Closed"
    " forms: Z = n_h t + p n_p t in place, C = T, H = n_h t + p T'; they leave out reads of the"
    " shadow, and whatever overlaps."
)
_AT_BLOCKS = (
    "T_B: a synchronous bulk copy of a block of the B bytes at which the method stands in the table,"
    " T'_B without what hybrid reads in place. k: requests that share a copy, so that a request"
    " takes C_B = T_B / k, and H_B = n t + T'_B / k with its n reads in place. Prefetch copies ahead"
    " of its reader, for which there is no closed form here."
)


def conditions_shown(cells: Sequence[Cell], columns: int) -> RenderableType:
    """Return the conditions of all cells, with what their letters mean.

    Parameters
    ----------
    cells : sequence of Cell
        The cells.
    columns : int
        On how many columns.
    """
    rows = [_figures(cell.conditions) for cell in cells]
    times = [list(cell.conditions.times().values()) for cell in cells]
    least = [
        {len(_NAMES) - len(each) + place for place, time in enumerate(each) if time == min(each)}
        for each in times
    ]
    parts: list[RenderableType] = [
        *_table(
            "Conditions, measured in the model, of one request and one whole record at a time",
            _NAMES,
            cells,
            rows,
            columns,
            bold=least,
        ),
        Text(_OF_RECORDS, style="dim"),
    ]
    if any(cell.conditions.copies for cell in cells):
        title = "The same at the blocks of the table: copy-once on the left, hybrid on the right"
        own = [_at_blocks(cell) for cell in cells]
        parts += ["", *_table(title, _OF_BLOCKS, cells, own, columns)]
        parts.append(Text(_AT_BLOCKS, style="dim"))
    return Group(*parts)


def _table(
    title: str,
    names: Sequence[str],
    cells: Sequence[Cell],
    rows: Sequence[Sequence[str]],
    columns: int,
    *,
    bold: Sequence[Collection[int]] = (),
) -> list[RenderableType]:
    """Return a title, a line of names, and a line a cell below the names of their links."""
    widths = [max(map(len, column)) + 1 for column in zip(names, *rows, strict=True)]
    indent = max(len(cell.workload) for cell in cells) + 2
    apart = indent + sum(widths) > columns  # a cell's label needs a line of its own
    if apart:
        indent = 2
    if indent + sum(widths) + len(widths) <= columns:
        widths = [width + 1 for width in widths]

    def line(label: str, figures: Iterable[str], bold: Collection[int] = ()) -> Text:
        made = Text(label.ljust(indent))
        for place, (figure, width) in enumerate(zip(figures, widths, strict=True)):
            made.append(figure.rjust(width), style="bold" if place in bold else "")
        return made

    parts: list[RenderableType] = [
        Text(title, style="bold"),
        line("", names, range(len(names))),
    ]
    styles = bold or [()] * len(cells)
    for link, group in groupby(zip(cells, rows, styles, strict=True), lambda each: each[0].model):
        parts.append(Text(link, style="bold"))
        for cell, figures, style in group:
            label = f"  {cell.workload}"
            if apart:
                parts.append(Text(label))
            parts.append(line("" if apart else label, figures, style))
    return parts


def _figures(seen: Conditions) -> tuple[str, ...]:
    return (
        present.seconds(seen.t),
        present.size(seen.w),
        present.seconds(seen.T),
        present.seconds(seen.T_payload),
        f"{seen.n_h:.3g}",
        f"{seen.n_p:.3g}",
        f"{seen.p:.3g}",
        *map(present.seconds, seen.times().values()),
    )


def _at_blocks(cell: Cell) -> tuple[str, ...]:
    """Return block, copy, requests that share it and a request's time of both that copy so."""
    figures: list[str] = []
    for method in ("copy-once", "hybrid"):
        copy_s = cell.conditions.copies.get(method)
        if copy_s is None:  # it is not compared, or at the workload's own records
            figures += ["-"] * 4
            continue
        result = cell.replications[method][0]
        requests = sum(consumer.requests for consumer in result.consumers)
        in_place = {"t": cell.conditions.t, "n": result.loads / requests}
        shared = requests / result.bulk_requests if result.bulk_requests else float("inf")
        figures += [
            present.size(parse_size(result.settings["block"])),
            present.seconds(copy_s),
            "-"
            if not result.bulk_requests
            else f"{shared:#,.3g}"
            if shared < 100
            else f"{shared:,.0f}",
            present.seconds(float(shared_copy(T=copy_s, k=shared, **in_place))),
        ]
    return tuple(figures)
