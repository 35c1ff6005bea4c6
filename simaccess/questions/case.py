"""What a question is about: a link, a workload and methods, by names that any process can load."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType

from simaccess.compare import METHODS, require_apart, scenarios
from simaccess.figures import Scalar
from simaccess.model import Model, load_model
from simaccess.scenario import Scenario
from simaccess.sweep.settings import SECTIONS, split
from simaccess.sweep.task import ModelRef, Pairs, Run, WorkloadRef
from simaccess.workload.registry import workload
from simaccess.workload.workload import Workload

__all__ = ["Case", "pairs"]

_NONE: Mapping[str, Scalar] = MappingProxyType({})

_WORKLOAD = "workload."


def pairs(values: Mapping[str, Scalar] = _NONE) -> Pairs:
    """Return values by key as in ``--set``, where ``model.X`` is the same as ``X``.

    Raises
    ------
    InputError
        If one is set by both names.
    """
    require_apart(values)
    return tuple((key.removeprefix("model."), value) for key, value in values.items())


@dataclass(frozen=True, slots=True)
class Case:
    """A link, a workload, and methods.

    Attributes
    ----------
    model : str
        The link: the name of a model, or a file.
    workload : str
        The name of a workload, a packet capture or an access log.
    methods : tuple of str
        The access methods.
    settings : tuple of (str, scalar)
        Other values of parameters (`pairs`), as for `simaccess.compare.compare`.
    memory : str, optional
        The host's memory behind a PCI bus, as `model`.
    consumers : int
        How many share the link.
    shared : bool
        Whether they share one shadow, too.
    """

    model: str
    workload: str
    methods: tuple[str, ...] = METHODS
    settings: Pairs = ()
    memory: str | None = None
    consumers: int = 1
    shared: bool = False

    def scenario(self, method: str, values: Pairs = (), seed: int = 0) -> Scenario:
        """Return what is simulated, with further values that come before the settings.

        Raises
        ------
        InputError
            If anything does not exist or is refused.
        """
        return replace(_scenarios(self, values)[method], seed=seed)

    def run(self, method: str, values: Pairs = (), seed: int = 0) -> Run:
        """Return the same as `scenario` by names, for any process and for a store.

        Raises
        ------
        InputError
            As `scenario` does.
        """
        scenario = self.scenario(method, values, seed)
        given = {**dict(self.settings), **dict(values)}
        parts = split({_of_a_section(key): value for key, value in given.items()})
        return Run(
            ModelRef(self.model, tuple(parts.model.items())),
            WorkloadRef(self.workload, tuple(parts.workload.items())),
            method,
            tuple(scenario.settings.items()),
            self.consumers,
            seed,
            producer=tuple(parts.producer.items()),
            memory=None if self.memory is None else ModelRef(self.memory),
            shared=self.shared,
        )

    def loaded(self) -> tuple[Model, Workload]:
        """Return the link and the workload.

        Raises
        ------
        InputError
            If anything does not exist or is refused.
        """
        first = self.scenario(self.methods[0])
        return first.model, first.workload


def _of_a_section(key: str) -> str:
    section, dot, _ = key.partition(".")
    return key if dot and section in SECTIONS else f"model.{key}"


@lru_cache(maxsize=64)
def _scenarios(case: Case, values: Pairs) -> dict[str, Scenario]:
    settings = {**dict(case.settings), **dict(values)}
    asked = {key: value for key, value in settings.items() if key.startswith(_WORKLOAD)}
    made = scenarios(
        _model(case.model),
        _workload(case.workload, tuple(asked.items())),
        case.methods,
        settings={key: value for key, value in settings.items() if key not in asked},
        consumers=case.consumers,
        shared=case.shared,
        memory=None if case.memory is None else _model(case.memory, "memory"),
    )
    return {each.method: each for each in made}


@lru_cache(maxsize=16)
def _model(name: str, key: str = "model") -> Model:
    return load_model(name, key=key)


@lru_cache(maxsize=16)
def _workload(name: str, settings: Pairs) -> Workload:
    return workload(name, {key.removeprefix(_WORKLOAD): value for key, value in settings})
