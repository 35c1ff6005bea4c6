"""Replaying a record on a link: compiled, with whatever contention there is between consumers."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from simaccess.parameters import Parameters
from simaccess.replay.compiled import have_compiler
from simaccess.replay.fifo_figures import LINK, figures_of
from simaccess.replay.histogram import BUCKETS, percentiles
from simaccess.replay.numpy_lanes import is_uncontended, play
from simaccess.replay.record import Record
from simaccess.replay.recorder import NotReplayableError
from simaccess.replay.state import AGENT, TRANSFER
from simaccess.sim.fifo_link import FifoParameters

__all__ = ["Lanes", "Replayed", "replay", "replay_lanes"]

# What becomes of latencies; as in `simaccess.replay.consumers`, which needs numba.
_NONE, _ALL, _COUNTED = 0, 1, 2

_MOST: Final = 2.0**62
"""Ticks, and sums of them, that 64 bits hold with room to spare."""


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


@dataclass(frozen=True, eq=False, slots=True)
class Replayed:
    """What one replay gave.

    Attributes
    ----------
    record : Record
        The record.
    figures : ndarray of FIGURES, shape (1,)
        The link.
    agents : ndarray of AGENT, shape (consumers,)
        How the consumers ended; times in picoseconds.
    link : ndarray of LINK, shape ()
        The use of the link.
    delays : ndarray of DELAY, shape (delays,)
        The private delays on this link's local memory.
    latencies : list of ndarray of int64
        The latency of each request in picoseconds, by consumer.
    """

    record: Record
    figures: NDArray[np.void]
    agents: NDArray[np.void]
    link: NDArray[np.void]
    delays: NDArray[np.void]
    latencies: list[NDArray[np.int64]]


def replay(record: Record, parameters: Parameters) -> Replayed:
    """Replay a record on a link.

    Parameters
    ----------
    record : Record
        What consumers do.
    parameters : Parameters
        The link's.

    Raises
    ------
    NotReplayableError
        If it would last longer than 64 bits hold, the link is of another kind, or numba is not
        installed.
    """
    if not isinstance(parameters, FifoParameters):
        raise NotReplayableError(f"{type(parameters).__name__} are of no link that is replayed")
    figures = figures_of(parameters)
    played = _play(record, figures, _ALL)
    marks, latencies = played["marks"], played["latencies"][0]
    return Replayed(
        record=record,
        figures=figures,
        agents=played["agents"][0],
        link=played["links"][0],
        delays=played["delays"],
        latencies=[latencies[begin:end] for begin, end in pairwise(marks)],
    )


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
        _require_room(record, figures)
        return Lanes(record, *play(record, figures))
    if not shares:
        played = _play(record, figures, _NONE)
        return Lanes(record, played["agents"], played["links"])
    found = np.empty((len(figures), len(shares)))
    parts = []
    for start in range(0, len(figures), _AT_ONCE):
        played = _play(record, figures[start : start + _AT_ONCE], _COUNTED)
        found[start : start + _AT_ONCE] = percentiles(played["latencies"], shares)
        parts.append((played["agents"], played["links"]))
    agents, links = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Lanes(record, agents, links, found)


_AT_ONCE: Final = 64
"""Lanes whose histograms are held at once, 57 KiB each."""


def _play(record: Record, figures: NDArray[np.void], keep: int) -> dict[str, Any]:
    if not have_compiler():
        raise NotReplayableError("numba is not installed (the extra 'numba')")
    from simaccess.replay import fifo_link  # noqa: PLC0415  # it needs numba

    _require_room(record, figures)
    lanes, layout = len(figures), record.flat
    requests, delays = layout.requests.copy(), layout.delays.copy()  # their ticks are written
    room = {_NONE: 0, _ALL: int(layout.marks[-1]), _COUNTED: BUCKETS}[keep]
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
        "marks": layout.marks,
        "delays": delays,
    }


def _require_room(record: Record, figures: NDArray[np.void]) -> None:
    """Refuse what may last longer than 64 bits hold: everything one after another."""
    asked = np.array([tally.asked for tally in record.tallies], np.float64).sum(axis=0)
    transfers = sum(tally.fetches + tally.flushes for tally in record.tallies)
    delayed = np.array([tally.delayed for tally in record.tallies], np.float64).sum(axis=0)
    parts = record.delays.parts
    accesses = delayed[parts["delay"]] * parts["count"]
    locally = accesses @ parts["length"].astype(np.float64)
    fixed = asked.sum() * figures["latency"] + transfers * (
        figures["issue"] + figures["start"] + figures["completion"].astype(np.float64)
    )
    most = (
        max(tally.arrival for tally in record.tallies)
        + (asked @ record.lengths.astype(np.float64)) * figures["per_byte"]
        + fixed
        + asked.sum()
        + delayed @ record.delays.compute.astype(np.float64)
        + locally * np.maximum(figures["local_per_byte"], figures["copy_per_byte"])
        + accesses.sum() * (figures["local_latency"] + 1.0)
    )
    under_way = len(record.tracks) + sum(track.places for track in record.tracks)
    if most.size and most.max() * under_way > _MOST:  # they may all wait, and waits are added up
        raise NotReplayableError("it may last longer than 64 bits of picoseconds hold")
