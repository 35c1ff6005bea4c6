"""Compare the access methods on one link for one workload.

from simaccess.compare import compare
from simaccess.result import frame

results = compare("pci-64-66", "filter", settings={"workload.port": 53}, tune=True)
print(frame(results)[["method", "throughput_bytes_per_s", "latency_s.p50", "bytes.wasted"]])
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

from pydantic import ValidationError

from simaccess.errors import UNSET, InputError
from simaccess.figures import Scalar
from simaccess.model import Model, load_model
from simaccess.objective import Objective, objective_named
from simaccess.refusal import as_given, did_you_mean, foremost, refusal
from simaccess.registry import names, parameters, require_once
from simaccess.result import Result
from simaccess.scenario import Engine, ProducerParameters, Scenario
from simaccess.simulate import simulate
from simaccess.tune import equipped
from simaccess.tune import tune as search
from simaccess.workload.filter import Filter
from simaccess.workload.registry import workload as make_workload
from simaccess.workload.workload import Workload

__all__ = ["METHODS", "compare", "final", "producer_of", "require_apart", "scenarios"]

METHODS = ("zero-copy", "copy-once", "hybrid", "prefetch")
"""The methods of W. de Bruijn's thesis."""

Settings = Mapping[str, Scalar]

_NONE: Settings = MappingProxyType({})


def compare(
    model: Model | str | os.PathLike[str],
    workload: Workload | str | os.PathLike[str],
    methods: Iterable[str] | str = METHODS,
    *,
    settings: Settings = _NONE,
    tune: bool = False,
    objective: Objective = "throughput",
    consumers: int = 1,
    shared: bool = False,
    seed: int = 0,
    memory: Model | str | os.PathLike[str] | None = None,
    engine: Engine = "auto",
) -> list[Result]:
    """Simulate a workload on a link with each of some access methods.

    Parameters
    ----------
    model : Model, str or path-like
        The link: a model, the name of one, or a file.
    workload : Workload, str or path-like
        What is asked: a workload, the name of one, a packet capture or an access log.
    methods : iterable of str, or str
        Names of access methods; a text is one name.
    settings : mapping of str to scalar
        Other values of parameters, with units: ``workload.X``, ``method.X`` (for each method that
        has it), ``producer.X`` (with one of them, records come into a ring), and any other key for
        the model; ``model.X`` is ``X`` of the model.
    tune : bool
        Whether each method gets its own best parameters, of those that `settings` leaves open.
    objective : {'throughput', 'latency'}
        What they are best in.
    consumers : int
        How many share the link: each makes a contiguous part of the requests, or every so-manyth
        one where they arrive (through a ring, or at a log's times).
    shared : bool
        Whether they share one shadow, too.
    seed : int
        Of everything that is drawn; the same for all methods.
    memory : Model, str or path-like, optional
        The host's memory behind a PCI bus, as `model`.
    engine : {'auto', 'simpy', 'replay'}
        See `simaccess.scenario.Scenario`.

    Returns
    -------
    list of Result
        In the order of `methods`. A workload with a predicate reads real bytes through the method
        and decides on them.

    Raises
    ------
    InputError
        If anything does not exist or is refused.
    """
    objective = objective_named(objective)
    if not isinstance(tune, bool):
        raise InputError("not allowed", key="tune", value=tune, allowed="True or False")
    made = scenarios(
        model,
        workload,
        methods,
        settings=settings,
        consumers=consumers,
        shared=shared,
        seed=seed,
        memory=memory,
        engine=engine,
    )
    if tune:
        made = [replace(each, settings=search(each, objective).settings) for each in made]
    return [simulate(final(each)) for each in made]


def final(scenario: Scenario) -> Scenario:
    """Return the scenario with real bytes where decisions are to be taken on them."""
    return replace(scenario, real=isinstance(scenario.workload, Filter))


def scenarios(
    model: Model | str | os.PathLike[str],
    workload: Workload | str | os.PathLike[str],
    methods: Iterable[str] | str = METHODS,
    *,
    settings: Settings = _NONE,
    consumers: int = 1,
    shared: bool = False,
    seed: int = 0,
    memory: Model | str | os.PathLike[str] | None = None,
    engine: Engine = "auto",
) -> list[Scenario]:
    """Return what `compare` simulates, before any tuning and in timing-only mode.

    Parameters
    ----------
    model, workload, methods, settings, consumers, shared, seed, memory, engine
        As for `compare`.
    """
    methods = [methods] if isinstance(methods, str) else methods
    if not isinstance(methods, Iterable):
        raise InputError("not methods", key="methods", value=methods, allowed=names())
    methods = list(methods)
    if not methods:
        raise InputError("no method", key="method", value=methods, allowed=names())
    require_once(methods, "method")
    _check_settings(settings)
    parts = _split(settings)
    model = _loaded(model, "model")
    if parts["model"]:
        model = model.with_values(parts["model"])
    if isinstance(workload, str | os.PathLike):
        workload = make_workload(os.fspath(workload), parts["workload"])
    elif not callable(getattr(workload, "accesses", None)):
        allowed = "a workload, the name of one, a packet capture or an access log"
        raise InputError("not a workload", key="workload", value=workload, allowed=allowed)
    elif parts["workload"]:
        key = f"workload.{next(iter(parts['workload']))}"
        raise InputError("the workload is made already", key=key, allowed="the name of a workload")
    producer = producer_of(parts["producer"]) if parts["producer"] else None
    if memory is not None:
        memory = _loaded(memory, "memory")
    given = _by_method(methods, parts["method"])
    return [
        Scenario(
            model,
            workload,
            method,
            equipped(method, workload, given[method]),
            consumers=consumers,
            shared=shared,
            seed=seed,
            producer=producer,
            memory=memory,
            engine=engine,
        )
        for method in methods
    ]


def _loaded(given: object, key: str) -> Model:
    """Return the model that a key gives by itself, by its name or as a file."""
    if isinstance(given, str | os.PathLike):
        return load_model(given, key=key)
    if isinstance(given, Model):
        return given
    allowed = "a model, the name of one, or a file"
    raise InputError("not a model", key=key, value=given, allowed=allowed)


def _check_settings(settings: object) -> None:
    """Refuse what is no mapping from keys, and a key that is none or comes twice."""
    allowed = "a mapping from keys such as workload.requests to their values"
    if not isinstance(settings, Mapping):
        raise InputError("not a mapping", key="settings", value=settings, allowed=allowed)
    for key in settings:
        if not isinstance(key, str):
            raise InputError("not a key", key="settings", value=key, allowed=allowed)
        if not key or key.endswith("."):
            allowed = "KEY, model.KEY, workload.KEY, method.KEY, producer.KEY"
            raise InputError("nothing is named", key="settings", value=key, allowed=allowed)
    require_apart(settings)


def _split(settings: Settings) -> dict[str, dict[str, Scalar]]:
    """Return the settings by what they are for."""
    parts: dict[str, dict[str, Scalar]] = {
        part: {} for part in ("model", "workload", "method", "producer")
    }
    for key, value in settings.items():
        part, dot, name = key.partition(".")
        if dot and part in parts:
            parts[part][name] = value
        else:
            parts["model"][key] = value
    return parts


def require_apart(settings: Settings) -> None:
    """Refuse a parameter of the model that is set as ``X`` and as ``model.X``.

    Raises
    ------
    InputError
        If one is.
    """
    for key, value in settings.items():
        other = f"model.{key}"
        if other in settings:
            problem = f"set twice, as {other} = {settings[other]!r} too"
            raise InputError(problem, key=key, value=value, allowed="one value a key")


def _by_method(methods: list[str], settings: Settings) -> dict[str, dict[str, str]]:
    """Return the settings that each method has; each must be one of some method's."""
    fields = {method: parameters(method).model_fields for method in methods}
    every = list(dict.fromkeys(key for known in fields.values() for key in known))
    for key in settings:
        if key not in every:
            problem = f"no such parameter of {', '.join(methods)}" + did_you_mean(key, every)
            raise InputError(problem, None, f"method.{key}", settings[key], every or "none")
    return {
        method: {key: str(value) for key, value in settings.items() if key in known}
        for method, known in fields.items()
    }


def producer_of(settings: Settings) -> ProducerParameters:
    """Return a producer by its parameters, without ``producer.`` before their names.

    Raises
    ------
    InputError
        If one of them is refused.
    """
    try:
        return ProducerParameters.model_validate(dict(settings))
    except ValidationError as error:
        first = foremost(error)
        name = str(first["loc"][0]) if first["loc"] else None
        key = "producer" if name is None else f"producer.{name}"
        if first["type"] == "extra_forbidden":
            known = ProducerParameters.model_fields
            problem = "unknown key" + did_you_mean(str(name), known)
            raise InputError(problem, None, key, settings[str(name)], known) from None
        refused = refusal(error, key, UNSET if name is None else settings[name])
        raise as_given(refused, "producer", settings) from None
