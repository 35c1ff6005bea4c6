"""The subcommand ``sensitivity``: which parameter of a link decides the winner."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from simaccess.cli.asking import (
    Asked,
    console,
    heading,
    question,
    show,
    simulated,
    tell,
)
from simaccess.cli.compare import WORKLOAD
from simaccess.cli.notes import note_arrivals
from simaccess.cli.options import examples
from simaccess.cli.output import print_json

if TYPE_CHECKING:
    from simaccess.questions.case import Case
    from simaccess.questions.sensitivity import Index, Sensitivity
    from simaccess.questions.simulations import Simulations

__all__ = ["EPILOG", "sensitivity"]

EPILOG = examples(
    "simaccess sensitivity --model example-link --workload header-payload",
    "simaccess sensitivity --model pci-64-66 --workload filter --methods zero-copy,hybrid --samples 128",
    "simaccess sensitivity --model wan-20ms-100mbit --workload sequential --parameter path.rtt \\",
    "    --parameter path.loss --parameter path.buffer",
)

PARAMETER = typer.Option(
    "--parameter",
    metavar="KEY",
    help="A parameter of the link that varies; may be repeated. Default: all that have a range.",
)
SAMPLES = typer.Option(
    "--samples",
    metavar="N",
    help="Rows of the design, a power of two; a row has two more points than there are parameters.",
)


@question
def sensitivity(
    asked: Asked,
    workload: Annotated[str, WORKLOAD],
    parameter: Annotated[list[str] | None, PARAMETER] = None,
    samples: Annotated[int, SAMPLES] = 256,
) -> None:
    """Tell which parameters of a link decide the winner, by Sobol indices over their ranges.

    The first-order index is the share of the variance that a parameter causes by itself, the
    total-order one what it causes alone and together with others. How many simulations it takes
    is said before.
    """
    from simaccess.questions.sensitivity import check, points, uncertain
    from simaccess.questions.sensitivity import sensitivity as find

    case = asked.case(workload)
    keys = uncertain(case, parameter or ())
    check(case, samples)
    count = points(samples, len(keys))
    tuning = ", and those of tuning" if asked.tune else ""
    sys.stderr.write(
        f"{samples:,} rows x ({len(keys)} parameters + 2) x {len(case.methods)} methods: at most"
        f" {count * len(case.methods):,} simulations{tuning}\n"
    )
    note_arrivals([case.scenario(case.methods[0])])
    with asked.simulating() as (times, simulations):
        found = find(case, times, keys=keys, samples=samples, seed=asked.seed)
    if asked.json:
        print_json({**asked.document(case), **found.to_dict()})
    else:
        _print(found, heading(case, asked.objective), _counts(found, case, asked, simulations))


def _print(found: Sensitivity, title: str, counts: str) -> None:
    from rich.table import Table

    out = console()
    tell(out, title, "bold")
    tell(out, "Best where parameters lie anywhere in their ranges:")
    wins = Table(box=None, padding=(0, 3, 0, 2), pad_edge=False, show_header=False)
    for method in sorted(found.wins, key=lambda each: -found.wins[each]):
        low, high = found.intervals[method]
        share = f"{100 * found.wins[method]:.1f} %"
        wins.add_row(method, share, f"(95 %: {100 * low:.1f} to {100 * high:.1f} %)")
    show(out, wins)
    one, other = found.pair
    tell(
        out,
        f"What decides between {one} and {other}, as shares of the variance of the log ratio of"
        f" their times (its deviation: {_factor(found.ratio.spread)}):",
    )
    if found.ratio.parameters:
        show(out, _table(found.ratio.parameters))
    else:
        tell(out, "  nothing: they take equally long, or always in the same ratio")
    tell(out, "What decides each method's time, by total order:")
    for each in found.times:
        told = ", ".join(f"{index.key} {index.total:.2f}" for index in each.parameters[:3])
        tell(out, f"  {each.figure.removeprefix('time of ')}: {told or 'nothing'}")
    if found.redrawn:
        from simaccess.present import counted

        tell(
            out,
            f"{counted(found.redrawn, 'row')} drawn again, since the model refuses the combination of one of"
            " their points; the next ones took their place.",
        )
    tell(out, counts, "dim")


def _counts(found: Sensitivity, case: Case, asked: Asked, simulations: Simulations) -> str:
    """Return how the number of simulations comes about."""
    whole = found.points * len(case.methods)
    from simaccess.present import counted

    methods = counted(len(case.methods), "method")
    rows = f"{counted(found.samples, 'row')}, {counted(found.points, 'point')} x {methods}"
    alike = whole - found.simulations
    if asked.tune or alike <= 0:
        return f"{rows}; {simulated(simulations)}"
    return f"{rows}, of which {alike:,} are alike and were simulated once: {simulated(simulations)}"


_SHOWN = 0.01  # parameters below this total order are told together


def _table(parameters: tuple[Index, ...]) -> Any:  # a table of rich, which is imported late
    from rich.table import Table

    made = Table(box=None, padding=(0, 3, 0, 2), pad_edge=False, header_style="bold")
    made.add_column("")
    for column in ("first order", "95 %", "total order", "95 %"):
        made.add_column(column, justify="right")
    shown = [each for each in parameters if each.total >= _SHOWN] or list(parameters[:1])
    for each in shown:
        made.add_row(
            each.key,
            _index(each.first),
            " to ".join(map(_index, each.first_interval)),
            _index(each.total),
            " to ".join(map(_index, each.total_interval)),
        )
    rest = len(parameters) - len(shown)
    if rest:
        made.add_row(f"{rest} more", "", "", f"< {_SHOWN}", "")
    return made


def _index(value: float) -> str:
    return f"{round(value, 2) + 0.0:.2f}"  # + 0.0, since -0.00 reads strangely


def _factor(spread: float) -> str:
    from math import exp

    return f"a factor of {exp(spread):.3g}"
