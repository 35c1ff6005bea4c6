"""What the commands that ask questions share: what they are about, and where it is simulated."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, TypeAlias, get_args

import typer

from simaccess.cli.options import parse_settings
from simaccess.cli.output import Ended
from simaccess.cli.progress import progress

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from simaccess.objective import Objective
    from simaccess.pool import Pool
    from simaccess.progress import Count
    from simaccess.questions.axis import Axis, Scale
    from simaccess.questions.case import Case

__all__ = [
    "Consumers",
    "Jobs",
    "Memory",
    "Methods",
    "Model",
    "ObjectiveName",
    "Places",
    "Replications",
    "ScaleName",
    "Seed",
    "Shared",
    "Tune",
    "case",
    "console",
    "ends",
    "heading",
    "objective_of",
    "require",
    "scale_of",
    "show",
    "simulating",
    "tell",
]

Model: TypeAlias = Annotated[
    str,
    typer.Option("--model", metavar="NAME|FILE", help="The link: see 'simaccess models list'."),
]
Methods: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--methods",
        metavar="NAME,NAME",
        help="Access methods, parted by commas. Default: all four.",
    ),
]
Memory: TypeAlias = Annotated[
    str | None,
    typer.Option("--memory", metavar="NAME|FILE", help="The host's memory behind a PCI bus."),
]
Consumers: TypeAlias = Annotated[
    int, typer.Option("--consumers", metavar="N", help="How many share the link.")
]
Shared: TypeAlias = Annotated[
    bool, typer.Option("--shared-shadow", help="Let the consumers share one shadow.")
]
ObjectiveName: TypeAlias = Annotated[
    str,
    typer.Option(
        "--objective", metavar="NAME", help="What the best is best in: throughput or latency."
    ),
]
Tune: TypeAlias = Annotated[
    bool, typer.Option("--tune", help="Give each method its own best parameters, at every place.")
]
Seed: TypeAlias = Annotated[
    int, typer.Option("--seed", metavar="N", help="The first replication's; others are spawned.")
]
Replications: TypeAlias = Annotated[
    int,
    typer.Option("--replications", metavar="N", help="Seeds, where anything is drawn from them."),
]
Jobs: TypeAlias = Annotated[
    int | None,
    typer.Option("--jobs", metavar="N", help="Processes that simulate; default: one a processor."),
]
Places: TypeAlias = Annotated[
    int | None,
    typer.Option("--places", metavar="N", help="Places of the scan, both ends included."),
]
ScaleName: TypeAlias = Annotated[
    str,
    typer.Option(
        "--scale",
        metavar="NAME",
        help="Steps of the scan: linear, log, or auto: log from a factor of 10 on.",
    ),
]

_WIDTH = 100


def require(key: str, value: float | None, least: float, *, above: bool = False) -> None:
    """Refuse an option's number that is too low.

    Raises
    ------
    InputError
        If it is less than `least`; with `above`, also if it is that.
    """
    from simaccess.errors import InputError

    if value is not None and not (value > least if above else value >= least):
        allowed = f"more than {least:g}" if above else f"{least:g} or more"
        raise InputError("too low", key=f"--{key}", value=value, allowed=allowed)


def case(  # noqa: PLR0917  # as the commands' options follow each other
    model: str,
    workload: str,
    methods: str | None,
    settings: Sequence[str] | None,
    memory: str | None,
    consumers: int,
    shared: bool,
) -> Case:
    """Return what a question is about, checked."""
    from simaccess.compare import METHODS
    from simaccess.questions.case import Case, pairs

    names = METHODS if methods is None else tuple(each.strip() for each in methods.split(","))
    given = pairs(parse_settings(settings))
    made = Case(model, workload, names, given, memory, consumers, shared)
    made.loaded()
    return made


def ends(option: str, text: str) -> tuple[str, str | None, str | None]:
    """Return the key and the ends of ``KEY=LOW:HIGH``, or a key alone.

    Raises
    ------
    InputError
        If it is neither.
    """
    from simaccess.errors import InputError

    key, equals, span = text.partition("=")
    low, colon, high = (part.strip() for part in span.partition(":"))
    key = key.strip().removeprefix("model.")
    if not key or (equals and not (low and colon and high)):
        raise InputError("no span", key=option, value=text, allowed="KEY=LOW:HIGH")
    return (key, low, high) if equals else (key, None, None)


def objective_of(name: str) -> Objective:
    """Return an objective by its name, or refuse it."""
    from simaccess.errors import InputError
    from simaccess.objective import OBJECTIVES

    for each in OBJECTIVES:
        if each == name:
            return each
    raise InputError("no such objective", key="--objective", value=name, allowed=OBJECTIVES)


def scale_of(name: str) -> Scale:
    """Return a scale by its name, or refuse it."""
    from simaccess.errors import InputError
    from simaccess.questions.axis import Scale

    names: tuple[Scale, ...] = get_args(Scale)
    for each in names:
        if each == name:
            return each
    raise InputError("no such scale", key="--scale", value=name, allowed=names)


@contextmanager
def simulating(jobs: int | None) -> Iterator[tuple[Pool, Count]]:
    """Provide processes that simulate, and what counts simulations; a terminal shows the count."""
    from simaccess.pool import WorkerDied, available, processes
    from simaccess.progress import Count

    try:
        with progress("simulations") as report:
            count = Count(report)
            wanted = available() if jobs is None else jobs
            with processes(wanted, count.did, preload="simaccess.questions.log_times") as pool:
                yield pool, count
    except WorkerDied as error:
        raise Ended(f"error: {error}", 1) from None


def console() -> Console:
    """Return where text is printed: as wide as the terminal, else 100 columns."""
    from rich.console import Console

    return Console(highlight=False, width=None if sys.stdout.isatty() else _WIDTH)


def show(out: Console, table: Table) -> None:
    """Print a table; where it is not for a terminal, without spaces at the ends of its lines."""
    if sys.stdout.isatty():
        out.print(table)
        return
    with out.capture() as captured:
        out.print(table)
    sys.stdout.write("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))


def tell(out: Console, line: str, style: str = "") -> None:
    """Print a line as it is, however long."""
    out.print(line, style=style, soft_wrap=True, markup=False)


def heading(asked: Case, what: str, along: Axis | None = None) -> str:
    """Return the first line of an answer: what it is about."""
    told = [f"{asked.model}, {asked.workload}"]
    if along is not None:
        told.append(
            f"{along.key} from {along.shown(along.span.low)} to {along.shown(along.span.high)}"
        )
    told.append(what)
    told += [f"{key}={value}" for key, value in asked.settings]
    if asked.consumers > 1:
        told.append(f"{asked.consumers} consumers")
    return ", ".join(told)
