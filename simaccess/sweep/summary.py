"""A sweep's answer in a few lines: at which share of its places each method is best."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from simaccess.objective import Objective
from simaccess.present import counted
from simaccess.sweep.judged import judged
from simaccess.sweep.served import Served
from simaccess.sweep.store import Store
from simaccess.sweep.walk import Walked

__all__ = ["Summary", "lines", "summary"]

_UNSURE = "too close"


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
        How many places there are of each model and workload (`simaccess.sweep.judged`).
    best : mapping of (str, str) to mapping of str to int
        At how many of them each method is best.
    close : mapping of (str, str) to int
        At how many of them another method is too close to the best one to call it
        (`simaccess.verdict`).
    draws : int
        Models drawn from the parameters' ranges.
    """

    objective: Objective
    methods: tuple[str, ...]
    places: dict[tuple[str, str], int]
    best: dict[tuple[str, str], Counter[str]]
    close: Counter[tuple[str, str]]
    draws: int

    def to_dict(self) -> list[dict[str, Any]]:
        """Return it as plain data."""
        return [
            {
                "model": model,
                "workload": workload,
                "places": places,
                "best": {name: self.best[model, workload][name] for name in self.methods},
                "too_close_to_call": self.close[model, workload],
            }
            for (model, workload), places in self.places.items()
        ]


def summary(store: Store) -> Summary:
    """Return the summary of a sweep's results."""
    told = store.experiment()
    places: dict[tuple[str, str], int] = {}
    best: dict[tuple[str, str], Counter[str]] = {}
    close: Counter[tuple[str, str]] = Counter()
    for each in judged(store):
        titles = each.place["model"], each.place["workload"]
        places[titles] = places.get(titles, 0) + 1
        best.setdefault(titles, Counter())[each.verdict.best] += 1
        close[titles] += not each.verdict.decided
    return Summary(told["objective"], tuple(told["methods"]), places, best, close, told["draws"])


def lines(question: str, walked: Walked, served: Served, found: Summary) -> list[str]:
    """Return what a sweep has done, and its summary, as lines of text."""
    failed = f"; {len(walked.failed):,} failed" if walked.failed else ""
    shown = [
        question,
        f"{counted(walked.points, 'point')}, {walked.simulated:,} simulated now{failed}",
    ]
    if walked.points:
        shown.append(served.line())
    if not found.places:
        return shown
    what = {"throughput": "best throughput", "latency": "best median latency"}[found.objective]
    labels = [f"  {model}, {workload}" for model, workload in found.places]
    width = max(map(len, (what, *labels)))
    head = f"{what:{width}}  {'places':>8}"
    columns = (*found.methods, _UNSURE)
    shown += ["", head + "".join(f"  {name:>10}" for name in columns)]
    for label, (titles, places) in zip(labels, found.places.items(), strict=True):
        counts = [*(found.best[titles][method] for method in found.methods), found.close[titles]]
        row = "".join(
            f"  {f'{100 * count / places:.0f} %':>{max(10, len(name))}}"
            for count, name in zip(counts, columns, strict=True)
        )
        shown.append(f"{label:{width}}  {places:>8,}{row}")
    return [*shown, ""]
