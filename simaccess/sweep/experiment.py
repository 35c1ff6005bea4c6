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
from typing import Annotated, Literal, TypeAlias

from pydantic import BeforeValidator, Discriminator, Field, Tag, field_validator, model_validator

from simaccess.errors import InputError
from simaccess.figures import Scalar
from simaccess.objective import Objective
from simaccess.parameters import Section
from simaccess.quantities import Share
from simaccess.refusal import did_you_mean
from simaccess.registry import names, parameters, require_once
from simaccess.sweep.axis import AxisEntry, Sample
from simaccess.sweep.measures import known_measure, static_measures
from simaccess.sweep.settings import merged, split
from simaccess.sweep.task import Engine, ModelRef, Run, WorkloadRef
from simaccess.tune import equipped
from simaccess.workload.workload import Positive

__all__ = ["Experiment", "Lines", "Map", "ModelEntry", "Regimes", "WorkloadEntry"]

Text: TypeAlias = Annotated[str, Field(min_length=1)]


def _flat(table: object) -> object:
    """Return a table with those in it as dotted keys: TOML reads ``link.rate = 1`` as a table."""
    if not isinstance(table, dict):
        return table
    flat: dict[str, object] = {}
    for key, value in _values(table):
        if key in flat:
            raise InputError(f"{key} is set twice", allowed="one value a key")
        if not isinstance(value, str | int | float):
            problem = f"{key} is not a value"
            raise InputError(problem, value=value, allowed="text, a number, true or false")
        flat[key] = value
    return flat


def _values(table: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _values(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


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


def _entries(table: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    for key, value in table.items():
        if isinstance(value, dict) and not set(value) & {"values", "low", "high", "points"}:
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


Values: TypeAlias = Annotated[dict[str, Scalar], BeforeValidator(_flat)]
"""Values by dotted key; a key need not be quoted."""

_OF_SWEEPS = ("sample", "constraints", "interval", "measures", "figures")

Open: TypeAlias = Annotated[float, Field(gt=0, lt=1)]
"""A number between 0 and 1, both excluded."""


class ModelEntry(Section):
    """A model of the experiment.

    Parameters
    ----------
    model : str
        Name of a model, or a file; relative paths start at the experiment's folder.
    label : str, optional
        What it is called in the answer; its name by default.
    set : mapping of str to scalar
        Other values of its parameters.
    """

    model: Text
    label: Text | None = None
    set: Values = Field(default_factory=dict)

    @property
    def title(self) -> str:
        """What it is called in the answer."""
        return self.label or self.model

    @property
    def ref(self) -> ModelRef:
        """The model."""
        return ModelRef(self.model, tuple(self.set.items()))


class WorkloadEntry(Section):
    """A workload of the experiment.

    Parameters
    ----------
    workload : str
        Name of a workload, or a file; relative paths start at the experiment's folder.
    label : str, optional
        What it is called in the answer; its name by default.
    set : mapping of str to scalar
        Its parameters.
    """

    workload: Text
    label: Text | None = None
    set: Values = Field(default_factory=dict)

    @property
    def title(self) -> str:
        """What it is called in the answer."""
        return self.label or self.workload

    @property
    def ref(self) -> WorkloadRef:
        """The workload."""
        return WorkloadRef(self.workload, tuple(self.set.items()))


class Map(Section):
    """The figure: the plane of t/T and p, with a panel for each model.

    Parameters
    ----------
    link : str
        Name of a ``fifo-link`` model; its latency is swept so that t/T covers the plane.
    ratios : list of float
        The t/T that it is swept to, each above 0 and below 1.
    probabilities : list of float
        The payload probabilities of all points.
    record, header : str
        Sizes of a record and of its header.
    records : int
        Records that each point reads.
    """

    kind: Literal["t/T-p"] = "t/T-p"
    link: Text = "example-link"
    ratios: Annotated[list[Open], Field(min_length=1)]
    probabilities: Annotated[list[Share], Field(min_length=1)]
    record: str = "1514 B"
    header: str = "54 B"
    records: Positive = 64


class Lines(Section):
    """A figure of a sweep: a measure over one axis, a line a method.

    Parameters
    ----------
    x : str
        The axis.
    y : str
        The measure.
    at : mapping of str to scalar
        Values of other axes; those that are not named have a panel for each of their values.
    """

    kind: Literal["lines"] = "lines"
    x: Text
    y: Text = "throughput_bytes_per_s"
    at: Values = Field(default_factory=dict)


class Regimes(Section):
    """A figure of a sweep: which method is best over two axes.

    Parameters
    ----------
    x, y : str
        The axes, two values each at least.
    at : mapping of str to scalar
        As for `Lines`.
    """

    kind: Literal["regimes"]
    x: Text
    y: Text
    at: Values = Field(default_factory=dict)


def _kind(figure: object) -> str:
    kind = figure.get("kind", "lines") if isinstance(figure, dict) else figure.kind  # type: ignore[attr-defined]  # one of both
    return str(kind)


Drawn: TypeAlias = Annotated[
    Annotated[Lines, Tag("lines")] | Annotated[Regimes, Tag("regimes")], Discriminator(_kind)
]
"""A figure of a sweep; lines unless it says its kind."""


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
        The first replication's; the others follow it.
    interval : float, optional
        In a sweep: replications go on until the 95 % interval of the objective's mean is no wider
        than this share of it to either side.
    most_seeds : int
        Replications at most, where an interval is asked for.
    draws : int
        Models drawn from the parameters' ranges; not in a sweep.
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
    figures : list of Lines or Regimes
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
    consumers: Positive = 1
    shared: Annotated[bool, Field(strict=True)] = False
    memory: Text | None = None
    engine: Engine = "auto"
    seeds: Positive = 1
    seed: Annotated[int, Field(ge=0)] = 0
    interval: Open | None = None
    most_seeds: Positive = 64
    draws: Annotated[int, Field(ge=0)] = 0
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
            producer=tuple(parts.producer.items()),
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
        for key, method in [
            *((f"settings.{method}", method) for method in self.settings),
            *(("tune", method) for method in tuned),
        ]:
            if method not in self.methods:
                raise InputError("is not compared", key=key, allowed=self.methods)
        return self

    @model_validator(mode="after")
    def _set_once(self) -> Experiment:
        for key in self.axes:
            if key in self.set:
                raise InputError("an axis, too", key=f"set.{key}", allowed="one of both")
            section, _, name = key.partition(".")
            if section != "method":
                continue
            for method, settings in self.settings.items():
                if name in settings:
                    place = f"settings.{method}.{name}"
                    raise InputError("an axis, too", key=place, allowed="one of both")
        return self

    @model_validator(mode="after")
    def _table_or_sweep(self) -> Experiment:
        of_other = ("draws", "figure") if self.axes else _OF_SWEEPS
        for key in of_other:
            if key in self.model_fields_set and getattr(self, key):
                what = "a sweep" if self.axes else "an experiment without axes"
                raise InputError(f"not for {what}", key=key)
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
        along = [each.y for each in self.figures if isinstance(each, Lines)]
        for name in [*self.measures, *along]:
            if not known_measure(name):
                problem = "no such measure" + did_you_mean(name, static_measures())
                allowed = [*static_measures(), "links.LINK.utilisation and the like"]
                raise InputError(problem, key="measures", value=name, allowed=allowed)
        asked = [("figures.x", each.x) for each in self.figures]
        asked += [("figures.y", each.y) for each in self.figures if isinstance(each, Regimes)]
        asked += [("figures.at", name) for each in self.figures for name in each.at]
        if self.figures and self.sample is not None:
            raise InputError("not with a sample", key="figures", allowed="axes with points")
        for key, name in asked:
            if name not in self.axes:
                problem = "no axis" + did_you_mean(name, self.axes)
                raise InputError(problem, key=key, value=name, allowed=list(self.axes))
        return self
