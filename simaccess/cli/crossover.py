"""The subcommand ``crossover``: where along an axis the best method changes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated

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
from simaccess.cli.compare import WORKLOAD
from simaccess.cli.notes import note_arrivals
from simaccess.cli.options import examples
from simaccess.cli.output import print_json

if TYPE_CHECKING:
    from simaccess.questions.axis import Axis
    from simaccess.questions.crossover import Change, Crossover, Leader
    from simaccess.questions.crossover_draws import DrawnChange, Spread

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
DRAWS = typer.Option(
    "--draws",
    metavar="N",
    help="Models drawn from the ranges of the link's parameters, each with a crossover of its own:"
    " how the change spreads over what is not known.",
)


@question
def crossover(  # noqa: PLR0917  # typer passes them by name
    asked: Asked,
    axis: Annotated[str, AXIS],
    workload: Annotated[str, WORKLOAD],
    replications: Replications = 10,
    precision: Annotated[float | None, PRECISION] = None,
    most: Annotated[int, MOST] = 200,
    draws: Annotated[int, DRAWS] = 0,
    places: Places = None,
    scale: ScaleName = "auto",
    tolerance: Annotated[float, TOLERANCE] = 1e-3,
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
    from simaccess.questions.crossover_draws import spread
    from simaccess.statistics.stopping import FIRST, StopRule

    case = asked.case(workload)
    key, low, high = ends("--axis", axis)
    if low is None or high is None:
        raise InputError("no span", key="--axis", value=axis, allowed="KEY=LOW:HIGH")
    if key in dict(case.settings):
        raise InputError("is the axis already", key="--set", value=key, allowed="other keys")
    along = along_of(key, low, high, case, scale_of(scale))
    require("replications", replications, 1)
    require("places", places, 2)
    require("draws", draws, 0)
    require("tolerance", tolerance, 0, above=True)
    require("precision", precision, 0, above=True)
    rule = None
    if precision is not None:
        require("most", most, 2)
        rule = StopRule(precision, min(FIRST, most), most)
    places = PLACES if places is None else places
    drawn = None
    note_arrivals([case.scenario(case.methods[0])])
    with asked.simulating() as (times, simulations):
        found = find(
            case,
            along,
            times,
            replications=replications,
            rule=rule,
            places=places,
            tolerance=tolerance,
        )
        if draws:
            drawn = spread(
                case,
                along,
                times,
                draws,
                asked.seed,
                replications=found.replications,
                places=places,
                tolerance=tolerance,
            )
    if asked.json:
        of = {
            "key": along.key,
            "unit": along.leaf.unit,
            "low": along.span.low,
            "high": along.span.high,
            "scale": "log" if along.span.logarithmic else "linear",
        }
        document = {**asked.document(case), "axis": of, **found.to_dict()}
        document["simulations"] = simulations.done
        print_json(document | ({"draws": drawn.to_dict()} if drawn else {}))
    else:
        _print(found, drawn, heading(case, asked.objective, along), along, simulated(simulations))


def _print(
    found: Crossover, drawn: Spread | None, title: str, along: Axis, simulations: str
) -> None:
    from rich.table import Table

    out = console()
    tell(out, title, "bold")
    made = Table(box=None, padding=(0, 3, 0, 0), pad_edge=False, header_style="bold")
    for column in (along.key, "best", "ahead of the second by"):
        made.add_column(column)
    for row in _stretches(found, along):
        made.add_row(*row)
    show(out, made)
    for change in found.changes:
        tell(out, _change(change, found, along))
    for line in _drawn(drawn, along) if drawn else ():
        tell(out, line)
    for line in _notes(found, along):
        tell(out, line)
    tell(out, simulations, "dim")


def _drawn(drawn: Spread, along: Axis) -> Iterator[str]:
    """Yield what the draws say, the most frequent first."""
    whole = drawn.draws - drawn.refused
    refused = f" ({drawn.refused} more are refused on the axis)" if drawn.refused else ""
    yield f"Over {whole} models drawn from the parameters' ranges{refused}:"
    for change in drawn.changes:
        yield f"  {_drawn_change(change, whole, along)}"
    for best, count in drawn.throughout:
        who = f"{' = '.join(best)} is best throughout" if best else "it is too close to call"
        yield f"  in {100 * count / whole:.0f} % of them {who}"


def _drawn_change(change: DrawnChange, draws: int, along: Axis) -> str:
    low, high = change.interval
    ends = f"{along.shown(change.low)} and {along.shown(change.high)}"
    return (
        f"in {100 * change.count / draws:.0f} % of them (95 %: {100 * low:.0f} to"
        f" {100 * high:.0f} %) {' = '.join(change.before)} gives way to {' = '.join(change.after)},"
        f" in the median at {along.shown(change.median)}, 95 % of them between {ends}"
    )


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
