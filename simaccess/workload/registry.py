"""The workloads by name, and files as workloads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from simaccess.errors import UNSET, InputError
from simaccess.refusal import as_given, did_you_mean, foremost, refusal
from simaccess.regular_file import require_regular
from simaccess.workload import patterns
from simaccess.workload.capture import is_capture
from simaccess.workload.filter import Filter, FilterParameters
from simaccess.workload.log import BEGIN, HEADER, LogParameters, LogWorkload, is_log
from simaccess.workload.patterns import Pattern, PatternParameters
from simaccess.workload.records import (
    HeaderOnlyParameters,
    HeaderPayloadParameters,
    HeaderWorkload,
)
from simaccess.workload.workload import Workload

__all__ = ["names", "workload"]

P = TypeVar("P", bound=PatternParameters)
M = TypeVar("M", bound=BaseModel)
Settings = Mapping[str, object]


def _pattern(
    name: str, parameters: type[P], offsets: Callable[[P, int], patterns.Offsets]
) -> Callable[[Settings], Workload]:
    return lambda settings: Pattern(name, _parameters(parameters, settings), offsets)


def _headers(name: str, parameters: type[HeaderOnlyParameters]) -> Callable[[Settings], Workload]:
    return lambda settings: HeaderWorkload(name, _parameters(parameters, settings))


_WORKLOADS: dict[str, Callable[[Settings], Workload]] = {
    "sequential": _pattern("sequential", patterns.SequentialParameters, patterns.sequential),
    "strided": _pattern("strided", patterns.StridedParameters, patterns.strided),
    "skip": _pattern("skip", patterns.SkipParameters, patterns.skip),
    "random": _pattern("random", patterns.RandomParameters, patterns.random),
    "zipf": _pattern("zipf", patterns.ZipfParameters, patterns.zipf),
    "header-only": _headers("header-only", HeaderOnlyParameters),
    "header-payload": _headers("header-payload", HeaderPayloadParameters),
    "filter": lambda settings: Filter(_parameters(FilterParameters, settings)),
}


def names() -> tuple[str, ...]:
    """Return the names of the workloads."""
    return tuple(_WORKLOADS)


def workload(name: str, settings: Settings | None = None) -> Workload:
    """Make a workload.

    Parameters
    ----------
    name : str
        The name of a workload; or a file: a packet capture, which is filtered, or an access log,
        each known by its content.
    settings : mapping
        Its parameters by name, as text with units where they have one. Paths are those of the
        process.

    Raises
    ------
    InputError
        If there is no such workload or file, or a parameter is refused.
    """
    settings = settings or {}
    if name in _WORKLOADS:
        return _WORKLOADS[name](settings)
    path = Path(name)
    try:
        allowed = "a packet capture or an access log in a file"
        require_regular(path, allowed, "workload", name)
        head = _begin(path)
    except InputError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a null character
        problem = "no such workload or file"
        if isinstance(error, OSError) and not isinstance(error, FileNotFoundError):
            problem = f"cannot be read: {error.strerror}"
        raise InputError(
            problem,
            key="workload",
            value=name,
            allowed=[*names(), "a packet capture", "an access log"],
        ) from error
    if is_capture(head):
        if "capture" in settings:
            raise InputError("told twice", key="workload.capture", value=settings["capture"])
        return Filter(_parameters(FilterParameters, {**settings, "capture": path}))
    if is_log(head):
        return LogWorkload(path, _parameters(LogParameters, settings))
    raise InputError(
        "neither a packet capture nor an access log",
        file=path,
        allowed=f"a pcap or pcapng file, or a CSV file that starts with '{HEADER}'",
    )


def _begin(path: Path) -> bytes:
    """Return what a file's sort is told by."""
    with path.open("rb") as stream:
        return stream.read(BEGIN)


def _parameters(model: type[M], settings: Settings) -> M:
    """Check settings; the first thing wrong with them ends in an `InputError`."""
    try:
        return model.model_validate(dict(settings))
    except ValidationError as refused:
        error = foremost(refused)
        key = ".".join(["workload", *map(str, error["loc"][:1])])
        value = error["input"] if error["loc"] else UNSET
        if error["type"] == "extra_forbidden":
            known = model.model_fields
            problem = "unknown key" + did_you_mean(str(error["loc"][0]), known)
            raise InputError(problem, key=key, value=value, allowed=known) from refused
        raise as_given(refusal(refused, key, value), "workload", settings) from refused
