"""Write docs/performance.md from what was measured."""

from __future__ import annotations

import statistics
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

from simulators.growth import Point, points
from simulators.registry import REFERENCE, REQUIREMENTS, Simulator
from simulators.works import WORKS, Work

__all__ = ["page", "ratios"]

Steps = dict[str, Any]


def _rounds(steps: Steps, name: str) -> list[dict[str, float]]:
    return [times for step, times in steps.items() if step.startswith(f"{name}: round ")]


def ratios(steps: Steps, name: str, key: str) -> list[float]:
    """Return how many times as fast as plain SimPy a simulator was in each round of a work."""
    return [times[REFERENCE] / times[key] for times in _rounds(steps, name) if key in times]


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [_row(head), "|" + "---|" * len(head), *map(_row, rows)]


def _number(value: float) -> str:
    """Return a number with three digits, without an exponent."""
    return f"{value:.3g}" if value < 1000 else f"{value:,.0f}"


def _prose(text: str) -> list[str]:
    return textwrap.wrap(text, 100, break_long_words=False, break_on_hyphens=False)


def _kernel(name: str) -> str:
    """Return a kernel's name and version, without what a machine's owner added to it."""
    return name.partition("-")[0]


def _spread(values: Sequence[float]) -> str:
    if not values:
        return "–"
    low, high = _number(min(values)), _number(max(values))
    return f"{_number(statistics.median(values))} ({low}–{high})"


def _comparison(steps: Steps, simulators: list[Simulator], works: dict[str, Work]) -> list[str]:
    head = ["", "idiom", *works]
    factors = [
        [each.title, each.idiom, *(_spread(ratios(steps, name, each.key)) for name in works)]
        for each in simulators
    ]
    accesses = [
        [
            each.title,
            each.idiom,
            *(
                _spread(
                    [
                        1e6 * times[each.key] / (work.clients * work.accesses)
                        for times in _rounds(steps, name)
                        if each.key in times
                    ]
                )
                for name, work in works.items()
            ),
        ]
        for each in simulators
    ]
    return [
        "Times as fast as plain SimPy with resources: median, and the lowest and highest round.",
        "",
        *_table(head, factors),
        "",
        "The same as microseconds of an access or transfer:",
        "",
        *_table(head, accesses),
        "",
    ]


def _first(steps: Steps, simulators: list[Simulator], works: dict[str, Work]) -> list[str]:
    rows = []
    for each in simulators:
        cells = [each.title, each.idiom]
        firsts = [steps[f"{name}: first"].get(each.key, {}) for name in works]
        imports = [first["import"] for first in firsts if "import" in first]
        cells.append(_number(statistics.median(imports)) if imports else "–")
        cells += [_number(first["whole"]) if "whole" in first else "–" for first in firsts]
        rows.append(cells)
    return [
        "## The first run in a new process",
        "",
        *_prose(
            "Seconds, with building the model, of one run. Each process does the works in this order: "
            "a model in C++ is compiled before the first of them, one of cimba's, by numba, before "
            "each. A replay's makes the record, loads what numba compiled once on this machine, and "
            "replays twice, once to have what every replay of the record shares."
        ),
        "",
        *_table(["", "idiom", "import", *works], rows),
        "",
    ]


def _notes(
    steps: Steps, simulators: list[Simulator], missing: dict[str, str], works: dict[str, Work]
) -> list[str]:
    notes = []
    for each in simulators:
        for name, work in works.items():
            told = steps[f"{name}: first"].get(each.key, {}).get("failed")
            if (reason := each.reason(work)) is not None:
                notes.append(f"- {each.title} cannot express *{name}*: {reason}.")
            elif told is not None:
                notes.append(f"- {each.title}, {each.idiom}, failed at *{name}*: {told}")
    notes += [f"- Not there for this run: {title}: {reason}." for title, reason in missing.items()]
    return [*notes, ""] if notes else []


def _growth(steps: Steps, axis: str, most: int) -> list[str]:
    chosen: dict[int, dict[str, Point]] = {}
    for point in points(most):
        if point.axis == axis:
            chosen.setdefault(point.size, {})[point.name] = point
    names = list(next(iter(chosen.values())))
    head = [axis]
    for name in names:
        head += [f"{name}: s", "µs each", "MB"]
    rows = []
    for size, by_name in chosen.items():
        cells = [f"{size:,}"]
        for name in names:
            step = steps[by_name[name].key]
            cells += [
                _number(step["seconds"]),
                _number(1e6 * step["seconds"] / step["count"]),
                f"{step['bytes'] / 1e6:.1f}",
            ]
        rows.append(cells)
    return [*_table(head, rows), ""]


def page(
    steps: Steps,
    *,
    settings: dict[str, Any],
    simulators: list[Simulator],
    missing: dict[str, str],
    works: dict[str, Work],
    most: int,
    figure: str,
) -> str:
    """Return the page.

    Parameters
    ----------
    steps : dict
        What was measured, as a `State` keeps it.
    settings : dict
        The machine, the versions, the rounds, and the load, as `bench/peers.py` notes them.
    simulators : list of Simulator
        Those that ran.
    missing : dict of str to str
        What each of the others lacked.
    works : dict of str to Bus or Engines
        The works at the sizes that ran.
    most : int
        Accesses of the largest point of growth.
    figure : str
        File of a figure of growth, beside the page.
    """
    machine = settings["machine"]
    load = settings["load"]
    versions = ", ".join(f"{title} {number}" for title, number in settings["versions"].items())
    sizes = "; ".join(f"{name}: {work.clients} x {work.accesses:,}" for name, work in works.items())
    standard = "" if works == WORKS else " **These are not the sizes of the standard run.**"
    lines = [
        "# Performance",
        "",
        *_prose(
            "Written by `python bench/peers.py --write`; every figure on it was measured in that run."
        ),
        "",
        *_prose(
            f"{machine['cpu']}, {machine['processors']} processors, {machine['memory'] / 2**30:.0f} "
            f"GiB; {_kernel(settings['kernel'])}, {settings['python']}. {settings['begin']} to "
            f"{settings['end']}; load average of the last minute at the beginning {load[0]:.1f}, then "
            f"{min(load):.1f} to {max(load):.1f}, of which the run itself is 1. {versions}."
        ),
        "",
        *_prose(
            "Times are of the processor: on a machine with nothing else to do they are those of the "
            "clock, and on a busy one they are stretched by what others leave in its caches alone. "
            "Ratios are of runs that took turns."
        ),
        "",
        "## Beside other simulators",
        "",
        *_prose(
            "Each simulator does the same works in the idiom of its own documentation, and, where it "
            "can, with *busy-until arithmetic*: whoever asks a FIFO station knows at once when it "
            "will be served, so that nobody waits in a queue. That holds for these works and not for "
            "every station. All record every latency; all end at the same simulated time, to the "
            "picosecond, after the same number of accesses, whose latencies have the same sum. "
            f"Simulators take turns for {settings['rounds']} rounds, each in a process of its own on "
            "one processor; what is timed is the run, without building the model. simaccess runs its whole stack: "
            "consumer, buffer with its counters, access method, link; *replay of a record* is what "
            "a further run costs, on a link with other parameters for example, once the methods' "
            "decisions are recorded: what the record itself costs stands under *The first run*. The "
            "models stand in "
            f"`bench/simulators/`. Clients and accesses of each: {sizes}.{standard}"
        ),
        "",
        *_comparison(steps, simulators, works),
        *_notes(steps, simulators, missing, works),
        *_first(steps, simulators, works),
        "## How time and memory grow",
        "",
        *_prose(
            "simaccess on its SimPy engine, each point in a process of its own: seconds of the run, "
            "microseconds of an access, and megabytes (10^6 bytes): the most that the process held, "
            "less the most that it held while it imported; what fits into that shows as 0.0. An "
            "access has 8 bytes of workload, which the clients share, and 8 of recorded latency."
        ),
        "",
        f"![Time and memory over accesses and consumers]({figure})",
        "",
        *_growth(steps, "accesses", most),
        "With the number of consumers, for the same number of accesses together:",
        "",
        *_growth(steps, "consumers", most),
        "## Run it again",
        "",
        "    python3 -m venv .venv-peers",
        f"    .venv-peers/bin/pip install -c constraints.txt -e '.[numba]' -r {REQUIREMENTS}",
        "    .venv-peers/bin/python bench/peers.py --write",
        "",
        *_prose(
            "What is missing is said, and the rest runs. An interrupted run goes on where it was; "
            "`--fresh` begins anew. `bench/engine.py` times the engine against plain SimPy alone."
        ),
        "",
    ]
    return "\n".join(lines)
