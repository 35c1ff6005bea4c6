"""What consumers ask for, as columns: one row an access, millions of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import repeat
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from simaccess.errors import InputError
from simaccess.quantities import LONGEST
from simaccess.room import require_room

__all__ = ["LATENCY_ROOM", "OWN_ROOM", "ROOM", "Accesses", "Row", "alike", "parts", "same", "share"]

T = TypeVar("T", bound=np.generic)

Row: TypeAlias = tuple[int, int, bool, bool, float, float]
"""Offset, length, write, last, work and time of an access, as in `Accesses`."""

ROOM = 16
"""Bytes that a request of one access takes at least: 8 of its offset, and 8 of its latency."""

OWN_ROOM = 8 + 8 + 1
"""Bytes that an access takes whose offset, length and end of a request are its own."""

LATENCY_ROOM = 8
"""Bytes that the latency of a request takes."""

_PART = 192
"""Bytes that each block takes that one access goes over, with a method that copies blocks."""

_TYPES = {
    "offset": np.int64,
    "length": np.int64,
    "write": np.bool_,
    "last": np.bool_,
    "work": np.float64,
    "time": np.float64,
}

_AT_ONCE = 8192  # accesses that are worked on at a time, so that what that takes is no column


def alike(value: T, count: int) -> NDArray[T]:
    """Return a column that says the same of `count` accesses, in the memory of one."""
    return np.broadcast_to(np.asarray(value), (count,))


def parts(count: int) -> Iterator[slice]:
    """Cut so many accesses into parts that are worked on one after the other."""
    for start in range(0, count, _AT_ONCE):
        yield slice(start, min(start + _AT_ONCE, count))


def share(total: int, index: int, count: int, *, in_turn: bool) -> slice:
    """Return which of some requests are one consumer's.

    Parameters
    ----------
    total : int
        How many requests there are.
    index, count : int
        Which consumer, from 0, of how many.
    in_turn : bool
        Whether they are dealt in turn; else each consumer gets a contiguous part.
    """
    if in_turn:
        return slice(index, total, count)
    return slice(total * index // count, total * (index + 1) // count, 1)


@dataclass(frozen=True, eq=False, kw_only=True)
class Accesses:
    """Accesses to a segment in the order in which one consumer makes them.

    Parameters
    ----------
    size : int
        Bytes of the segment.
    offset : ndarray of int64, shape (accesses,)
        First byte of each access.
    length : ndarray of int64, shape (accesses,)
        Bytes of each access, at least 1.
    write : ndarray of bool, shape (accesses,)
        Whether it writes.
    last : ndarray of bool, shape (accesses,)
        Whether it ends its request. Latency is measured a request, from its first access (or its
        arrival) to the end of its last one.
    work : ndarray of float64, shape (accesses,), optional
        Seconds that the consumer computes after each access; without it none.
    time : ndarray of float64, shape (accesses,), optional
        When the request of each access arrives, in seconds from the start, never less than
        before; without it a request is made when the one before it is done (closed loop).

    Raises
    ------
    InputError
        If the columns differ in length, the last access does not end its request, or an access
        does not lie all within the segment. Its index from 0 is named.
    """

    size: int
    offset: NDArray[np.int64]
    length: NDArray[np.int64]
    write: NDArray[np.bool_]
    last: NDArray[np.bool_]
    work: NDArray[np.float64] | None = None
    time: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        count = len(self.offset)
        for name, kind in _TYPES.items():
            given = getattr(self, name)
            if given is None:
                continue
            if given.shape != (count,) or given.dtype != kind:
                raise InputError(
                    "not a column of the right sort",
                    key=name,
                    value=f"{given.dtype} of shape {given.shape}",
                    allowed=f"{np.dtype(kind)} of shape ({count},)",
                )
            column = given.view()
            column.setflags(write=False)
            object.__setattr__(self, name, column)
        self._require("length", self._is_filled, "at least 1 byte")
        self._require("offset", self._is_inside, f"an access all within [0, {self.size})")
        if count and not self.last[-1]:
            raise InputError("the last access must end its request", key="last", value=False)
        if self.work is not None:
            self._require("work", partial(_is_span, self.work), f"seconds, 0 to {LONGEST:g}")
        if self.time is not None:
            allowed = f"seconds, 0 to {LONGEST:g} and never less than before"
            self._require("time", partial(_is_later, self.time), allowed)

    def _is_filled(self, part: slice) -> NDArray[np.bool_]:
        return self.length[part] >= 1

    def _is_inside(self, part: slice) -> NDArray[np.bool_]:
        offset = self.offset[part]
        return (offset >= 0) & (offset <= self.size - self.length[part])

    def _require(
        self, name: str, is_fine: Callable[[slice], NDArray[np.bool_]], allowed: str
    ) -> None:
        for part in parts(len(self)):
            fine = is_fine(part)
            if not fine.all():
                index = part.start + int(np.argmin(fine))
                raise InputError(
                    f"refused in access {index}",
                    key=name,
                    value=getattr(self, name)[index].item(),
                    allowed=allowed,
                )

    def __len__(self) -> int:
        """Count the accesses."""
        return len(self.offset)

    @cached_property
    def requests(self) -> int:
        """How many requests the accesses make up."""
        return int(np.count_nonzero(self.last))

    @property
    def bytes(self) -> int:
        """How many bytes the accesses ask for."""
        return int(self.length.sum())

    def require_room(self, block: int) -> None:
        """Refuse an access over more blocks than this machine can hold.

        Parameters
        ----------
        block : int
            Bytes of a block; 0 where none are copied.

        Raises
        ------
        InputError
            If there is one.
        """
        most = int(self.length.max(initial=0)) // block if block else 0
        require_room(most, _PART, "blocks of one access", key="method.block", value=f"{block} B")

    def rows(self, chunk: int = _AT_ONCE) -> Iterator[Row]:
        """Go through the accesses as plain Python values.

        Parameters
        ----------
        chunk : int
            Accesses that are held as Python objects at a time.

        Yields
        ------
        tuple
            Offset, length, write, last, work and time; the latter two are 0.0 without a column.
        """
        for start in range(0, len(self), chunk):
            part = slice(start, start + chunk)
            yield from zip(
                self.offset[part].tolist(),
                self.length[part].tolist(),
                self.write[part].tolist(),
                self.last[part].tolist(),
                repeat(0.0) if self.work is None else self.work[part].tolist(),
                repeat(0.0) if self.time is None else self.time[part].tolist(),
                strict=False,
            )

    def shard(self, index: int, count: int, *, in_turn: bool = False) -> Accesses:
        """Return the requests of one of several consumers, with all their accesses.

        Requests of a closed loop are cut into contiguous parts of (nearly) equal numbers, so that
        each consumer sees the workload's own pattern. Requests that arrive at their times are
        dealt in turn: consumer `index` gets the requests `index`, ``index + count``, ….

        Parameters
        ----------
        index, count : int
            Which consumer, from 0, of how many.
        in_turn : bool
            Whether they are dealt in turn whatever they are, as the records of a ring must be:
            its consumers then are near each other in it, and its space can be given back.

        Raises
        ------
        InputError
            If there is no such consumer.
        """
        if not 0 <= index < count:
            raise InputError(
                "no such consumer", key="index", value=index, allowed=f"0 to {count - 1}"
            )
        if count == 1:
            return self
        mine = share(self.requests, index, count, in_turn=in_turn or self.time is not None)
        rows: slice | NDArray[np.int64]
        if self.requests == len(self):
            rows = mine
        elif mine.step == 1:
            rows = slice(self._begin(mine.start), self._begin(mine.stop))
        else:
            ends = self._ends[mine]
            starts = np.concatenate(([0], self._ends[:-1]))[mine]
            sizes = ends - starts
            rows = np.repeat(starts - (np.cumsum(sizes) - sizes), sizes)
            rows += np.arange(len(rows))
        return Accesses(
            size=self.size,
            offset=self.offset[rows],
            length=self.length[rows],
            write=self.write[rows],
            last=self.last[rows],
            work=None if self.work is None else self.work[rows],
            time=None if self.time is None else self.time[rows],
        )

    def _begin(self, request: int) -> int:
        """Return at which access a request begins, or the one after the last would."""
        if not request:
            return 0
        number = int(np.searchsorted(self._ended, request)) - 1
        begin = number * _AT_ONCE
        ends = np.flatnonzero(self.last[begin : begin + _AT_ONCE])
        return begin + int(ends[request - int(self._ended[number]) - 1]) + 1

    @cached_property
    def _ended(self) -> NDArray[np.int64]:
        """How many requests end before each part of the accesses, and before the end."""
        counts = [int(np.count_nonzero(self.last[part])) for part in parts(len(self))]
        return np.cumsum([0, *counts], dtype=np.int64)

    @cached_property
    def _ends(self) -> NDArray[np.int64]:
        """Where each request ends, in accesses."""
        return np.flatnonzero(self.last).astype(np.int64, copy=False) + 1


def _is_span(seconds: NDArray[np.float64], part: slice) -> NDArray[np.bool_]:
    """Return which of some seconds are a time that can be simulated."""
    return (seconds[part] >= 0) & (seconds[part] <= LONGEST)


def _is_later(time: NDArray[np.float64], part: slice) -> NDArray[np.bool_]:
    """Return which of some arrivals can be simulated and are not before the one before them."""
    fine = _is_span(time, part)
    before = time[max(part.start - 1, 0) : part.stop - 1]
    fine[len(fine) - len(before) :] &= time[part][len(fine) - len(before) :] >= before
    return fine


def same(one: Accesses, other: Accesses) -> bool:
    """Return whether two runs ask for the same in the same order, with the same work and times."""
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in _TYPES)
