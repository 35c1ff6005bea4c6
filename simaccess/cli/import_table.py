"""The subcommand ``import``: another program's results as a measured set."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from simaccess.cli.interrupt import stands
from simaccess.cli.options import Json, examples, parse_settings
from simaccess.cli.output import print_json

__all__ = ["EPILOG", "import_table"]

EPILOG = examples(
    "simaccess import fio result.json --out measured.csv",
    "simaccess import mlc mlc.txt --set threads=32 --out measured.csv",
    "simaccess import pcie-bench nfp6000_hsw-Xeon-E5-2630v3_dell-t430 --out measured.csv",
)

FORMAT = typer.Argument(metavar="FORMAT", help="pcie-bench, mlc, fio or perftest.")
PATH = typer.Argument(metavar="PATH", help="The program's output: a file; a folder of pcie-bench.")
OUT = typer.Option("--out", metavar="FILE", help="The measured set (CSV) to write.")
SET = typer.Option(
    "--set",
    metavar="KEY=VALUE",
    help="What the output does not tell: threads (mlc), system and depth (pcie-bench).",
)


def import_table(
    name: Annotated[str, FORMAT],
    path: Annotated[Path, PATH],
    out: Annotated[Path, OUT],
    settings: Annotated[list[str] | None, SET] = None,
    json: Json = False,
) -> None:
    """Read what pcie-bench, Intel MLC, fio (JSON) or perftest measured, into a measured set.

    A table holds summaries, so each cell has a row for each summary of it. Lines for which there
    is no cell are counted in the header.
    """
    from simaccess.cli.measure import summary
    from simaccess.tables import read_table
    from simaccess.whole_file import check

    measured = read_table(name, path, parse_settings(settings))
    check(out, "--out")
    measured.write(out)
    stands(lambda: f"{out} was written")
    if json:
        print_json(summary(measured))
        return
    skipped = sum(measured.header.get("skipped", {}).values())
    rest = f"; {skipped} lines are for no cell" if skipped else ""
    sys.stdout.write(f"wrote {out}: {len(measured.cells)} cells{rest}\n")
