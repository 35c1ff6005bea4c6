"""Loads, stores and copies of many lines, turn by turn: what a core does between two waits.

Each is begun and then stepped, at a time at which its agent has the turn. A step returns the time
to step on at, or once the move has ended that of its end. No time passes here, so that both engines
step the same objects.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from simaccess.sim.memory_bus import MemoryBus
    from simaccess.sim.memory_core import Core

__all__ = ["ELSEWHERE", "Copying", "Reading", "Writing"]

ELSEWHERE: Final = -1
"""In place of an address: of memory that is not on this bus."""

# What is next of a part of a copy.
_ASK: Final = 0
_READ: Final = 1
_WRITE: Final = 2


class Reading:
    """A load: a batch of lines is asked for when the one `window` before it has come.

    Attributes
    ----------
    left : int
        Lines to ask for; 0 once it has ended.
    """

    __slots__ = ("_batch", "_core", "_first", "_limit", "_returns", "_whole", "_window", "left")

    def __init__(self) -> None:
        self._returns: list[int] = []

    def begin(self, bus: MemoryBus, core: Core, first: int, count: int, limit: int) -> None:
        """Begin to read lines, in memory that ends with the line `limit`."""
        self._core = core
        self._first = first
        self._limit = limit
        self._batch, self._window = bus.pace(count)
        self._whole = count <= self._batch
        self._returns.clear()
        self.left = count

    def step(self, bus: MemoryBus, now: int) -> int:
        """Ask for a batch."""
        lines = min(self._batch, self.left)
        resume, end = bus.demand(self._core, self._first, lines, now, self._limit)
        self._first += lines
        self.left -= lines
        if self._whole:
            return end
        now += bus.load_ticks[lines]
        if not self.left:
            return max(end, now)
        self._returns.append(resume)
        if len(self._returns) == self._window:
            now = max(now, self._returns.pop(0))
        return now


class Writing:
    """A store: posted, a batch of lines after another, as the store buffer has room.

    Attributes
    ----------
    left : int
        Lines to post; 0 once it has ended.
    """

    __slots__ = ("_core", "_first", "left")

    def begin(self, core: Core, first: int, count: int) -> None:
        """Begin to write lines."""
        self._core = core
        self._first = first
        self.left = count

    def step(self, bus: MemoryBus, now: int) -> int:
        """Post a batch, or wait for room."""
        core = self._core
        count = min(bus.store_batch, self.left)
        until = bus.room(core, count, now)
        if until > now:
            return until
        core.post(bus.own(core, self._first, count, now), count)
        self._first += count
        self.left -= count
        return now + bus.load_ticks[count]


class Copying:
    """A copy by the processor, part by part: it reads a batch of lines and writes it.

    Attributes
    ----------
    done : int
        Bytes that have been moved.
    left : int
        Those that have not; 0 once it has ended.
    """

    __slots__ = (
        "_asked",
        "_batch",
        "_core",
        "_end",
        "_limit",
        "_next",
        "_resume",
        "_returns",
        "_size",
        "_source",
        "_target",
        "_window",
        "_written",
        "done",
        "left",
    )

    def __init__(self) -> None:
        self._returns: list[int] = []

    def begin(
        self, bus: MemoryBus, core: Core, length: int, *, source: int, limit: int, target: int
    ) -> None:
        """Begin to copy.

        Parameters
        ----------
        bus : MemoryBus
            The bus.
        core : Core
            Who copies.
        length : int
            Bytes.
        source, target : int
            Addresses; ELSEWHERE for memory that is not on this bus.
        limit : int
            The last line of the memory that is read.
        """
        self._core = core
        self._source = source
        self._limit = limit
        self._target = target
        self._batch, self._window = bus.pace(length >> bus.line_shift)
        self._returns.clear()
        self._written = -1
        self._next = _ASK
        self.done = 0
        self.left = length

    def step(self, bus: MemoryBus, now: int) -> int:
        """Go on until something takes time."""
        core = self._core
        if self._next == _ASK:
            line = 1 << bus.line_shift
            skew = 0 if self._source == ELSEWHERE else (self._source + self.done) % line
            self._size = min(self.left, self._batch * line - skew)
            self._next = _READ
            if self._source != ELSEWHERE:
                walk = bus.translate(core, self._source + self.done, self._size)
                if walk:
                    return now + walk
        if self._next == _READ:
            self._read(bus, now)
            self._next = _WRITE
            if self._target != ELSEWHERE:
                walk = bus.translate(core, self._target + self.done, self._size)
                if walk:
                    return now + walk
        if self._target != ELSEWHERE:
            until = self._write(bus, now)
            if until > now:
                return until
        self._next = _ASK
        self.done += self._size
        self.left -= self._size
        now = max(now, self._asked + bus.copy_ticks[self._size])
        if not self.left:
            return max(now, self._end)
        self._returns.append(self._resume)
        if len(self._returns) == self._window:
            now = max(now, self._returns.pop(0))
        return now

    def _read(self, bus: MemoryBus, now: int) -> None:
        """Read the lines of a part."""
        self._asked = self._resume = self._end = now
        if self._source == ELSEWHERE:
            return
        core, address = self._core, self._source + self.done
        first = address >> bus.line_shift
        count = ((address + self._size - 1) >> bus.line_shift) + 1 - first
        self._resume, self._end = bus.demand(core, first, count, now, self._limit)
        core.taken = 0  # a bulk copy counts its bytes

    def _write(self, bus: MemoryBus, now: int) -> int:
        """Write the lines of a part beyond those that are; return when to try again, or `now`."""
        core, address = self._core, self._target + self.done
        first = max(address >> bus.line_shift, self._written + 1)
        last = (address + self._size - 1) >> bus.line_shift
        count = last + 1 - first
        if count > 0:
            until = bus.room(core, count, now)
            if until > now:
                return until
            if bus.non_temporal:
                end = bus.write_around(core, first, count, now)
            else:
                end = bus.own(core, first, count, now)
            core.post(end, count)
            core.taken = 0
        self._written = last
        return now
