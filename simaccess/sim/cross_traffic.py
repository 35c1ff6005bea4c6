"""Cross traffic: what others offer to a queue of a WAN path, whatever becomes of it.

It is open loop: bursts arrive at the instants of a Poisson process, so that they are put in when
the queue is next looked at, and no event stands for them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from simaccess.sim.environment import TICKS_PER_SECOND
from simaccess.sim.station import FifoStation

__all__ = ["CrossTraffic"]

_NEVER = 1 << 200
_DRAWS = 1024
_MOST = 4096  # bursts taken at once
_FEW = 64  # below this a loop is faster than NumPy
_WIDE = 1 << 61  # what 64 bits do not hold the sums of


class CrossTraffic:
    """Bursts of other users' packets at the instants of a Poisson process.

    Parameters
    ----------
    rate : float
        Bytes a second offered on average; 0 for none.
    burst : int
        Bytes that arrive at once.
    generator : numpy.random.Generator
        Where the gaps between bursts come from.

    Attributes
    ----------
    next : int
        When the next burst arrives, in ticks.
    burst : int
        Bytes of a burst.
    """

    __slots__ = ("_again", "_gaps", "_generator", "_mean", "burst", "next")

    def __init__(self, rate: float, burst: int, generator: np.random.Generator) -> None:
        self.burst = burst
        self.next = _NEVER
        self._again = 0  # until when bursts are put in one by one
        self._generator = generator
        self._gaps: list[float] = []
        if rate > 0:
            self._mean = burst / rate * TICKS_PER_SECOND
            self.next = 0
            self.advance()

    def advance(self) -> None:
        """Draw when the burst after this one arrives."""
        self.next += self.gap()

    def crowd(  # called for every burst: keywords cost time
        self, station: FifoStation, service: int, size: int, buffer: int, now: int
    ) -> bool:
        """Put many bursts at once into a queue that they keep full; say whether any was put in.

        When m packets have got in, all alike, the station is free at f + m s. At a time a the
        buffer takes them as long as that is at most `buffer` later. So m_i = min(m_i-1 + k, c_i)
        have got in behind the burst of k packets at a_i, with c_i = (a_i - f + buffer) // s, until
        the station is idle.

        Parameters
        ----------
        station : FifoStation
            The queue's.
        service, size : int
            Ticks and bytes of a packet.
        buffer : int
            Ticks of service that the queue holds.
        now : int
            Up to when.
        """
        first, packets, mean = self.next, self.burst // size, self._mean
        bursts = int((now - first) / mean)
        if bursts < _FEW or first < self._again:
            return False
        if self.burst % size or 2 * (station.free - first) < buffer:
            return False
        if (2 * _MOST * mean + buffer) / service * buffer >= _WIDE:
            return False
        gaps = self._take(min(bursts, _MOST))
        times = np.concatenate([[0], np.cumsum(gaps)])  # from the first one on
        free = station.free - first  # when all is served, from then on
        index = np.arange(len(gaps) + 1)
        room = (times + (buffer - free)) // service - packets * index
        behind = np.minimum(np.minimum.accumulate(room), packets) + packets * index
        before = np.concatenate([[0], behind[:-1]])
        starts = free + before * service
        idle = starts < times
        count = int(np.argmax(idle)) if idle.any() else len(gaps)
        count = min(count, int(np.searchsorted(times, now - first, side="right")), len(gaps))
        self._gaps = gaps[count:][::-1].tolist()
        self.next += int(times[count])
        if count < _FEW:  # it did not pay
            self._again = self.next + int(4 * _FEW * mean)
        taken = (behind - before)[:count]
        waited = taken * (starts - times)[:count] + service * (taken * (taken - 1) // 2)
        total = int(taken.sum())
        station.free += total * service
        station.busy += total * service
        station.other += total * service
        station.other_bytes += total * size
        station.waited += int(waited.sum())
        return count > 0

    def _take(self, count: int) -> NDArray[np.int64]:
        """Return the gaps to come, as many as were drawn or so many anew, and forget them."""
        gaps, self._gaps = self._gaps[::-1], []
        drawn = np.array(gaps) if gaps else self._generator.exponential(self._mean, count)
        return (drawn + 0.5).astype(np.int64)

    def draw_first(self, gaps: Sequence[int]) -> None:
        """Have the next gaps be those that were drawn before."""
        self._gaps += [float(gap) for gap in reversed(gaps)]

    def gap(self) -> int:
        """Draw the ticks from one burst to the next."""
        if not self._gaps:
            self._gaps = self._generator.exponential(self._mean, _DRAWS).tolist()
            self._gaps.reverse()
        return int(self._gaps.pop() + 0.5)
