"""The subcommand ``calibrate``: fit a model to a measured set."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from simaccess.cli.options import Json, Set, examples, parse_settings
from simaccess.cli.output import print_json, print_rows

if TYPE_CHECKING:
    from simaccess.calibrate import Fit

__all__ = ["EPILOG", "calibrate"]

EPILOG = examples(
    "simaccess calibrate measured.csv --kind wan-link --out models/mine.toml --hold-out 0.5",
    "simaccess calibrate measured.csv --model my-guess.toml --vary path.rtt --vary path.rate \\",
    "    --set tcp.congestion_control=bbr --out models/mine.toml",
)

MEASURED = typer.Argument(metavar="MEASURED.csv", help="What 'simaccess measure' wrote.")
KIND = typer.Option(
    "--kind", metavar="KIND", help="Begin with a typical model of this kind: see 'models list'."
)
MODEL = typer.Option("--model", metavar="NAME|FILE", help="Begin with this model instead.")
OUT = typer.Option("--out", metavar="FILE.toml", help="The model file to write.")
HOLD_OUT = typer.Option(
    "--hold-out", metavar="SHARE", help="Leave this share of the points to 'validate'."
)
VARY = typer.Option(
    "--vary",
    metavar="KEY",
    help="A parameter to fit, as in path.rtt; may be repeated. Default: those of the kind.",
)
JOBS = typer.Option(
    "--jobs", metavar="N", help="Processes that simulate; default: one a processor."
)


def calibrate(  # noqa: PLR0917  # typer passes them by name
    measured: Annotated[str, MEASURED],
    out: Annotated[str, OUT],
    kind: Annotated[str | None, KIND] = None,
    model: Annotated[str | None, MODEL] = None,
    hold_out: Annotated[float, HOLD_OUT] = 0.0,
    vary: Annotated[list[str] | None, VARY] = None,
    settings: Set = None,
    jobs: Annotated[int | None, JOBS] = None,
    json: Json = False,
) -> None:
    """Fit a model's parameters to what was measured, through the model itself.

    Prints each parameter with its 95 % interval and what the data cannot tell, and writes a model
    file in which the fitted parameters have these intervals as ranges. Points held out are
    chosen by what they are, not by chance, and are never simulated.
    """
    from simaccess.calibrate import begin
    from simaccess.calibrate import calibrate as fit_to
    from simaccess.errors import InputError
    from simaccess.measured import MeasuredSet
    from simaccess.model import load_model
    from simaccess.model_file import ModelFile, write_model_file
    from simaccess.pool import available, processes

    if (kind is None) == (model is None):
        raise InputError("not one of both", key="--kind, --model", allowed="one of the two")
    given = parse_settings(settings)
    data = MeasuredSet.read(measured)
    target = Path(out)
    if target.suffix != ".toml" or not target.absolute().parent.is_dir():
        raise InputError(
            "no model file", key="--out", value=out, allowed="a name in a folder, ending in .toml"
        )
    with processes(available() if jobs is None else jobs, preload="simaccess.probe") as pool:
        start = begin(kind, data, given) if kind is not None else load_model(str(model), given)
        fit = fit_to(
            data,
            start,
            pool,
            vary=vary,
            hold_out=hold_out,
            data=Path(measured).name,
            report=_report(),
        )
    made = fit.model
    title = f"Fitted to {Path(measured).name}"
    write_model_file(target, ModelFile(title, made.kind, made.provenance, made.calibration))
    if json:
        print_json(_document(fit, out))
    else:
        _print(fit)
        sys.stdout.write(f"wrote {out}\n")


def _report() -> Any:
    """Return what shows the error of each try on a terminal."""
    if not sys.stderr.isatty():
        return lambda _error: None
    tries = 0

    def show(error: float) -> None:
        nonlocal tries
        tries += 1
        sys.stderr.write(f"\r{tries} tries, mean error {100 * error:6.2f} %\x1b[K")
        sys.stderr.flush()

    return show


def _document(fit: Fit, out: str) -> dict[str, Any]:
    return {
        "model": out,
        "parameters": [asdict(one) for one in fit.fitted],
        "correlation": [
            {"first": first, "second": second, "value": value}
            for (first, second), value in fit.correlation.items()
        ],
        "warnings": list(fit.warnings),
        "median_error": fit.median_error,
        "p95_error": fit.p95_error,
        "points": fit.points,
        "held_out": fit.held_out,
        "simulations": fit.simulations,
    }


def _print(fit: Fit) -> None:
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")
    texts = fit.model.provenance
    rows = []
    for one in fit.fitted:
        low, high = texts[one.key].range or ("", "")
        rows.append((one.key, str(texts[one.key].value), str(low), str(high)))
    print_rows(["parameter", "value", "95 % from", "to"], rows)
    for warning in fit.warnings:
        sys.stdout.write(f"warning: {warning}\n")
    strong = {pair: tie for pair, tie in fit.correlation.items() if abs(tie) >= 0.5}
    for (first, second), tie in strong.items():
        sys.stdout.write(f"correlation of {first} and {second}: {tie:.2f}\n")
    sys.stdout.write(
        f"{fit.points} points fitted, {fit.held_out} held out; error on those fitted:"
        f" median {100 * fit.median_error:.2f} %, 95th percentile {100 * fit.p95_error:.2f} %;"
        f" {fit.simulations} simulations.\n"
    )
