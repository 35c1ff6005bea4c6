"""The subcommand ``crossover``: where along an axis the best method changes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any

import typer

from simaccess.cli.asking import (
    Consumers,
    Jobs,
    Memory,
    Methods,
    Model,
    ObjectiveName,
    Places,
    Replications,
    ScaleName,
    Seed,
    Shared,
    Tune,
    case,
    console,
    ends,
    heading,
    objective_of,
    require,
    scale_of,
    show,
    simulating,
    tell,
)
from simaccess.cli.compare import WORKLOAD
from simaccess.cli.options import Json, Set, examples
from simaccess.cli.output import print_json

if TYPE_CHECKING:
    from simaccess.questions.axis import Axis
    from simaccess.questions.case import Case
    from simaccess.questions.crossover import Change, Crossover, Leader

__all__ = ["EPILOG", "crossover"]

EPILOG = examples(
    "simaccess crossover --axis path.rtt=1ms:200ms --model wan-20ms-100mbit --workload sequential",
    "simaccess crossover --axis workload.payload_probability=0:1 --model pci-64-66 \\",
    "    --workload header-payload --methods copy-once,hybrid --precision 0.02",
)

AXIS = typer.Option(
    "--axis",
    metavar="KEY=LOW:HIGH",
    help="What is varied: a key of --set ('model.' may stand before one of the model), and its ends"
    " with units.",
)
PRECISION = typer.Option(
    "--precision",
    metavar="SHARE",
    help="Replicate until each change is known to this share of its place (on a linear axis: of"
    " the axis), in place of a number of replications.",
)
MOST = typer.Option("--most", metavar="N", help="Most replications with --precision.")
TOLERANCE = typer.Option(
    "--tolerance", metavar="SHARE", help="How near a search comes, measured as --precision is."
)


def crossover(  # noqa: PLR0917  # typer passes them by name
    model: Model,
    axis: Annotated[str, AXIS],
    workload: Annotated[str, WORKLOAD],
    methods: Methods = None,
    settings: Set = None,
    memory: Memory = None,
    consumers: Consumers = 1,
    shared_shadow: Shared = False,
    objective: ObjectiveName = "throughput",
    tune: Tune = False,
    replications: Replications = 10,
    precision: Annotated[float | None, PRECISION] = None,
    most: Annotated[int, MOST] = 200,
    places: Places = None,
    scale: ScaleName = "auto",
    tolerance: Annotated[float, TOLERANCE] = 1e-3,
    seed: Seed = 0,
    jobs: Jobs = None,
    json: Json = False,
) -> None:
    """Find where along an axis the best method changes.

    A scan asks which method is best at a few places. Between two at which it differs, a search
    finds the root of the paired difference, over the same replications for all methods and places,
    and the interval in which it lies.
    """
    from simaccess.errors import InputError
    from simaccess.questions.axis import axis as along_of
    from simaccess.questions.crossover import PLACES
    from simaccess.questions.crossover import crossover as find
    from simaccess.questions.log_times import LogTimes
    from simaccess.statistics.stopping import FIRST, StopRule

    asked = case(model, workload, methods, settings, memory, consumers, shared_shadow)
    key, low, high = ends("--axis", axis)
    if low is None or high is None:
        raise InputError("no span", key="--axis", value=axis, allowed="KEY=LOW:HIGH")
    if key in dict(asked.settings):
        raise InputError("is the axis already", key="--set", value=key, allowed="other keys")
    along = along_of(key, low, high, asked, scale_of(scale))
    require("replications", replications, 1)
    require("places", places, 2)
    require("seed", seed, 0)
    require("tolerance", tolerance, 0, above=True)
    require("precision", precision, 0, above=True)
    rule = None
    if precision is not None:
        require("most", most, 2)
        rule = StopRule(precision, min(FIRST, most), most)
    with simulating(jobs) as (pool, count):
        times = LogTimes(pool, count, objective_of(objective), seed, tune=tune)
        found = find(
            asked,
            along,
            times,
            replications=replications,
            rule=rule,
            places=PLACES if places is None else places,
            tolerance=tolerance,
        )
    if json:
        print_json(_document(found, asked, along, objective, seed))
    else:
        _print(found, asked, along, objective)


def _document(
    found: Crossover, asked: Case, along: Axis, objective: str, seed: int
) -> dict[str, Any]:
    return {
        "model": asked.model,
        "workload": asked.workload,
        "methods": asked.methods,
        "set": dict(asked.settings),
        "memory": asked.memory,
        "consumers": asked.consumers,
        "objective": objective,
        "seed": seed,
        "axis": {
            "key": along.key,
            "unit": along.leaf.unit,
            "low": along.span.low,
            "high": along.span.high,
            "scale": "log" if along.span.logarithmic else "linear",
        },
        **found.to_dict(),
    }


def _print(found: Crossover, asked: Case, along: Axis, objective: str) -> None:
    from rich.table import Table

    out = console()
    tell(out, heading(asked, objective, along), "bold")
    made = Table(box=None, padding=(0, 3, 0, 0), pad_edge=False, header_style="bold")
    for column in (along.key, "best", "ahead of the second by"):
        made.add_column(column)
    for row in _stretches(found, along):
        made.add_row(*row)
    show(out, made)
    for line in (*(_change(each, found, along) for each in found.changes), *_notes(found, along)):
        tell(out, line)
    tell(out, f"{found.simulations:,} simulations.", "dim")


def _stretches(found: Crossover, along: Axis) -> Iterator[tuple[str, str, str]]:
    """Yield a row for each stretch with one best method."""
    borders = [along.span.low, *(each.place for each in found.changes), along.span.high]
    for number, (low, high) in enumerate(pairwise(borders)):
        inside = [each for each in found.scan if low <= each.place <= high and each.decided]
        if found.changes:
            best = found.changes[number - 1].after if number else found.changes[0].before
            inside = [each for each in inside if set(each.best) & set(best)]
        else:
            best = next((each.best for each in inside), ())
        yield (
            f"{along.shown(low)} to {along.shown(high)}",
            " = ".join(best) or "too close to call",
            _leads(inside),
        )


def _leads(places: list[Leader]) -> str:
    from simaccess.present import lead

    known = sorted((each.lead, each.second) for each in places if each.second is not None)
    if not known:
        return "-"
    least, most = known[0], known[-1]
    if lead(least[0]) == lead(most[0]):
        return f"{lead(least[0])} ({least[1]})"
    if least[1] == most[1]:
        return f"{lead(least[0])} to {lead(most[0])} ({most[1]})"
    return f"{lead(least[0])} ({least[1]}) to {lead(most[0])} ({most[1]})"


def _change(change: Change, found: Crossover, along: Axis) -> str:
    from simaccess.verdict import LEAD

    place, low, high = along.shown_between(change.place, change.low, change.high)
    sure = f"between {low} and {high}"
    if found.replications > 1:
        sure = f"95 %: {low} to {high}, {found.replications} seeds"
    level = f"{along.shown(change.level_low)} to {along.shown(change.level_high)}"
    return (
        f"At {place} ({sure}) {' = '.join(change.before)} gives way to"
        f" {' = '.join(change.after)}; within {100 * LEAD:.0f} % of each other from {level}."
    )


def _notes(found: Crossover, along: Axis) -> Iterator[str]:
    if not found.changes:
        yield "No change of the best method is bracketed by the places that were looked at."
    if found.undecided:
        places = ", ".join(along.shown(each.place) for each in found.undecided)
        yield f"Too close to call with {found.replications} seeds at {places}."
    if found.replications == 1:
        yield "One seed: the intervals are those of the search alone."
    count = len(found.scan)
    step = "in equal steps"
    if along.span.logarithmic:
        factor = (along.span.high / along.span.low) ** (1 / (count - 1))
        step = f"each {factor:.3g} times the one before"
    yield (
        f"Scanned {count} places, {step}; two changes between neighbouring places are not seen"
        " (--places)."
    )
