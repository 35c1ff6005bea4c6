"""The memory channel: a FIFO station for lines, with other masters' load on it.

Reads and writes take different times, since the data bus has to turn round for a write. Other
masters arrive as a Poisson stream; nobody hears of them but through the queue, so their arrivals
are caught up with when somebody else arrives, in order, and need no events.
"""

from __future__ import annotations

from typing import TypeAlias
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from simaccess.result import StationUse
from simaccess.sim.environment import TICKS_PER_SECOND
from simaccess.sim.station import Durations, FifoStation

__all__ = ["MemoryChannel"]

Arrivals: TypeAlias = NDArray[np.int64]

_DRAWS = 1024
_FEW = 12  # below this a loop is faster than NumPy
_NEVER = 1 << 200


class MemoryChannel(FifoStation):
    """All channels of a memory, interleaved by line, as one station.

    Parameters
    ----------
    line : int
        Bytes of a line.
    read, write : float
        Seconds that a line's read and its write occupy the station.
    other_rate : float
        Bytes a second of other masters; less than ``line / read``.
    other_request : int
        Bytes of each of their requests.
    seed : int
        Seed of their arrivals.
    """

    __slots__ = (
        "_arrivals",
        "_gap",
        "_generator",
        "_index",
        "_next",
        "_other_request",
        "_other_service",
        "line",
        "read_ticks",
        "write_ticks",
    )

    def __init__(
        self,
        *,
        line: int,
        read: float,
        write: float,
        other_rate: float = 0.0,
        other_request: int = 64,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.line = line
        self.read_ticks = Durations(read)
        self.write_ticks = Durations(write)
        self._other_request = other_request
        self._other_service = Durations(read / line)[other_request]
        self._index = 0
        self._arrivals: Arrivals = np.zeros(0, dtype=np.int64)
        self._next = _NEVER
        if other_rate > 0:
            self._gap = other_request / other_rate * TICKS_PER_SECOND
            key = crc32(b"memory-bus/background")
            self._generator = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(key,)))
            self._draw(0)

    def read(self, now: int, lines: int, overhead: int = 0) -> int:
        """Read lines, of which `overhead` are no payload; return when the first one's turn is."""
        if self._next <= now:
            self._catch_up(now)
        service = self.read_ticks[lines]
        free = self.free
        if free > now:
            self.waited += free - now
            start = free
        else:
            start = now
        self.free = start + service
        self.busy += service
        self.bytes += (lines - overhead) * self.line
        if overhead:
            self.overhead += self.read_ticks[overhead]
            self.overhead_bytes += overhead * self.line
        return start

    def write(self, now: int, lines: int) -> int:
        """Write lines; return the end."""
        if self._next <= now:
            self._catch_up(now)
        return self.serve(now, self.write_ticks[lines], lines * self.line)

    def use(self, end: int) -> StationUse:
        """Return the use of the station up to the time `end`.

        Service booked beyond `end` is taken off the payload, then the others' work, then the
        overhead.
        """
        if self._next <= end:
            self._catch_up(end)
        span = max(end, 1)
        ahead = max(0, self.free - end)
        shares = []
        for ticks in (self.busy - self.overhead - self.other, self.other, self.overhead):
            cut = min(ticks, ahead)
            ahead -= cut
            shares.append((ticks - cut) / span)
        payload, other, overhead = shares
        return StationUse(
            payload,
            overhead,
            other,
            self.bytes,
            self.overhead_bytes,
            self.other_bytes,
            self.waited / span,
        )

    def take(self) -> Arrivals:
        """Return when others arrive next, as far as that is drawn, and draw what comes behind."""
        taken = self._arrivals[self._index :]
        if len(taken):
            self._draw(int(taken[-1]))
        return taken

    def skip(self, count: int) -> None:
        """Go on behind the next `count` others, who have been served."""
        while count >= len(self._arrivals) - self._index > 0:
            count -= len(self.take())
        if count:
            self._index += count
            self._next = int(self._arrivals[self._index])

    def _draw(self, after: int) -> None:
        """Draw the next arrivals of the other masters."""
        gaps = np.rint(self._generator.exponential(self._gap, _DRAWS)).astype(np.int64)
        self._arrivals = after + np.cumsum(gaps)
        self._index = 0
        self._next = int(self._arrivals[0])

    def _catch_up(self, now: int) -> None:
        """Serve the other masters' requests that have arrived by `now`."""
        while self._next <= now:
            begin = self._index
            end = int(np.searchsorted(self._arrivals, now, side="right"))
            due = self._arrivals[begin:end]
            if len(due) <= _FEW:
                for arrival in due.tolist():
                    self.serve_other(arrival, self._other_service, self._other_request)
            else:
                self._serve_all(due)
            if end < len(self._arrivals):
                self._index = end
                self._next = int(self._arrivals[end])
            else:
                self._draw(int(self._arrivals[-1]))

    def _serve_all(self, due: Arrivals) -> None:
        """Serve arrivals as a loop would: start_k = max(free, max over j<=k of a_j - j s) + k s."""
        count = len(due)
        before = np.arange(count, dtype=np.int64) * self._other_service
        starts = np.maximum(np.maximum.accumulate(due - before), self.free) + before
        self.waited += int((starts - due).sum())
        self.free = int(starts[-1]) + self._other_service
        self.busy += count * self._other_service
        self.other += count * self._other_service
        self.other_bytes += count * self._other_request
