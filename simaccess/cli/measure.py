"""The subcommand ``measure``: time the cells of a plan on a real link, into a measured set."""

from __future__ import annotations

import math
import statistics
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from simaccess.cli.interrupt import stands
from simaccess.cli.options import Json, examples, parse_settings
from simaccess.cli.output import Ended, print_json
from simaccess.cli.progress import progresses

if TYPE_CHECKING:
    from simaccess.measure import Outcome
    from simaccess.measured import MeasuredSet
    from simaccess.plan import Plan

__all__ = ["EPILOG", "measure", "summary"]

EPILOG = examples(
    "simaccess measure nbd://127.0.0.1:10809/disk --out measured.csv",
    "simaccess measure file:/data/big?mode=direct --out measured.csv --plan full --cpu 1",
    "simaccess measure https://example.org/data.bin --out measured.csv --seconds 60 \\",
    "    --fact rate='100 Mbit/s' --fact rtt='20 ms' --fact buffer='250 kB'",
)

URL = typer.Argument(metavar="URL", help="The link: shm:, file:, nbd:, or what fsspec opens.")
OUT = typer.Option("--out", metavar="FILE", help="The measured set (CSV) to write.")
PLAN = typer.Option("--plan", metavar="quick|full", help="What is timed.")
SECONDS = typer.Option(
    "--seconds",
    metavar="N",
    help="After how long no repetition begins, counted from when each cell has been run once,"
    " untimed. Without it a plan has its own limit, but each cell its fewest repetitions first.",
)
CPU = typer.Option(
    "--cpu",
    metavar="N[,N...]",
    help="Processors that the consumers are pinned to, in turn; by default they are not.",
)
WRITE = typer.Option("--write", help="Time writes too. This OVERWRITES the segment's bytes.")
FACT = typer.Option(
    "--fact",
    metavar="KEY=VALUE",
    help="What is known of the link, for the header; may be repeated. rate, rtt and buffer"
    " together name the cells on loss thresholds; loss asks for more repetitions.",
)


def measure(  # noqa: PLR0917  # typer passes them by name
    url: Annotated[str, URL],
    out: Annotated[Path, OUT],
    plan: Annotated[str, PLAN] = "quick",
    seconds: Annotated[float | None, SECONDS] = None,
    cpu: Annotated[str | None, CPU] = None,
    write: Annotated[bool, WRITE] = False,
    fact: Annotated[list[str] | None, FACT] = None,
    json: Json = False,
) -> None:
    """Time loads, bulk copies and the four methods on a link, into a measured set.

    Cells are timed in turn, until the 95 % interval of each median is narrower than 2 % to either
    side, at least 10 times each (30 with a fact 'loss'), after each has been run once, untimed: to
    warm up, and to see how many short requests are timed together. An interrupt, or a link that
    fails, keeps what was measured.
    """
    from functools import partial

    from simaccess.errors import InputError
    from simaccess.measure import measure as measure_link
    from simaccess.real.urls import open_link, scheme_of
    from simaccess.whole_file import check

    if seconds is not None and not seconds > 0:
        raise InputError("no time", key="--seconds", value=seconds, allowed="more than 0")
    if scheme_of(url) == "sim":
        raise InputError(
            "a simulated link takes what its model says",
            key="URL",
            value=url,
            allowed="a real link, such as shm:NAME, file:PATH or nbd://HOST:PORT/EXPORT; for a"
            " model there is 'simaccess compare'",
        )
    check(out, "--out")
    _check_replaced(out)
    saved = 0

    def keep(measured: MeasuredSet) -> None:
        nonlocal saved
        if len(measured.frame):
            try:
                measured.write(out)
            except InputError as error:
                raise Ended(f"error: {error}; {_kept(saved, out)}", 1) from None
            saved = len(measured.frame)

    def starting(chosen: Plan) -> None:
        time = f"at most {seconds:g} s" if seconds is not None else f"about {chosen.seconds:g} s"
        sys.stderr.write(
            f"timing {len(chosen.cells)} cells on {url}: each once untimed, then repeatedly for"
            f" {time}\n"
        )
        sys.stderr.flush()

    stands(lambda: _kept(saved, out))
    with progresses("cells run once, untimed", "repetitions") as (warming, report):
        outcome = measure_link(
            partial(open_link, url),
            plan,
            writes=write,
            cpus=_processors(cpu),
            seconds=seconds,
            facts=parse_settings(fact, "--fact"),
            starting=starting,
            warming=warming,
            report=report,
            keep=keep,
        )
    keep(outcome.measured)
    if outcome.failure is not None:
        raise Ended(f"error: {outcome.failure}; {_kept(saved, out)}", 1)
    if outcome.interrupted:
        raise Ended(f"interrupted; {_kept(saved, out)}", 130)
    if not saved:
        raise Ended("error: nothing was timed; nothing was written", 1)
    if json:
        print_json(summary(outcome.measured))
    else:
        sys.stdout.write(_said(outcome, out))


def summary(measured: MeasuredSet) -> dict[str, Any]:
    """Return the header of a measured set, and for each cell its median and what it rests on."""
    from simaccess.measured import interval

    cells = []
    for cell in measured.cells:
        seconds = measured.seconds(cell)
        low, high = interval(seconds)
        known = len(seconds) and math.isfinite(low)
        cells.append(
            {
                **asdict(cell),
                "repetitions": len(seconds),
                "discarded": measured.discarded(cell),
                "threshold": measured.on_threshold(cell),
                "median_s": float(statistics.median(seconds)) if len(seconds) else None,
                "interval_s": [low, high] if known else None,
            }
        )
    return {"header": dict(measured.header), "cells": cells}


def _check_replaced(out: Path) -> None:
    """Check that what a measured set would replace is one, and not the segment or somebody's work.

    It is written again and again, which a pipe cannot be.

    Raises
    ------
    InputError
        If it is not.
    """
    from simaccess.errors import InputError
    from simaccess.measured import MeasuredSet

    allowed = "a new file or a measured set"
    if out.exists() and not out.is_file():
        raise InputError("not a regular file", key="--out", value=str(out), allowed=allowed)
    if out.exists() and out.stat().st_size:
        try:
            MeasuredSet.read(out)
        except InputError:
            problem = "holds something else"
            raise InputError(problem, key="--out", value=str(out), allowed=allowed) from None


def _processors(text: str | None) -> tuple[int, ...]:
    """Return the numbers of processors that are given."""
    from simaccess.errors import InputError

    try:
        return tuple(int(each) for each in text.split(",")) if text is not None else ()
    except ValueError:
        raise InputError(
            "no processors", key="--cpu", value=text, allowed="numbers, as in 0,1"
        ) from None


def _kept(rows: int, out: Path) -> str:
    return f"{out} holds the {rows} repetitions so far" if rows else "nothing was written"


def _said(outcome: Outcome, out: Path) -> str:
    """Return what the user should know of a measurement that came to its end."""
    measured = outcome.measured
    cells, rows = len(measured.cells), len(measured.frame)
    thrown = sum(measured.discarded(cell) for cell in measured.cells)
    lines = [f"wrote {out}: {cells} cells, {rows} repetitions, {thrown} of them discarded"]
    on = sum(measured.on_threshold(cell) for cell in measured.cells)
    if on:
        lines.append(f"{on} cells are on a loss threshold")
    if outcome.wide:
        lines.append(f"{len(outcome.wide)} cells have an interval wider than 2 % to either side")
    if outcome.short:
        fewest = measured.header["repetitions"]["fewest"]
        lines.append(f"{outcome.short} cells have fewer than {fewest} repetitions: time was up")
    return "".join(f"{line}\n" for line in lines)
