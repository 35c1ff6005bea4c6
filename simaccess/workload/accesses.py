"""What consumers ask for, as columns: one row an access, millions of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import repeat
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from simaccess.errors import InputError
from simaccess.quantities import LONGEST
from simaccess.room import require_room

__all__ = ["ROOM", "Accesses", "Row", "same", "share"]

Row: TypeAlias = tuple[int, int, bool, bool, float, float]
"""Offset, length, write, last, work and time of an access, as in `Accesses`."""

ROOM = 26
"""Bytes that an access takes at least: 18 in four columns, and 8 of its latency."""

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
        self._require("length", self.length >= 1, "at least 1 byte")
        inside = (self.offset >= 0) & (self.offset <= self.size - self.length)
        self._require("offset", inside, f"an access all within [0, {self.size})")
        if count and not self.last[-1]:
            raise InputError("the last access must end its request", key="last", value=False)
        if self.work is not None:
            fine = (self.work >= 0) & (self.work <= LONGEST)
            self._require("work", fine, f"seconds, 0 to {LONGEST:g}")
        if self.time is not None:
            fine = (self.time >= 0) & (self.time <= LONGEST)
            fine[1:] &= self.time[1:] >= self.time[:-1]
            self._require("time", fine, f"seconds, 0 to {LONGEST:g} and never less than before")

    def _require(self, name: str, fine: NDArray[np.bool_], allowed: str) -> None:
        if not fine.all():
            index = int(np.argmin(fine))
            raise InputError(
                f"refused in access {index}",
                key=name,
                value=getattr(self, name)[index].item(),
                allowed=allowed,
            )

    def __len__(self) -> int:
        """Count the accesses."""
        return len(self.offset)

    @property
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
        parts = int(self.length.max(initial=0)) // block if block else 0
        require_room(parts, _PART, "blocks of one access", key="method.block", value=f"{block} B")

    def rows(self, chunk: int = 65_536) -> Iterator[Row]:
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
        total = len(self) if self._ends is None else len(self._ends)
        mine = share(total, index, count, in_turn=in_turn or self.time is not None)
        rows: slice | NDArray[np.int64]
        if self._ends is None:
            rows = mine
        elif mine.step == 1:
            bounds = np.concatenate(([0], self._ends))
            rows = slice(int(bounds[mine.start]), int(bounds[mine.stop]))
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

    @cached_property
    def _ends(self) -> NDArray[np.int64] | None:
        """Where each request ends, in accesses; None if each is one access."""
        return None if self.last.all() else np.flatnonzero(self.last).astype(np.int64) + 1


def same(one: Accesses, other: Accesses) -> bool:
    """Return whether two runs ask for the same in the same order, with the same work and times."""
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in _TYPES)
