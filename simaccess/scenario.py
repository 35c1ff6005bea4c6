"""What is simulated: a model, a workload, a method, consumers, and perhaps a producer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Integral
from typing import Literal, TypeAlias, get_args

from pydantic import Field, model_validator

from simaccess.errors import InputError
from simaccess.model import Model
from simaccess.parameters import Section
from simaccess.quantities import Duration, PositiveFrequency, Size
from simaccess.refusal import did_you_mean
from simaccess.sim.environment import RUN_AHEAD
from simaccess.workload.workload import Positive, Workload

__all__ = ["ENGINES", "Engine", "ProducerParameters", "Scenario"]

Engine: TypeAlias = Literal["auto", "simpy", "replay"]
ENGINES: tuple[Engine, ...] = get_args(Engine)
"""What may serve."""


class ProducerParameters(Section):
    """How records come into a ring.

    Parameters
    ----------
    arrivals : str
        ``capture`` (the capture's time stamps), ``poisson`` or ``constant`` (at `rate`), or
        ``full-speed`` (as fast as the ring takes them).
    rate : float
        Records a second.
    speed : float
        How many times as fast as they were captured records arrive.
    ring : int
        Bytes of the ring.
    overflow : str
        What becomes of a record that finds no room: ``wait`` or ``drop``.
    batch : int
        Records that share a signal.
    timeout : float
        Seconds after which published records are signalled though they are fewer.
    signal_cost : float
        Seconds of the processor that a signal takes of its sender and of its receiver.
    signal_latency : float
        Seconds from sending to receiving a signal.
    """

    arrivals: Literal["capture", "poisson", "constant", "full-speed"] = "full-speed"
    rate: PositiveFrequency | None = None
    speed: float = Field(1.0, gt=0)
    ring: Size = 1 << 20
    overflow: Literal["wait", "drop"] = "wait"
    batch: Positive = 1
    timeout: Duration | None = None
    signal_cost: Duration = 0.0
    signal_latency: Duration = 0.0

    @model_validator(mode="after")
    def _rated(self) -> ProducerParameters:
        if self.arrivals in ("poisson", "constant") and not self.rate:
            raise InputError(
                f"missing, and {self.arrivals} arrivals need it",
                key="producer.rate",
                allowed="a frequency, as in '10 kHz'",
            )
        if self.rate is not None and self.arrivals not in ("poisson", "constant"):
            raise InputError(
                f"{self.arrivals} arrivals have no rate of their own",
                key="producer.rate",
                value=self.rate,
                allowed="a rate with producer.arrivals=poisson or constant",
            )
        return self


def _require_whole(key: str, value: object, least: int) -> None:
    """Refuse what is no whole number, or less than the least.

    Raises
    ------
    InputError
        If it is refused.
    """
    if isinstance(value, bool) or not isinstance(value, Integral):
        allowed = f"a whole number, {least} or more"
        raise InputError("not a whole number", key=key, value=value, allowed=allowed)
    if int(value) < least:
        raise InputError("too low", key=key, value=value, allowed=f"{least} or more")


@dataclass(frozen=True, slots=True)
class Scenario:
    """One thing to simulate.

    Parts of another type are refused by an `InputError`, and so are fewer than one consumer and
    seeds below 0.

    Attributes
    ----------
    model : Model
        The interconnect.
    workload : Workload
        What is asked of the segment.
    method : str
        Name of the access method.
    settings : mapping of str to str
        Its parameters, as text with units.
    consumers : int
        How many share the link. Each makes a contiguous part of the requests; those to the
        records of a ring, and those of a timed log, are dealt to them in turn.
    shared : bool
        Whether they share one shadow, too.
    seed : int
        Of the workload's and the link's draws.
    producer : ProducerParameters, optional
        Without it the whole segment is there from the start.
    memory : Model, optional
        The host's memory (kind ``memory-bus``) behind a PCI bus: what DMA moves crosses both, and
        shadows lie in it.
    real : bool
        Whether bytes are moved, and decisions taken on them; without it only time passes.
    engine : {'auto', 'simpy', 'replay'}
        Which engine serves; results do not depend on it. ``replay`` refuses what cannot be
        replayed, ``auto`` has SimPy serve that, and whatever a record would not pay for.
    run_ahead : int
        See `simaccess.sim.environment.Environment`; results do not depend on it.
    """

    model: Model
    workload: Workload
    method: str
    settings: Mapping[str, str] = field(default_factory=dict)
    consumers: int = 1
    shared: bool = False
    seed: int = 0
    producer: ProducerParameters | None = None
    memory: Model | None = None
    real: bool = False
    engine: Engine = "auto"
    run_ahead: int = RUN_AHEAD

    def __post_init__(self) -> None:
        _require_whole("consumers", self.consumers, 1)
        _require_whole("seed", self.seed, 0)
        if not isinstance(self.shared, bool):
            raise InputError("not allowed", None, "shared", self.shared, "True or False")
        if self.engine not in ENGINES:
            problem = "no such engine" + did_you_mean(self.engine, ENGINES)
            raise InputError(problem, key="engine", value=self.engine, allowed=ENGINES)
        for key, value in (("model", self.model), ("memory", self.memory)):
            if not isinstance(value, Model) and (key == "model" or value is not None):
                allowed = "what simaccess.model.load_model returns"
                raise InputError("not a model", key=key, value=value, allowed=allowed)
        if not callable(getattr(self.workload, "accesses", None)):
            allowed = "what simaccess.workload.registry.workload returns"
            raise InputError("not a workload", key="workload", value=self.workload, allowed=allowed)
