"""Replaying a record on a ``memory-bus``: from the record and the figures to what they give."""

from __future__ import annotations

import numpy as np

from simaccess.replay.bounds import TOO_LONG, require_room_on_memory
from simaccess.replay.memory_figures import MemoryFigures, why_not
from simaccess.replay.record import Record
from simaccess.replay.recorder import NotReplayableError
from simaccess.replay.replayed import ALL, Replayed, by_consumer, require_compiler
from simaccess.replay.state import TRANSFER
from simaccess.sim.memory_parameters import MemoryBusParameters
from simaccess.sim.station import Durations

__all__ = ["on_memory"]


def on_memory(record: Record, parameters: MemoryBusParameters, seed: int) -> Replayed:
    """Replay a record on a memory bus; see `simaccess.replay.engine.replay`."""
    reason = why_not(parameters)
    if reason is not None:
        raise NotReplayableError(reason)
    require_compiler()
    from simaccess.replay import memory_bus  # noqa: PLC0415  # it needs numba

    layout = record.flat
    require_room_on_memory(record, parameters)
    requests = layout.requests.copy()
    requests["issue"] = Durations(parameters.core.copy_issue)[1]
    agents, delays = layout.agents.copy(), layout.delays.copy()
    latencies = np.zeros(int(layout.marks[-1]), np.int64)
    figures = MemoryFigures(parameters, record, seed)
    figures.memory["keep"] = ALL
    heap = np.zeros(len(agents), np.int64)
    transfers = np.zeros(max(1, layout.places), TRANSFER)
    how = memory_bus.SHORT
    while how == memory_bus.SHORT:
        figures.draw()
        how = memory_bus.replay_memory(
            figures.memory,
            figures.bus,
            figures.users,
            heap,
            layout.rows,
            delays,
            layout.parts,
            requests,
            transfers,
            agents,
            latencies,
        )
    if how == memory_bus.LONG:
        raise NotReplayableError(TOO_LONG)
    return Replayed(
        record=record,
        agents=agents,
        answered=False,
        delays=delays,
        latencies=by_consumer(record, latencies),
        links=figures.use(int(agents["time"].max())),
        moved=figures.of_users("moved"),
        copied=figures.of_users("copied"),
    )
