"""The best value of a parameter, for one workload or several with weights.

A scan looks at places in equal steps from end to end, and a search then goes down from the best
ones (`scipy.optimize.minimize_scalar`, bounded). Times over a block's size are stairs and saw
teeth, so between two neighbours of the scan there may be a better value than the one found.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simaccess.errors import InputError
from simaccess.questions.axis import Axis, Scale, axis, leaf
from simaccess.questions.case import Case
from simaccess.questions.log_times import LogTimes, Spot
from simaccess.refusal import did_you_mean
from simaccess.registry import parameters
from simaccess.statistics.crossing import crossing
from simaccess.statistics.intervals import Interval, mean_interval
from simaccess.tune import BLOCKS, DEPTHS

__all__ = ["FLAT", "Flat", "Optimum", "Weighted", "having", "optimum", "usual_axis"]

FLAT = (0.01, 0.05)
"""How flat the optimum is: between which values a method is within 1 % and 5 % of it."""

TOLERANCE = 1e-3
"""How near the search comes: a share of the value on a logarithmic axis, else of the axis."""

STARTS = 3
"""From how many of the scan's local minima a search goes down, the best first."""


@dataclass(frozen=True, slots=True)
class Weighted:
    """A case, and how much it counts: its share of the bytes that are asked for."""

    case: Case
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Flat:
    """Where a method is within a share of its best: from `low` to `high` without a gap."""

    share: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Optimum:
    """The best value of a parameter for a method.

    Attributes
    ----------
    method : str
        The method.
    place : float
        The best value that was found; of equally good ones the lowest.
    default : float or None
        The value without being told one; None where that is no number, as for a method's blocks
        that are the workload's records.
    lead : float
        By which share the best value is better than the default, with seeds that the search has
        not seen.
    interval : (float, float) or None
        The confidence interval of that lead; None where nothing is drawn.
    leads : tuple of float
        The lead for each workload alone.
    flat : tuple of Flat
        How flat it is.
    scan : tuple of (float, float)
        The places of the scan, and by which share each is worse than the best value.
    drawn : bool
        Whether anything is drawn from the seeds; not asked where one replication was wanted.
    replications : int
        Seeds that the search stands on; the lead stands on as many others.
    """

    method: str
    place: float
    default: float | None
    lead: float
    interval: Interval | None
    leads: tuple[float, ...]
    flat: tuple[Flat, ...]
    scan: tuple[tuple[float, float], ...]
    drawn: bool
    replications: int

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain dicts, lists and numbers, ready for JSON."""
        return asdict(self)


def having(key: str, methods: Sequence[str]) -> list[str]:
    """Return the methods that have a parameter; all of them if it is none of a method.

    Raises
    ------
    InputError
        If it is one of a method, and of none of these.
    """
    part, _, name = key.partition(".")
    if part != "method":
        return list(methods)
    found = [each for each in methods if name in parameters(each).model_fields]
    if not found:
        known = {field: None for each in methods for field in parameters(each).model_fields}
        problem = "no method here has it" + did_you_mean(name, known)
        raise InputError(problem, key=key, allowed=known or "none")
    return found


def usual_axis(key: str, cases: Sequence[Case], scale: Scale = "auto") -> Axis:
    """Return the axis that a parameter is searched along where no ends are told.

    Blocks go to a quarter of the smallest segment, thresholds to the end of the longest record.

    Raises
    ------
    InputError
        If there is no such parameter, or there are no usual ends for it.
    """
    asked = [case.loaded()[1] for case in cases]
    ends = {
        # As in `simaccess.tune.axes`, so that no method copies most of the segment at once.
        "method.block": (
            f"{BLOCKS[0]} B",
            f"{min(BLOCKS[-1], *(each.size // 4 for each in asked))} B",
        ),
        "method.depth": (str(DEPTHS[0]), str(2 * DEPTHS[-1])),
        "method.threshold": ("0 B", f"{max(each.blocks.longest for each in asked)} B"),
    }
    if key not in ends:
        if not leaf(key.removeprefix("model."), cases[0]).numeric:  # which refuses what is none
            problem = "not a number, so there is nothing to search along"
            raise InputError(problem, key=key, allowed="a number's key")
        raise InputError("has no usual ends", key=key, allowed=f"{key}=LOW:HIGH")
    return axis(key, *ends[key], cases[0], scale)


def optimum(
    workloads: Sequence[Weighted],
    method: str,
    along: Axis,
    times: LogTimes,
    *,
    replications: int = 10,
    places: int | None = None,
) -> Optimum:
    """Find the best value of a parameter.

    Best is what takes the least time for a byte, or has the least median latency, in the mean over
    the workloads by their weights and then over the replications' logarithms.

    Parameters
    ----------
    workloads : sequence of Weighted
        Cases that differ in their workloads, with positive weights.
    method : str
        The method.
    along : Axis
        The parameter, and where it is searched.
    times : LogTimes
        What simulates, and by which objective.
    replications : int
        Seeds, if anything is drawn from them.
    places : int, optional
        Of the scan, besides the default; where none are told 17 on a linear axis, and one every
        factor of 2 on a logarithmic one, but 9 to 33.

    Raises
    ------
    InputError
        If a combination of values is refused.
    """
    span = along.span
    if places is None:
        doublings = math.log2(span.high / span.low) if span.logarithmic else 16
        places = min(max(math.ceil(doublings - 1e-9) + 1, 9), 33)
    mix = _Mix(workloads, method, along, times)
    default = _default(workloads[0].case, method, along)
    inside = default is not None and span.low < default < span.high
    scanned = sorted({*span.places(places), *([default] if inside and default else [])})
    drawn = replications > 1 and mix.drawn(scanned)
    replications = replications if drawn else 1
    seen: dict[float, float] = {}

    def cost(place: float) -> float:
        if place not in seen:
            seen[place] = float(mix.costs([place], range(replications))[0].mean())
        return seen[place]

    mix.costs(scanned, range(replications))  # all at a time
    for place in scanned:
        cost(place)
    for start in _minima(scanned, seen)[:STARTS]:
        beside = scanned[max(start - 1, 0)], scanned[min(start + 1, len(scanned) - 1)]
        _descend(lambda u: cost(span.place(u)), span.at(beside[0]), span.at(beside[1]))
    best = min(sorted(seen), key=seen.__getitem__)
    held_out = range(replications, 2 * replications) if drawn else range(1)
    leads = mix.leads(best, held_out)
    whole = mix.leads(best, held_out, apart=False)[0]
    interval = mean_interval(whole)
    return Optimum(
        method=method,
        place=best,
        default=default,
        lead=math.expm1(float(whole.mean())),
        interval=interval and (math.expm1(interval[0]), math.expm1(interval[1])),
        leads=tuple(math.expm1(float(each.mean())) for each in leads),
        flat=tuple(_flat(share, best, cost, list(seen), along) for share in FLAT),
        scan=tuple((place, math.expm1(seen[place] - seen[best])) for place in scanned),
        drawn=drawn,
        replications=replications,
    )


class _Mix:
    """What a place costs over all workloads."""

    def __init__(
        self, workloads: Sequence[Weighted], method: str, along: Axis, times: LogTimes
    ) -> None:
        self._cases = [each.case for each in workloads]
        whole = math.fsum(each.weight for each in workloads)
        self._weights = np.array([each.weight / whole for each in workloads])
        self._method = method
        self._along = along
        self._times = times

    def costs(self, places: Sequence[float], numbers: range) -> list[NDArray[np.float64]]:
        """Return the logarithm of the mean time at each place, one a replication of `numbers`."""
        spots = [[self._spot(case, place) for case in self._cases] for place in places]
        self._times.require([spot for each in spots for spot in each], numbers.stop)
        return [self._mean(self._of(each, numbers)) for each in spots]

    def drawn(self, places: Sequence[float]) -> bool:
        """Return whether seeds matter at any of some places."""
        return self._times.drawn(self._spot(case, at) for at in places for case in self._cases)

    def leads(
        self, place: float, numbers: range, *, apart: bool = True
    ) -> list[NDArray[np.float64]]:
        """Return the default's time less that of a place: of each workload, or of all together."""
        here = [self._spot(case, place) for case in self._cases]
        default = [Spot(case, self._method) for case in self._cases]
        self._times.require([*here, *default], numbers.stop)
        one, other = self._of(here, numbers), self._of(default, numbers)
        return list(other - one) if apart else [self._mean(other) - self._mean(one)]

    def _spot(self, case: Case, place: float) -> Spot:
        return Spot(case, self._method, ((self._along.key, self._along.value(place)),))

    def _of(self, spots: Sequence[Spot], numbers: range) -> NDArray[np.float64]:
        return np.array([self._times.of(spot, numbers.stop)[numbers.start :] for spot in spots])

    def _mean(self, log_times: NDArray[np.float64]) -> NDArray[np.float64]:
        mean: NDArray[np.float64] = np.log(self._weights @ np.exp(log_times))
        return mean


def _minima(scanned: Sequence[float], seen: dict[float, float]) -> list[int]:
    """Return which places of a scan are no worse than their neighbours, the best first."""
    costs = [math.inf, *(seen[place] for place in scanned), math.inf]
    found = [at for at in range(len(scanned)) if costs[at] >= costs[at + 1] <= costs[at + 2]]
    return sorted(found, key=lambda at: costs[at + 1])


def _descend(value: Callable[[float], float], low: float, high: float) -> None:
    """Look at coordinates between two, ever nearer to a minimum."""
    from scipy import optimize  # noqa: PLC0415  # takes as long to import as a small run

    optimize.minimize_scalar(
        value, bounds=(low, high), method="bounded", options={"xatol": TOLERANCE / 2}
    )


def _flat(
    share: float, best: float, cost: Callable[[float], float], places: Sequence[float], along: Axis
) -> Flat:
    """Return the stretch around the best of some places where the cost is within a share of it."""
    bound = cost(best) + math.log1p(share)

    def within(place: float) -> list[float]:
        return [bound - cost(place)]

    def without(place: float) -> list[float]:
        return [cost(place) - bound]

    low = high = best
    for place in sorted(places, reverse=True):
        if place < best:
            if cost(place) > bound:
                low = crossing(without, along.span, place, low, tolerance=TOLERANCE).high
                break
            low = place
    for place in sorted(places):
        if place > best:
            if cost(place) > bound:
                high = crossing(within, along.span, high, place, tolerance=TOLERANCE).low
                break
            high = place
    return Flat(share, low, high)


def _default(case: Case, method: str, along: Axis) -> float | None:
    """Return the value that a parameter has without being told one, if it is a number."""
    part, _, name = along.key.partition(".")
    scenario = case.scenario(method)
    value: Any
    if part == "method":
        value = parameters(method).model_validate(dict(scenario.settings))
        if name == "block" and value.block is None and not scenario.workload.header:
            return float(scenario.workload.blocks.longest)  # all are of one size
    elif part == "workload":
        value = scenario.workload.parameters
    elif part == "producer":
        value = scenario.producer
    else:
        return _number(scenario.model.value(along.key))
    return _number(getattr(value, name, None))


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
