"""The subcommand ``sweep``: an experiment, from its file to its answer."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simaccess.cli.interrupt import late_interrupts
from simaccess.cli.options import Jobs, Json, examples
from simaccess.cli.output import print_json
from simaccess.cli.progress import progress

if TYPE_CHECKING:
    from simaccess.sweep.outcome import Outcome

__all__ = ["EPILOG", "sweep"]

EPILOG = examples(
    "simaccess sweep table-4-3 --out results",
    "simaccess sweep my-question.toml --jobs 8 --json > answer.json",
)

EXPERIMENT = typer.Argument(
    metavar="EXPERIMENT", help="An embedded experiment's name, or the path of a .toml file."
)
OUT = typer.Option(
    "--out",
    metavar="DIR",
    help="Where results.csv, results.json, table.txt and the figure are written; nowhere without.",
)


def sweep(
    experiment: Annotated[str, EXPERIMENT],
    out: Annotated[str | None, OUT] = None,
    jobs: Jobs = None,
    json: Json = False,
) -> None:
    """Answer an experiment's question by many simulations.

    Every cell is a model and a workload, in which the access methods compete: each at its own
    best parameters if the file says so, replicated over seeds, and on models drawn from the
    ranges of their parameters. The answer is the same for any number of jobs.
    """
    from simaccess.errors import InputError
    from simaccess.pool import WorkerDied, available
    from simaccess.sweep.experiment import load_experiment
    from simaccess.sweep.files import FIGURES, TEXTS, check, write
    from simaccess.sweep.run import run

    asked = load_experiment(experiment)
    if out is not None:
        if not out:
            raise InputError("empty", key="--out", value=out, allowed="a folder")
        check(Path(out), TEXTS if asked.figure is None else TEXTS + FIGURES)
    try:
        with progress("points") as report:
            outcome = run(asked, available() if jobs is None else jobs, report)
    except WorkerDied as error:
        sys.stderr.write(f"simaccess: error: {error}\n")
        raise typer.Exit(1) from None
    if json:
        print_json(outcome.to_dict())
    elif sys.stdout.isatty():
        from rich.console import Console

        from simaccess.sweep.table import WIDTH, table

        console = Console(highlight=False)
        styled = console.color_system is not None  # a terminal may have no bold, or not want it
        console.print(table(outcome, min(console.width, WIDTH), styled=styled))
    else:
        from simaccess.sweep.table import as_text

        sys.stdout.write(as_text(outcome))
    if out is not None:
        told = sys.stderr if json else sys.stdout  # standard output may be JSON
        figure = _draw(outcome) if outcome.panels else None
        with late_interrupts() as hold:
            for path in write(outcome, Path(out), figure, hold):
                told.write(f"wrote {path}\n")
            told.flush()


def _draw(outcome: Outcome) -> Callable[[Path], None]:
    """Return what draws an experiment's figure into a file; needs no display."""
    from matplotlib.figure import Figure

    from simaccess.plot import method_maps, save

    figure = method_maps(outcome.panels, Figure(layout="constrained"))
    return lambda path: save(figure, path)
