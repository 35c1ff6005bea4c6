"""The kinds of interconnect by name, each with its parameters and its simulated link.

A kind is named in text and imported when it is used, so that listing kinds costs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from simaccess.errors import InputError
from simaccess.refusal import did_you_mean

if TYPE_CHECKING:
    from simaccess.parameters import Parameters
    from simaccess.sim.environment import Environment
    from simaccess.sim.link import Link

__all__ = ["KINDS", "Kind", "kind_named"]


@dataclass(frozen=True, slots=True)
class Kind:
    """
    A kind of interconnect.

    Attributes
    ----------
    summary : str
        What it is, in a few words.
    parameters, link : str
        Where its class of parameters and its link stand, as ``module:name``.
    seeded : bool
        Whether the link can draw random numbers, as for background load, and so takes a seed.
    template : str
        The model with which a calibration begins.
    fitted : tuple of str
        The parameters that it fits unless told, by their dotted keys.
    latency, rate : tuple of str
        Those of them that begin at the measured latency, and at the measured rate.
    """

    summary: str
    parameters: str
    link: str
    template: str = ""
    fitted: tuple[str, ...] = ()
    latency: tuple[str, ...] = ()
    rate: tuple[str, ...] = ()
    seeded: bool = False

    def load_parameters(self) -> type[Parameters]:
        """Return the class of the kind's parameters."""
        found: type[Parameters] = _load(self.parameters)
        return found

    def make_link(
        self,
        env: Environment,
        parameters: Parameters,
        size: int,
        data: memoryview | None = None,
        seed: int = 0,
    ) -> Link:
        """Return a simulated link of this kind, with a segment at its far end.

        Parameters
        ----------
        env : Environment
            The simulation.
        parameters : Parameters
            The kind's own.
        size : int
            Bytes of the segment.
        data : memoryview, optional
            The segment's bytes; without them only time is simulated.
        seed : int
            Of the link's random numbers.
        """
        keywords = {"seed": seed} if self.seeded else {}
        link: Link = _load(self.link)(env, parameters, size, data, **keywords)
        return link


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "fifo-link": Kind(
            "one queue with a rate and a latency, behind a DMA engine",
            "simaccess.sim.fifo_link:FifoParameters",
            "simaccess.sim.fifo_link:FifoLink",
            template="example-link",
            fitted=(
                "link.rate",
                "link.latency",
                "dma.issue",
                "dma.start",
                "local.latency",
                "local.rate",
                # What only some links have; not fitted where it is left at nothing.
                "link.load_rate",
                "link.load_latency",
                "link.wake",
                "dma.handling",
                "dma.issue_rate",
                "cache.rate",
                "client.access",
                "client.miss",
                "client.step",
            ),
            latency=("link.latency", "dma.start"),
            rate=("link.rate",),
        ),
        "memory-bus": Kind(
            "caches and memory channels shared by the cores of a machine",
            "simaccess.sim.memory_bus:MemoryBusParameters",
            "simaccess.sim.memory_bus:MemoryBus",
            template="shared-memory-ddr4",
            fitted=(
                "caches.l2_latency",
                "caches.l3_latency",
                "coherence.near",
                "memory.latency",
                "memory.rate",
                "core.load_rate",
                "core.copy_rate",
                "core.copy_issue",
            ),
            seeded=True,
        ),
        "pci-bus": Kind(
            "a shared PCI or PCI-X bus with posted writes and DMA",
            "simaccess.sim.pci_bus:PciParameters",
            "simaccess.sim.pci_bus:PciBus",
            template="pci-64-66",
            fitted=(
                "host.read_delay",
                "device.read_delay",
                "pio.issue",
                "dma.issue",
                "dma.start",
                "interrupt.cost",
                "interrupt.latency",
            ),
            seeded=True,
        ),
        "wan-link": Kind(
            "TCP over a bottleneck with delay, loss and cross traffic",
            "simaccess.sim.wan_link:WanParameters",
            "simaccess.sim.wan_link:WanLink",
            template="wan-20ms-100mbit",
            fitted=("path.rate", "path.rtt", "path.buffer", "request.issue", "request.service"),
            latency=("path.rtt",),
            rate=("path.rate", "path.upstream_rate"),
            seeded=True,
        ),
    }
)
"""Every kind by name."""


def kind_named(name: str) -> Kind:
    """Return the kind called `name`.

    Raises
    ------
    InputError
        If there is none.
    """
    try:
        return KINDS[name]
    except KeyError:
        hint = did_you_mean(name, KINDS)
        raise InputError(f"no such kind{hint}", key="kind", value=name, allowed=KINDS) from None


@cache
def _load(place: str) -> Any:  # a class, whose type the caller states
    module, name = place.split(":")
    return getattr(import_module(module), name)
