"""A record: everything that the consumers of a workload ask of a link, without any time in it."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from simaccess.buffer import Buffer
from simaccess.consumer import Chunk, replay
from simaccess.operations import AccessMethod
from simaccess.replay.delays import Delays, DelayTable
from simaccess.replay.recorder import NotReplayableError, Recorder, RequestTable
from simaccess.replay.state import AGENT, DELAY, NOWHERE, REQUEST, Flat
from simaccess.replay.tally import Tally, tally
from simaccess.segment import Clock

__all__ = ["Record", "Recording", "Track"]

Body = Callable[[Clock, Buffer, "array[int]"], Coroutine[Any, Any, None]]
"""A consumer: a coroutine that uses a clock and a buffer, and appends its latencies."""


@dataclass(frozen=True, eq=False, slots=True)
class Track:
    """One consumer's part of a record.

    Attributes
    ----------
    rows : ndarray of ROW, shape (rows,)
        What it does.
    places : int
        Transfers that it has under way at once, at most.
    used : int
        See `simaccess.counters.Counters`.
    chosen : array of int
        The numbers of the requests that its predicate chose.
    shadow : int
        Bytes of its shadow.
    """

    rows: NDArray[np.void]
    places: int
    used: int
    chosen: array[int]
    shadow: int = 0


@dataclass(frozen=True, eq=False)
class Record:
    """What consumers ask of a link.

    Attributes
    ----------
    tracks : tuple of Track
        A track a consumer.
    requests : ndarray of int64, shape (requests, 3)
        Bytes of each distinct request, and where they lie in the segment and in the shadow, if
        that was recorded.
    delays : Delays
        The private delays.
    charged : bool
        Whether they tell where the client's software runs.
    near : bool
        Whether reads and writes of the shadow are rows of their own, and not parts of delays.
    size : int
        Bytes of the segment.
    """

    tracks: tuple[Track, ...]
    requests: NDArray[np.int64]
    delays: Delays
    charged: bool = False
    near: bool = False
    size: int = 0

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Bytes of each distinct request."""
        lengths: NDArray[np.int64] = self.requests[:, 0]
        return lengths

    @cached_property
    def tallies(self) -> tuple[Tally, ...]:
        """What each consumer does, whatever the link."""
        return tuple(tally(track.rows, self.lengths, self.delays) for track in self.tracks)

    @cached_property
    def flat(self) -> Flat:
        """The record laid out flat."""
        tracks, tallies = self.tracks, self.tallies

        def sums(counts: list[int]) -> NDArray[np.int64]:
            return np.cumsum([0, *counts], dtype=np.int64)

        places = sums([track.places for track in tracks])
        marks = sums([tally.requests for tally in tallies])
        agents = np.zeros(len(tracks), AGENT)
        agents["row"] = sums([len(track.rows) for track in tracks])[:-1]
        agents["place"] = places[:-1]
        agents["mark"] = marks[:-1]
        agents["blocked"] = NOWHERE
        requests = np.zeros(len(self.requests), REQUEST)
        for column, name in enumerate(("length", "far", "near")):
            requests[name] = self.requests[:, column]
        delays = np.zeros(len(self.delays.compute), DELAY)
        delays["compute"] = self.delays.compute
        rows = np.concatenate([track.rows for track in tracks])
        return Flat(rows, agents, int(places[-1]), marks, requests, delays, self.delays.parts)

    @property
    def nbytes(self) -> int:
        """Bytes of the rows."""
        return sum(track.rows.nbytes for track in self.tracks)

    @property
    def accesses(self) -> int:
        """Requests that end, over all consumers."""
        return sum(tally.requests for tally in self.tallies)


class Recording:
    """A record in the making.

    Parameters
    ----------
    size : int
        Bytes of the segment.
    content : memoryview, optional
        Its bytes, for consumers that decide by them.
    places : bool
        Whether to record where requests are, too, for links on which that matters.
    charged : bool
        Whether to record where the client's software runs, for links on which it takes time.
    near : bool
        Whether to record where the shadow is reached, for links whose memory it is part of; with
        `places`.
    """

    def __init__(
        self,
        size: int,
        content: memoryview | None = None,
        *,
        places: bool = False,
        charged: bool = False,
        near: bool = False,
    ) -> None:
        self._near = near
        self._size = size
        self._content = content
        self._charged = charged
        self._delays = DelayTable()
        self._requests = RequestTable(places=places or near)
        self._tracks: list[Track] = []

    def follow(self, method: AccessMethod, columns: Iterable[Chunk]) -> None:
        """Record a consumer that makes the accesses in these columns."""
        self.run(method, lambda clock, buffer, latencies: replay(clock, buffer, columns, latencies))

    def run(self, method: AccessMethod, body: Body, chosen: array[int] | None = None) -> None:
        """Record a consumer.

        Parameters
        ----------
        method : AccessMethod
            Its own: several consumers of one shadow depend on time.
        body : callable
            The consumer.
        chosen : array of int, optional
            Where it appends the numbers of the requests that its predicate chose.

        Raises
        ------
        NotReplayableError
            If it depends on time.
        """
        recorder = Recorder(
            method,
            self._size,
            self._delays,
            self._requests,
            self._content,
            charged=self._charged,
            near=self._near,
        )
        # It has all of each face that a consumer uses.
        face = cast("Any", recorder)
        coroutine = body(face, face, face)
        try:
            coroutine.send(None)
        except StopIteration:
            pass
        else:
            coroutine.close()
            raise NotReplayableError("the consumer waits for something beside its link")
        rows = recorder.tape.rows()
        self._tracks.append(
            Track(
                rows,
                recorder.places,
                recorder.used,
                array("q") if chosen is None else chosen,
                method.slots * method.slot_bytes,
            )
        )

    def record(self) -> Record:
        """Return what was recorded."""
        names = (
            self._requests if self._requests.places else ((each, 0, 0) for each in self._requests)
        )
        requests = np.array(list(names), np.int64).reshape(-1, 3)
        return Record(
            tuple(self._tracks),
            requests,
            self._delays.table(),
            self._charged,
            self._near,
            self._size,
        )
