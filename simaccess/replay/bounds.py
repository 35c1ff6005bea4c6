"""How long a replay may last at most: it counts in 64 bits, where SimPy counts without bound."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from simaccess.replay.pci_figures import PciFigures
from simaccess.replay.record import Record
from simaccess.replay.recorder import NotReplayableError
from simaccess.replay.tally import total
from simaccess.sim.environment import TICKS_PER_SECOND
from simaccess.sim.memory_parameters import MemoryBusParameters

__all__ = ["TOO_LONG", "require_room_on_bus", "require_room_on_links", "require_room_on_memory"]

TOO_LONG: Final = "it may last longer than 64 bits of picoseconds hold"
"""Why something is refused that may."""

_MOST: Final = 2.0**62
"""Ticks, and sums of them, that 64 bits hold with room to spare."""


def require_room_on_links(record: Record, figures: NDArray[np.void]) -> None:
    """Refuse what may last too long on a ``fifo-link``: everything one after another.

    Raises
    ------
    NotReplayableError
        If it may.
    """
    asked = _asked(record)
    lengths = record.lengths.astype(np.float64)
    woken = 2.0 * figures["wake"]
    fixed = asked.sum() * (figures["latency"] + figures["load_wait"] + woken + 1)
    fixed += _transfers(record) * (
        figures["issue"] + figures["start"] + figures["completion"] + figures["handling"] + 1.0
    )
    each = np.maximum(figures["per_byte"], figures["load_per_byte"]) + figures["issue_per_byte"]
    each += figures["wake"] / np.maximum(figures["window"], 1)
    served = (asked @ lengths) * each
    _require(record, served + fixed + _private(record, figures))


def require_room_on_bus(record: Record, figures: PciFigures) -> None:
    """Refuse what may last too long on a ``pci-bus``: a transaction for each data phase.

    Raises
    ------
    NotReplayableError
        If it may.
    """
    bus = {name: float(figures.bus[name][0]) for name in figures.bus.dtype.names or ()}
    paths = figures.paths
    clocks = paths["latency"] + paths["idle"] + 1.0
    each = (paths["request"] + paths["delay"] + paths["gap"] + clocks * paths["per_clock"]).max()
    asked, transfers = _asked(record), _transfers(record)
    moved = asked @ record.lengths.astype(np.float64)
    descriptors = (moved / bus["span"] + transfers) * bus["descriptor"]
    moved += descriptors + transfers * (bus["doorbell"] + bus["writeback"])
    phases = moved / paths["width"].min() + 2 * asked.sum() + 8 * transfers
    most = (
        phases * (each + bus["arbitration"] + bus["outbound"] + bus["inbound"] + bus["store"])
        + transfers * (bus["submission"] + bus["start"] + bus["report"] + bus["moderation"])
        + transfers * (bus["cost"] + bus["interval"])
        + _private(record, figures.bus)
    )
    _require(record, most)


def require_room_on_memory(record: Record, parameters: MemoryBusParameters) -> None:
    """Refuse what may last too long on a ``memory-bus``: every line by the slowest way, in turn.

    Other masters' load is left out; the replay itself sees when that takes too long.

    Raises
    ------
    NotReplayableError
        If it may.
    """
    caches, core, memory = parameters.caches, parameters.core, parameters.memory
    coherence, pages = parameters.coherence, parameters.pages
    asked = _asked(record)
    moved = asked @ record.lengths.astype(np.float64)
    lines = 2 * (moved / caches.line + 2 * asked.sum())  # a copy reads and writes
    line = (
        max(caches.l1_latency, caches.l2_latency, caches.l3_latency, coherence.near, coherence.far)
        + max(memory.latency, memory.far_latency)
        + pages.walk
        + pages.first_touch
        # Read with what is ahead of it, for ownership, and written back.
        + (2 + parameters.prefetcher.lines) * caches.line / memory.read_rate
        + 2 * caches.line / memory.write_rate
        + caches.line / core.load_rate
        + caches.line / core.copy_rate
    )
    seconds = lines * line + moved / core.copy_rate + _transfers(record) * core.copy_issue
    delayed = _delayed(record)
    parts = record.delays.parts
    copied = (delayed[parts["delay"]] * parts["count"]) @ parts["length"].astype(np.float64)
    private = (
        max(tally.arrival for tally in record.tallies)
        + delayed @ record.delays.compute.astype(np.float64)
        + copied / core.copy_rate * TICKS_PER_SECOND
        + delayed.sum()
    )
    _require(record, seconds * TICKS_PER_SECOND + private)


def _require(record: Record, most: Any) -> None:
    # They may all wait, and waits are added up.
    under_way = len(record.tracks) + sum(track.places for track in record.tracks)
    if np.max(most, initial=0.0) * under_way > _MOST:
        raise NotReplayableError(TOO_LONG)


def _asked(record: Record) -> NDArray[np.float64]:
    return total((tally.asked for tally in record.tallies), len(record.requests))


def _delayed(record: Record) -> NDArray[np.float64]:
    return total((tally.delayed for tally in record.tallies), len(record.delays.compute))


def _transfers(record: Record) -> int:
    return sum(tally.fetches + tally.flushes for tally in record.tallies)


def _private(record: Record, figures: NDArray[np.void]) -> Any:
    """Return the ticks of all private delays, and the last arrival."""
    delayed = _delayed(record)
    parts = record.delays.parts
    accesses = delayed[parts["delay"]] * parts["count"]
    locally = accesses @ parts["length"].astype(np.float64)
    return (
        max(tally.arrival for tally in record.tallies)
        + delayed @ record.delays.compute.astype(np.float64)
        + locally * np.maximum(figures["local_per_byte"], figures["copy_per_byte"])
        + accesses.sum() * (figures["local_latency"] + 1.0 + _client(figures))
    )


def _client(figures: NDArray[np.void]) -> Any:
    """Return the most ticks of one run of the client's software, where that takes time."""
    names = [name for name in ("access", "miss", "step") if name in (figures.dtype.names or ())]
    return sum(figures[name] for name in names)
