"""The subcommand ``results``: what a sweep has stored, while it runs and after."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from simaccess.cli.interrupt import stands
from simaccess.cli.options import examples

__all__ = ["EPILOG", "results"]

EPILOG = examples(
    "simaccess results results | head",
    "simaccess results results --format json",
    "simaccess results results --out results.parquet",
    "simaccess results results --out results.nc",
    "simaccess results results --verdicts --out who-wins-where.csv",
)

FOLDER = typer.Argument(metavar="DIR", help="What 'simaccess sweep --out' was given.")
FORMAT = typer.Option(
    "--format",
    metavar="FORMAT",
    help="csv, json, parquet or netcdf; default: what the end of --out says, else csv.",
)
VERDICTS = typer.Option(
    "--verdicts",
    help="A row a place and method in place of a row a simulation: the lead of the best, with its"
    " interval, and the probability that each method is best, where models were drawn.",
)
UNITS = typer.Option("--units", help="The unit of each column, in place of rows.")
OUT = typer.Option("--out", metavar="FILE", help="Where to; default: standard output.")


def results(
    folder: Annotated[str, FOLDER],
    form: Annotated[str | None, FORMAT] = None,
    out: Annotated[str | None, OUT] = None,
    verdicts: Annotated[bool, VERDICTS] = False,
    units: Annotated[bool, UNITS] = False,
) -> None:
    """Print or export the results of a sweep, a row a simulation, or who is best where.

    The sweep may still be running. Axes and measures are in seconds, hertz, bytes and bytes a
    second; JSON, Parquet and netCDF name the unit of each, and so does --units.
    """
    from simaccess.errors import InputError
    from simaccess.sweep.export import FORMATS, SUFFIXES, as_text, as_units, check, export
    from simaccess.sweep.tabulate import open_results
    from simaccess.whole_file import is_standard_output

    if units and (out is not None or form not in (None, "csv")):
        problem = "are written to standard output, as CSV"
        raise InputError(problem, key="--units", allowed="without --out and --format")
    if form is None:
        suffix = "" if out is None else Path(out).suffix.lower()
        form = "csv" if out is None else SUFFIXES.get(suffix)
        if form is None:
            allowed = f"a name that ends in {', '.join(SUFFIXES)}; or --format"
            raise InputError("no format", key="--out", value=out, allowed=allowed)
    if form not in FORMATS:
        raise InputError("no such format", key="--format", value=form, allowed=FORMATS)
    check(form, judged=verdicts)
    if out is None and form in ("parquet", "netcdf"):
        raise InputError("not text", key="--format", value=form, allowed="with --out FILE")
    with open_results(folder) as store:
        if units:
            sys.stdout.write(as_units(store, judged=verdicts))
        elif out is None:
            sys.stdout.write(as_text(store, form, judged=verdicts))
        else:
            export(store, form, Path(out), judged=verdicts)
            stands(lambda: f"{out} was written")
            told = sys.stderr if is_standard_output(Path(out)) else sys.stdout
            told.write(f"wrote {out}\n")
