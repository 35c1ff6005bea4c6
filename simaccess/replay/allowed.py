"""What can be replayed, and why something else cannot."""

from __future__ import annotations

from collections.abc import Iterator

from simaccess.registry import make
from simaccess.replay import fifo_figures, memory_figures, pci_figures, wan_figures
from simaccess.replay.compiled import have_compiler
from simaccess.scenario import Scenario
from simaccess.sim.fifo_link import FifoParameters
from simaccess.sim.memory_parameters import MemoryBusParameters
from simaccess.sim.pci_parameters import PciParameters
from simaccess.sim.wan_parameters import WanParameters

__all__ = ["KINDS", "can_replay"]

KINDS = ("fifo-link", "pci-bus", "wan-link", "memory-bus")
"""The kinds of links that a replay knows."""


def can_replay(scenario: Scenario) -> str | None:
    """Return why a scenario cannot be replayed, None if it can.

    What its consumers do must not depend on time, and the link must be of one of `KINDS`. A few
    things are found out only while it is recorded or replayed
    (`simaccess.replay.recorder.NotReplayableError`).
    """
    return next(_reasons(scenario), None)


def _reasons(scenario: Scenario) -> Iterator[str]:
    kind = scenario.model.kind
    if kind not in KINDS:
        yield f"a link of kind {kind} is not replayed, only {', '.join(KINDS)}"
    parameters = scenario.model.parameters
    reason = None
    if isinstance(parameters, PciParameters):
        reason = pci_figures.why_not(parameters)
    elif isinstance(parameters, FifoParameters):
        reason = fifo_figures.why_not(parameters)
    elif isinstance(parameters, WanParameters):
        reason = wan_figures.why_not(parameters)
    elif isinstance(parameters, MemoryBusParameters):
        reason = memory_figures.why_not(parameters)
    if reason is not None:
        yield reason
    if scenario.memory is not None:
        yield "host memory behind the link is not replayed"
    if scenario.producer is not None:
        yield "records come through a ring, so what can be read depends on time"
    if scenario.shared and scenario.consumers > 1:
        yield "consumers share a shadow, so what each finds there depends on time"
    if make(scenario.method, scenario.workload.blocks, scenario.settings).timed:
        yield f"{scenario.method} goes by the time that its operations take"
    if not have_compiler():
        yield "numba is not installed (the extra 'numba')"
