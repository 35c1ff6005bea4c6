"""The subcommand ``validate``: how far a model is off on points that its fit never saw."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simaccess.cli.options import Jobs, Json, Measured, Set, examples, parse_settings
from simaccess.cli.output import print_json, print_rows
from simaccess.cli.progress import progress

if TYPE_CHECKING:
    from simaccess.validate import Errors, Validation

__all__ = ["EPILOG", "validate"]

EPILOG = examples(
    "simaccess validate measured.csv --model models/mine.toml",
    "simaccess validate other.csv --model models/mine.toml --set path.rtt='50 ms' --json",
    "simaccess validate measured.csv --model models/mine.toml --max-error 0.05 --figure off.png",
)

MODEL = typer.Option("--model", metavar="NAME|FILE", help="The model to validate.")
HOLD_OUT = typer.Option(
    "--hold-out",
    metavar="SHARE",
    help="Share of the points that the fit never saw. Default: what the model file says if it was"
    " fitted to this set, else all of them.",
)
MOST = typer.Option(
    "--max-error",
    metavar="SHARE",
    help="End with exit code 1 if the median relative error is above this.",
)
FIGURE = typer.Option(
    "--figure", metavar="FILE", help="Draw measured against predicted, and what is left."
)


def validate(  # noqa: PLR0917  # typer passes them by name
    measured: Measured,
    model: Annotated[str, MODEL],
    hold_out: Annotated[float | None, HOLD_OUT] = None,
    max_error: Annotated[float | None, MOST] = None,
    figure: Annotated[str | None, FIGURE] = None,
    settings: Set = None,
    jobs: Jobs = None,
    json: Json = False,
) -> None:
    """Say how far a model is off, on points that its fit never saw.

    Beside the model's relative error stand that of the baseline, a latency and a rate fitted to
    the same points, and the measurement's own, between the medians of odd and even repetitions.
    Methods are compared by their order, and by what choosing by the model costs.
    """
    from simaccess.errors import InputError
    from simaccess.measured import MeasuredSet
    from simaccess.model import load_model
    from simaccess.pool import available, processes
    from simaccess.progress import Count
    from simaccess.validate import validate as check

    if max_error is not None and not 0 <= max_error < math.inf:
        raise InputError(
            "no error", key="--max-error", value=max_error, allowed="0 or more, as in 0.05 for 5 %"
        )
    if figure is not None:
        _check_figure(figure)
    data = MeasuredSet.read(measured)
    found = load_model(model, parse_settings(settings))
    with progress("batches of predictions") as report:
        count, workers = Count(report), available() if jobs is None else jobs
        with processes(workers, count.did, count.expect, preload="simaccess.predict") as pool:
            validation = check(data, found, pool, hold_out=hold_out, data=Path(measured).name)
    if figure is not None:
        _draw(validation, Path(figure))
    if json:
        print_json(validation.to_dict())
    else:
        if found.calibration.get("interrupted"):
            sys.stdout.write(f"warning: the fit of {found.name} was interrupted: its best try\n")
        for doubt in data.doubts:
            sys.stdout.write(f"note: {Path(measured).name}: {doubt}\n")
        _print(validation)
    error = validation.overall.median_error
    if max_error is not None and (error is None or error > max_error):
        sys.stderr.write(
            f"simaccess: the median error, {_share(error)}, is above {_share(max_error)}\n"
        )
        raise typer.Exit(1)


def _check_figure(figure: str) -> None:
    """Check that a figure can be written, before minutes are spent on what it shall show."""
    from matplotlib.backend_bases import FigureCanvasBase

    from simaccess.errors import InputError
    from simaccess.whole_file import check

    path = Path(figure)
    formats = FigureCanvasBase.get_supported_filetypes()
    if path.suffix.removeprefix(".").lower() not in formats:
        allowed = f"a name that ends in one of {', '.join(sorted(formats))}"
        raise InputError("no format of a figure", key="--figure", value=figure, allowed=allowed)
    check(path, "--figure")


def _draw(validation: Validation, path: Path) -> None:
    from matplotlib.figure import Figure

    from simaccess.plot import agreement, save
    from simaccess.whole_file import writing

    with writing(path) as whole:
        save(agreement(validation, Figure(layout="constrained")), whole)


def _print(validation: Validation) -> None:
    sys.stdout.write(f"{validation.model} against {validation.data}, points not fitted\n\n")
    classes = {
        f"{operation}, {size}, {state}": errors
        for (operation, size, state), errors in validation.classes.items()
    }
    if validation.threshold.points:
        classes["on a threshold of loss"] = validation.threshold
    classes["all but methods and thresholds"] = validation.overall
    heading = ["", "points", "median", "p95", "baseline median", "p95", "split-half p95", "inside"]
    print_rows(heading, [(name, *_row(errors)) for name, errors in classes.items()])
    if any(errors.coverage is None for errors in classes.values()):
        sys.stdout.write("inside: medians within the model's interval; n/a where no link draws\n")
    if validation.left_out:
        sys.stdout.write(
            f"left out, as the fit did: {validation.left_out} points in states that the model has"
            " no mechanism for\n"
        )
    if validation.choices:
        sys.stdout.write("\n")
        rows = []
        for choice in validation.choices:
            order = " < ".join(sorted(choice.measured, key=lambda name: choice.measured[name]))
            rows.append(
                (
                    choice.workload,
                    str(choice.consumers),
                    choice.best,
                    choice.chosen,
                    f"{choice.agreeing} of {choice.pairs}",
                    _regret(choice.regret, choice.regret_interval),
                    order,
                )
            )
        columns = ["workload", "consumers", "best", "chosen", "pairs in order", "regret"]
        print_rows([*columns, "measured order"], rows)
        sys.stdout.write(
            f"\nrank agreement {_share(validation.rank_agreement)}, largest regret"
            f" {_regret(validation.regret, validation.regret_interval)}\n"
        )
        if validation.regret:
            sys.stdout.write("in parentheses: what the repetitions allow a regret to be (95 %)\n")


def _row(errors: Errors) -> tuple[str, ...]:
    return (
        str(errors.points),
        _share(errors.median_error),
        _share(errors.p95_error),
        _share(errors.baseline_median_error),
        _share(errors.baseline_p95_error),
        _share(errors.split_half_p95),
        _share(errors.coverage),
    )


def _regret(regret: float | None, interval: tuple[float, float] | None) -> str:
    if not regret or interval is None:
        return _share(regret)
    low, high = interval
    return f"{_share(regret)} ({100 * low:.1f} to {_share(high)})"


def _share(value: float | None) -> str:
    return "n/a" if value is None else f"{100 * value:.2f} %"
