"""What a track of a record adds up to, whatever the link."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from simaccess.replay.delays import LOCAL, Delays
from simaccess.replay.rows import (
    FETCH,
    FLUSH,
    KIND,
    LOAD,
    MARK,
    MARKED,
    NEAR,
    REPEATED,
    STORE,
    UNTIL,
)

__all__ = ["Tally", "Times", "tally", "total"]

_DENSE = 4  # entries of a table for each number in it, at most


@dataclass(frozen=True, eq=False, slots=True)
class Times:
    """How often entries of a table come: of thousands of tracks each has few of them.

    Attributes
    ----------
    numbers : ndarray of int64, shape (n,)
        Those that do, each once.
    times : ndarray of int64, shape (n,)
        How often.
    """

    numbers: NDArray[np.int64]
    times: NDArray[np.int64]

    @classmethod
    def of(cls, numbers: NDArray[Any], times: NDArray[np.int64]) -> Self:
        """Add up how often each of some numbers comes, which may be there several times."""
        room = int(numbers.max()) + 1 if len(numbers) else 0
        if room <= _DENSE * len(numbers):  # quicker than to sort them
            dense = np.zeros(room, np.int64)
            np.add.at(dense, numbers, times)
            there = np.flatnonzero(dense)
            return cls(there, dense[there])
        distinct, places = np.unique(numbers, return_inverse=True)
        sums = np.zeros(len(distinct), np.int64)
        np.add.at(sums, places, times)
        return cls(distinct.astype(np.int64), sums)

    def __matmul__(self, values: NDArray[Any]) -> int:
        """Return the sum of the values of the entries, each as often as it comes."""
        return int(self.times @ values[self.numbers])


def total(several: Iterable[Times], count: int) -> NDArray[np.float64]:
    """Return how often each of `count` entries comes in all."""
    sums = np.zeros(count)
    for each in several:
        sums[each.numbers] += each.times
    return sums


@dataclass(frozen=True, eq=False, slots=True)
class Tally:
    """Sums of a track, for whatever link.

    Attributes
    ----------
    requests : int
        Requests that end.
    loads, stores, fetches, flushes : int
        See `simaccess.counters.Counters`.
    bulk, in_place, shadow : int
        Bytes copied in bulk, reached in place, and read and written in the shadow.
    locals : int
        Reads and writes of the shadow.
    compute : int
        Ticks of the client's own work.
    asked : Times
        How often each distinct request was made.
    delayed : Times
        How often each delay passed.
    arrival : int
        The last tick at which a request arrives.
    """

    requests: int
    loads: int
    stores: int
    fetches: int
    flushes: int
    bulk: int
    in_place: int
    shadow: int
    locals: int
    compute: int
    asked: Times
    delayed: Times
    arrival: int


def tally(rows: NDArray[np.void], lengths: NDArray[np.int64], delays: Delays) -> Tally:
    """Add up a track.

    Parameters
    ----------
    rows : ndarray of ROW, shape (rows,)
        What a consumer does.
    lengths : ndarray of int64, shape (requests,)
        Bytes of each distinct request.
    delays : Delays
        The private delays.
    """
    kinds = rows["what"] & KIND
    nearby = rows["what"] & NEAR > 0
    times = np.where(np.isin(kinds, REPEATED), rows["extra"], 1).astype(np.int64)

    def asked(*of: int, near: bool = False) -> Times:
        chosen = np.isin(kinds, of) & (nearby == near)
        return Times.of(rows["item"][chosen], times[chosen])

    marked = (kinds == MARK) | (rows["what"] & MARKED > 0)
    in_place, bulk, shadow = asked(LOAD, STORE), asked(FETCH, FLUSH), asked(LOAD, STORE, near=True)
    delayed = Times.of(rows["delay"], times)
    accesses, accessed = _accessed(delayed, delays)
    until = rows[kinds == UNTIL]
    arrival = 0
    if len(until):
        arrival = int(until["extra"][-1]) << 32 | int(until["item"][-1])
    every = [in_place, bulk, shadow]
    return Tally(
        requests=int(times[marked].sum()),
        loads=int(times[(kinds == LOAD) & ~nearby].sum()),
        stores=int(times[(kinds == STORE) & ~nearby].sum()),
        fetches=int(times[kinds == FETCH].sum()),
        flushes=int(times[kinds == FLUSH].sum()),
        bulk=bulk @ lengths,
        in_place=in_place @ lengths,
        shadow=accessed + shadow @ lengths,
        locals=accesses + int(shadow.times.sum()),
        compute=delayed @ delays.compute,
        asked=Times.of(
            np.concatenate([each.numbers for each in every]),
            np.concatenate([each.times for each in every]),
        ),
        delayed=delayed,
        arrival=arrival,
    )


def _accessed(delayed: Times, delays: Delays) -> tuple[int, int]:
    """Return the accesses to local memory that are parts of delays, and their bytes."""
    parts = delays.parts[delays.parts["kind"] == LOCAL]
    times = np.zeros(len(delays.compute), np.int64)
    times[delayed.numbers] = delayed.times
    accesses = times[parts["delay"]] * parts["count"]
    return int(accesses.sum()), int(accesses @ parts["length"])
