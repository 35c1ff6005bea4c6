"""The tables of a validation, in Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from simaccess.measured import MeasuredSet
from simaccess.validate import Validation

__all__ = ["HEADING", "by_class", "by_method", "conditions", "row"]

Found = Mapping[tuple[str, str], Validation]
"""Validations by setting and congestion control, or by link and nothing."""


def share(value: float | None) -> str:
    """Return a share as text."""
    return "n/a" if value is None else f"{100 * value:.1f} %"


def row(name: str, found: Validation) -> str:
    """Return a row of the report's tables."""
    errors = found.overall
    entries = [
        name,
        str(errors.points),
        f"{share(errors.median_error)} / {share(errors.p95_error)}",
        f"{share(errors.baseline_median_error)} / {share(errors.baseline_p95_error)}",
        share(errors.split_half_p95),
        share(errors.coverage),
        f"{share(found.threshold.median_error)} ({found.threshold.points})",
        share(found.rank_agreement),
        _regret(found),
    ]
    return "| " + " | ".join(entries) + " |"


def _regret(found: Validation) -> str:
    if not found.regret or found.regret_interval is None:
        return share(found.regret)
    low, high = found.regret_interval
    return f"{share(found.regret)} ({100 * low:.1f} to {share(high)})"


HEADING = """\
| link | points | error, median / p95 | baseline, median / p95 | split-half p95 | inside 90 % \
| on threshold, median (points) | ranks | regret (95 %) |
|---|---|---|---|---|---|---|---|---|"""


def conditions(sets: Mapping[str, MeasuredSet]) -> Iterator[str]:
    """Yield when, where and of what the sets were measured."""
    columns = (
        "link, date, machine, kernel, load average before and after, processor time in use before "
        "and after, cells, repetitions, discarded"
    )
    yield from ("## Measured", "", f"| {columns.replace(', ', ' | ')} |", "|---" * 9 + "|")
    for name, measured in sets.items():
        header = measured.header
        load = [header.get("load", {}).get(when, {}) for when in ("before", "after")]
        averages = [" ".join(f"{each:.1f}" for each in one.get("average", ())) for one in load]
        entries = [
            name,
            str(header.get("date", ""))[:10],
            _machine(header.get("machine", {})),
            str(header.get("kernel", "")).partition("-")[0],  # the rest is its builder's
            "; ".join(averages),
            "; ".join(f"{one.get('busy_percent', float('nan')):.0f} %" for one in load),
            str(len(measured.cells)),
            str(len(measured.frame)),
            str(sum(measured.discarded(cell) for cell in measured.cells)),
        ]
        yield "| " + " | ".join(entries) + " |"
    yield ""


def _machine(told: Mapping[str, Any]) -> str:
    memory = told.get("memory", 0) / 2**30
    return f"{told.get('cpu', '')}, {told.get('processors', '')} processors, {memory:.0f} GiB"


def by_class(found: Found) -> Iterator[str]:
    """Yield the errors of each class of points: a row a class, a column a set."""
    yield from (
        "## By operation, size and state",
        "",
        "Error, median / 95th percentile, and points.",
    )
    classes = sorted({kind for each in found.values() for kind in each.classes})
    names = [", ".join(filter(None, key)) for key in found]
    yield from ("", f"| | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|")
    for kind in classes:
        entries = []
        for each in found.values():
            errors = each.classes.get(kind)
            entries.append(
                ""
                if errors is None
                else f"{share(errors.median_error)} / {share(errors.p95_error)} ({errors.points})"
            )
        yield f"| {', '.join(kind)} | {' | '.join(entries)} |"


def by_method(found: Found) -> Iterator[str]:
    """Yield the methods on each workload: as measured, as predicted, and what choosing costs."""
    yield from (
        "## Methods",
        "",
        "Seconds, measured (predicted), each method at its own best parameters.",
        "",
        "| link | workload | zero-copy | copy-once | hybrid | prefetch | best | chosen | order | regret |",
        "|---|---|---|---|---|---|---|---|---|---|",
    )
    for key, each in found.items():
        for choice in each.choices:
            times = [
                f"{choice.measured[method]:.4g} ({choice.predicted[method]:.4g})"
                for method in ("zero-copy", "copy-once", "hybrid", "prefetch")
            ]
            entries = [", ".join(filter(None, key)), choice.workload, *times, choice.best]
            entries += [choice.chosen, f"{choice.agreeing} of {choice.pairs}", share(choice.regret)]
            yield f"| {' | '.join(entries)} |"
