"""The pieces of work of an experiment: plain data that any process can perform.

A task names its model and workload rather than holding them; each process makes them once.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import ClassVar, TypeAlias

import numpy as np

from simaccess.analytic import Conditions
from simaccess.compare import producer_of
from simaccess.conditions import conditions
from simaccess.figures import Scalar
from simaccess.kinds import kind_named
from simaccess.model import Model, load_model
from simaccess.objective import Objective
from simaccess.result import Result
from simaccess.scenario import Engine, Scenario
from simaccess.simulate import simulate
from simaccess.sweep.cut import Cut
from simaccess.tune import Tuning, tune
from simaccess.workload.filter import Filter
from simaccess.workload.registry import workload
from simaccess.workload.workload import Workload

__all__ = [
    "Measure",
    "ModelRef",
    "Pairs",
    "Run",
    "Search",
    "Task",
    "WorkloadRef",
    "is_drawn",
]

Pairs: TypeAlias = tuple[tuple[str, Scalar], ...]
"""Settings by name, in an order."""


@dataclass(frozen=True, slots=True)
class ModelRef:
    """A model by name or file, with other values; perhaps one drawn from its ranges."""

    name: str
    values: Pairs = ()
    draws: int = 0
    draw: int | None = None
    seed: int = 0

    def load(self, key: str = "model") -> Model:
        """Return the model that a key names."""
        if self.draw is None:
            return _model(self.name, self.values, key)
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
    """Simulate once; where the workload has a predicate, on the bytes if `real`.

    Parameters
    ----------
    model : ModelRef
        The link.
    workload : WorkloadRef
        What is asked of it.
    method : str
        The access method.
    settings, producer : tuple of (str, scalar)
        Its parameters, and the producer's; without any of those there is none.
    consumers, shared, seed
        As for `simaccess.scenario.Scenario`.
    real : bool
        Whether bytes are moved where the workload decides on them.
    memory : ModelRef, optional
        The host's memory behind a PCI bus.
    engine : str
        What simulates; the result does not depend on it.
    """

    kind: ClassVar[str] = "run"
    model: ModelRef
    workload: WorkloadRef
    method: str
    settings: Pairs = ()
    consumers: int = 1
    seed: int = 0
    real: bool = False
    producer: Pairs = ()
    memory: ModelRef | None = None
    shared: bool = False
    engine: Engine = "auto"

    def scenario(self) -> Scenario:
        """Return what is simulated."""
        asked = self.workload.load()
        return Scenario(
            self.model.load(),
            asked,
            self.method,
            {key: str(value) for key, value in self.settings},
            consumers=self.consumers,
            shared=self.shared,
            seed=self.seed,
            producer=producer_of(dict(self.producer)) if self.producer else None,
            memory=None if self.memory is None else self.memory.load(),
            real=self.real and isinstance(asked, Filter),
            engine=self.engine,
        )

    def __call__(self) -> Result:
        """Return what the simulation gives."""
        return simulate(self.scenario())


@dataclass(frozen=True, slots=True)
class Search:
    """Find a method's best parameters."""

    kind: ClassVar[str] = "search"
    run: Run
    objective: Objective

    def __call__(self) -> Tuning:
        """Return what the search finds."""
        return self.timed()[0]

    def timed(self) -> tuple[Tuning, float, str]:
        """Return what the search finds, the seconds of one simulation of that, and engines."""
        seconds: list[float] = []
        engines: set[str] = set()

        def run(scenario: Scenario) -> Result:
            begun = time.perf_counter()
            result = simulate(scenario)
            seconds.append(time.perf_counter() - begun)
            engines.add(result.engine)
            return result

        found = tune(self.run.scenario(), self.objective, run=run)
        settings = [point.settings for point in found.tried]
        return found, seconds[settings.index(found.settings)], ", ".join(sorted(engines))


@dataclass(frozen=True, slots=True)
class Measure:
    """Measure the conditions of a link and a workload.

    Attributes
    ----------
    copies : tuple of (str, Pairs)
        Methods with the settings at which a copy of theirs is measured, too.
    """

    kind: ClassVar[str] = "conditions"
    model: ModelRef
    workload: WorkloadRef
    seed: int
    copies: tuple[tuple[str, Pairs], ...] = ()

    def __call__(self) -> Conditions:
        """Return the conditions."""
        settings = {
            method: {key: str(value) for key, value in pairs} for method, pairs in self.copies
        }
        return conditions(self.model.load(), self.workload.load(), self.seed, settings)


Task: TypeAlias = Run | Search | Measure
"""A piece of work; called, it returns its `Result`, `Tuning` or `Conditions`."""


def is_drawn(model: ModelRef, asked: WorkloadRef, seeds: Sequence[int]) -> bool:
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


# Few of each, since a sweep may have a model or a workload of its own for each of a million points.


@lru_cache(64)
def _model(name: str, values: Pairs, key: str = "model") -> Model:
    if not values:
        return load_model(name, key=key)
    return _model(name, (), key).with_values({key: str(value) for key, value in values})


@lru_cache(64)
def _drawn(name: str, values: Pairs, draws: int, seed: int) -> tuple[Model, ...]:
    return tuple(_model(name, values).draws(draws, seed))


@lru_cache(64)
def _workload(name: str, settings: Pairs) -> Workload:
    return workload(name, dict(settings))
