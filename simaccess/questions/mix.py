"""Several workloads with weights, given one by one or in a file.

A file looks like this::

    [[workloads]]
    workload = "sequential"
    weight = 0.8
    set = { length = "64 KiB" }

    [[workloads]]
    workload = "random"
    weight = 0.2
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from simaccess.embedded_file import read_toml
from simaccess.errors import InputError
from simaccess.figures import Scalar
from simaccess.parameters import Section
from simaccess.questions.case import Case
from simaccess.questions.optimum import Weighted
from simaccess.refusal import did_you_mean, foremost, refusal

__all__ = ["even", "read_mix"]


class _Entry(Section):
    workload: Annotated[str, Field(min_length=1)]
    weight: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    set: dict[str, Scalar] = Field(default_factory=dict)


class _Mix(Section):
    workloads: Annotated[list[_Entry], Field(min_length=1)]


def even(cases: Sequence[Case], weights: Sequence[float] | None) -> list[Weighted]:
    """Return cases with their weights, or with equal ones.

    Raises
    ------
    InputError
        If there are not as many weights, or one is not above 0.
    """
    given = weights or [1.0] * len(cases)
    if len(given) != len(cases):
        allowed = f"one for each --workload, {len(cases)}"
        raise InputError("not as many", key="--weight", value=given, allowed=allowed)
    for weight in given:
        if not 0 < weight < float("inf"):
            raise InputError("no weight", key="--weight", value=weight, allowed="more than 0")
    return [Weighted(case, weight) for case, weight in zip(cases, given, strict=True)]


def read_mix(file: Path, case: Callable[[str], Case]) -> list[Weighted]:
    """Read workloads with their weights; relative paths start at the file's folder.

    Parameters
    ----------
    file : Path
        A TOML file.
    case : callable
        ``case(workload)`` returns the case of a workload by its name.

    Raises
    ------
    InputError
        If there is no such file, or anything in it is wrong.
    """
    try:
        mix = _Mix.model_validate(read_toml(file))
    except ValidationError as error:
        first = foremost(error)
        key = ".".join(map(str, first["loc"]))
        if first["type"] == "extra_forbidden":
            known = (_Entry if len(first["loc"]) > 1 else _Mix).model_fields
            problem = "unknown key" + did_you_mean(str(first["loc"][-1]), known)
            raise InputError(problem, file, key, first["input"], known) from None
        section = _Entry if len(first["loc"]) > 1 else _Mix
        raise refusal(error, key or None, first["input"], file, section) from None
    found = []
    for entry in mix.workloads:
        name = entry.workload
        path = file.parent / name
        made = case(str(path) if Path(name).suffix else name)
        given = dict(entry.set)
        if isinstance(given.get("capture"), str):
            given["capture"] = str(file.parent / str(given["capture"]))
        values = tuple((f"workload.{key}", value) for key, value in given.items())
        made = replace(made, settings=(*made.settings, *values))
        try:
            made.loaded()
        except InputError as error:
            where = error.file or file
            raise InputError(error.problem, where, error.key, error.value, error.allowed) from None
        found.append(Weighted(made, entry.weight))
    return found
