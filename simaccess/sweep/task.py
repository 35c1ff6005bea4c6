"""The pieces of work of an experiment: plain data that any process can perform.

A task names its model and workload rather than holding them; each process makes them once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np

from simaccess.analytic import Conditions
from simaccess.conditions import conditions
from simaccess.figures import Scalar
from simaccess.kinds import kind_named
from simaccess.model import Model, load_model
from simaccess.objective import Objective
from simaccess.result import Result
from simaccess.scenario import Scenario
from simaccess.simulate import simulate
from simaccess.sweep.cut import Cut
from simaccess.tune import Tuning, tune
from simaccess.workload.filter import Filter
from simaccess.workload.registry import workload
from simaccess.workload.workload import Workload

__all__ = ["Measure", "ModelRef", "Run", "Search", "Task", "WorkloadRef", "is_drawn"]

Pairs = tuple[tuple[str, Scalar], ...]


@dataclass(frozen=True, slots=True)
class ModelRef:
    """A model by name or file, with other values; perhaps one drawn from its ranges."""

    name: str
    values: Pairs = ()
    draws: int = 0
    draw: int | None = None
    seed: int = 0

    def load(self) -> Model:
        """Return the model."""
        if self.draw is None:
            return _model(self.name, self.values)
        return _drawn(self.name, self.values, self.draws, self.seed)[self.draw]


@dataclass(frozen=True, slots=True)
class WorkloadRef:
    """A workload by name or file, with its parameters; perhaps its reads cut (`cut`)."""

    name: str
    settings: Pairs = ()
    cut: tuple[int, int] | None = None

    def load(self) -> Workload:
        """Return the workload."""
        whole = _workload(self.name, self.settings)
        return whole if self.cut is None else Cut(whole, *self.cut)


@dataclass(frozen=True, slots=True)
class Run:
    """Simulate once; where the workload has a predicate, on the bytes if `real`."""

    model: ModelRef
    workload: WorkloadRef
    method: str
    settings: Pairs = ()
    consumers: int = 1
    seed: int = 0
    real: bool = False

    def scenario(self) -> Scenario:
        """Return what is simulated."""
        asked = self.workload.load()
        return Scenario(
            self.model.load(),
            asked,
            self.method,
            {key: str(value) for key, value in self.settings},
            consumers=self.consumers,
            seed=self.seed,
            real=self.real and isinstance(asked, Filter),
        )

    def __call__(self) -> Result:
        """Return what the simulation gives."""
        return simulate(self.scenario())


@dataclass(frozen=True, slots=True)
class Search:
    """Find a method's best parameters."""

    run: Run
    objective: Objective

    def __call__(self) -> Tuning:
        """Return what the search finds."""
        return tune(self.run.scenario(), self.objective)


@dataclass(frozen=True, slots=True)
class Measure:
    """Measure the conditions of a link and a workload."""

    model: ModelRef
    workload: WorkloadRef
    seed: int

    def __call__(self) -> Conditions:
        """Return the conditions."""
        return conditions(self.model.load(), self.workload.load(), self.seed)


Task = Callable[[], object]


def is_drawn(model: ModelRef, asked: WorkloadRef, seeds: range) -> bool:
    """Return whether seeds matter: whether the link draws numbers, or the accesses differ."""
    if kind_named(model.load().kind).seeded:
        return True
    made = [asked.load().accesses(seed) for seed in seeds[:2]]
    columns = ("offset", "length", "write", "last", "work", "time")
    return any(
        not np.array_equal(getattr(one, column), getattr(other, column))
        for one, other in pairwise(made)
        for column in columns
    )


@cache
def _model(name: str, values: Pairs) -> Model:
    return load_model(name, {key: str(value) for key, value in values})


@cache
def _drawn(name: str, values: Pairs, draws: int, seed: int) -> tuple[Model, ...]:
    return tuple(_model(name, values).draws(draws, seed))


@cache
def _workload(name: str, settings: Pairs) -> Workload:
    return workload(name, dict(settings))
