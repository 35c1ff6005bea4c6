"""The subcommand ``sweep``: an experiment, from its file to its answer."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import product
from pathlib import Path
from time import process_time
from typing import TYPE_CHECKING, Annotated

import typer

from simaccess.cli.interrupt import late_interrupts
from simaccess.cli.keeping import keeping
from simaccess.cli.notes import note_arrivals
from simaccess.cli.options import Jobs, Json, examples
from simaccess.cli.output import Ended, print_json
from simaccess.cli.sweep_progress import sweep_progress

if TYPE_CHECKING:
    from simaccess.scenario import Scenario
    from simaccess.sweep.executors import Place
    from simaccess.sweep.experiment import Experiment
    from simaccess.sweep.outcome import Outcome
    from simaccess.sweep.served import Served
    from simaccess.sweep.store import Store
    from simaccess.sweep.walk import Walked

__all__ = ["EPILOG", "sweep"]

EPILOG = examples(
    "simaccess sweep table-4-3 --out results",
    "simaccess sweep my-question.toml --dry-run",
    "simaccess sweep my-question.toml --out results --jobs 8 --log sweep.log",
    "simaccess sweep my-question.toml --out results --scheduler tcp://10.0.0.1:8786",
)

EXPERIMENT = typer.Argument(
    metavar="EXPERIMENT", help="An embedded experiment's name, or the path of a .toml file."
)
OUT = typer.Option(
    "--out",
    metavar="DIR",
    help="Where results are stored as they come (sweep.sqlite), from which the same command goes on"
    " after any end, and where table and figures are written; nowhere without.",
)
SCHEDULER = typer.Option(
    "--scheduler", metavar="URL", help="Simulate on the Dask cluster of tcp://HOST:8786."
)
ENGINE = typer.Option(
    "--engine",
    metavar="auto|simpy|replay",
    help="Who simulates, in place of what the file says; the figures are the same.",
)
DRY_RUN = typer.Option(
    "--dry-run", help="Print how many points there are and about how long they take."
)
LOG = typer.Option("--log", metavar="FILE", help="Write a line a point to a file, after its end.")
VERBOSE = typer.Option("--verbose", help="Write a line a point to standard error.")


def sweep(  # noqa: PLR0917  # typer passes them by name
    experiment: Annotated[str, EXPERIMENT],
    out: Annotated[str | None, OUT] = None,
    jobs: Jobs = None,
    scheduler: Annotated[str | None, SCHEDULER] = None,
    engine: Annotated[str | None, ENGINE] = None,
    dry_run: Annotated[bool, DRY_RUN] = False,
    log: Annotated[str | None, LOG] = None,
    verbose: Annotated[bool, VERBOSE] = False,
    json: Json = False,
) -> None:
    """Answer an experiment's question by many simulations.

    Without axes, every cell is a model and a workload, in which the access methods compete: each
    at its own best parameters if the file says so, replicated over seeds, and on models drawn from
    the ranges of their parameters. With axes, every method runs at every point of them; 'simaccess
    results' shows and exports what is stored. The answer is the same for any number of jobs.
    """
    begun = process_time()
    from simaccess.errors import InputError
    from simaccess.refusal import did_you_mean
    from simaccess.scenario import ENGINES
    from simaccess.sweep.answer import answer
    from simaccess.sweep.experiment_file import load_experiment
    from simaccess.sweep.files import check
    from simaccess.sweep.runner import Runner
    from simaccess.sweep.store import NAME
    from simaccess.sweep.walk import walk

    asked = load_experiment(experiment)
    if engine is not None:
        if engine not in ENGINES:
            problem = "no engine" + did_you_mean(engine, ENGINES)
            raise InputError(problem, key="--engine", value=engine, allowed=ENGINES)
        asked = asked.model_copy(update={"engine": engine})
    if jobs is not None and scheduler is not None:
        allowed = "without --scheduler"
        raise InputError("given together with --scheduler", None, "--jobs", jobs, allowed)
    if out == "":
        raise InputError("empty", key="--out", value=out, allowed="a folder")
    if dry_run:
        _plan(asked, out, jobs, scheduler, begun)
        return
    if out is not None:
        check(Path(out), (*_names(asked), NAME))
    folder = None if out is None else Path(out)
    note_arrivals(_pairs(asked))
    with _logging(log, verbose=verbose), keeping(folder, "results") as store:
        with _place(jobs, scheduler) as place, sweep_progress(quiet=verbose) as watch:
            runner = Runner(place.executor, store, watch, width=place.width, verify=place.verify)
            walked = walk(asked, runner) if asked.axes else None
            outcome = None if asked.axes else answer(asked, runner)
        if outcome is not None:
            _show_table(outcome, runner.served, out, json=json)
        if walked is not None:
            _show_sweep(asked, walked, runner.served, store, out, json=json)


def _pairs(experiment: Experiment) -> Iterator[Scenario]:
    """Yield what is simulated of each workload on each link, at no place of any axis."""
    from simaccess.errors import InputError

    for model, workload in product(experiment.models, experiment.workloads):
        producer = tuple(model.producer.items())
        method = experiment.methods[0]
        with suppress(InputError):  # what is refused without the values of axes
            yield experiment.base(model.ref, workload.ref, method, producer=producer).scenario()


def _names(experiment: Experiment) -> tuple[str, ...]:
    """Return the names of the files that an experiment's answer is written to."""
    from simaccess.sweep.files import FIGURES, TEXTS

    if experiment.axes:
        return tuple(f"figure-{number}.png" for number in range(1, 1 + len(experiment.figures)))
    return TEXTS if experiment.figure is None else TEXTS + FIGURES


@contextmanager
def _place(jobs: int | None, scheduler: str | None) -> Iterator[Place]:
    from simaccess.sweep.executors import cluster, machine

    with machine(jobs) if scheduler is None else cluster(scheduler) as place:
        yield place


@contextmanager
def _logging(file: str | None, *, verbose: bool) -> Iterator[None]:
    """Write what the sweep logs where it was asked for."""
    from simaccess.errors import InputError

    log = logging.getLogger("simaccess.sweep")
    handlers: list[logging.Handler] = []
    if file is not None:
        try:
            handlers.append(logging.FileHandler(file, encoding="utf-8"))
        except OSError as error:
            problem = f"cannot be written: {error.strerror}"
            raise InputError(problem, key="--log", value=file) from None
    if verbose:
        handlers.append(logging.StreamHandler(sys.stderr))
    before = log.level, log.propagate
    for handler in handlers:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        log.addHandler(handler)
    # Without a handler Python's last resort would print warnings.
    log.propagate = False
    log.setLevel(logging.INFO if handlers else logging.CRITICAL)
    try:
        yield
    finally:
        log.level, log.propagate = before
        for handler in handlers:
            log.removeHandler(handler)
            handler.close()


def _plan(
    experiment: Experiment,
    out: str | None,
    jobs: int | None,
    scheduler: str | None,
    begun: float,
) -> None:
    """Print how many points there are, and about how long they take."""
    from simaccess.sweep.dry_run import plan
    from simaccess.sweep.executors import cluster, processors
    from simaccess.sweep.store import NAME, Store

    start_s = process_time() - begun  # all that this process has done is to load its code
    file = None if out is None else Path(out) / NAME
    if scheduler is None:
        parallel = processors(jobs)  # none of them is started
    else:
        with cluster(scheduler) as place:
            parallel = place.width()
    if (
        file is None or not file.exists() or not file.stat().st_size
    ):  # of a sweep that ended at once
        found = plan(experiment, None, start_s)
    else:
        with Store(file, reading=True) as store:
            found = plan(experiment, store, start_s)
    sys.stdout.write("\n".join(found.lines(parallel)) + "\n")


def _show_table(outcome: Outcome, served: Served, out: str | None, *, json: bool) -> None:
    from simaccess.sweep.files import write

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
    if not json:
        sys.stdout.write(f"Simulations: {served.line()}.\n")
    if out is not None:
        told = sys.stderr if json else sys.stdout  # standard output may be JSON
        figure = _draw(outcome) if outcome.panels else None
        with late_interrupts() as hold:
            for path in write(outcome, Path(out), figure, hold):
                told.write(f"wrote {path}\n")
            told.flush()


def _show_sweep(
    experiment: Experiment,
    walked: Walked,
    served: Served,
    store: Store,
    out: str | None,
    *,
    json: bool,
) -> None:
    from simaccess.sweep.summary import lines, summary

    found = summary(store)
    if json:
        failed = [{**place, "problem": problem} for place, problem in walked.failed]
        document = {"question": experiment.question, "points": walked.points}
        print_json({**document, "failed": failed, "places": found.to_dict()})
    else:
        sys.stdout.write("\n".join(lines(experiment.question, walked, served, found)) + "\n")
    told = sys.stderr if json else sys.stdout
    if out is not None:
        try:
            if experiment.figures and walked.points:
                from simaccess.plot.sweep import write_figures

                with late_interrupts() as hold:
                    for path in write_figures(experiment, store, Path(out), hold):
                        told.write(f"wrote {path}\n")
        finally:  # whether or not they could be drawn
            told.write(f"stored in {store.path}; 'simaccess results {out}' shows and exports it\n")
            told.flush()
    if walked.failed:
        from simaccess.sweep.quantity import shown
        from simaccess.sweep.tabulate import units

        place, problem = walked.failed[0]
        of = units(store)
        where = ", ".join(f"{key} = {shown(each, of.get(key))}" for key, each in place.items())
        count = f"{len(walked.failed):,} of {walked.points + len(walked.failed):,}"
        raise Ended(f"error: {count} points failed, among them {where}: {problem}", 1)


def _draw(outcome: Outcome) -> Callable[[Path], None]:
    """Return what draws an experiment's figure into a file; needs no display."""
    from matplotlib.figure import Figure

    from simaccess.plot import method_maps, save

    figure = method_maps(outcome.panels, Figure(layout="constrained"))
    return lambda path: save(figure, path)
