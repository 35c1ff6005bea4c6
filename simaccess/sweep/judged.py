"""Which method is best at each place of an experiment, by how much, and how sure that is.

A place is a model, a workload and a value of each axis but those of methods: each method is there
with the best of its settings, by the mean over seeds on the model as it stands.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from simaccess.objective import Objective
from simaccess.registry import names, parameters
from simaccess.sweep.measures import measured, unit_of
from simaccess.sweep.store import Store
from simaccess.sweep.tabulate import results, units
from simaccess.sweep.uncertainty import AS_IT_STANDS
from simaccess.verdict import Verdict, verdict

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MEASURES", "Judged", "judged", "verdicts"]

MEASURES: Mapping[Objective, str] = {
    "throughput": "throughput_bytes_per_s",
    "latency": "latency_s.p50",
}
"""What methods are judged by, as results call it."""

_At = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Judged:
    """A place, and the verdict there.

    Attributes
    ----------
    at : tuple of int
        The index of its model, its workload, and its value on each dimension that is no method's.
    place : mapping of str to scalar
        The same as results have it.
    means : mapping of str to float
        Each method's mean over the seeds that all methods there have.
    settings : mapping of str to mapping of str to scalar
        For each method the values of those methods' axes that it has at which it is best.
    verdict : Verdict
        Which is best.
    """

    at: _At
    place: Mapping[str, Any]
    means: Mapping[str, float]
    settings: Mapping[str, Mapping[str, Any]]
    verdict: Verdict


@dataclass(slots=True)
class _Setting:
    """What a method gave with one setting at a place."""

    place: Mapping[str, Any]
    seeds: dict[int, float] = field(default_factory=dict)
    draws: dict[int, float] = field(default_factory=dict)

    @property
    def mean(self) -> float:
        return math.fsum(self.seeds.values()) / len(self.seeds)


def judged(store: Store) -> Iterator[Judged]:
    """Return the places at which two methods or more have results, in the experiment's order.

    Parameters
    ----------
    store : Store
        The results, which may still become more.
    """
    told = store.experiment()
    objective: Objective = told["objective"]
    axes = [dimension["name"] for dimension in told["dimensions"]]
    of_methods = {2 + at for at, name in enumerate(axes) if name.startswith("method.")}
    choose = max if objective == "throughput" else min
    for at, methods in sorted(_settings(store, MEASURES[objective], of_methods).items()):
        best = {
            method: choose(known, key=lambda each: each.mean)
            for method in told["methods"]
            if (known := [each for each in methods.get(method, {}).values() if each.seeds])
        }
        if len(best) > 1:
            yield _judged(at, best, objective)


def _settings(
    store: Store, measure: str, of_methods: set[int]
) -> Mapping[_At, Mapping[str, Mapping[_At, _Setting]]]:
    """Return what each method gave at each place, by its setting."""
    found: defaultdict[_At, defaultdict[str, dict[_At, _Setting]]]
    found = defaultdict(lambda: defaultdict(dict))
    for row in results(store):
        value = measured(row.stored.text)[measure]
        if value is None:  # there was no request to time
            continue
        at = row.place["at"]
        place = tuple(index for axis, index in enumerate(at) if axis not in of_methods)
        setting = tuple(index for axis, index in enumerate(at) if axis in of_methods)
        here = found[place][row.place["method"]]
        if setting not in here:
            own = {"at", "method", "seed", "draw"}
            here[setting] = _Setting({k: v for k, v in row.place.items() if k not in own})
        draw = row.place.get("draw", AS_IT_STANDS)
        if draw == AS_IT_STANDS:
            here[setting].seeds[row.place["seed"]] = value
        else:
            here[setting].draws[draw] = value
    return found


def _judged(at: _At, best: Mapping[str, _Setting], objective: Objective) -> Judged:
    first, *others = best.values()
    common = [seed for seed in first.seeds if all(seed in each.seeds for each in others)]
    drawn = {method: each.draws for method, each in best.items() if each.draws}
    draws = [
        {method: each[draw] for method, each in drawn.items()}
        for draw in sorted(set.intersection(*map(set, drawn.values())) if drawn else ())
    ]
    figures = {method: [each.seeds[seed] for seed in common] for method, each in best.items()}
    return Judged(
        at,
        {key: value for key, value in first.place.items() if not key.startswith("method.")},
        {method: math.fsum(known) / len(known) for method, known in figures.items()},
        {
            method: {k: v for k, v in each.place.items() if _concerns(k, method)}
            for method, each in best.items()
        },
        verdict(figures, objective, draws),
    )


def _concerns(axis: str, method: str) -> bool:
    """Say whether an axis is one of a method's parameters."""
    section, _, name = axis.partition(".")
    return section == "method" and (
        method not in names() or name in parameters(method).model_fields
    )


def verdicts(store: Store) -> pd.DataFrame:
    """Return a row a place and method: how it compares with the best one, and how sure that is.

    Parameters
    ----------
    store : Store
        The results, which may still become more.

    Returns
    -------
    DataFrame
        Where the place lies, the method with its settings on the methods' axes, and

        ``best``
            whether it has the best mean;
        ``mean``
            of the objective;
        ``behind``, ``behind_low``, ``behind_high``
            the share by which the best one leads it, and the 95 % interval of their paired
            difference over seeds;
        ``close``
            why it is too close to the best one (`simaccess.verdict`): seeds, lead, parameters;
        ``probability``, ``probability_low``, ``probability_high``
            that it is best or level where parameters lie anywhere in their ranges, with the 95 %
            interval; missing without draws;
        ``replications``, ``draws``
            what that stands on.
    """
    import pandas as pd  # noqa: PLC0415  # takes as long to import as a small run

    made = pd.DataFrame([row for each in judged(store) for row in _rows(each)])
    for name in [each for each in made if str(each).startswith("method.")]:
        made[name] = made[name].convert_dtypes()  # whole numbers stay whole where one is missing
    told = store.experiment()
    known = {**units(store), "mean": unit_of(MEASURES[told["objective"]])} if len(made) else {}
    numbers = {name: "1" for name in map(str, made) if made[name].dtype.kind in "iuf"}
    made.attrs["units"] = {name: known.get(name, unit) for name, unit in numbers.items()}
    return made


def _rows(each: Judged) -> Iterator[dict[str, Any]]:
    axes = dict.fromkeys(key for settings in each.settings.values() for key in settings)
    found = each.verdict
    rivals = {rival.method: rival for rival in found.rivals}
    for method in (found.best, *rivals):
        rival = rivals.get(method)
        low, high = (rival.interval if rival else None) or (None, None)
        least, most = found.intervals.get(method, (None, None))
        yield {
            **each.place,
            "method": method,
            **dict.fromkeys(axes),
            **each.settings[method],
            "best": rival is None,
            "mean": each.means[method],
            "behind": rival.lead if rival else 0.0,
            "behind_low": low,
            "behind_high": high,
            "close": " ".join(rival.close) if rival else "",
            "probability": found.shares.get(method),
            "probability_low": least,
            "probability_high": most,
            "replications": found.replications,
            "draws": found.draws,
        }
