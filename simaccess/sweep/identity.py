"""Keys of tasks: a digest of everything that decides a task's result, and of nothing else.

That is the link's resolved parameters, the workload's and the content of its files, the method's,
the seed, who shares the link, and the code (`simaccess.sweep.sources`). Where a value came from (a
file, its default, an axis) does not matter, and neither does the engine, since all give the same
bits. Names and settings are part of it, since a result repeats them.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from pydantic import ValidationError

from simaccess.compare import producer_of
from simaccess.embedded import embedded
from simaccess.kinds import kind_named
from simaccess.registry import make, parameters
from simaccess.sweep.sources import digest, where
from simaccess.sweep.task import Measure, ModelRef, Pairs, Run, Search, Task, WorkloadRef
from simaccess.workload.registry import names as workload_names

__all__ = ["key"]


def key(task: Task) -> str:
    """Return what a task's result is known by: 64 hexadecimal digits.

    Raises
    ------
    InputError
        If something that the task names does not exist or is refused.
    """
    made = sha256()
    for part in _parts(task):
        made.update(f"{part}\0".encode())
    return made.hexdigest()


def _parts(task: Task) -> tuple[object, ...]:
    if isinstance(task, Measure):
        code = digest(
            "simaccess.conditions",
            *_code_of(task.model),
            *_code_of_workload(task.workload),
            *_code_of_method("copy-once"),
            *_code_of_method("zero-copy"),
        )
        copies = tuple(
            part
            for method, settings in task.copies
            for part in (_method(method, settings), *_code_of_method(method))
        )
        return task.kind, code, _model(task.model), _workload(task.workload), task.seed, *copies
    if isinstance(task, Search):
        return task.kind, digest("simaccess.tune"), task.objective, *_parts(task.run)
    return task.kind, _code(task), *_run(task)


def _run(task: Run) -> tuple[object, ...]:
    return (
        _model(task.model),
        _workload(task.workload),
        _method(task.method, task.settings),
        task.consumers,
        task.seed,
        task.real,
        _producer(task.producer) if task.producer else "",
        "" if task.memory is None else _model(task.memory),
        task.shared,
    )


def _code(task: Run) -> str:
    return digest(
        "simaccess.simulate",
        *_code_of(task.model),
        *_code_of_workload(task.workload),
        *_code_of_method(task.method),
        *(() if task.memory is None else _code_of(task.memory)),
    )


@lru_cache(1024)
def _model(ref: ModelRef) -> str:
    model = ref.load()
    return f"{model.name} {model.kind} {model.parameters.model_dump()!r}"


@lru_cache(1024)
def _code_of(ref: ModelRef) -> tuple[str, ...]:
    link = kind_named(ref.load().kind).link
    return (link.partition(":")[0] if isinstance(link, str) else where(link),)


@lru_cache(1024)
def _workload(ref: WorkloadRef) -> str:
    """Return a workload by its parameters; files by their content and not by their path."""
    asked = ref.load()
    given = asked.parameters.model_dump()
    files = [value for value in given.values() if isinstance(value, Path)]
    if asked.name == "filter" and not files:
        files = [embedded("experiments", "data", "traffic.pcap")]
    if not files and ref.name not in workload_names():
        files = [Path(ref.name)]
    kept = {
        name: value
        for name, value in given.items()
        if name != "capture" and not isinstance(value, Path)
    }
    contents = [sha256(file.read_bytes()).hexdigest() for file in files]
    return f"{asked.name} {kept!r} {contents} {ref.cut}"


@lru_cache(1024)
def _code_of_workload(ref: WorkloadRef) -> tuple[str, ...]:
    asked = ref.load()
    whole = getattr(asked, "whole", asked)  # of a workload that is cut
    return tuple(dict.fromkeys((where(type(asked)), where(type(whole)))))


@lru_cache(1024)
def _method(name: str, settings: Pairs) -> str:
    """Return a method by its parameters with their defaults, and as they were given."""
    given = {each: str(value) for each, value in settings}
    try:
        resolved = parameters(name).model_validate(given).model_dump()
    except ValidationError:
        make(name, None, given)  # which refuses it in the user's words
        raise
    return f"{name} {given!r} {resolved!r}"


@lru_cache(64)
def _code_of_method(name: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys((where(type(make(name, None, {}))), where(parameters(name)))))


@lru_cache(1024)
def _producer(settings: Pairs) -> str:
    return repr(producer_of(dict(settings)).model_dump())
