"""The models and workloads of an experiment's file, and values by dotted key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, TypeAlias
from unicodedata import category

from pydantic import AfterValidator, BeforeValidator, Field

from simaccess.errors import InputError
from simaccess.figures import Scalar
from simaccess.parameters import Section
from simaccess.sweep.task import ModelRef, WorkloadRef

__all__ = ["ModelEntry", "Text", "Values", "WorkloadEntry"]

Text: TypeAlias = Annotated[str, Field(min_length=1)]


def _in_a_line(text: str) -> str:
    """Let through what a table can show in a line: no line break, no control character."""
    if any(category(each) in {"Cc", "Zl", "Zp"} for each in text):
        raise ValueError("has a line break or a control character; allowed: text in one line")
    return text


Label: TypeAlias = Annotated[Text, AfterValidator(_in_a_line)]


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
    producer : mapping of str to scalar
        How records come into a ring on this link; a rate that suits one link drowns another.
    """

    model: Text
    label: Label | None = None
    set: Values = Field(default_factory=dict)
    producer: Values = Field(default_factory=dict)

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
    label: Label | None = None
    set: Values = Field(default_factory=dict)

    @property
    def title(self) -> str:
        """What it is called in the answer."""
        return self.label or self.workload

    @property
    def ref(self) -> WorkloadRef:
        """The workload."""
        return WorkloadRef(self.workload, tuple(self.set.items()))
