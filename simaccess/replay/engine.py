"""Replaying a record on a link: compiled, with whatever contention there is between consumers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from simaccess.parameters import Parameters
from simaccess.replay.bounds import (
    TOO_LONG,
    require_room_on_bus,
    require_room_on_links,
)
from simaccess.replay.compiled import have_compiler
from simaccess.replay.fifo_figures import LINK, figures_along
from simaccess.replay.fifo_figures import why_not as fifo_why_not
from simaccess.replay.histogram import BUCKETS, percentiles
from simaccess.replay.memory_replay import on_memory
from simaccess.replay.numpy_lanes import is_uncontended, play
from simaccess.replay.pci_figures import JOB, use_of, why_not
from simaccess.replay.pci_figures import figures_of as pci_figures
from simaccess.replay.record import Record
from simaccess.replay.recorder import NotReplayableError
from simaccess.replay.replayed import ALL, COUNTED, NONE, Replayed, by_consumer, require_compiler
from simaccess.replay.state import AGENT, STATION, TRANSFER
from simaccess.replay.wan_figures import figures_of as wan_figures
from simaccess.replay.wan_figures import why_not as wan_why_not
from simaccess.result import StationUse
from simaccess.sim.fifo_link import FifoParameters
from simaccess.sim.memory_parameters import MemoryBusParameters
from simaccess.sim.pci_parameters import PciParameters
from simaccess.sim.station import FifoStation
from simaccess.sim.wan_parameters import WanParameters

__all__ = ["Lanes", "Replayed", "replay", "replay_lanes"]


@dataclass(frozen=True, eq=False, slots=True)
class Lanes:
    """What replays of one record on many links gave.

    Attributes
    ----------
    record : Record
        The record.
    agents : ndarray of AGENT, shape (lanes, consumers)
        How the consumers ended; times in picoseconds.
    links : ndarray of LINK, shape (lanes,)
        The use of each link.
    latencies : ndarray of float64, shape (lanes, shares), or None
        Percentiles of the latencies of all requests, in picoseconds, by a histogram of logarithmic
        buckets (`simaccess.replay.histogram`); NaN where there is no request.
    """

    record: Record
    agents: NDArray[np.void]
    links: NDArray[np.void]
    latencies: NDArray[np.float64] | None = None

    @property
    def elapsed(self) -> NDArray[np.int64]:
        """Picoseconds from the start to the end of the last consumer, by lane."""
        last: NDArray[np.int64] = self.agents["time"].max(axis=1)
        return last

    def use(self, lane: int) -> StationUse:
        """Return the use of a lane's link up to the end of its last consumer."""
        return _use(self.links[lane], int(self.elapsed[lane]))

    @property
    def waits(self) -> NDArray[np.int64]:
        """Waits for transfers that had not ended, by lane and consumer."""
        waits: NDArray[np.int64] = self.agents["waits"]
        return waits

    @property
    def hits(self) -> NDArray[np.int64]:
        """Reads and writes of the shadow that had nothing to wait for, by lane and consumer."""
        locals_ = np.array([tally.locals for tally in self.record.tallies], np.int64)
        hits: NDArray[np.int64] = locals_ - self.agents["missed"]
        return hits


def replay(record: Record, parameters: Parameters, *, seed: int = 0) -> Replayed:
    """Replay a record on a link.

    Parameters
    ----------
    record : Record
        What consumers do; for a ``pci-bus`` with the places of requests, for a ``memory-bus`` with
        those of reads and writes of their shadows, too.
    parameters : Parameters
        The link's.
    seed : int
        Of what a link draws.

    Raises
    ------
    NotReplayableError
        If it would last longer than 64 bits hold, the link is of another kind, or numba is not
        installed.
    """
    _require_shadows(record, asked=isinstance(parameters, MemoryBusParameters))
    if isinstance(parameters, MemoryBusParameters):
        return on_memory(record, parameters, seed)
    if isinstance(parameters, PciParameters):
        return _on_bus(record, parameters)
    if isinstance(parameters, WanParameters):
        return _on_wan(record, parameters, seed)
    if not isinstance(parameters, FifoParameters):
        raise NotReplayableError(f"{type(parameters).__name__} are of no link that is replayed")
    reason = fifo_why_not(parameters)
    if reason is not None:
        raise NotReplayableError(reason)
    figures = figures_along(parameters)
    played = _play(record, figures, ALL)
    agents = played["agents"][0]
    return Replayed(
        record=record,
        agents=agents,
        answered=not figures["posted"][0],
        delays=played["delays"],
        latencies=by_consumer(record, played["latencies"][0]),
        links={"link": _use(played["links"][0], int(agents["time"].max()))},
    )


def _on_bus(record: Record, parameters: PciParameters) -> Replayed:
    reason = why_not(parameters)
    if reason is not None:
        raise NotReplayableError(reason)
    require_compiler()
    from simaccess.replay import pci_bus  # noqa: PLC0415  # it needs numba

    figures, layout = pci_figures(parameters), record.flat
    require_room_on_bus(record, figures)
    bus = figures.bus
    bus["keep"] = ALL
    bus["running"] = consumers = len(record.tracks)
    depth = parameters.pio.depth
    # Writes may leave the bridge's buffer a little before the bus has done with them.
    room = 2 * depth + 2 * consumers + 4 * layout.places + 16 + len(figures.masters)
    jobs = np.zeros(room, JOB)
    jobs["next"] = np.arange(1, room + 1)
    agents, delays = layout.agents.copy(), layout.delays.copy()
    latencies = np.zeros(int(layout.marks[-1]), np.int64)
    pci_bus.replay_bus(
        bus,
        figures.masters,
        jobs,
        np.zeros(room, np.int64),
        figures.paths,
        np.zeros(depth, np.int64),
        np.zeros(room + consumers + layout.places, pci_bus.EVENT),
        layout.rows,
        delays,
        layout.parts,
        layout.requests,
        np.zeros(max(1, layout.places), TRANSFER),
        agents,
        latencies,
    )
    return Replayed(
        record=record,
        agents=agents,
        answered=False,
        delays=delays,
        latencies=by_consumer(record, latencies),
        links={"bus": use_of(figures, jobs, parameters, int(agents["time"].max()))},
    )


def _on_wan(record: Record, parameters: WanParameters, seed: int) -> Replayed:
    reason = wan_why_not(parameters)
    if reason is not None:
        raise NotReplayableError(reason)
    require_compiler()
    from simaccess.replay import wan_link  # noqa: PLC0415  # it needs numba

    layout = record.flat
    consumers = len(record.tracks)
    draws, how = _DRAWS, wan_link.SHORT
    while how == wan_link.SHORT:
        agents, delays = layout.agents.copy(), layout.delays.copy()
        transfers = np.zeros(layout.places + consumers, TRANSFER)
        latencies = np.zeros(int(layout.marks[-1]), np.int64)
        figures = wan_figures(
            parameters,
            consumers,
            layout.places,
            agents=agents.ctypes.data,
            transfers=transfers.ctypes.data,
            seed=seed,
            draws=draws,
        )
        figures.wan["keep"] = ALL
        how = wan_link.replay_wan(
            figures.wan,
            figures.environment,
            figures.connections,
            layout.rows,
            delays,
            layout.parts,
            layout.requests,
            transfers,
            agents,
            latencies,
        )
        draws *= 8
    if how == wan_link.LONG:
        raise NotReplayableError(TOO_LONG)
    if how:
        raise parameters.given_up(upstream=how == wan_link.GIVEN_UP_UPSTREAM)
    return Replayed(
        record=record,
        agents=agents,
        answered=True,
        delays=delays,
        latencies=by_consumer(record, latencies),
        links=figures.use(int(agents["time"].max())),
    )


_DRAWS: Final = 512
"""Numbers that are drawn ahead of each generator, at first."""


def _use(link: NDArray[np.void], end: int) -> StationUse:
    station = FifoStation()
    for name in STATION:
        setattr(station, name, int(link[name]))
    return station.use(end)


def replay_lanes(
    record: Record, figures: NDArray[np.void], shares: tuple[float, ...] = ()
) -> Lanes:
    """Replay a record on many links, one after another.

    Without numba, NumPy serves where a lone consumer has nothing under way and no percentiles are
    wanted (`simaccess.replay.numpy_lanes`).

    Parameters
    ----------
    record : Record
        What consumers do.
    figures : ndarray of FIGURES, shape (lanes,)
        The links (`simaccess.replay.fifo_figures.figures_along`).
    shares : tuple of float
        Percentages of the percentiles of latency that are wanted.

    Raises
    ------
    NotReplayableError
        As for `replay`.
    """
    if not shares and not have_compiler() and is_uncontended(record):
        _require_fit(record, figures)
        return Lanes(record, *play(record, figures))
    if not shares:
        played = _play(record, figures, NONE)
        return Lanes(record, played["agents"], played["links"])
    found = np.empty((len(figures), len(shares)))
    parts = []
    for start in range(0, len(figures), _AT_ONCE):
        played = _play(record, figures[start : start + _AT_ONCE], COUNTED)
        found[start : start + _AT_ONCE] = percentiles(played["latencies"], shares)
        parts.append((played["agents"], played["links"]))
    agents, links = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Lanes(record, agents, links, found)


_AT_ONCE: Final = 64
"""Lanes whose histograms are held at once, 57 KiB each."""


def _play(record: Record, figures: NDArray[np.void], keep: int) -> dict[str, Any]:
    require_compiler()
    from simaccess.replay import fifo_link  # noqa: PLC0415  # it needs numba

    _require_fit(record, figures)
    lanes, layout = len(figures), record.flat
    requests, delays = layout.requests.copy(), layout.delays.copy()  # their ticks are written
    room = {NONE: 0, ALL: int(layout.marks[-1]), COUNTED: BUCKETS}[keep]
    agents = np.empty((lanes, len(layout.agents)), AGENT)
    links = np.empty(lanes, LINK)
    latencies = np.zeros((lanes, room), np.int64)
    fifo_link.replay_lanes(
        figures,
        keep,
        layout.rows,
        layout.agents,
        requests,
        delays,
        layout.parts,
        np.empty(len(layout.agents), np.int64),
        np.empty(max(1, layout.places), TRANSFER),
        np.empty(int(figures["channels"].max(initial=1)), np.int64),
        links,
        agents,
        latencies,
    )
    return {
        "agents": agents,
        "links": links,
        "latencies": latencies,
        "delays": delays,
    }


def _require_shadows(record: Record, *, asked: bool) -> None:
    """Require that a record tells where shadows are reached just if that is asked for."""
    if asked and not record.near:
        raise NotReplayableError("the record does not tell where shadows are reached")
    if record.near and not asked:
        raise NotReplayableError("the record has shadows in shared memory, as for a memory-bus")


def _require_fit(record: Record, figures: NDArray[np.void]) -> None:
    _require_shadows(record, asked=False)
    charged = any(figures[name].any() for name in ("access", "miss", "step"))
    if charged and not record.charged:
        raise NotReplayableError("the record does not tell where the client's software runs")
    require_room_on_links(record, figures)
