"""How much of a sweep's time replay saves, from a few tasks that are replayed as a trial.

SimPy serves until it has made so many accesses in a process that loading the compiled code pays
(`simaccess.replay.choice`); what can be replayed is replayed from then on.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from simaccess.errors import InputError
from simaccess.replay.allowed import can_replay
from simaccess.replay.choice import PAYS, weighed
from simaccess.scenario import Engine
from simaccess.sweep.estimate import Estimate
from simaccess.sweep.task import Run, Search
from simaccess.tune import Tuning

__all__ = ["TRIAL_S", "WORTH_S", "Replay", "Timed", "on", "replayed", "simulations_of"]

TRIAL_S = 5.0
"""Seconds after which no further task is replayed as a trial."""

WORTH_S = 30.0
"""Seconds of SimPy's that a sweep must take for a trial to be worth its time."""


@dataclass(frozen=True, slots=True)
class Timed:
    """A task that SimPy has performed.

    Attributes
    ----------
    sort : hashable
        What it takes as long as (`simaccess.sweep.estimate`).
    task : Run or Search
        The task.
    seconds : float
        How long it took.
    simulations : int
        How many it made.
    """

    sort: Hashable
    task: Run | Search
    seconds: float
    simulations: int


@dataclass(frozen=True, slots=True)
class _Kind:
    """What can be replayed on links of a kind, all together."""

    accesses: float
    simpy_s: float
    replay_s: float


@dataclass(frozen=True, slots=True)
class Replay:
    """What replay can save.

    Attributes
    ----------
    load_s : float
        Seconds to load the compiled code.
    kinds : mapping of str to object
        What can be replayed, by kind of link.
    """

    load_s: float = 0.0
    kinds: Mapping[str, _Kind] = field(default_factory=dict)

    def saved_s(self, parallel: int) -> float:
        """Return the seconds of work that it saves, for so many processes."""
        saved = 0.0
        for kind in self.kinds.values():
            share = 1 - parallel * PAYS / kind.accesses  # the rest comes before replay pays
            if share > 0:
                saved += share * (kind.simpy_s - kind.replay_s) - parallel * self.load_s
        return max(0.0, saved)


def on(task: Run | Search, engine: Engine) -> Run | Search:
    """Return a task on an engine, unless it has been told one."""
    run = task.run if isinstance(task, Search) else task
    if run.engine == "auto":
        run = replace(run, engine=engine)
    return replace(task, run=run) if isinstance(task, Search) else run


def simulations_of(made: Any) -> int:
    """Return how many simulations a task made, by what it gave."""
    return len(made.tried) if isinstance(made, Tuning) else 1


def replayed(timed: Sequence[Timed], estimate: Estimate, left: float = 1.0) -> Replay:
    """Return what replay can save, replaying some tasks as a trial if that may be much.

    Parameters
    ----------
    timed : sequence of Timed
        Tasks that SimPy has performed.
    estimate : Estimate
        How long each sort takes there.
    left : float
        Which share of the estimated work there is.
    """
    work = {sort: seconds * left for sort, seconds in estimate.work().items()}
    if sum(work.values()) < WORTH_S:
        return Replay()
    able: defaultdict[tuple[Hashable, str], list[Timed]] = defaultdict(list)
    for each in timed:
        run = each.task.run if isinstance(each.task, Search) else each.task
        if run.engine == "auto" and can_replay(run.scenario()) is None:
            able[each.sort, run.scenario().model.kind].append(each)
    begun = time.perf_counter()
    load_s = 0.0
    found: dict[str, _Kind] = {}
    loaded: set[str] = set()
    for (sort, kind), tasks in able.items():
        try:
            if kind not in loaded:
                load_s = max(load_s, _seconds(tasks[0]) - _seconds(tasks[0]))
                loaded.add(kind)
            replay_s = sum(_seconds(each) for each in tasks[:2]) / len(tasks[:2])
        except InputError:  # found out only while it is recorded
            continue
        simpy_s = sum(each.seconds for each in tasks) / len(tasks)
        of_sort = [each for each in timed if each.sort == sort]
        seconds = (
            work[sort] * sum(each.seconds for each in tasks) / sum(each.seconds for each in of_sort)
        )
        accesses = sum(map(_accesses, tasks)) / len(tasks) * seconds / simpy_s
        before = found.get(kind, _Kind(0.0, 0.0, 0.0))
        found[kind] = _Kind(
            before.accesses + accesses,
            before.simpy_s + seconds,
            before.replay_s + seconds * replay_s / simpy_s,
        )
        if time.perf_counter() - begun > TRIAL_S:
            break
    return Replay(max(0.0, load_s), found)


def _seconds(each: Timed) -> float:
    task = on(each.task, "replay")
    start = time.perf_counter()
    task()
    return time.perf_counter() - start


def _accesses(each: Timed) -> int:
    """Return the accesses of a task as they count; without copies, of which it does not tell."""
    run = each.task.run if isinstance(each.task, Search) else each.task
    scenario = run.scenario()
    accesses = len(scenario.workload.accesses(run.seed))
    return each.simulations * weighed(scenario.model.kind, accesses)
