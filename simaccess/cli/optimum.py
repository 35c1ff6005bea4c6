"""The subcommand ``optimum``: the best value of a method's parameter."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from simaccess.cli.asking import (
    Asked,
    Places,
    Replications,
    ScaleName,
    console,
    ends,
    heading,
    question,
    require,
    scale_of,
    show,
    simulated,
    tell,
)
from simaccess.cli.notes import note_arrivals
from simaccess.cli.options import examples
from simaccess.cli.output import print_json

if TYPE_CHECKING:
    from simaccess.questions.axis import Axis
    from simaccess.questions.optimum import Optimum, Weighted

__all__ = ["EPILOG", "optimum"]

EPILOG = examples(
    "simaccess optimum --parameter method.threshold --model pci-64-66 --workload header-payload",
    "simaccess optimum --parameter method.block=1KiB:1MiB --model my-link.toml --methods copy-once \\",
    "    --workload sequential --weight 0.8 --workload random --weight 0.2",
    "simaccess optimum --parameter method.depth --model wan-20ms-100mbit --mix workloads.toml",
)

PARAMETER = typer.Option(
    "--parameter",
    metavar="KEY[=LOW:HIGH]",
    help="What is searched, and where; method.block, method.depth and method.threshold need no"
    " ends.",
)
WORKLOAD = typer.Option(
    "--workload", metavar="NAME|FILE", help="As for 'simaccess compare'; may be repeated."
)
WEIGHT = typer.Option(
    "--weight",
    metavar="W",
    help="Of each --workload in their order: its share of the requested bytes. Default: equal.",
)
MIX = typer.Option(
    "--mix",
    metavar="FILE",
    help="Workloads in a file: [[workloads]] with workload, weight and set, as in an experiment.",
)


@question
def optimum(  # noqa: PLR0917  # typer passes them by name
    asked: Asked,
    parameter: Annotated[str, PARAMETER],
    workload: Annotated[list[str] | None, WORKLOAD] = None,
    weight: Annotated[list[float] | None, WEIGHT] = None,
    mix: Annotated[Path | None, MIX] = None,
    replications: Replications = 10,
    places: Places = None,
    scale: ScaleName = "auto",
) -> None:
    """Find the best value of a parameter of each method that has it.

    Over several workloads, best is the least mean time of a requested byte (or the least mean of
    the median latencies), weighted by the workloads' shares. The lead over the default is that of
    seeds which the search has not seen.
    """
    from simaccess.errors import InputError
    from simaccess.questions.axis import axis
    from simaccess.questions.mix import even, read_mix
    from simaccess.questions.optimum import having, usual_axis
    from simaccess.questions.optimum import optimum as find

    if (mix is None) == (not workload):
        allowed = "either --workload, once or more, or --mix"
        raise InputError(
            "no workload" if mix is None else "two sources", key="--mix", allowed=allowed
        )
    if mix is not None and weight:
        raise InputError(
            "stands in the file", key="--weight", value=weight, allowed="with --workload"
        )
    require("replications", replications, 1)
    require("places", places, 2)
    key, low, high = ends("--parameter", parameter)

    cases = (
        even([asked.case(name) for name in workload or ()], weight)
        if mix is None
        else read_mix(mix, asked.case)
    )
    first = cases[0].case
    if key in dict(first.settings):
        raise InputError("is searched", key="--set", value=key, allowed="other keys")
    having_it = having(key, first.methods)
    steps = scale_of(scale)
    if low is None or high is None:
        along = usual_axis(key, [each.case for each in cases], steps)
    else:
        along = axis(key, low, high, first, steps)
    note_arrivals(each.case.scenario(each.case.methods[0]) for each in cases)
    with asked.simulating() as (times, simulations):
        found = [
            find(cases, method, along, times, replications=replications, places=places)
            for method in having_it
        ]
    if asked.json:
        print_json(_document(found, asked, cases, along, simulations.done))
    else:
        _print(found, cases, along, asked.objective, simulated(simulations))


def _document(
    found: Sequence[Optimum],
    asked: Asked,
    cases: Sequence[Weighted],
    along: Axis,
    simulations: int,
) -> dict[str, Any]:
    first = cases[0].case
    return {
        "model": first.model,
        "workloads": [
            {
                "workload": each.case.workload,
                "weight": each.weight,
                "set": dict(each.case.settings),
            }
            for each in cases
        ],
        "memory": first.memory,
        "consumers": first.consumers,
        "objective": asked.objective,
        "seed": asked.seed,
        "parameter": {
            "key": along.key,
            "unit": along.leaf.unit,
            "low": along.span.low,
            "high": along.span.high,
            "scale": "log" if along.span.logarithmic else "linear",
        },
        "simulations": simulations,
        "methods": [each.to_dict() for each in found],
    }


def _print(
    found: Sequence[Optimum],
    cases: Sequence[Weighted],
    along: Axis,
    objective: str,
    simulations: str,
) -> None:
    from rich.table import Table

    out = console()
    first = cases[0].case
    if len(cases) > 1:
        first = replace(first, workload=f"{len(cases)} workloads", settings=())
    tell(out, heading(first, objective, along), "bold")
    made = Table(box=None, padding=(0, 3, 0, 0), pad_edge=False, header_style="bold")
    made.add_column("")
    for each in found:
        made.add_column(each.method, justify="right")
    for label, *cells in _rows(found, cases, along):
        made.add_row(label, *cells)
    show(out, made)
    for line in _notes(found, along):
        tell(out, line)
    tell(out, simulations, "dim")


def _rows(
    found: Sequence[Optimum], cases: Sequence[Weighted], along: Axis
) -> Iterator[tuple[str, ...]]:
    from simaccess.present import lead

    def default(each: Optimum) -> str:
        if each.default is None:  # left to the workload, or to the method
            return "its records" if along.key == "method.block" else "-"
        return along.shown(each.default)

    def interval(each: Optimum, end: int) -> str:
        return "-" if each.interval is None else lead(each.interval[end])

    yield "best", *(along.shown(each.place) for each in found)
    for number, flat in enumerate(found[0].flat):
        # From and to have lines of their own: so four methods fit into 80 columns.
        ends = [each.flat[number] for each in found]
        yield f"within {100 * flat.share:.0f} % from", *(along.shown(each.low) for each in ends)
        yield "           to", *(along.shown(each.high) for each in ends)
    yield "default", *(default(each) for each in found)
    yield "best over default", *(lead(each.lead) for each in found)
    if any(each.interval for each in found):
        yield "     95 % from", *(interval(each, 0) for each in found)
        yield "           to", *(interval(each, 1) for each in found)
    if len(cases) > 1:
        whole = sum(each.weight for each in cases)
        for number, each in enumerate(cases):
            share = f"{100 * each.weight / whole:.0f} %"
            label = f"  {each.case.workload}, {share}"
            yield label, *(lead(one.leads[number]) for one in found)


def _notes(found: Sequence[Optimum], along: Axis) -> Iterator[str]:
    edges = [each.method for each in found if each.place in (along.span.low, along.span.high)]
    if edges:
        yield f"At an end of what was searched, and perhaps better beyond: {', '.join(edges)}."
    if found[0].drawn:
        count = found[0].replications
        yield f"Searched with {count} seeds, the same for every value; the lead is of {count} others."
    else:
        yield "One seed: there is no interval of the lead."
    for each in found:
        if (each.interval or (each.lead, each.lead))[1] < 0:
            yield f"No value that was tried for {each.method} is better than the default."
    scan = found[0].scan
    step = "in equal steps"
    if along.span.logarithmic:
        factor = (along.span.high / along.span.low) ** (1 / (len(scan) - 1))
        step = f"each about {factor:.3g} times the one before"
    whole = along.span.whole and len(scan) == along.span.high - along.span.low + 1
    if whole:
        yield "Every value was tried."
    else:
        yield (
            f"Scanned {len(scan)} values, {step}, then searched around the best ones; a narrow dip"
            " elsewhere is not seen (--places)."
        )
