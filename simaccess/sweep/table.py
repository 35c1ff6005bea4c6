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
from simaccess.sweep.conditions_shown import conditions_shown
from simaccess.sweep.outcome import Cell, Outcome
from simaccess.sweep.uncertainty import FAR
from simaccess.tune import CAPACITY, searched, shown_settings
from simaccess.verdict import LEGEND, Verdict

__all__ = ["WIDTH", "as_text", "table", "verdict_shown"]

WIDTH = 100
"""Columns of the table as text."""

_NAMES: Mapping[Objective, str] = {"throughput": "throughput", "latency": "median latency"}

_LABELS = 16  # columns of the labels on the left


def table(outcome: Outcome, columns: int = WIDTH, *, styled: bool = True) -> RenderableType:
    """Return the answer, to be printed by rich on as many columns, with or without bold."""
    parts: list[RenderableType] = [Text(outcome.question, style="bold")]
    for link, cells in groupby(outcome.cells, key=lambda cell: cell.model):
        parts += ["", *_link(link, list(cells), outcome, columns)]
    parts += ["", conditions_shown(outcome.cells, columns), "", _legend(outcome, styled=styled)]
    return Group(*parts)


def as_text(outcome: Outcome, columns: int = WIDTH) -> str:
    """Return the answer as plain text, at most so many columns wide."""
    stream = io.StringIO()
    plain = table(outcome, columns, styled=False)
    Console(file=stream, width=columns, color_system=None).print(plain)
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines()) + "\n"


def verdict_shown(verdict: Verdict, *, seeded: bool) -> str:
    """Return a verdict in one line."""
    if not verdict.rivals:
        return f"{verdict.best}, alone"
    second = verdict.rivals[0]
    sure = f"{_lead(second.lead)} {'over' if second.lead < 1 else 'that of'} {second.method}"
    if second.interval is None:
        sure += " (1 seed)" if seeded else " (nothing is drawn)"
    elif second.interval[0] != second.interval[1]:
        low, high = second.interval
        ends = f"{_percent(low)} to {_percent(high)} %"
        if second.lead >= 1:
            ends = f"{low + 1:.4g} to {high + 1:.4g} times"
        sure += f" (95 %: {ends}, {verdict.replications} seeds)"
    elif second.lead:
        sure += " (nothing is drawn)"
    else:
        sure += f" (with each of {verdict.replications} seeds)"
    if verdict.share is not None:
        sure += f", best or level in {100 * verdict.share:.0f} % of {verdict.draws} draws"
        often = max(verdict.shares, key=verdict.shares.__getitem__, default=verdict.best)
        unsure = any("parameters" in rival.close for rival in verdict.rivals)
        if unsure and often != verdict.best:
            sure += f" ({often}: {100 * verdict.shares[often]:.0f} %)"
    if verdict.decided:
        return f"{verdict.best}: {sure}"
    reasons = sorted({reason for rival in verdict.rivals for reason in rival.close})
    close = ", ".join((verdict.best, *verdict.close))
    return f"too close to call ({', '.join(reasons)}): {close}; {verdict.best} {sure}"


def _link(link: str, cells: list[Cell], outcome: Outcome, columns: int) -> Iterator[RenderableType]:
    methods = outcome.methods
    width = max(12, (columns - _LABELS) // len(methods) - 1)
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
    labels = ("throughput", "latency p50", "latency p99", "block x depth", "shadow")
    rows: dict[str, list[Text]] = {label: [] for label in labels}
    for method in methods:
        first = cell.replications[method][0]
        best = {objective: found.best == method for objective, found in cell.verdicts.items()}
        throughput = present.rate(cell.mean(method, "throughput"))
        rows["throughput"].append(Text(throughput, style="bold" if best["throughput"] else ""))
        latency = present.seconds(cell.mean(method, "latency"))
        rows["latency p50"].append(Text(latency, style="bold" if best["latency"] else ""))
        tail = "n/a" if first.latency_s.p99 is None else present.seconds(first.latency_s.p99)
        rows["latency p99"].append(Text(tail))
        block, _, shadow = shown_settings(first).partition(" in ")
        rows["block x depth"].append(Text(block))
        rows["shadow"].append(Text(shadow or ("-" if block == "-" else present.size(CAPACITY))))
    grid = _grid(width, len(methods))
    for label, shown in rows.items():
        grid.add_row(f"  {label}", *shown)
    return grid


def _grid(width: int, columns: int) -> Table:
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(width=_LABELS - 1)
    for _ in range(columns):
        grid.add_column(width=width)
    return grid


def _legend(outcome: Outcome, *, styled: bool) -> Text:
    bold = " Bold: best mean." if styled else ""
    drawn = (
        ""
        if not any(any(cell.draws.values()) for cell in outcome.cells)
        else (
            " Draws: models drawn from their parameters' ranges, with the settings found for the model"
            f" as it stands; a method {FAR} times behind is left out."
        )
    )
    tuned = f" {searched()}" if any(cell.tunings for cell in outcome.cells) else ""
    return Text(
        f"Throughput counts the bytes that the client asked for.{bold}"
        f"{tuned}{drawn} {LEGEND} {present.counted(outcome.simulations, 'simulation')}.",
        style="dim",
    )


def _lead(share: float) -> str:
    """Return a lead as a percentage, or as a factor where it is large."""
    return f"{_percent(share)} %" if share < 1 else f"{share + 1:.3g} times"


def _percent(share: float) -> str:
    return f"{round(100 * share, 1) + 0.0:.1f}"  # + 0.0, since -0.0 reads strangely
