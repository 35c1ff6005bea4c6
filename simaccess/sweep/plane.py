"""Points on the plane of t/T and p: simulations of three methods, set against their closed forms.

Each link has a panel, since n_h, n_p and T'/T move the borders. Its own points stand at its t/T.
The others are those of a plain link (`simaccess.sim.fifo_link`) whose latency is swept, and which
takes as many reads for a header and for a payload as the panel's own link; but none so near to the
link's own that markers would hide each other.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from simaccess.analytic import Conditions
from simaccess.conditions import payload_share
from simaccess.objective import Objective, figure
from simaccess.quantities import parse_size
from simaccess.result import Result
from simaccess.sweep.drawing import Map
from simaccess.sweep.outcome import MapPanel, MapPoint
from simaccess.sweep.runner import Runner
from simaccess.sweep.task import Measure, ModelRef, Run, WorkloadRef
from simaccess.verdict import verdict

__all__ = ["METHODS", "SORT", "panels", "some", "tasks"]

METHODS = ("zero-copy", "copy-once", "hybrid")
"""The methods that have a closed form."""

# The engine's times of the swept link in seconds. Its bytes and its local memory cost nothing to
# speak of, as the closed forms have it: all that counts is one time in place, and one in bulk.
_ENGINE = {"dma.issue": 1e-6, "dma.start": 5e-6, "dma.completion": 4e-6}
_FREE = {
    "link.rate": "1 TB/s",
    "local.latency": "0 s",
    "local.rate": "1000 TB/s",
    "local.copy_rate": "1000 TB/s",
    "dma.channels": "1",
}


APART = 0.12
"""Decades of t/T that a swept point keeps from the link's own."""


@dataclass(frozen=True, slots=True)
class _Spot:
    """A link and a workload, and what is known of them before the methods run."""

    panel: int
    model: ModelRef
    workload: WorkloadRef
    conditions: Conditions
    swept: bool


SORT = "figure"
"""What all tasks of the figure are for an estimate of the time: all are short."""


def some(plane: Map, links: Sequence[tuple[str, ModelRef]], seed: int) -> list[Run]:
    """Return a few of the figure's tasks, which tell how long the others take."""
    _, model = links[0]
    reads = _at(_workload(plane, 1.0), plane, max(plane.probabilities))
    return [Run(model, reads, method, _settings(plane, method), seed=seed) for method in METHODS]


def tasks(plane: Map, links: int) -> int:
    """Return how many tasks the figure takes at most."""
    return links * (1 + len(plane.ratios)) * _each(plane)


def _each(plane: Map) -> int:
    """Return how many tasks a link of some t/T takes, its conditions among them."""
    return 1 + len(plane.probabilities) * len(METHODS)


def panels(
    plane: Map, links: Sequence[tuple[str, ModelRef]], runner: Runner, seed: int
) -> tuple[MapPanel, ...]:
    """Simulate the points.

    Parameters
    ----------
    plane : Map
        What is to be drawn.
    links : sequence of (str, ModelRef)
        The panels' titles and models.
    runner : Runner
        Where it is simulated.
    seed : int
        Of the records whose payload is read, and of the links' draws.
    """
    whole = _workload(plane, 1.0)
    own = runner.run([Measure(model, whole, seed) for _, model in links], SORT)
    swept = [
        (
            panel,
            _swept(plane, ratio),
            replace(whole, cut=(max(1, round(seen.n_h)), round(seen.n_p))),
        )
        for panel, seen in enumerate(own)
        for ratio in plane.ratios
        if abs(math.log10(ratio * seen.T / seen.t)) >= APART
    ]
    runner.leave_out(SORT, _each(plane) * (len(links) * len(plane.ratios) - len(swept)))
    apart = [(model, replace(reads, cut=_apart(reads.cut))) for _, model, reads in swept]
    measured = [
        seen if reads.cut and reads.cut[1] else replace(seen, n_p=0.0)
        for seen, (_, _, reads) in zip(
            runner.run([Measure(model, reads, seed) for model, reads in apart], SORT),
            swept,
            strict=True,
        )
    ]
    spots = [
        _Spot(panel, model, whole, own[panel], swept=False)
        for panel, (_, model) in enumerate(links)
    ]
    spots += [
        _Spot(panel, model, reads, seen, swept=True)
        for (panel, model, reads), seen in zip(swept, measured, strict=True)
    ]
    runs = [
        Run(spot.model, _at(spot.workload, plane, p), method, _settings(plane, method), seed=seed)
        for spot in spots
        for p in plane.probabilities
        for method in METHODS
    ]
    results = iter(runner.run(runs, SORT))
    points: list[list[MapPoint]] = [[] for _ in links]
    for spot in spots:
        for p in plane.probabilities:
            share = payload_share(_workload(plane, p).load(), seed)
            here = replace(spot.conditions, p=share)
            points[spot.panel].append(_point(here, [next(results) for _ in METHODS], spot.swept))
    return tuple(
        MapPanel(title, seen, tuple(each))
        for (title, _), seen, each in zip(links, own, points, strict=True)
    )


def _point(here: Conditions, results: Sequence[Result], swept: bool) -> MapPoint:
    objective: Objective = "throughput"
    best, second, *_ = sorted(here.times().values())
    return MapPoint(
        ratio=here.t / here.T,
        p=here.p,
        swept=swept,
        analytic=here.best(),
        margin=second / best - 1,
        verdict=verdict({each.method: [figure(each, objective)] for each in results}, objective),
    )


def _workload(plane: Map, p: float) -> WorkloadRef:
    settings = (
        ("record", plane.record),
        ("header", plane.header),
        ("requests", plane.records),
        ("size", f"{plane.records * 2 * parse_size(plane.record)} B"),
        ("payload_probability", p),
    )
    return WorkloadRef("header-payload", settings)


def _at(reads: WorkloadRef, plane: Map, p: float) -> WorkloadRef:
    return replace(_workload(plane, p), cut=reads.cut)


def _swept(plane: Map, ratio: float) -> ModelRef:
    """Return the plain link with the latency at which t/T is nearly `ratio`.

    With the latency l, t = l and T = l + the engine's times, since bytes cost next to nothing.
    """
    latency = ratio / (1 - ratio) * sum(_ENGINE.values())
    engine = {key: f"{seconds!r} s" for key, seconds in _ENGINE.items()}
    values = {**_FREE, **engine, "link.latency": f"{latency!r} s"}
    return ModelRef(plane.link, tuple(values.items()))


def _apart(cut: tuple[int, int] | None) -> tuple[int, int] | None:
    """Return a cut in which a payload has a read of its own, to be measured."""
    return None if cut is None else (cut[0], max(1, cut[1]))


def _settings(plane: Map, method: str) -> tuple[tuple[str, str], ...]:
    """Return what makes a method that of its closed form: records as blocks, each copied once."""
    return {
        "zero-copy": (),
        "copy-once": (("slots", "2"),),
        "hybrid": (("slots", "2"), ("threshold", plane.header)),
    }[method]
