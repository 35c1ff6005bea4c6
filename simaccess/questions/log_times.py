"""Logarithms of times, of methods at places over replications, each simulated once."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simaccess.errors import InputError
from simaccess.objective import Objective, figure, objective_named
from simaccess.questions.case import Case
from simaccess.questions.simulations import Simulations
from simaccess.result import Result
from simaccess.scenario import Scenario
from simaccess.statistics.seeds import replication_seeds
from simaccess.sweep.task import Pairs, Run, Search
from simaccess.tune import most
from simaccess.workload.accesses import same

__all__ = ["LogTimes", "Spot", "log_time"]


class Spot(NamedTuple):
    """A method of a case, with values for some of its parameters."""

    case: Case
    method: str
    values: Pairs = ()

    def scenario(self) -> Scenario:
        """Return what is simulated there, with the first seed of all."""
        return self.case.scenario(self.method, self.values)


def log_time(throughput_or_latency: float, objective: Objective) -> float:
    """Return the logarithm of a time, of which less is better.

    That is the time that a requested byte takes, or the median latency; so the difference of two is
    the logarithm of the ratio by which `simaccess.objective.lead` judges.
    """
    sign = -1 if objective == "throughput" else 1
    return sign * math.log(throughput_or_latency)


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
    simulations : Simulations
        What performs them.
    objective : {'throughput', 'latency'}
        Which times.
    seed : int
        The first replication's; the others are spawned from it.
    tune : bool
        Whether a method gets its own best parameters, wherever it is, with the first seed.
    """

    def __init__(
        self,
        simulations: Simulations,
        objective: Objective = "throughput",
        seed: int = 0,
        *,
        tune: bool = False,
    ) -> None:
        self._simulations = simulations
        self._objective = objective_named(objective)
        self._seeds = replication_seeds(seed, 1)
        self._tune = tune
        self._tuned: dict[Spot, Pairs] = {}
        self._found: dict[Spot, list[float]] = {}

    @property
    def simulations(self) -> int:
        """How many there were so far, those of tuning included."""
        return self._simulations.done

    def require(self, spots: Iterable[Spot], replications: int) -> None:
        """Simulate what is missing of some spots' first replications, all at a time.

        Raises
        ------
        InputError
            If a combination of values is refused, or takes no time.
        WorkerDied
            If a worker process dies again and again.
        """
        spots = list(dict.fromkeys(spots))
        if len(self._seeds) < replications:
            self._seeds = replication_seeds(self._seeds[0], replications)
        if self._tune:
            self._search([spot for spot in spots if spot not in self._tuned])
        missing = [
            (spot, seed)
            for spot in spots
            for seed in self._seeds[len(self._found.get(spot, ())) : replications]
        ]
        results = self._simulations.run([self._run(*each) for each in missing])
        for (spot, _), result in zip(missing, results, strict=True):
            self._found.setdefault(spot, []).append(self._log_time(spot, result))

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

    def _run(self, spot: Spot, seed: int) -> Run:
        run = spot.case.run(spot.method, spot.values, seed)
        return replace(run, settings=self._tuned[spot]) if spot in self._tuned else run

    def _log_time(self, spot: Spot, result: Result) -> float:
        found = figure(result, self._objective)
        if not 0 < found < math.inf:
            told = ", ".join(f"{key}={value}" for key, value in spot.values)
            raise InputError(
                f"{spot.method} takes no time that could be compared" + (told and f" at {told}"),
                key="workload",
                value=spot.case.workload,
                allowed="requests that take time",
            )
        return log_time(found, self._objective)

    def _search(self, spots: Sequence[Spot]) -> None:
        expected = sum(most(spot.scenario()) for spot in spots)
        searches = [Search(self._run(spot, self._seeds[0]), self._objective) for spot in spots]
        for spot, found in zip(spots, self._simulations.run(searches, expected), strict=True):
            self._tuned[spot] = tuple(found.settings.items())
