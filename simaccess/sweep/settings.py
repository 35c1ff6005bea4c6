"""Dotted keys: which part of a scenario each is of.

Axes and fixed settings share them: ``model.KEY``, ``workload.KEY``, ``method.KEY`` (for each
method that has it) and ``producer.KEY`` for what has parameters of its own, and ``consumers`` and
``shared``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from simaccess.errors import InputError
from simaccess.figures import Scalar
from simaccess.refusal import did_you_mean
from simaccess.sweep.task import Pairs

__all__ = ["PLAIN", "SECTIONS", "Parts", "merged", "split"]

SECTIONS = ("model", "workload", "method", "producer")
"""What stands before the first dot of a key."""

PLAIN = ("consumers", "shared")
"""Keys without a dot."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Settings by the part of a scenario that they are of, without its name."""

    model: dict[str, Scalar] = field(default_factory=dict)
    workload: dict[str, Scalar] = field(default_factory=dict)
    method: dict[str, Scalar] = field(default_factory=dict)
    producer: dict[str, Scalar] = field(default_factory=dict)
    consumers: int | None = None
    shared: bool | None = None


def split(settings: Mapping[str, Scalar]) -> Parts:
    """Return settings by the part that they are of.

    Raises
    ------
    InputError
        If a key is of none, or a plain one has a value of another type.
    """
    parts: dict[str, dict[str, Scalar]] = {section: {} for section in SECTIONS}
    consumers, shared = None, None
    for key, value in settings.items():
        section, dot, name = key.partition(".")
        if dot and section in parts:
            parts[section][name] = value
        elif key == "consumers":
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise InputError("not a count", key=key, value=value, allowed="1 or more")
            consumers = value
        elif key == "shared":
            if not isinstance(value, bool):
                raise InputError("not allowed", key=key, value=value, allowed="true or false")
            shared = value
        else:
            known = [*(f"{section}.KEY" for section in SECTIONS), *PLAIN]
            problem = "no such parameter" + did_you_mean(key, known)
            raise InputError(problem, None, key, value, known)
    return Parts(**parts, consumers=consumers, shared=shared)


def merged(pairs: Pairs, values: Mapping[str, Scalar]) -> Pairs:
    """Return settings with other values for some of them, and some more."""
    return tuple({**dict(pairs), **values}.items())
