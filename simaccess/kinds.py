"""The kinds of interconnect by name, each with its parameters and its simulated link.

A kind is named in text and imported when it is used, so that listing kinds costs nothing. Other
packages add kinds through the entry-point group ``simaccess.kinds``: an entry's name is the kind's,
its value a `Kind`. A notebook or script adds one with `add_kind`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeGuard

from simaccess.catalogue import Catalogue

if TYPE_CHECKING:
    from simaccess.parameters import Parameters
    from simaccess.sim.environment import Environment
    from simaccess.sim.link import Link

__all__ = ["GROUP", "KINDS", "Kind", "add_kind", "kind_named", "kind_names"]

GROUP = "simaccess.kinds"
"""The entry-point group of kinds from other packages."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of interconnect.

    Attributes
    ----------
    summary : str
        What it is, in a few words.
    parameters : str or type
        Its class of parameters, a subclass of `simaccess.parameters.Parameters`, or where that
        stands, as ``module:name``.
    link : str or type
        Its simulated link, a subclass of `simaccess.sim.link.Link` that takes `env`, `parameters`,
        `size`, `data` and, if it is `seeded`, `seed`; or where that stands.
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
    parameters: str | type[Parameters]
    link: str | type[Link]
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
                "link.load_wait",
                "link.long_rate",
                "link.wake",
                "link.rouse",
                "dma.handling",
                "dma.issue_rate",
                "dma.take_rate",
                "cache.rate",
                "cache.shared_rate",
                "client.access",
                "client.miss",
                "client.seek",
                "client.layer",
                "client.look",
                "client.step",
                "client.cold",
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


def _is_kind(found: object) -> TypeGuard[Kind]:
    return isinstance(found, Kind)


_CATALOGUE = Catalogue(
    "kind",
    "kind of interconnect",
    group=GROUP,
    built_in=KINDS,
    fits=_is_kind,
    allowed="a simaccess.kinds.Kind",
)


def kind_names() -> list[str]:
    """Return the names of all kinds, the built-in ones first."""
    return _CATALOGUE.names()


def add_kind(name: str, kind: Kind) -> None:
    """Make a kind known in this process, in place of an earlier one that was added.

    Parameters
    ----------
    name : str
        What model files call it.
    kind : Kind
        The kind. Worker processes do not know it: a sweep with several jobs wants an entry point.

    Raises
    ------
    InputError
        If a built-in kind has that name.
    """
    _CATALOGUE.add(name, kind)


def kind_named(name: str) -> Kind:
    """Return the kind called `name`.

    Raises
    ------
    InputError
        If there is none, or if its package offers something else.
    """
    return _CATALOGUE.named(name)


@cache
def _load(place: str | type) -> Any:  # a class, whose type the caller states
    if not isinstance(place, str):
        return place
    module, name = place.split(":")
    return getattr(import_module(module), name)
