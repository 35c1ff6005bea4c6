"""Which parameter of a link decides the winner: Sobol indices over the ranges of its model.

The parameters lie anywhere in the ranges of the model file, distributed as `Model.draws` has them
and independent of each other. A first-order index is the share of a figure's variance that a
parameter causes by itself, a total-order one that which it causes alone and together with others;
of the log ratio of the two best methods, so, how much of the doubt about the winner it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simaccess.errors import InputError
from simaccess.figures import leaves_of
from simaccess.kinds import kind_named
from simaccess.questions.case import Case
from simaccess.questions.log_times import LogTimes, Spot
from simaccess.refusal import did_you_mean
from simaccess.statistics.intervals import CONFIDENCE, Interval, share_interval
from simaccess.sweep.task import Pairs

__all__ = [
    "SAMPLES",
    "Index",
    "Indices",
    "Sensitivity",
    "check",
    "points",
    "sensitivity",
    "uncertain",
]

SAMPLES = 256
"""Rows of the design: a power of two."""

RESAMPLES = 500
"""Of the bootstrap."""

_TRIES = 100


@dataclass(frozen=True, slots=True)
class Index:
    """How much of a figure's variance a parameter causes.

    Attributes
    ----------
    key : str
        The parameter.
    first, total : float
        Its indices of first and of total order; estimates, which may be a little below 0.
    first_interval, total_interval : (float, float)
        Their confidence intervals.
    """

    key: str
    first: float
    first_interval: Interval
    total: float
    total_interval: Interval


@dataclass(frozen=True, slots=True)
class Indices:
    """The indices of a figure.

    Attributes
    ----------
    figure : str
        What varies: a method's time, or the ratio of two methods' times.
    spread : float
        Standard deviation of its logarithm.
    parameters : tuple of Index
        That of the largest total order first; empty where the figure does not vary.
    """

    figure: str
    spread: float
    parameters: tuple[Index, ...]


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """What decides the winner.

    Attributes
    ----------
    pair : (str, str)
        The two methods that are best most often.
    wins : mapping of str to float
        Each method's share of the ranges in which it is best; among equals, the first counts.
    intervals : mapping of str to (float, float)
        The confidence interval of that probability.
    ratio : Indices
        Of the log ratio of the pair's times.
    times : tuple of Indices
        Of each method's log time.
    samples, points, simulations : int
        Rows of the design, points that it has, and simulations of them.
    redrawn : int
        Rows that were drawn again, since the kind refuses the combination of one of their points.
    """

    pair: tuple[str, str]
    wins: dict[str, float]
    intervals: dict[str, Interval]
    ratio: Indices
    times: tuple[Indices, ...]
    samples: int
    points: int
    simulations: int
    redrawn: int

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain dicts, lists and numbers, ready for JSON."""
        return asdict(self)


def uncertain(case: Case, keys: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the parameters of a case's link that have a range, or those named.

    Raises
    ------
    InputError
        If there are none, or one that is named is none or has none.
    """
    model = case.loaded()[0]
    bounds = model.bounds()
    if not bounds:
        problem = "no parameter has a range that is wider than a point"
        raise InputError(problem, key="model", value=case.model, allowed="a model with ranges")
    keys = [key.removeprefix("model.") for key in keys]
    leaves = leaves_of(kind_named(model.kind).load_parameters())
    for key in keys:
        if key not in bounds:
            problem = (
                "has no range that is wider than a point"
                if key in leaves
                else f"no parameter of {case.model}" + did_you_mean(key, bounds)
            )
            raise InputError(problem, key="parameter", value=key, allowed=bounds)
    return tuple(dict.fromkeys(keys)) or tuple(bounds)


def check(case: Case, samples: int) -> None:
    """Refuse what cannot be asked.

    Raises
    ------
    InputError
        If there are fewer than two methods, or the rows are no power of two.
    """
    if len(case.methods) < 2:
        raise InputError("alone", key="methods", value=case.methods, allowed="two methods or more")
    if samples < 2 or samples & (samples - 1):
        allowed = "a power of two, 2 or more"
        raise InputError("not balanced", key="--samples", value=samples, allowed=allowed)


def points(samples: int, parameters: int) -> int:
    """Return how many points a design has."""
    return samples * (parameters + 2)


def sensitivity(
    case: Case,
    times: LogTimes,
    *,
    keys: Sequence[str] = (),
    samples: int = SAMPLES,
    seed: int = 0,
) -> Sensitivity:
    """Find which parameters decide between the methods.

    Parameters
    ----------
    case : Case
        The link, the workload and the methods, two or more.
    times : LogTimes
        What simulates; each point with its first seed, so that what is drawn within a simulation
        is the same everywhere.
    keys : sequence of str
        The parameters that vary, the others staying as they are; by default all that have a range.
    samples : int
        Rows of the design, a power of two; each method is simulated at `points` of them.
    seed : int
        Of the design and of the bootstrap.

    Raises
    ------
    InputError
        If there are fewer than two methods, or a point is refused.

    Notes
    -----
    The design is that of A. Saltelli et al. (Computer Physics Communications 181, 2010), of
    scrambled Sobol points: two samples A and B, and A with one column of B for each parameter.
    Estimates are those of `scipy.stats.sobol_indices`, intervals percentiles of a bootstrap over
    the rows. Where the kind refuses some combinations, a row with one of them gives way to the
    next; the parameters then depend on each other, and the indices are those of the rows that
    remain.
    """
    check(case, samples)
    methods = case.methods
    keys = uncertain(case, keys)
    design, redrawn = _design(len(keys), samples, seed, partial(_accepted, case, keys))
    values = [_values(case, keys, point) for point in design]
    times.require([Spot(case, method, each) for each in values for method in methods], 1)
    logs = {
        method: np.array([times.of(Spot(case, method, each), 1)[0] for each in values], float)
        for method in methods
    }
    drawn = np.array([logs[method][: 2 * samples] for method in methods])  # A and B
    first = np.argmin(drawn, axis=0)
    counts = {method: int(np.sum(first == at)) for at, method in enumerate(methods)}
    pair = _pair(counts, dict(zip(methods, drawn, strict=True)))
    made = {f"time of {method}": logs[method] for method in methods}
    name = f"{pair[0]} / {pair[1]}"
    made[name] = logs[pair[0]] - logs[pair[1]]
    found = {figure: _indices(figure, each, keys, samples, seed) for figure, each in made.items()}
    return Sensitivity(
        pair=pair,
        wins={method: count / (2 * samples) for method, count in counts.items()},
        intervals={method: share_interval(n, 2 * samples) for method, n in counts.items()},
        ratio=found.pop(name),
        times=tuple(found.values()),
        samples=samples,
        points=len(design),
        simulations=times.simulations,
        redrawn=redrawn,
    )


def _pair(counts: dict[str, int], drawn: dict[str, NDArray[np.float64]]) -> tuple[str, str]:
    """Return the two methods that are best most often; of equal ones, those nearer to the best."""

    def often(method: str) -> tuple[int, float]:
        return -counts[method], float(drawn[method].mean())

    one, other, *_ = sorted(counts, key=often)
    return one, other


def _design(
    parameters: int,
    samples: int,
    seed: int,
    accepted: Callable[[NDArray[np.float64]], bool] = lambda _point: True,
) -> tuple[NDArray[np.float64], int]:
    """Return the points of a design, and how many rows were drawn again.

    They are points of the unit cube: the rows of A, those of B, and for each parameter those of A
    with its column of B. Rows whose points are not all accepted give way to the next ones.
    """
    from scipy.stats import qmc  # noqa: PLC0415  # takes as long to import as a small run

    engine = qmc.Sobol(2 * parameters, bits=64, rng=np.random.default_rng(seed))
    rows: list[NDArray[np.float64]] = []
    refused = 0
    while len(rows) < samples:
        if refused > _TRIES * samples:
            problem = f"{refused} rows hold a combination of values that the model refuses"
            raise InputError(problem, key="parameter", allowed="parameters that fit together")
        for both in engine.random(samples):
            one, other = both[:parameters], both[parameters:]
            mixed = np.where(np.eye(parameters, dtype=bool), other, one)
            row = np.vstack([one, other, mixed])
            if len(rows) < samples:
                fits = all(map(accepted, row))
                refused += not fits
                if fits:
                    rows.append(row)
    return np.concatenate(np.swapaxes(rows, 0, 1)), refused


def _accepted(case: Case, keys: Sequence[str], point: NDArray[np.float64]) -> bool:
    try:
        case.loaded()[0].with_values(dict(_values(case, keys, point.tolist())))
    except InputError:
        return False
    return True


def _values(case: Case, keys: Sequence[str], shares: Sequence[float]) -> Pairs:
    model = case.loaded()[0]
    leaves, bounds = leaves_of(kind_named(model.kind).load_parameters()), model.bounds()
    return tuple(
        (key, leaves[key].quantile(float(share), *bounds[key], model.value(key)))
        for key, share in zip(keys, shares, strict=True)
    )


def _indices(
    figure: str, logs: NDArray[np.float64], keys: Sequence[str], samples: int, seed: int
) -> Indices:
    from scipy import stats  # noqa: PLC0415  # as above

    spread = float(logs[: 2 * samples].std())
    if not spread:
        return Indices(figure, 0.0, ())
    rows = logs.reshape(-1, samples)

    def both(chosen: NDArray[np.int_]) -> NDArray[np.float64]:
        part = rows[:, chosen]
        mixed = part[2:]
        if len(keys) == 1:  # beside one that changes nothing, since scipy takes two or more
            mixed = np.concatenate([mixed, part[:1]])
        found = stats.sobol_indices(
            func={"f_A": part[:1], "f_B": part[1:2], "f_AB": mixed[:, None]}, n=samples
        )
        return np.stack([found.first_order, found.total_order])[:, : len(keys)]

    estimates = both(np.arange(samples))
    draws = np.random.default_rng([seed, *b"bootstrap"]).integers(0, samples, (RESAMPLES, samples))
    resampled = np.array([both(chosen) for chosen in draws])
    ends = ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2)
    low, high = np.quantile(resampled, ends, axis=0).tolist()
    (first, total) = estimates.tolist()
    indices = [
        Index(key, first[at], (low[0][at], high[0][at]), total[at], (low[1][at], high[1][at]))
        for at, key in enumerate(keys)
    ]
    return Indices(figure, spread, tuple(sorted(indices, key=lambda each: -each.total)))
