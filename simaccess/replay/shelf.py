"""The records of scenarios, kept for those that differ in their links only."""

from __future__ import annotations

from array import array
from collections import OrderedDict
from functools import partial
from threading import Lock
from typing import Final

from simaccess.afoot import Afoot
from simaccess.closed_loop import closed_loop
from simaccess.registry import make
from simaccess.replay.fifo_figures import is_charged
from simaccess.replay.record import Record, Recording
from simaccess.scenario import Scenario
from simaccess.sim.fifo_link import FifoParameters
from simaccess.workload.repeated import bytes_of
from simaccess.workload.workload import Workload

__all__ = ["Shelf", "record"]

_BYTES: Final = 256 << 20
"""Bytes of rows that a shelf holds."""

_Key = tuple[object, ...]


def record(
    scenario: Scenario, *, charged: bool | None = None, afoot: Afoot | None = None
) -> Record:
    """Run the consumers of a scenario without any engine; their link's figures do not matter.

    Parameters
    ----------
    scenario : Scenario
        What to record.
    charged : bool, optional
        Whether the record tells where the client's software runs, as links need on which that takes
        time; by default if it does on the scenario's own.
    afoot : Afoot, optional
        Is told how far it has got.

    Raises
    ------
    NotReplayableError
        If what they do depends on time.
    """
    workload = scenario.workload
    accesses = workload.accesses(scenario.seed)
    content = workload.content(scenario.seed) if scenario.real else None
    recording = Recording(
        workload.size,
        bytes_of(content, workload.size, written=False) if scenario.real else None,
        places=_places(scenario),
        charged=_charged(scenario) if charged is None else charged,
        near=_near(scenario),
    )
    if afoot is not None:
        afoot.records(len(accesses))
    for index in range(scenario.consumers):
        chosen = array("q")
        body = partial(
            closed_loop,
            scenario=scenario,
            index=index,
            accesses=accesses.shard(index, scenario.consumers),
            chosen=chosen,
            afoot=afoot,
        )
        method = make(scenario.method, workload.blocks, scenario.settings)
        accesses.require_room(method.slot_bytes)
        recording.run(method, body, chosen)
    return recording.record()


class Shelf:
    """Records by what they are of; those used least recently make room.

    Parameters
    ----------
    room : int
        Bytes of rows that it holds; the newest record stays whatever it has.
    """

    def __init__(self, room: int = _BYTES) -> None:
        self._room = room
        self._lock = Lock()
        # The workload is kept with its record, so that its identity stays its own.
        self._records: OrderedDict[_Key, tuple[Workload, Record]] = OrderedDict()

    def __contains__(self, scenario: Scenario) -> bool:
        """Say whether the record of a scenario is here."""
        return _key(scenario) in self._records

    def record(self, scenario: Scenario, afoot: Afoot | None = None) -> Record:
        """Return the record of a scenario, made now if it is not here.

        Parameters
        ----------
        scenario, afoot
            As for `record`.

        Raises
        ------
        NotReplayableError
            As for `record`.
        """
        key = _key(scenario)
        with self._lock:
            if key in self._records:
                self._records.move_to_end(key)
                return self._records[key][1]
        made = record(scenario, afoot=afoot)
        with self._lock:
            self._records[key] = scenario.workload, made
            total = sum(kept.nbytes for _, kept in self._records.values())
            while total > self._room and len(self._records) > 1:
                total -= self._records.popitem(last=False)[1][1].nbytes
        return made


def _key(scenario: Scenario) -> _Key:
    """Return what decides what consumers do and what of it is recorded: not the link's figures."""
    return (
        id(scenario.workload),
        scenario.method,
        tuple(sorted(scenario.settings.items())),
        scenario.consumers,
        scenario.seed,
        scenario.real,
        _places(scenario),
        _charged(scenario),
        _near(scenario),
    )


def _places(scenario: Scenario) -> bool:
    """Say whether it matters to the link where requests are."""
    return scenario.model.kind in ("pci-bus", "memory-bus")


def _near(scenario: Scenario) -> bool:
    """Say whether shadows are part of the link's memory."""
    return scenario.model.kind == "memory-bus"


def _charged(scenario: Scenario) -> bool:
    """Say whether the client's software takes time on the link."""
    parameters = scenario.model.parameters
    return isinstance(parameters, FifoParameters) and is_charged(parameters)
