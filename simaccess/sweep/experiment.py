"""Experiment files: a question, what is varied, how sure the answer is to be, and the figure.

A file looks like this::

    question = "Which access method is best for header inspection over PCI?"
    methods = ["zero-copy", "copy-once", "hybrid"]
    tune = true  # each at its own best parameters
    seeds = 5  # replications of whatever is drawn
    draws = 16  # models drawn from the parameters' ranges

    [[models]]
    model = "pci-64-66"
    label = "PCI bus"

    [[workloads]]
    workload = "header-payload"
    label = "filtering"
    set = { payload_probability = 0.1 }

    [figure]
    ratios = [0.01, 0.1, 0.5]
    probabilities = [0, 0.1, 0.5, 1]

Without axes it is answered by a table, with verdicts and a map. With axes it is a sweep: every
method at every point of a space of parameters::

    [axes]
    model.bus.clock = ["33 MHz", "66 MHz"]
    workload.length = { low = "64 B", high = "64 KiB", points = 11, scale = "log" }
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Annotated, TypeAlias

from pydantic import BeforeValidator, Field, field_validator, model_validator

from simaccess.errors import InputError
from simaccess.figures import Scalar
from simaccess.objective import Objective
from simaccess.parameters import Section
from simaccess.refusal import did_you_mean
from simaccess.registry import names, parameters, require_once
from simaccess.scenario import Engine
from simaccess.sweep.axis import AxisEntry, Sample
from simaccess.sweep.drawing import Drawn, Lines, Map, Open, Regimes
from simaccess.sweep.entry import ModelEntry, Text, Values, WorkloadEntry
from simaccess.sweep.measures import known_measure, static_measures
from simaccess.sweep.settings import merged, split
from simaccess.sweep.task import ModelRef, Pairs, Run, WorkloadRef
from simaccess.tune import equipped

__all__ = ["Experiment"]

# Numbers as TOML has them; neither text nor 1.0 is one.
Count: TypeAlias = Annotated[int, Field(ge=1, strict=True)]
Whole: TypeAlias = Annotated[int, Field(ge=0, strict=True)]


def _axes(table: object) -> object:
    """Return axes by dotted key; what holds a list, or the keys of a range, is one."""
    if not isinstance(table, dict):
        return table
    flat: dict[str, object] = {}
    for key, value in _entries(table):
        if key in flat:
            raise InputError(f"{key} is set twice", allowed="one axis a key")
        flat[key] = value
    return flat


_OF_AN_AXIS = {"values", "low", "high", "points"}


def _entries(table: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    for key, value in table.items():
        if isinstance(value, dict) and value and not set(value) & _OF_AN_AXIS:
            yield from _entries(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def _all_or_some(tune: object) -> object:
    """Let through a boolean, of which TOML has its own, or names."""
    if isinstance(tune, bool) or (
        isinstance(tune, list) and all(isinstance(name, str) for name in tune)
    ):
        return tune
    allowed = "a boolean, true or false, or a list of methods"
    raise InputError("not allowed", value=tune, allowed=allowed)


_OF_SWEEPS = ("sample", "constraints", "measures", "figures")


class Experiment(Section):
    """A question and how it is answered.

    Parameters
    ----------
    question : str
        What it answers.
    models, workloads : list
        Each pair is a cell of the answer.
    methods : list of str
        The access methods that compete.
    objective : {'throughput', 'latency'}
        What the best is best in.
    tune : bool or list of str
        Whether each method, or which one, gets its own best parameters, found with the model as
        it stands.
    settings : mapping of str to mapping
        Parameters by method, which are not searched.
    set : mapping of str to scalar
        Fixed settings, by the same dotted keys as axes.
    consumers : int
        How many share the link; each makes a contiguous part of the requests, or every so-manyth
        one where they arrive at a log's times.
    shared : bool
        Whether they share one shadow, too.
    memory : str, optional
        The host's memory behind a PCI bus: a model's name, or a file.
    engine : {'auto', 'simpy'}
        What simulates.
    seeds : int
        Replications of a cell in which anything is drawn; others are simulated once.
    seed : int
        The first replication's; the others are spawned from it (`simaccess.statistics.seeds`).
    interval : float, optional
        The replications of a cell go on until the 95 % interval of the objective's mean
        is no wider than this share of it to either side, for each method.
    most_seeds : int
        Replications at most, where an interval is asked for.
    draws : int
        Models drawn from the parameters' ranges; what an axis varies is not drawn.
    figure : Map, optional
        What is drawn; not in a sweep.
    axes : mapping of str to AxisEntry
        What is varied, by dotted key; with any, the experiment is a sweep.
    sample : Sample, optional
        How the ranges without points are sampled.
    constraints : list of str
        What holds between axes at every point.
    measures : list of str
        The columns of a sweep's results; all by default.
    figures : list of Lines, Points or Regimes
        What is drawn of a sweep.
    """

    question: Text
    models: Annotated[list[ModelEntry], Field(min_length=1)]
    workloads: Annotated[list[WorkloadEntry], Field(min_length=1)]
    methods: Annotated[list[str], Field(min_length=1)]
    objective: Objective = "throughput"
    tune: Annotated[bool | list[str], BeforeValidator(_all_or_some)] = False
    settings: dict[str, dict[str, Scalar]] = Field(default_factory=dict)
    set: Values = Field(default_factory=dict)
    consumers: Count = 1
    shared: Annotated[bool, Field(strict=True)] = False
    memory: Text | None = None
    engine: Engine = "auto"
    seeds: Count = 1
    seed: Whole = 0
    interval: Open | None = None
    most_seeds: Count = 64
    draws: Whole = 0
    figure: Map | None = None
    axes: Annotated[dict[str, AxisEntry], BeforeValidator(_axes)] = Field(default_factory=dict)
    sample: Sample | None = None
    constraints: list[Text] = Field(default_factory=list)
    measures: list[Text] = Field(default_factory=list)
    figures: list[Drawn] = Field(default_factory=list)

    @property
    def titles(self) -> tuple[list[str], list[str]]:
        """What models and workloads are called in the answer."""
        return [each.title for each in self.models], [each.title for each in self.workloads]

    def tunes(self, method: str) -> bool:
        """Return whether a method gets its own best parameters."""
        return method in self.tune if isinstance(self.tune, list) else self.tune

    def base(
        self,
        model: ModelRef,
        workload: WorkloadRef,
        method: str,
        values: Mapping[str, Scalar] = MappingProxyType({}),
        producer: Pairs = (),
    ) -> Run:
        """Return what a method runs, with the first seed, before any search and without bytes.

        Parameters
        ----------
        model, workload : ModelRef, WorkloadRef
            Of which entries.
        method : str
            Which method.
        values : mapping of str to scalar
            By dotted key, the values of axes.
        producer : tuple of (str, scalar)
            The producer of the model's entry.
        """
        parts = split({**self.set, **values})
        asked = replace(workload, settings=merged(workload.settings, parts.workload))
        known = parameters(method).model_fields
        given = {key: str(value) for key, value in parts.method.items() if key in known}
        given |= self.settings_of(method)
        return Run(
            replace(model, values=merged(model.values, parts.model)),
            asked,
            method,
            tuple(equipped(method, asked.load(), given).items()),
            self.consumers if parts.consumers is None else parts.consumers,
            self.seed,
            producer=merged(producer, parts.producer),
            memory=None if self.memory is None else ModelRef(self.memory),
            shared=self.shared if parts.shared is None else parts.shared,
            engine=self.engine,
        )

    def settings_of(self, method: str) -> dict[str, str]:
        """Return the parameters that are given for a method, as text."""
        return {key: str(value) for key, value in self.settings.get(method, {}).items()}

    @field_validator("methods")
    @classmethod
    def _known(cls, methods: list[str]) -> list[str]:
        for method in methods:
            if method not in names():
                problem = "no such method" + did_you_mean(method, names())
                raise InputError(problem, key="methods", value=method, allowed=names())
        require_once(methods, "methods")
        return methods

    @model_validator(mode="after")
    def _named_apart(self) -> Experiment:
        for key, entries in (("models", self.models), ("workloads", self.workloads)):
            titles = [entry.title for entry in entries]
            twice = [title for title in titles if titles.count(title) > 1]
            if twice:
                allowed = "a label of its own for each"
                raise InputError("comes twice", key=key, value=twice[0], allowed=allowed)
        tuned = self.tune if isinstance(self.tune, list) else []
        for key, method, given in [
            *((f"settings.{method}", method, given) for method, given in self.settings.items()),
            *(("tune", method, method) for method in tuned),
        ]:
            if method not in self.methods:
                raise InputError("is not compared", None, key, given, self.methods)
        return self

    @model_validator(mode="after")
    def _set_once(self) -> Experiment:
        for key in self.axes:
            if key in self.set:
                raise InputError("an axis, too", None, f"set.{key}", self.set[key], "one of both")
            section, _, name = key.partition(".")
            if section != "method":
                continue
            for method, settings in self.settings.items():
                if name in settings:
                    place = f"settings.{method}.{name}"
                    raise InputError("an axis, too", None, place, settings[name], "one of both")
        return self

    @model_validator(mode="after")
    def _table_or_sweep(self) -> Experiment:
        of_other = ("figure",) if self.axes else _OF_SWEEPS
        for key in of_other:
            if key in self.model_fields_set and getattr(self, key):
                what = "a sweep" if self.axes else "an experiment without axes"
                allowed = "figures, or no axes" if self.axes else "with axes, as a sweep has"
                raise InputError(f"not for {what}", key=key, allowed=allowed)
        open_ranges = [key for key, entry in self.axes.items() if entry.sampled]
        if open_ranges and self.sample is None:
            allowed = "points, or a table [sample]"
            raise InputError(
                "a range without points", key=f"axes.{open_ranges[0]}", allowed=allowed
            )
        if self.sample is not None and not open_ranges:
            raise InputError("nothing to sample", key="sample", allowed="a range without points")
        if self.interval is not None and self.most_seeds < 2:
            allowed = "2 or more for an interval"
            raise InputError("too few", key="most_seeds", value=self.most_seeds, allowed=allowed)
        return self

    @model_validator(mode="after")
    def _shown(self) -> Experiment:
        along = [each.y for each in self.figures if not isinstance(each, Regimes)]
        named = [("measures", name) for name in self.measures]
        for key, name in [*named, *(("figures.y", name) for name in along)]:
            if not known_measure(name):
                problem = "no such measure" + did_you_mean(name, static_measures())
                allowed = [*static_measures(), "links.LINK.utilisation and the like"]
                raise InputError(problem, key=key, value=name, allowed=allowed)
        asked = [("figures.x", each.x) for each in self.figures]
        asked += [("figures.y", each.y) for each in self.figures if isinstance(each, Regimes)]
        asked += [("figures.at", name) for each in self.figures for name in each.at]
        for key, name in asked:
            if name not in self.axes:
                problem = "no axis" + did_you_mean(name, self.axes)
                raise InputError(problem, key=key, value=name, allowed=list(self.axes))
        for each in self.figures:
            if isinstance(each, Regimes) and each.x == each.y:
                other = "another axis than figures.x"
                raise InputError(
                    "the same axis twice", key="figures.y", value=each.y, allowed=other
                )
        return self

    @model_validator(mode="after")
    def _drawn_of_a_sample(self) -> Experiment:
        sampled = [key for key, entry in self.axes.items() if entry.sampled]
        for each in self.figures if sampled else ():
            if isinstance(each, Lines):
                problem = "nothing to join by lines: the sample varies several axes at once"
                allowed = "kind = 'points', or kind = 'regimes' over an axis of the sample"
                raise InputError(problem, key="figures.kind", value="lines", allowed=allowed)
            if isinstance(each, Regimes) and not {each.x, each.y} & set(sampled):
                problem = "neither is sampled, so that points of the sample would hide each other"
                raise InputError(
                    problem, key="figures.x, figures.y", value=[each.x, each.y], allowed=sampled
                )
            for name in each.at:
                if name in sampled:
                    rest = [key for key in self.axes if key not in sampled]
                    problem = "varies with the sample, and cannot be held"
                    raise InputError(problem, key="figures.at", value=name, allowed=rest or "none")
        return self
