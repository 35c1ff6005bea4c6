"""Find a method's own best parameters for a scenario, by a small deterministic search.

The search is a coordinate descent: one parameter after the other goes up its candidates while
that helps, or down where up does not, until a round changes nothing. No shadow is larger than one
capacity, so that no method wins by memory; where shadows lie in simulated caches a smaller one may
be better, and is searched too.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TypeAlias

from simaccess.errors import InputError
from simaccess.objective import Objective, figure, lead, objective_named
from simaccess.present import size
from simaccess.quantities import parse_size
from simaccess.registry import make, parameters
from simaccess.result import Result
from simaccess.scenario import Scenario
from simaccess.simulate import simulate
from simaccess.workload.workload import Workload

__all__ = [
    "BLOCKS",
    "CAPACITIES",
    "CAPACITY",
    "DEPTHS",
    "SIMULATIONS",
    "Axis",
    "Point",
    "Tuning",
    "axes",
    "equipped",
    "most",
    "searched",
    "shown_settings",
    "tune",
]

BLOCKS = tuple(4**power for power in range(4, 11))
"""Sizes of blocks that are tried, 256 B to 1 MiB."""

DEPTHS = (1, 2, 4, 8, 16, 32)
"""Depths of prefetching that are tried."""

CAPACITY = 4 << 20
"""Bytes of every method's shadow, at most."""

CAPACITIES = tuple(f"{CAPACITY >> shift} B" for shift in (0, 2, 4, 6, 8))
"""Capacities that are tried where shadows lie in simulated caches, 4 MiB to 16 KiB."""

SIMULATIONS = 32
"""Most simulations of a search."""

GAIN = 0.001
"""By which share a candidate must be better; on a plateau the search looks further."""

RECORDS = "own"
"""Stands for the workload's own blocks, its records: the method is told no block size."""

Settings: TypeAlias = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Axis:
    """A parameter that is searched.

    Attributes
    ----------
    key : str
        Its name.
    values : tuple of str
        What is tried, in an order in which the figure is expected to rise and then fall.
    start : int
        Which of them is tried first.
    """

    key: str
    values: tuple[str, ...]
    start: int = 0


@dataclass(frozen=True, slots=True)
class Point:
    """One simulation of a search: the method's settings, and what it gave."""

    settings: Settings
    figure: float


@dataclass(frozen=True, slots=True)
class Tuning:
    """What a search found.

    Attributes
    ----------
    settings : mapping of str to str
        The best settings, those that the scenario came with included.
    figure : float
        The throughput in bytes a second, or the median latency in seconds, with them.
    tried : tuple of Point
        Every simulation, in order.
    """

    settings: Settings
    figure: float
    tried: tuple[Point, ...]


def axes(method: str, workload: Workload, cached: bool = False) -> tuple[Axis, ...]:
    """Return what is searched for a method on a workload; nothing for a method unknown here.

    The shadow's capacity is searched where it lies in simulated caches (`cached`). Blocks are the
    workload's records or of a fixed size. At least four blocks make up the segment, so that no
    method copies most of it at once.
    """
    most = workload.size // 4
    sizes = tuple(f"{block} B" for block in BLOCKS if block <= most) or (f"{workload.size} B",)
    start = sizes.index("4096 B") if "4096 B" in sizes else len(sizes) - 1
    blocks = Axis("block", sizes, start)
    if workload.header:
        blocks = Axis("block", (RECORDS, *sizes[start:]))
    depth = Axis("depth", tuple(str(depth) for depth in DEPTHS), DEPTHS.index(8))
    shadow = (Axis("shadow", CAPACITIES),) if cached else ()
    return {
        "copy-once": (*shadow, blocks),
        "hybrid": (*shadow, blocks),
        "prefetch": (*shadow, blocks, depth),
    }.get(method, ())


def equipped(
    method: str, workload: Workload, settings: Mapping[str, str] = MappingProxyType({})
) -> dict[str, str]:
    """Return settings, completed so that a comparison is fair.

    Every method that keeps a shadow has one of `CAPACITY`, and a threshold is the end of the
    records' header, where the workload has one.
    """
    known = parameters(method).model_fields
    given = {}
    if "shadow" in known and "slots" not in settings:
        given["shadow"] = f"{CAPACITY} B"
    if "threshold" in known and workload.header:
        given["threshold"] = f"{workload.header} B"
    return {**given, **settings}


def most(scenario: Scenario, limit: int = SIMULATIONS) -> int:
    """Return how many simulations `tune` takes at most: one a place on the axes, up to `limit`."""
    return min(limit, math.prod(len(axis.values) for axis in _open(scenario)[1]))


def tune(
    scenario: Scenario,
    objective: Objective = "throughput",
    *,
    limit: int = SIMULATIONS,
    run: Callable[[Scenario], Result] = simulate,
) -> Tuning:
    """Find the best parameters of a scenario's method.

    Parameters
    ----------
    scenario : Scenario
        What is simulated. Its own settings are kept; only the others are searched.
    objective : {'throughput', 'latency'}
        What the best is best in.
    limit : int
        Most simulations; where it is reached, the best so far is returned.
    run : callable
        What simulates a scenario.

    Returns
    -------
    Tuning
        The same for the same scenario, on every run.

    Raises
    ------
    InputError
        If the scenario's own settings are refused, or there is no such objective.
    """
    objective = objective_named(objective)
    if limit < 1:
        raise ValueError(f"a search takes at least 1 simulation, not {limit}")
    given, searched = _open(scenario)
    seen: dict[tuple[int, ...], float] = {}
    tried: list[Point] = []

    def measure(place: tuple[int, ...]) -> float | None:
        """Return the figure of a place; None if it is refused, or one simulation too many."""
        if place not in seen:
            settings = _settings(given, searched, place)
            if len(tried) >= limit or _refusal(scenario, settings) is not None:
                return None
            seen[place] = figure(run(replace(scenario, settings=settings)), objective)
            tried.append(Point(settings, seen[place]))
        return seen[place]

    best = _first(scenario, given, searched)
    begun = measure(best)
    assert begun is not None  # of an allowed place, and the first simulation
    top = begun

    def climb(index: int, step: int) -> bool:
        """Go along one axis, over a dip of one candidate; say whether it became better."""
        nonlocal best, top
        before, at = best, best[index]
        worse = 0
        while worse < 2 and 0 <= (at := at + step) < len(searched[index].values):
            place = (*best[:index], at, *best[index + 1 :])
            value = measure(place)
            if value is None:
                break
            gain = lead(value, top, objective)
            worse += gain < -GAIN
            if gain > GAIN:
                best, top, worse = place, value, 0
        return best != before

    before: tuple[int, ...] | None = None
    while before != best:
        before = best
        for index in range(len(searched)):
            _ = climb(index, 1) or climb(index, -1)
    return Tuning(_settings(given, searched, best), top, tuple(tried))


def shown_settings(result: Result) -> str:
    """Return what a result was got with: block size, depth, and capacity where it was searched.

    For instance ``64 KiB x 8`` or ``16 KiB in 256 KiB``.
    """
    settings = result.settings
    if "shadow" not in settings and "slots" not in settings:
        return "-"
    block = size(parse_size(settings["block"])) if "block" in settings else RECORDS
    shown = f"{block} x {settings['depth']}" if "depth" in settings else block
    shadow = parse_size(settings.get("shadow", CAPACITIES[0]))
    return shown if shadow == CAPACITY else f"{shown} in {size(shadow)}"


def searched() -> str:
    """Return what the search goes through, for people."""
    return (
        f"Searched: blocks of {size(BLOCKS[0])} to {size(BLOCKS[-1])}, at most a quarter of the"
        f" segment, and shadows of at most {size(CAPACITY)}; what is best at such an edge may be"
        " better beyond it."
    )


def _open(scenario: Scenario) -> tuple[Settings, list[Axis]]:
    """Return the settings that a search keeps, and the axes that these leave open."""
    given = equipped(scenario.method, scenario.workload, scenario.settings)
    cached = scenario.model.kind == "memory-bus" or scenario.memory is not None
    if cached and given.get("shadow") == CAPACITIES[0]:
        del given["shadow"]
    found = axes(scenario.method, scenario.workload, cached and "slots" not in given)
    return given, [axis for axis in found if axis.key not in given]


def _first(scenario: Scenario, given: Settings, searched: list[Axis]) -> tuple[int, ...]:
    """Return where a search begins: the nearest place to the axes' starts that is not refused.

    Raises
    ------
    InputError
        If all are: what the method says of the first candidates.
    """

    def distance(place: tuple[int, ...]) -> int:
        return sum(abs(at - axis.start) for at, axis in zip(place, searched, strict=True))

    places = itertools.product(*(range(len(axis.values)) for axis in searched))
    for place in sorted(places, key=distance):
        if _refusal(scenario, _settings(given, searched, place)) is None:
            return place
    refused = _refusal(scenario, _settings(given, searched, (0,) * len(searched)))
    assert refused is not None
    raise refused


def _refusal(scenario: Scenario, settings: Settings) -> InputError | None:
    """Return what the method refuses of some settings, such as a block that no shadow holds."""
    try:
        make(scenario.method, scenario.workload.blocks, settings)
    except InputError as refused:
        return refused
    return None


def _settings(given: Settings, searched: list[Axis], place: tuple[int, ...]) -> dict[str, str]:
    chosen = {axis.key: axis.values[at] for axis, at in zip(searched, place, strict=True)}
    return {**given, **{key: value for key, value in chosen.items() if value != RECORDS}}
