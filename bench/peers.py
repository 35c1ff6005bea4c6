"""Time the works of docs/performance.md in other simulators and in ours, and write that page.

Simulators that are not installed are named, with how to get them, and the others run; the first
lines of ``bench/peers.txt`` tell how to install them. An interrupted run goes on where it was.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from simulators.growth import measure, points
from simulators.growth_figure import draw
from simulators.page import page, ratios
from simulators.race import Field, race
from simulators.registry import REFERENCE, Simulator, ours, peers
from simulators.state import State, fingerprint
from simulators.works import WORKS, Work, shrunk

from simaccess import machine
from simaccess.whole_file import writing

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "performance.md"
STATE = ROOT / "results" / "peers.json"


def _count(text: str) -> int:
    number = int(float(text))
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text}: 1 or more")
    return number


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(ROOT)}")
    parser.add_argument("--page", type=Path, default=PAGE, help="write the page there instead")
    parser.add_argument("--state", type=Path, default=STATE, help="where finished steps are kept")
    parser.add_argument("--fresh", action="store_true", help="forget an earlier run's steps")
    parser.add_argument("--rounds", type=_count, default=7, help="interleaved runs of each work")
    parser.add_argument(
        "--accesses", type=_count, help="accesses of each client, in place of the works' own"
    )
    parser.add_argument(
        "--most", type=_count, default=10**7, help="accesses of the largest point of growth"
    )
    parser.add_argument("--only", nargs="+", metavar="KEY", help="these simulators, beside SimPy")
    return parser.parse_args()


def _choose(only: list[str] | None) -> tuple[list[Simulator], dict[str, str]]:
    """Return the simulators that are there, plain SimPy first, and what the others lack."""
    known = ours() + peers()
    if only is not None:
        keys = [each.key for each in known]
        for key in only:
            if key not in keys:
                raise SystemExit(f"bench/peers.py: --only {key}: allowed: {', '.join(keys)}")
        known = [each for each in known if each.key in (*only, REFERENCE)]
    missing = {}
    there = []
    for each in known:
        lack = each.missing()
        if lack is None:
            there.append(each)
        else:
            missing[each.title] = lack
    return sorted(there, key=lambda each: each.key != REFERENCE), missing


def _settings(arguments: argparse.Namespace, simulators: list[Simulator]) -> dict[str, Any]:
    """Return what decides whether figures of an earlier run can be used."""
    on = machine.record()
    return {
        "machine": on["machine"],
        "kernel": on["kernel"],
        "python": on["python"],
        "versions": {each.title.strip("*"): each.version() for each in simulators},
        "simulators": [each.key for each in simulators],
        "rounds": arguments.rounds,
        "accesses": arguments.accesses,
        "most": arguments.most,
    }


def _code() -> list[Path]:
    """Return the files that a figure depends on."""
    models = ROOT / "bench" / "simulators"
    code = [*(ROOT / "simaccess").rglob("*.py"), *models.glob("*_model.*")]
    return code + [models / name for name in ("compiled.py", "growth.py", "works.py")]


def _now() -> str:
    return datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z")


class _Progress:
    """Says what is done, and for how long the rest will take."""

    def __init__(self, total: int, done: int) -> None:
        self.total, self.done, self.before = total, done, done
        self.begin = time.monotonic()

    def __call__(self, what: str) -> None:
        self.done += 1
        spent = time.monotonic() - self.begin
        left = spent / (self.done - self.before) * (self.total - self.done)
        print(
            f"[{self.done}/{self.total}, {spent:.0f} s, about {left:.0f} s left] {what}",
            file=sys.stderr,
            flush=True,
        )


def _measure(
    arguments: argparse.Namespace,
    simulators: list[Simulator],
    works: dict[str, Work],
    state: State,
) -> None:
    """Take the steps that the state does not have yet."""
    grown = list(points(arguments.most))
    steps = [f"{name}: round {number}" for name in works for number in range(arguments.rounds)]
    steps += [point.key for point in grown]
    progress = _Progress(len(steps), sum(step in state.steps for step in steps))

    def report(what: str) -> None:
        state.keep("load", [*state.steps.get("load", []), os.getloadavg()[0]])
        progress(what)

    if "begin" not in state.steps:
        state.keep("begin", _now())
        state.keep("load", [os.getloadavg()[0]])
    else:
        print(f"going on with the run of {state.steps['begin']}", file=sys.stderr)
    field = Field(simulators)
    try:
        for name, work in works.items():
            race(name, work, field, rounds=arguments.rounds, state=state, report=report)
    finally:
        field.close()
    for point in grown:
        if point.key not in state.steps:
            state.keep(point.key, measure(ours()[0], point))
            report(f"growth: {point.name}, {point.size:,} {point.axis}")
    if "end" not in state.steps:
        state.keep("end", _now())


def _print(steps: dict[str, Any], simulators: list[Simulator], works: dict[str, Work]) -> None:
    """Print the ratios."""
    for name in works:
        print(f"\n{name}: times as fast as plain SimPy")
        for each in simulators:
            found = ratios(steps, name, each.key)
            if found:
                told = f"{each.title.strip('*')}, {each.idiom}"
                middle = statistics.median(found)
                print(f"  {told:45} {middle:8.2f}  ({min(found):.2f} to {max(found):.2f})")


def main() -> None:
    arguments = _arguments()
    simulators, missing = _choose(arguments.only)
    for title, lack in missing.items():
        print(f"{title} is left out: {lack}", file=sys.stderr)
    settings = _settings(arguments, simulators)
    if arguments.fresh:
        arguments.state.unlink(missing_ok=True)
    state = State(arguments.state, fingerprint(settings, _code()))
    works = {
        name: work if arguments.accesses is None else shrunk(work, arguments.accesses)
        for name, work in WORKS.items()
    }
    try:
        _measure(arguments, simulators, works, state)
    except KeyboardInterrupt:
        raise SystemExit("interrupted: the same command goes on from here") from None
    settings |= {each: state.steps[each] for each in ("begin", "end", "load")}
    mine = [each.key for each in ours()]
    ranked = sorted(simulators, key=lambda each: each.key not in mine)
    if arguments.write:
        figure = arguments.page.with_name(f"{arguments.page.stem}-growth.png")
        text = page(
            state.steps,
            settings=settings,
            simulators=ranked,
            missing=missing,
            works=works,
            most=arguments.most,
            figure=figure.name,
        )
        draw(state.steps, arguments.most, figure)
        with writing(arguments.page) as whole:
            whole.write_text(text, encoding="utf-8")
        print(f"wrote {arguments.page}", file=sys.stderr)
    _print(state.steps, ranked, works)


if __name__ == "__main__":
    main()
