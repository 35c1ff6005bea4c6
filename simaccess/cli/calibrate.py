"""The subcommand ``calibrate``: fit a model to a measured set."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from simaccess.cli.interrupt import first_interrupt, stands
from simaccess.cli.options import Jobs, Json, Measured, Set, examples, parse_settings
from simaccess.cli.output import Ended, print_json, print_rows
from simaccess.cli.progress import following

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from simaccess.calibrate import Fit
    from simaccess.real.known import Known

__all__ = ["EPILOG", "calibrate"]

EPILOG = examples(
    "simaccess calibrate measured.csv --kind wan-link --out models/mine.toml --hold-out 0.5",
    "simaccess calibrate measured.csv --model my-guess.toml --vary path.rtt --vary path.rate \\",
    "    --set tcp.congestion_control=bbr --out models/mine.toml",
)

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
    help="A parameter to fit, as in path.rtt; may be repeated. Default: those of the kind, or of"
    " the link that was measured, if it lies within one machine, less what is --set.",
)
VERBOSE = typer.Option("--verbose", help="Say on stderr, now and then, how far it has come.")


def calibrate(  # noqa: PLR0917  # typer passes them by name
    measured: Measured,
    out: Annotated[str, OUT],
    kind: Annotated[str | None, KIND] = None,
    model: Annotated[str | None, MODEL] = None,
    hold_out: Annotated[float, HOLD_OUT] = 0.0,
    vary: Annotated[list[str] | None, VARY] = None,
    settings: Set = None,
    jobs: Jobs = None,
    verbose: Annotated[bool, VERBOSE] = False,
    json: Json = False,
) -> None:
    """Fit a model's parameters to what was measured, through the model itself.

    Prints each parameter with its 95 % interval and what the data cannot tell, and writes a model
    file in which the fitted parameters have these intervals as ranges. Points held out are
    chosen by what they are, not by chance, and are never simulated. An interrupt keeps the best
    try so far.
    """
    from simaccess.calibrate import Interrupted, begin, fitted_by, known_of
    from simaccess.calibrate import calibrate as fit_to
    from simaccess.errors import InputError
    from simaccess.measured import MeasuredSet
    from simaccess.model import load_model
    from simaccess.model_file import ModelFile, write_model_file
    from simaccess.pool import available, processes
    from simaccess.whole_file import check

    if (kind is None) == (model is None):
        raise InputError("not one of both", key="--kind, --model", allowed="one of the two")
    given = parse_settings(settings)
    data = MeasuredSet.read(measured)
    target = Path(out)
    if target.suffix != ".toml" or not target.absolute().parent.is_dir():
        raise InputError(
            "no model file", key="--out", value=out, allowed="a name in a folder, ending in .toml"
        )
    check(target, "--out")
    _check_apart(vary, given)
    name = Path(measured).name
    own = None if kind is None else known_of(kind, data)
    without = ("cold", "idle") if own is not None and own.cools else ()
    with first_interrupt():
        try:
            with (
                following(verbose) as watch,
                processes(
                    available() if jobs is None else jobs, preload="simaccess.predict"
                ) as pool,
            ):
                start = (
                    begin(kind, data, given) if kind is not None else load_model(str(model), given)
                )
                fit = fit_to(
                    data,
                    start,
                    pool,
                    vary=fitted_by(start, own, given) if vary is None else vary,
                    hold_out=hold_out,
                    without=without,
                    data=name,
                    watch=watch,
                )
        except Interrupted as interrupted:
            fit = interrupted.fit
        made = fit.model
        title = f"Fitted to {name}" + (", interrupted" if fit.interrupted else "")
        write_model_file(target, ModelFile(title, made.kind, made.provenance, made.calibration))
        stands(lambda: f"{out} was written")
    if fit.interrupted:
        raise Ended(
            f"interrupted; {out} holds the best try so far, {100 * fit.median_error:.2f} % off in"
            f" the median of {fit.points} points, its ranges no more than what was sought",
            130,
        )
    if json:
        print_json(_document(fit, out))
    else:
        for doubt in data.doubts:
            sys.stdout.write(f"note: {name}: {doubt}\n")
        if own is not None:
            sys.stdout.write(_begun(own, given))
        if fit.left_out:
            states = " and ".join(without)
            sys.stdout.write(
                f"left out: {fit.left_out} {states} points, since a {kind} knows neither a disk nor"
                " a processor that has slept\n"
            )
        _print(fit)
        sys.stdout.write(f"wrote {out}\n")


def _begun(own: Known, given: Mapping[str, str]) -> str:
    """Say what a fit began with, and what of that the user has set otherwise."""
    facts = ", ".join(f"{key}={value}" for key, value in own.facts.items() if key not in given)
    return f"{own.name}: known, and not fitted (--set changes it): {facts}\n"


def _check_apart(vary: Sequence[str] | None, given: Mapping[str, str]) -> None:
    """Check that nothing is both known and to be fitted.

    Raises
    ------
    InputError
        If something is.
    """
    from simaccess.errors import InputError

    for key in vary or ():
        if key in given:
            raise InputError(
                "both to be fitted and set",
                key="--vary, --set",
                value=key,
                allowed="one of the two; a fit begins where the model, or a first guess, has it",
            )


def _document(fit: Fit, out: str) -> dict[str, Any]:
    return {
        "model": out,
        "parameters": [asdict(one) for one in fit.fitted],
        "correlation": [
            {"first": first, "second": second, "value": value}
            for (first, second), value in fit.correlation.items()
        ],
        "untold": list(fit.untold),
        "warnings": list(fit.warnings),
        "median_error": fit.median_error,
        "p95_error": fit.p95_error,
        "points": fit.points,
        "held_out": fit.held_out,
        "spare": fit.spare,
        "left_out": fit.left_out,
        "simulations": fit.simulations,
    }


def _print(fit: Fit) -> None:
    from simaccess.present import counted

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
        f"{counted(fit.points, 'point')} fitted, {fit.held_out} held out"
        + (f", {fit.spare} methods not needed" if fit.spare else "")
        + f"; error on those fitted: median {100 * fit.median_error:.2f} %, 95th percentile"
        f" {100 * fit.p95_error:.2f} %; {counted(fit.simulations, 'simulation')}.\n"
    )
