"""A sweep's answer in a few lines: at which share of its places each method is best."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

from simaccess.objective import Objective
from simaccess.sweep.measures import measured
from simaccess.sweep.store import Store
from simaccess.sweep.tabulate import results
from simaccess.sweep.walk import Walked

__all__ = ["Summary", "lines", "summary"]

_MEASURES = {"throughput": "throughput_bytes_per_s", "latency": "latency_s.p50"}


@dataclass(frozen=True, slots=True)
class Summary:
    """How often each method is best.

    Attributes
    ----------
    objective : str
        What in.
    methods : tuple of str
        Those that competed.
    places : mapping of (str, str) to int
        How many places there are of each model and workload: combinations of all axes but those
        of methods, at which two methods or more have results.
    best : mapping of (str, str) to mapping of str to int
        At how many of them each method is best, with the best of its settings, by the mean over
        seeds.
    """

    objective: Objective
    methods: tuple[str, ...]
    places: dict[tuple[str, str], int]
    best: dict[tuple[str, str], Counter[str]]

    def to_dict(self) -> list[dict[str, Any]]:
        """Return it as plain data."""
        return [
            {
                "model": model,
                "workload": workload,
                "places": places,
                "best": {name: self.best[model, workload][name] for name in self.methods},
            }
            for (model, workload), places in self.places.items()
        ]


def summary(store: Store) -> Summary:
    """Return the summary of a sweep's results."""
    told = store.experiment()
    objective: Objective = told["objective"]
    names = [dimension["name"] for dimension in told["dimensions"]]
    of_methods = {2 + at for at, name in enumerate(names) if name.startswith("method.")}
    figures: defaultdict[tuple[int, ...], defaultdict[tuple[str, tuple[int, ...]], list[float]]]
    figures = defaultdict(lambda: defaultdict(list))
    for row in results(store):
        at = row.place["at"]
        place = tuple(index for axis, index in enumerate(at) if axis not in of_methods)
        setting = tuple(index for axis, index in enumerate(at) if axis in of_methods)
        value = measured(row.stored.text)[_MEASURES[objective]]
        worst = 0.0 if objective == "throughput" else math.inf
        figures[place][row.place["method"], setting].append(worst if value is None else value)
    choose = max if objective == "throughput" else min
    places: dict[tuple[str, str], int] = {}
    best: dict[tuple[str, str], Counter[str]] = {}
    for place in sorted(figures):
        means = {who: math.fsum(each) / len(each) for who, each in figures[place].items()}
        if len({method for method, _ in means}) < 2:
            continue
        method, _ = choose(means, key=means.__getitem__)
        titles = told["models"][place[0]], told["workloads"][place[1]]
        places[titles] = places.get(titles, 0) + 1
        best.setdefault(titles, Counter())[method] += 1
    return Summary(objective, tuple(told["methods"]), places, best)


def lines(question: str, walked: Walked, found: Summary) -> list[str]:
    """Return what a sweep has done, and its summary, as lines of text."""
    failed = f"; {len(walked.failed):,} failed" if walked.failed else ""
    shown = [question, f"{walked.points:,} points, {walked.simulated:,} simulated now{failed}"]
    if not found.places:
        return shown
    what = {"throughput": "best throughput", "latency": "best median latency"}[found.objective]
    labels = [f"  {model}, {workload}" for model, workload in found.places]
    width = max(map(len, (what, *labels)))
    head = f"{what:{width}}  {'places':>8}"
    shown += ["", head + "".join(f"  {method:>10}" for method in found.methods)]
    for label, (titles, places) in zip(labels, found.places.items(), strict=True):
        shares = [100 * found.best[titles][method] / places for method in found.methods]
        row = "".join(
            f"  {f'{share:.0f} %':>{max(10, len(method))}}"
            for share, method in zip(shares, found.methods, strict=True)
        )
        shown.append(f"{label:{width}}  {places:>8,}{row}")
    return [*shown, ""]
