"""How sure a comparison is: over seeds, and over the ranges of the link's parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from simaccess.objective import Objective, figure
from simaccess.pool import Pool
from simaccess.progress import Count
from simaccess.scenario import Scenario
from simaccess.simulate import simulate
from simaccess.statistics.seeds import replication_seeds
from simaccess.verdict import Verdict, verdict

__all__ = ["judge"]


@dataclass(frozen=True, slots=True)
class _Figure:
    """Simulate a scenario for its figure; only time passes, which is the same with real bytes."""

    scenario: Scenario
    objective: Objective

    def __call__(self) -> float:
        return figure(simulate(self.scenario), self.objective)


def judge(
    compared: Sequence[Scenario],
    pool: Pool,
    count: Count,
    *,
    replications: int = 1,
    draws: int = 0,
    objective: Objective = "throughput",
) -> Verdict:
    """Judge methods over seeds, and over models drawn from the parameters' ranges.

    Parameters
    ----------
    compared : sequence of Scenario
        One a method, alike in all but the method and its settings, which stay as they are.
    pool : Pool
        Where it is simulated.
    count : Count
        Is told how many simulations are to come.
    replications : int
        Seeds; the first is that of the scenarios, the others are spawned from it.
    draws : int
        Models (`Model.draws`), each simulated with the first seed.
    objective : {'throughput', 'latency'}
        What the best is best in.

    Raises
    ------
    InputError
        If the ranges hold no combination that is accepted.
    WorkerDied
        If a worker process does.
    """
    first = compared[0]
    seeds = replication_seeds(first.seed, replications)
    models = list(first.model.draws(draws, first.seed))
    scenarios = {
        each.method: [
            *(replace(each, seed=seed) for seed in seeds),
            *(replace(each, model=model) for model in models),
        ]
        for each in compared
    }
    tasks = {
        method: [_Figure(replace(scenario, real=False), objective) for scenario in made]
        for method, made in scenarios.items()
    }
    count.expect(sum(map(len, tasks.values())))
    found = pool.run_groups(tasks)
    return verdict(
        {method: figures[:replications] for method, figures in found.items()},
        objective,
        [
            {method: figures[replications + draw] for method, figures in found.items()}
            for draw in range(draws)
        ],
    )
