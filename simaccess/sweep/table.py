"""The answer to an experiment as text."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from itertools import groupby

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from simaccess import present
from simaccess.objective import Objective
from simaccess.sweep.outcome import Cell, Outcome
from simaccess.sweep.run import FAR
from simaccess.tune import shown_settings
from simaccess.verdict import LEGEND, Verdict

__all__ = ["WIDTH", "as_text", "table", "verdict_shown"]

WIDTH = 100
"""Columns of the table as text."""

_NAMES: Mapping[Objective, str] = {"throughput": "throughput", "latency": "median latency"}

_LABELS = 21  # columns of the labels on the left


def table(outcome: Outcome) -> RenderableType:
    """Return the answer, to be printed by rich."""
    parts: list[RenderableType] = [Text(outcome.question, style="bold")]
    for link, cells in groupby(outcome.cells, key=lambda cell: cell.model):
        parts += ["", *_link(link, list(cells), outcome)]
    parts += ["", _conditions(outcome), "", _legend(outcome)]
    return Group(*parts)


def as_text(outcome: Outcome) -> str:
    """Return the answer as plain text, at most 100 columns wide."""
    stream = io.StringIO()
    Console(file=stream, width=WIDTH, color_system=None).print(table(outcome))
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines()) + "\n"


def verdict_shown(verdict: Verdict, *, seeded: bool) -> str:
    """Return a verdict in one line."""
    if not verdict.rivals:
        return f"{verdict.best}, alone"
    second = verdict.rivals[0]
    sure = f"{_lead(second.lead)} {'over' if second.lead < 1 else 'that of'} {second.method}"
    if second.interval is not None:
        low, high = (f"{100 * end:.1f}" for end in second.interval)
        if second.interval[0] == second.interval[1]:
            sure += f" (the same for {verdict.replications} seeds)"
        else:
            sure += f" (95 %: {low} to {high} %, {verdict.replications} seeds)"
    else:
        sure += " (1 seed)" if seeded else " (deterministic)"
    if verdict.share is not None:
        sure += f", best in {100 * verdict.share:.0f} % of {verdict.draws} draws"
    if verdict.decided:
        return f"{verdict.best}: {sure}"
    reasons = sorted({reason for rival in verdict.rivals for reason in rival.close})
    close = ", ".join((verdict.best, *verdict.close))
    return f"too close to call ({', '.join(reasons)}): {close}; {verdict.best} {sure}"


def _link(link: str, cells: list[Cell], outcome: Outcome) -> Iterator[RenderableType]:
    methods = outcome.methods
    width = max(14, (WIDTH - _LABELS) // len(methods) - 1)
    heading = _grid(width, len(methods))
    heading.add_row(Text(link, style="bold"), *(Text(method, style="bold") for method in methods))
    yield heading
    for cell in cells:
        yield Text(cell.workload, style="underline")
        yield _cell(cell, methods, width)
        found = cell.verdicts[outcome.objective]
        style = "green" if found.decided else "yellow"
        shown = Text(f"= {verdict_shown(found, seeded=cell.seeded)}", style=style)
        yield Padding(shown, (0, 0, 0, 2))
        other: Objective = "latency" if outcome.objective == "throughput" else "throughput"
        least = ", ".join((cell.verdicts[other].best, *cell.verdicts[other].close))
        shown = Text(f"  best {_NAMES[other]}: {least}", style="dim")
        yield Padding(shown, (0, 0, 0, 2))
        yield ""


def _cell(cell: Cell, methods: tuple[str, ...], width: int) -> Table:
    grid = _grid(width, len(methods))
    rows: dict[str, list[Text]] = {"throughput": [], "latency p50 / p99": [], "block x depth": []}
    for method in methods:
        first = cell.replications[method][0]
        best = {objective: found.best == method for objective, found in cell.verdicts.items()}
        throughput = present.rate(cell.mean(method, "throughput"))
        rows["throughput"].append(Text(throughput, style="bold" if best["throughput"] else ""))
        latency = present.seconds(cell.mean(method, "latency"))
        tail = "n/a" if first.latency_s.p99 is None else present.seconds(first.latency_s.p99)
        shown = Text(latency, style="bold" if best["latency"] else "")
        rows["latency p50 / p99"].append(shown.append(f" / {tail}", style="not bold"))
        rows["block x depth"].append(Text(shown_settings(first)))
    for label, shown_cells in rows.items():
        grid.add_row(f"  {label}", *shown_cells)
    return grid


def _grid(width: int, columns: int) -> Table:
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(width=_LABELS)
    for _ in range(columns):
        grid.add_column(width=width)
    return grid


def _conditions(outcome: Outcome) -> RenderableType:
    made = Table(box=None, padding=(0, 1, 0, 0), show_edge=False, header_style="bold")
    for name in ("", "t", "w", "T", "T'", "n_h", "n_p", "p", "Z", "C", "H"):
        made.add_column(name, justify="left" if not name else "right", no_wrap=True)
    for link, cells in groupby(outcome.cells, key=lambda cell: cell.model):
        made.add_row(Text(link, style="bold"))
        for cell in cells:
            seen = cell.conditions
            times = seen.times()
            forms = [
                Text(present.seconds(time), style="bold" if time == min(times.values()) else "")
                for time in times.values()
            ]
            made.add_row(
                f"  {cell.workload}",
                present.seconds(seen.t),
                present.size(seen.w),
                present.seconds(seen.T),
                present.seconds(seen.T_payload),
                f"{seen.n_h:.3g}",
                f"{seen.n_p:.3g}",
                f"{seen.p:.3g}",
                *forms,
            )
    title = Text("Conditions, measured in the model, of one request at a time", style="bold")
    notes = Text(
        "t: one in-place read of w bytes. T: a synchronous bulk copy of a whole record (a block of"
        " the workload where it has none), T' without its header. n_h, n_p: time of the in-place"
        " reads of a request's header fields and payload over t. p: share of the requests that read"
        " payload. Closed forms: Z = n_h t + p n_p t in place, C = T, H = n_h t + p T'; they leave"
        " out reads of the shadow, and whatever overlaps.",
        style="dim",
    )
    return Group(title, made, notes)


def _legend(outcome: Outcome) -> Text:
    drawn = (
        ""
        if not any(cell.draws for cell in outcome.cells)
        else (
            " Draws: models drawn from their parameters' ranges, with the settings found for the model"
            f" as it stands; a method {FAR} times behind is left out."
        )
    )
    return Text(
        "Throughput counts the bytes that the client asked for. Bold: best mean."
        f"{drawn} {LEGEND} {outcome.simulations} simulations.",
        style="dim",
    )


def _lead(share: float) -> str:
    """Return a lead as a percentage, or as a factor where it is large."""
    return f"{100 * share:.1f} %" if share < 1 else f"{share + 1:.3g} times"
