"""Answer an experiment: searches first, then replications and draws, then the figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from simaccess.figures import Scalar
from simaccess.objective import OBJECTIVES, Objective, figure, lead
from simaccess.pool import Pool, processes
from simaccess.progress import Count, Report
from simaccess.result import Result
from simaccess.sweep import plane
from simaccess.sweep.experiment import Experiment
from simaccess.sweep.outcome import Cell, MapPanel, Outcome
from simaccess.sweep.task import Measure, ModelRef, Pairs, Run, Search, WorkloadRef, is_drawn
from simaccess.tune import Tuning, equipped
from simaccess.verdict import Verdict, verdict

__all__ = ["FAR", "run"]


@dataclass(frozen=True, slots=True)
class _Place:
    """A cell before it is simulated; its `seeds` are one if nothing is drawn from them."""

    model: ModelRef
    workload: WorkloadRef
    titles: tuple[str, str]
    seeds: range
    seeded: bool


FAR = 10
"""A method that is so many times behind the best one is left out of the draws."""

_Key = tuple[_Place, str]  # and the method
_Results = Mapping[_Key, tuple[Result, ...]]


def run(
    experiment: Experiment, jobs: int = 1, progress: Report = lambda _done, _all: None
) -> Outcome:
    """Answer an experiment.

    Parameters
    ----------
    experiment : Experiment
        The question.
    jobs : int
        Processes that simulate; the outcome does not depend on it.
    progress : callable
        Is told how many tasks are done, and of how many.

    Raises
    ------
    InputError
        If a model, a workload or a setting is refused.
    WorkerDied
        If a worker process does.
    """
    places = _places(experiment)
    methods = len(experiment.methods)
    links = list(dict.fromkeys((place.titles[0], place.model) for place in places))
    count = Count(progress)
    count.expect(len(places) * (1 + methods * (int(experiment.tune) + experiment.draws)))
    count.expect(sum(len(place.seeds[:2]) for place in places) * methods)
    if experiment.figure is not None:
        count.expect(plane.tasks(experiment.figure, len(links)))
    panels: tuple[MapPanel, ...] = ()
    with processes(jobs, count.did, preload="simaccess.sweep.task") as pool:
        cells = _cells(experiment, places, pool, count)
        if experiment.figure is not None:
            panels = plane.panels(experiment.figure, links, pool, experiment.seed)
    return Outcome(
        question=experiment.question,
        objective=experiment.objective,
        methods=tuple(experiment.methods),
        cells=cells,
        panels=panels,
    )


def _places(experiment: Experiment) -> list[_Place]:
    seeds = range(experiment.seed, experiment.seed + experiment.seeds)
    places = []
    for entry in experiment.models:
        for asked in experiment.workloads:
            seeded = is_drawn(entry.ref, asked.ref, range(experiment.seed, experiment.seed + 2))
            titles = (entry.title, asked.title)
            mine = seeds if seeded else seeds[:1]
            places.append(_Place(entry.ref, asked.ref, titles, mine, seeded))
    return places


def _cells(
    experiment: Experiment, places: Sequence[_Place], pool: Pool, count: Count
) -> tuple[Cell, ...]:
    bases = {
        (place, method): Run(
            place.model,
            place.workload,
            method,
            _pairs(equipped(method, place.workload.load(), experiment.settings_of(method))),
            experiment.consumers,
            experiment.seed,
        )
        for place in places
        for method in experiment.methods
    }
    tunings: dict[_Key, tuple[Tuning, ...]] = {}
    if experiment.tune:
        searches = {key: [Search(base, experiment.objective)] for key, base in bases.items()}
        tunings = pool.run_groups(searches, partial(_searched, count))
        bases = {
            key: replace(base, settings=_pairs(tunings[key][0].settings))
            for key, base in bases.items()
        }
    seen = pool.run([Measure(place.model, place.workload, experiment.seed) for place in places])
    replications = _replicated(bases, pool, count)
    draws = _drawn(experiment, bases, replications, pool, count)
    return tuple(
        Cell(
            model=place.titles[0],
            workload=place.titles[1],
            tunings={method: tunings[place, method][0] for method in experiment.methods if tunings},
            replications={method: replications[place, method] for method in experiment.methods},
            draws={method: draws[place, method] for method in experiment.methods},
            seeded=place.seeded,
            verdicts={
                objective: _judged(experiment, place, objective, replications, draws)
                for objective in OBJECTIVES
            },
            conditions=conditions,
        )
        for place, conditions in zip(places, seen, strict=True)
    )


def _searched(count: Count, tuning: Tuning) -> None:
    """Count a search, one task so far, as so many as it has simulated.

    Counted as one, each would look slow, and what is left after the searches take long.
    """
    for _ in tuning.tried[1:]:
        count.expect(1)
        count.did()


def _replicated(bases: Mapping[_Key, Run], pool: Pool, count: Count) -> _Results:
    """Simulate each base with its place's seeds; only with two where those two change nothing.

    A place is replicated for all methods or for none, which keeps their results paired.
    """

    def runs(key: _Key, seeds: range) -> list[Run]:
        return [replace(bases[key], seed=seed, real=True) for seed in seeds]

    begun = pool.run_groups({key: runs(key, key[0].seeds[:2]) for key in bases})
    differ = {
        place
        for (place, _), results in begun.items()
        if any(replace(one, seed=results[0].seed) != results[0] for one in results)
    }
    rest = {key: runs(key, key[0].seeds[2:]) if key[0] in differ else [] for key in bases}
    count.expect(sum(map(len, rest.values())))
    others = pool.run_groups(rest)
    return {key: begun[key] + others[key] for key in bases}


def _drawn(
    experiment: Experiment,
    bases: Mapping[_Key, Run],
    replications: _Results,
    pool: Pool,
    count: Count,
) -> _Results:
    """Simulate each base on the models drawn from the ranges, but those far behind."""
    runs: dict[_Key, list[Run]] = {}
    for (place, method), base in bases.items():
        rivals = [replications[place, other][0] for other in experiment.methods]
        model = replace(base.model, draws=experiment.draws, seed=experiment.seed)
        far = _far_behind(replications[place, method][0], rivals)
        draws = [] if far else range(experiment.draws)
        runs[place, method] = [replace(base, model=replace(model, draw=draw)) for draw in draws]
        count.did(experiment.draws - len(draws))
    return pool.run_groups(runs)


def _far_behind(result: Result, rivals: Sequence[Result]) -> bool:
    """Return whether a result is far behind the best one in throughput and in latency."""
    return all(
        max(
            lead(figure(rival, objective), figure(result, objective), objective) for rival in rivals
        )
        >= FAR - 1
        for objective in OBJECTIVES
    )


def _judged(
    experiment: Experiment,
    place: _Place,
    objective: Objective,
    replications: _Results,
    draws: _Results,
) -> Verdict:
    methods = experiment.methods
    return verdict(
        {
            method: [figure(result, objective) for result in replications[place, method]]
            for method in methods
        },
        objective,
        [
            {
                method: figure(draws[place, method][draw], objective)
                for method in methods
                if draws[place, method]
            }
            for draw in range(experiment.draws)
        ],
    )


def _pairs(values: Mapping[str, Scalar]) -> Pairs:
    return tuple(values.items())
