"""Logarithms of times, of methods at places over replications, each simulated once."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simaccess.errors import InputError
from simaccess.objective import Objective, figure
from simaccess.pool import Pool
from simaccess.progress import Count
from simaccess.questions.case import Case, Pairs
from simaccess.scenario import Scenario
from simaccess.simulate import simulate
from simaccess.statistics.seeds import replication_seeds
from simaccess.tune import most, tune
from simaccess.workload.accesses import same

__all__ = ["LogTimes", "Spot", "log_time"]


class Spot(NamedTuple):
    """A method of a case, with values for some of its parameters."""

    case: Case
    method: str
    values: Pairs = ()


def log_time(throughput_or_latency: float, objective: Objective) -> float:
    """Return the logarithm of a time, of which less is better.

    That is the time that a requested byte takes, or the median latency; so the difference of two is
    the logarithm of the ratio by which `simaccess.objective.lead` judges.
    """
    sign = -1 if objective == "throughput" else 1
    return sign * math.log(throughput_or_latency)


@dataclass(frozen=True, slots=True)
class _Run:
    """Simulate one replication; with a tuned method's settings, if there are any."""

    spot: Spot
    seed: int
    objective: Objective
    settings: Pairs | None = None

    def __call__(self) -> float:
        scenario = self.spot.case.scenario(self.spot.method, self.spot.values, self.seed)
        if self.settings is not None:
            scenario = replace(scenario, settings={key: str(v) for key, v in self.settings})
        found = figure(simulate(scenario), self.objective)
        if not 0 < found < math.inf:
            told = ", ".join(f"{key}={value}" for key, value in self.spot.values)
            raise InputError(
                f"{self.spot.method} takes no time that could be compared"
                + (told and f" at {told}"),
                key="workload",
                value=self.spot.case.workload,
                allowed="requests that take time",
            )
        return log_time(found, self.objective)


@dataclass(frozen=True, slots=True)
class _Search:
    """Find a method's best settings, and say how many simulations that took."""

    spot: Spot
    seed: int
    objective: Objective

    def __call__(self) -> tuple[Pairs, int]:
        scenario = self.spot.case.scenario(self.spot.method, self.spot.values, self.seed)
        found = tune(scenario, self.objective)
        return tuple(found.settings.items()), len(found.tried)


def _asks_by_chance(scenario: Scenario, seeds: Sequence[int]) -> bool:
    """Return whether what is asked, or when, depends on the seed."""
    if scenario.producer is not None and scenario.producer.arrivals == "poisson":
        return True
    one, other = (scenario.workload.accesses(seed) for seed in seeds)
    return not same(one, other)


class LogTimes:
    """Logarithms of times, simulated when they are first asked for.

    Parameters
    ----------
    pool : Pool
        Where it is simulated; it counts what is done.
    count : Count
        Is told how many simulations are to come.
    objective : {'throughput', 'latency'}
        Which times.
    seed : int
        The first replication's; the others are spawned from it.
    tune : bool
        Whether a method gets its own best parameters, wherever it is, with the first seed.

    Attributes
    ----------
    simulations : int
        How many there were so far, those of tuning included.
    """

    def __init__(
        self,
        pool: Pool,
        count: Count,
        objective: Objective = "throughput",
        seed: int = 0,
        *,
        tune: bool = False,
    ) -> None:
        self.simulations = 0
        self._pool = pool
        self._count = count
        self._objective = objective
        self._seeds = replication_seeds(seed, 1)
        self._tune = tune
        self._tuned: dict[Spot, Pairs] = {}
        self._found: dict[Spot, list[float]] = {}

    def require(self, spots: Iterable[Spot], replications: int) -> None:
        """Simulate what is missing of some spots' first replications, all at a time.

        Raises
        ------
        InputError
            If a combination of values is refused.
        WorkerDied
            If a worker process does.
        """
        spots = list(dict.fromkeys(spots))
        if len(self._seeds) < replications:
            self._seeds = replication_seeds(self._seeds[0], replications)
        if self._tune:
            self._search([spot for spot in spots if spot not in self._tuned])
        missing = {
            spot: [
                _Run(spot, seed, self._objective, self._tuned.get(spot))
                for seed in self._seeds[len(self._found.get(spot, ())) : replications]
            ]
            for spot in spots
        }
        self._count.expect(sum(map(len, missing.values())))
        for spot, times in self._pool.run_groups(missing).items():
            self._found.setdefault(spot, []).extend(times)
            self.simulations += len(times)

    def of(self, spot: Spot, replications: int) -> NDArray[np.float64]:
        """Return the logarithms of a spot's times, one a replication; of the first ones."""
        self.require([spot], replications)
        return np.array(self._found[spot][:replications])

    def drawn(self, spots: Iterable[Spot]) -> bool:
        """Return whether seeds matter at any of some spots.

        They do where they change the accesses or when records arrive. What a link draws is seen by
        two replications: where those take exactly as long at every spot, nothing seems to be drawn.
        """
        spots = list(spots)
        self.require(spots, 2)
        if any(np.ptp(self.of(spot, 2)) > 0 for spot in spots):
            return True
        asked = dict.fromkeys((spot.case, spot.values) for spot in spots)
        scenarios = [case.scenario(case.methods[0], values) for case, values in asked]
        return any(_asks_by_chance(each, self._seeds[:2]) for each in scenarios)

    def _search(self, spots: Sequence[Spot]) -> None:
        expected = [most(spot.case.scenario(spot.method, spot.values)) for spot in spots]
        self._count.expect(sum(expected))
        searches = [_Search(spot, self._seeds[0], self._objective) for spot in spots]
        for spot, each, (settings, tried) in zip(
            spots, expected, self._pool.run(searches), strict=True
        ):
            self._tuned[spot] = settings
            self.simulations += tried
            self._count.expect(tried - each)
            self._count.did(tried - 1)  # the pool has counted each search once
