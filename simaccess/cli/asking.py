"""What the commands that ask questions share: their options, and where it is simulated."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, get_args, get_type_hints

import typer

from simaccess.cli.keeping import keeping
from simaccess.cli.options import Jobs, Json, Set, parse_settings
from simaccess.cli.progress import progress

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from simaccess.questions.axis import Axis, Scale
    from simaccess.questions.case import Case
    from simaccess.questions.log_times import LogTimes
    from simaccess.questions.simulations import Simulations

__all__ = [
    "Asked",
    "Places",
    "Replications",
    "ScaleName",
    "console",
    "ends",
    "heading",
    "question",
    "require",
    "scale_of",
    "show",
    "simulated",
    "tell",
]

Replications: TypeAlias = Annotated[
    int,
    typer.Option("--replications", metavar="N", help="Seeds, where anything is drawn from them."),
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

MODEL = typer.Option("--model", metavar="NAME|FILE", help="The link: see 'simaccess models list'.")
METHODS = typer.Option(
    "--methods", metavar="NAME,NAME", help="Access methods, parted by commas. Default: all four."
)
MEMORY = typer.Option("--memory", metavar="NAME|FILE", help="The host's memory behind a PCI bus.")
CONSUMERS = typer.Option("--consumers", metavar="N", help="How many share the link.")
SHARED = typer.Option("--shared-shadow", help="Let the consumers share one shadow.")
OBJECTIVE = typer.Option(
    "--objective", metavar="NAME", help="What the best is best in: throughput or latency."
)
TUNE = typer.Option("--tune", help="Give each method its own best parameters, at every place.")
SEED = typer.Option("--seed", metavar="N", help="The first replication's; others are spawned.")
STORE = typer.Option(
    "--store",
    metavar="DIR",
    help="Keep every simulation in a folder (sweep.sqlite) as it is done, and take what is there"
    " already: after any end the same command goes on from there.",
)

_WIDTH = 100


@dataclass(frozen=True, slots=True)
class Asked:
    """The options that all questions have."""

    model: Annotated[str, MODEL]
    methods: Annotated[str | None, METHODS] = None
    settings: Set = None
    memory: Annotated[str | None, MEMORY] = None
    consumers: Annotated[int, CONSUMERS] = 1
    shared_shadow: Annotated[bool, SHARED] = False
    objective: Annotated[str, OBJECTIVE] = "throughput"
    tune: Annotated[bool, TUNE] = False
    seed: Annotated[int, SEED] = 0
    jobs: Jobs = None
    store: Annotated[Path | None, STORE] = None
    json: Json = False

    def case(self, workload: str) -> Case:
        """Return what the question is about, checked.

        Raises
        ------
        InputError
            If anything does not exist or is refused.
        """
        from simaccess.compare import METHODS as ALL
        from simaccess.questions.case import Case, pairs

        require("seed", self.seed, 0)
        names: tuple[str, ...] = ALL
        if self.methods is not None:
            names = tuple(each.strip() for each in self.methods.split(","))
        given = pairs(parse_settings(self.settings))
        made = Case(
            self.model, workload, names, given, self.memory, self.consumers, self.shared_shadow
        )
        made.loaded()
        return made

    @contextmanager
    def simulating(self) -> Iterator[tuple[LogTimes, Simulations]]:
        """Provide the times that the question asks for, and what simulates them.

        A terminal shows how many simulations are done.

        Raises
        ------
        InputError
            If the objective, the number of jobs or the store is refused.
        Ended
            If a worker process dies again and again, or what is stored can be gone on from.
        """
        from simaccess.objective import objective_named
        from simaccess.pool import available, local_workers
        from simaccess.progress import Count
        from simaccess.questions.log_times import LogTimes
        from simaccess.questions.simulations import Simulations

        objective = objective_named(self.objective, "--objective")
        jobs = available() if self.jobs is None else self.jobs
        with (
            keeping(self.store, "simulations") as store,
            progress("simulations") as report,
            local_workers(jobs, preload="simaccess.sweep.chunk") as workers,
        ):
            kept = None if self.store is None else store
            simulations = Simulations(workers, kept, Count(report), width=lambda: jobs)
            yield LogTimes(simulations, objective, self.seed, tune=self.tune), simulations

    def document(self, asked: Case) -> dict[str, Any]:
        """Return what was asked, for JSON."""
        return {
            "model": asked.model,
            "workload": asked.workload,
            "methods": asked.methods,
            "set": dict(asked.settings),
            "memory": asked.memory,
            "consumers": asked.consumers,
            "objective": self.objective,
            "seed": self.seed,
        }


def question(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command with the options of `Asked` behind its own.

    Parameters
    ----------
    command : callable
        Takes an `Asked` as its first argument, and its own options by name.
    """
    hints = get_type_hints(command, include_extras=True)
    shared = get_type_hints(Asked, include_extras=True)
    _, *own = inspect.signature(command).parameters.values()
    named = inspect.Parameter.KEYWORD_ONLY
    parameters = [each.replace(annotation=hints[each.name], kind=named) for each in own]
    parameters += [
        inspect.Parameter(
            each.name,
            named,
            default=inspect.Parameter.empty if each.default is MISSING else each.default,
            annotation=shared[each.name],
        )
        for each in fields(Asked)
    ]

    def ask(**given: Any) -> None:
        asked = Asked(**{name: given.pop(name) for name in shared})
        command(asked, **given)

    ask.__name__, ask.__doc__, ask.__module__ = (
        command.__name__,
        command.__doc__,
        command.__module__,
    )
    ask.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # it is one
    ask.__annotations__ = {each.name: each.annotation for each in parameters}
    return ask


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


def scale_of(name: str) -> Scale:
    """Return a scale by its name, or refuse it."""
    from simaccess.errors import InputError
    from simaccess.questions.axis import Scale

    names: tuple[Scale, ...] = get_args(Scale)
    for each in names:
        if each == name:
            return each
    raise InputError("no such scale", key="--scale", value=name, allowed=names)


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


def simulated(simulations: Simulations) -> str:
    """Return how many simulations an answer took, for its last line."""
    from simaccess.present import counted

    stored = f", {simulations.stored:,} of them stored before" if simulations.stored else ""
    return f"{counted(simulations.done, 'simulation')}{stored}."
