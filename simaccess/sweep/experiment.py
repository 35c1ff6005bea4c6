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
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import BeforeValidator, Field, ValidationError, field_validator, model_validator

from simaccess.embedded_file import embedded_names, find, read_toml
from simaccess.errors import InputError
from simaccess.figures import Scalar
from simaccess.objective import Objective
from simaccess.parameters import Section
from simaccess.quantities import Share
from simaccess.refusal import did_you_mean, foremost, refusal
from simaccess.registry import make, names, require_once
from simaccess.sweep.task import ModelRef, WorkloadRef
from simaccess.workload.workload import Positive

__all__ = [
    "Experiment",
    "Map",
    "ModelEntry",
    "WorkloadEntry",
    "experiment_names",
    "load_experiment",
]

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


Values: TypeAlias = Annotated[dict[str, Scalar], BeforeValidator(_flat)]
"""Values by dotted key; a key need not be quoted."""

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
    tune : bool
        Whether each method gets its own best parameters, found with the model as it stands.
    settings : mapping of str to mapping
        Parameters by method, which are not searched.
    consumers : int
        How many share the link; each makes a contiguous part of the requests, or every so-manyth
        one where they arrive at a log's times.
    seeds : int
        Replications of a cell in which anything is drawn; others are simulated once.
    seed : int
        The first replication's; the others follow it.
    draws : int
        Models drawn from the parameters' ranges.
    figure : Map, optional
        What is drawn.
    """

    question: Text
    models: Annotated[list[ModelEntry], Field(min_length=1)]
    workloads: Annotated[list[WorkloadEntry], Field(min_length=1)]
    methods: Annotated[list[str], Field(min_length=1)]
    objective: Objective = "throughput"
    tune: Annotated[bool, Field(strict=True)] = False  # TOML has booleans of its own
    settings: dict[str, dict[str, Scalar]] = Field(default_factory=dict)
    consumers: Positive = 1
    seeds: Positive = 1
    seed: Annotated[int, Field(ge=0)] = 0
    draws: Annotated[int, Field(ge=0)] = 0
    figure: Map | None = None

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
        for method in self.settings:
            if method not in self.methods:
                raise InputError("is not compared", key=f"settings.{method}", allowed=self.methods)
        return self


def experiment_names() -> list[str]:
    """Return the names of the experiments that simaccess brings along."""
    return embedded_names("experiments")


def load_experiment(name_or_path: str | os.PathLike[str]) -> Experiment:
    """Read an experiment.

    Parameters
    ----------
    name_or_path : str or path-like
        The name of an experiment that simaccess brings along, or the path of a file; text is a
        path if it ends in ``.toml`` or has a directory in it.

    Raises
    ------
    InputError
        If there is no such experiment or file, or anything in it is wrong.
    """
    file = find("experiments", "experiment", name_or_path)
    document = read_toml(file)
    try:
        experiment = Experiment.model_validate(document)
    except ValidationError as error:
        raise _refused(error, file) from None
    experiment = _resolved(experiment, file.parent)
    try:
        _load_all(experiment)
    except InputError as error:
        where = error.file or file
        raise InputError(error.problem, where, error.key, error.value, error.allowed) from None
    return experiment


def _resolved(experiment: Experiment, folder: Path) -> Experiment:
    """Return the experiment with its relative paths started at its folder."""

    def path(text: str) -> str:
        return str(folder / text) if Path(text).name != text or Path(text).suffix else text

    models = [entry.model_copy(update={"model": path(entry.model)}) for entry in experiment.models]
    models = [
        entry.model_copy(update={"label": before.title})
        for entry, before in zip(models, experiment.models, strict=True)
    ]
    workloads = []
    for entry in experiment.workloads:
        given = dict(entry.set)
        if isinstance(given.get("capture"), str):
            given["capture"] = str(folder / str(given["capture"]))
        changed = {"workload": path(entry.workload), "label": entry.title, "set": given}
        workloads.append(entry.model_copy(update=changed))
    return experiment.model_copy(update={"models": models, "workloads": workloads})


def _load_all(experiment: Experiment) -> None:
    """Load whatever the experiment names, so that what is wrong is found before it is run."""
    for model in experiment.models:
        model.ref.load()
    for asked in experiment.workloads:
        blocks = asked.ref.load().blocks
        for method in experiment.methods:
            make(method, blocks, experiment.settings_of(method))
    if experiment.figure is not None:
        ModelRef(experiment.figure.link).load()


def _refused(error: ValidationError, file: Path) -> InputError:
    """Return the first thing that is wrong as the user's error."""
    first = foremost(error)
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        known = _section_at(first["loc"][:-1]).model_fields
        problem = "unknown key" + did_you_mean(str(first["loc"][-1]), known)
        return InputError(problem, file, key, allowed=known)
    return refusal(error, key or None, first["input"], file)


def _section_at(place: tuple[int | str, ...]) -> type[Section]:
    """Return the section that a place in an experiment file belongs to."""
    sections: dict[str, type[Section]] = {
        "models": ModelEntry,
        "workloads": WorkloadEntry,
        "figure": Map,
    }
    return sections[str(place[0])] if place else Experiment
