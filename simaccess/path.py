"""The simulated link of a model, or the path over a bus and the memory behind it."""

from __future__ import annotations

from simaccess.errors import InputError
from simaccess.kinds import kind_named
from simaccess.model import Model
from simaccess.sim.environment import Environment
from simaccess.sim.link import Link
from simaccess.sim.memory_bus import MemoryBus, MemoryBusParameters
from simaccess.sim.pci_bus import PciBus, PciParameters

__all__ = ["make_path"]


def make_path(
    env: Environment,
    model: Model,
    memory: Model | None,
    size: int,
    data: memoryview | None,
    *,
    seed: int,
) -> Link:
    """Return the link to a segment.

    Parameters
    ----------
    env : Environment
        The simulation.
    model : Model
        The interconnect.
    memory : Model or None
        The host's memory behind it, where shadows lie.
    size, data
        As for `Link`.
    seed : int
        Of the link's random numbers.

    Raises
    ------
    InputError
        If the two models make no path.
    """
    if memory is None:
        return kind_named(model.kind).make_link(env, model.parameters, size, data, seed)
    parameters, of_memory = pair(model, memory)
    # Of the host's memory only shadows are used: it has no segment of its own.
    none = None if data is None else memoryview(bytearray())
    host = MemoryBus(env, of_memory, 0, none, seed=seed)
    return PciBus(env, parameters, size, data, memory=host, seed=seed)


def pair(model: Model, memory: Model) -> tuple[PciParameters, MemoryBusParameters]:
    """Return the parameters of a bus and of the memory behind it.

    Parameters
    ----------
    model, memory : Model
        The two.

    Raises
    ------
    InputError
        If they make no path.
    """
    parameters, of_memory = model.parameters, memory.parameters
    if not isinstance(parameters, PciParameters) or not isinstance(of_memory, MemoryBusParameters):
        raise InputError(
            "these two are no path",
            key="model, memory",
            value=(model.name, memory.name),
            allowed="a model of kind pci-bus with a memory of kind memory-bus",
        )
    return parameters, of_memory
