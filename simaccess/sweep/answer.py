"""Answer an experiment: searches first, then replications and draws, then the figure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from simaccess.figures import Scalar
from simaccess.objective import OBJECTIVES, Objective, figure
from simaccess.result import Result
from simaccess.statistics.seeds import replication_seeds
from simaccess.statistics.stopping import StopRule, relative_half_width
from simaccess.sweep import plane
from simaccess.sweep.design import described
from simaccess.sweep.experiment import Experiment
from simaccess.sweep.grid import fair
from simaccess.sweep.identity import key
from simaccess.sweep.outcome import Cell, MapPanel, Outcome
from simaccess.sweep.runner import Runner, sort_of
from simaccess.sweep.task import Measure, ModelRef, Pairs, Run, Search, WorkloadRef, is_drawn
from simaccess.sweep.uncertainty import AS_IT_STANDS, drawn, far_behind
from simaccess.sweep.uncertainty import figures as figures_of
from simaccess.sweep.walk import rule_of
from simaccess.tune import Tuning
from simaccess.verdict import Verdict, verdict

__all__ = ["answer", "expected"]


@dataclass(frozen=True, slots=True)
class _Place:
    """A cell before it is simulated; its `seeds` are one if nothing is drawn from them."""

    model: ModelRef
    workload: WorkloadRef
    producer: Pairs
    titles: tuple[str, str]
    seeds: tuple[int, ...]
    seeded: bool


_Key = tuple[_Place, str]  # and the method
_Results = Mapping[_Key, tuple[Result, ...]]


def answer(experiment: Experiment, runner: Runner | None = None) -> Outcome:
    """Answer an experiment.

    Parameters
    ----------
    experiment : Experiment
        The question; one without axes.
    runner : Runner, optional
        Where and how it is simulated; by default in this process. The outcome does not depend on
        it.

    Raises
    ------
    InputError
        If a model, a workload or a setting is refused.
    WorkerDied
        If a task ends its worker process again and again.
    """
    runner = runner or Runner()
    places = _places(experiment)
    links = list(dict.fromkeys((place.titles[0], place.model) for place in places))
    bases = _bases(experiment, places)
    for place in places:
        runner.expect(sort_of(Measure(place.model, place.workload, experiment.seed)), 1)
    for (place, method), base in bases.items():
        searches = int(experiment.tunes(method))
        runner.expect(sort_of(base), len(place.seeds[:2]), searches=searches)
        for one in drawn(base, experiment.draws, experiment.seed)[:1]:
            runner.expect(sort_of(one), experiment.draws, like=sort_of(base))
    runner.begin(experiment, described(experiment))
    if experiment.figure is not None:
        runner.expect(plane.SORT, plane.tasks(experiment.figure, len(links)))
        # These differ from all others: their time must be known for that which is left to be.
        runner.sample(plane.some(experiment.figure, links, experiment.seed), plane.SORT)
    cells = _cells(experiment, places, bases, runner)
    panels: tuple[MapPanel, ...] = ()
    if experiment.figure is not None:
        panels = plane.panels(experiment.figure, links, runner, experiment.seed)
    return Outcome(
        question=experiment.question,
        objective=experiment.objective,
        methods=tuple(experiment.methods),
        cells=cells,
        panels=panels,
    )


def expected(experiment: Experiment) -> Iterator[tuple[Run, int]]:
    """Return each run of a table, and how many replications it has at most."""
    places = _places(experiment)
    for (place, _), base in _bases(experiment, places).items():
        yield base, len(place.seeds)


def _places(experiment: Experiment) -> list[_Place]:
    rule = rule_of(experiment)
    most = experiment.seeds if rule is None else rule.most
    seeds = tuple(replication_seeds(experiment.seed, most))
    two = replication_seeds(experiment.seed, 2)
    places = []
    for entry in experiment.models:
        for asked in experiment.workloads:
            producer = tuple(entry.producer.items())
            method = experiment.methods[0]
            base = experiment.base(entry.ref, asked.ref, method, producer=producer)
            poisson = dict(base.producer).get("arrivals") == "poisson"
            seeded = poisson or is_drawn(base.model, base.workload, two)
            titles = (entry.title, asked.title)
            mine = seeds if seeded else seeds[:1]
            places.append(_Place(base.model, base.workload, producer, titles, mine, seeded))
    return places


def _bases(experiment: Experiment, places: Sequence[_Place]) -> dict[_Key, Run]:
    """Return the runs of every place and method, with the first seed and before any search."""
    return {
        (place, method): experiment.base(
            place.model, place.workload, method, producer=place.producer
        )
        for place in places
        for method in experiment.methods
    }


def _cells(
    experiment: Experiment, places: Sequence[_Place], bases: Mapping[_Key, Run], runner: Runner
) -> tuple[Cell, ...]:
    keys = [which for which in bases if experiment.tunes(which[1])]
    # In a fair order: the first ones tell how long the others take.
    searches = {
        keys[number]: [Search(bases[keys[number]], experiment.objective)]
        for number in fair(len(keys))
    }
    tunings: dict[_Key, tuple[Tuning, ...]] = runner.run_groups(searches)
    found = {
        key: replace(bases[key], settings=_pairs(each[0].settings)) for key, each in tunings.items()
    }
    bases = {**bases, **found}
    seen = runner.run(
        [
            Measure(
                place.model,
                place.workload,
                experiment.seed,
                # Out of a ring a block is copied only as far as it is published.
                tuple(
                    (method, bases[place, method].settings)
                    for method in experiment.methods
                    if not bases[place, method].producer
                ),
            )
            for place in places
        ]
    )
    replications = _replicated(experiment, bases, runner)
    draws = _drawn(experiment, bases, replications, runner)
    _note(experiment, bases, replications, draws, runner)
    return tuple(
        Cell(
            model=place.titles[0],
            workload=place.titles[1],
            tunings={
                method: tunings[place, method][0]
                for method in experiment.methods
                if (place, method) in tunings
            },
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


def _replicated(experiment: Experiment, bases: Mapping[_Key, Run], runner: Runner) -> _Results:
    """Simulate each base with its place's seeds; only with two where those two change nothing.

    Where an interval is asked for, with as many of them as that takes. A place is replicated for
    all methods or for none, which keeps their results paired.
    """
    rule = rule_of(experiment)

    def runs(key: _Key, seeds: Sequence[int]) -> list[Run]:
        return [replace(bases[key], seed=seed, real=True) for seed in seeds]

    made = runner.run_groups({key: runs(key, key[0].seeds[:2]) for key in bases})
    differ = {
        place
        for (place, _), results in made.items()
        if any(replace(one, seed=results[0].seed) != results[0] for one in results)
    }
    to = {place: len(place.seeds) if rule is None else rule.first for place in differ}
    while to:
        rest = {
            (place, method): runs((place, method), place.seeds[len(results) : to[place]])
            for (place, method), results in made.items()
            if place in to
        }
        for which, more in rest.items():
            runner.expect(sort_of(bases[which]), len(more))
        for which, results in runner.run_groups(rest).items():
            made[which] += results
        to = {} if rule is None else _unsure(experiment.objective, rule, to, made)
    return made


def _unsure(
    objective: Objective, rule: StopRule, have: Mapping[_Place, int], made: _Results
) -> dict[_Place, int]:
    """Return the places that need more replications, and how many they are to have."""
    widths = dict.fromkeys(have, 0.0)
    for (place, _), results in made.items():
        if place in have:
            width = relative_half_width([figure(result, objective) for result in results])
            widths[place] = max(widths[place], width)
    after = {place: rule.after(count, widths[place]) for place, count in have.items()}
    return {place: to for place, to in after.items() if to > have[place]}


def _drawn(
    experiment: Experiment,
    bases: Mapping[_Key, Run],
    replications: _Results,
    runner: Runner,
) -> _Results:
    """Simulate each base on the models drawn from the ranges, but those far behind."""
    runs: dict[_Key, list[Run]] = {}
    first: list[Run] = []
    for (place, method), base in bases.items():
        rivals = [figures_of(replications[place, other][0]) for other in experiment.methods]
        far = far_behind(figures_of(replications[place, method][0]), rivals)
        asked = drawn(base, experiment.draws, experiment.seed)
        runs[place, method] = [] if far else asked
        if far and asked:
            runner.leave_out(sort_of(asked[0]), len(asked))
        first += runs[place, method][:1]
    # One of each before all others: so it is known early how long the dear ones take.
    begun = dict(zip(first, runner.run(first), strict=True))
    rest = runner.run_groups({which: asked[1:] for which, asked in runs.items()})
    return {
        which: (*(begun[one] for one in asked[:1]), *rest[which]) for which, asked in runs.items()
    }


def _note(
    experiment: Experiment,
    bases: Mapping[_Key, Run],
    replications: _Results,
    draws: _Results,
    runner: Runner,
) -> None:
    """Say in the store where the results lie that the table stands on."""
    models, workloads = experiment.titles
    number = 0
    for (place, method), base in bases.items():
        model, workload = place.titles
        at = [models.index(model), workloads.index(workload)]
        titles = {"at": at, "model": model, "workload": workload, "method": method}
        for seed, _ in zip(place.seeds, replications[place, method], strict=False):
            run = replace(base, seed=seed, real=True)
            runner.store.place(number, key(run), {**titles, "seed": seed, "draw": AS_IT_STANDS})
            number += 1
        asked = drawn(base, experiment.draws, experiment.seed)
        for draw, _ in enumerate(draws[place, method]):
            run = asked[draw]
            where = {**titles, "seed": experiment.seed, "draw": draw}
            runner.store.place(number, key(run), where)
            number += 1
    runner.store.flush()


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
