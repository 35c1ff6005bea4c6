"""One direction of a WAN path: a FIFO queue with a buffer, behind it a constant delay.

The queue needs no list of packets: what is offered to it comes in the order of time, so that the
time from which it is free tells its backlog, ``(free - now)`` in ticks of service. A packet that
finds no room in the buffer is dropped. Cross traffic is open loop: bursts arrive at the instants
of a Poisson process whatever becomes of them, so that they are put in when the queue is next
looked at, and no event stands for them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from simaccess.errors import InputError
from simaccess.result import StationUse
from simaccess.sim.environment import TICKS_PER_SECOND
from simaccess.sim.station import Durations, FifoStation

__all__ = ["Bottleneck", "CrossTraffic"]

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


class Bottleneck:
    """The narrowest queue of one direction, shared by every connection.

    Parameters
    ----------
    rate : float
        Bytes a second, headers of IP and TCP included.
    mtu, header : int
        Bytes of a full packet, and of the headers in it.
    buffer : int
        Bytes that wait or are being sent, at most.
    delay : int
        Ticks from the end of a packet's service to its arrival.
    cross : CrossTraffic
        Who else uses it.
    overfull : bool
        Whether they alone offer all that it carries.
    refusal : callable
        Returns what to raise when a connection gives up sending through it.

    Attributes
    ----------
    free : int
        Time from which it has nothing to do.
    packet : int
        Ticks of a full packet.
    ticks : Durations
        Ticks by bytes.
    station : FifoStation
        Its use so far.
    refusal : callable
        As given.
    """

    def __init__(
        self,
        rate: float,
        *,
        mtu: int,
        header: int,
        buffer: int,
        delay: int,
        cross: CrossTraffic,
        overfull: bool,
        refusal: Callable[[], InputError],
    ) -> None:
        self.station = FifoStation()
        self.ticks = Durations(1 / rate)
        self.packet = self.ticks[mtu]
        self.header = header
        self.payload = mtu - header
        self.delay = delay
        self.cross = cross
        self.refusal = refusal
        self._overfull = overfull
        self._mtu = mtu
        self._header_ticks = self.ticks[header]
        self._buffer = max(self.ticks[buffer], self.packet)

    @property
    def free(self) -> int:
        """Time from which there is nothing to do."""
        return self.station.free

    def room(self, now: int) -> int:
        """Return how many ticks of service the buffer still takes at `now`."""
        if self.cross.next <= now:
            self._settle(now)
        waiting = self.station.free - now
        return self._buffer - waiting if waiting > 0 else self._buffer

    def fits(self, end: int, now: int) -> bool:
        """Say whether the buffer holds everything at `now` if that is served by `end`."""
        return end - now <= self._buffer

    def carry(
        self, first: int, count: int, last: int, *, group: int = 0, step: int = 0, apart: int = 0
    ) -> tuple[int, int]:
        """Serve packets that are known to fit; return when service begins and ends.

        Parameters
        ----------
        first : int
            When the first packet arrives.
        count : int
            Packets, all full but the last one.
        last : int
            Payload bytes of the last packet.
        group, step : int
            `group` packets arrive each `step` ticks; with 0 all are one group. A group takes no
            less time to serve than the next one needs to arrive.
        apart : int
            Ticks from one packet of a group to the next, less than those of a packet.
        """
        station = self.station
        start = max(first, station.free)
        tail = self.packet if last == self.payload else self.ticks[last + self.header]
        service = (count - 1) * self.packet + tail
        payload = (count - 1) * self.payload + last
        station.free = start + service
        station.busy += service
        station.bytes += payload
        station.overhead += count * self._header_ticks
        station.overhead_bytes += count * self.header
        station.waited += count * (start - first) + self.packet * (count * (count - 1) // 2)
        rounds = 1
        if group:
            rounds = count // group
            station.waited -= step * group * (rounds * (rounds - 1) // 2)
        size = group or count
        station.waited -= apart * rounds * (size * (size - 1) // 2)
        return start, station.free

    def waste(self, now: int, size: int) -> int:
        """Serve one packet of `size` payload bytes that gets lost behind; return its end."""
        wire = size + self.header
        service = self.ticks[wire]
        end = self.station.serve(now, service, 0)
        self.station.overhead += service
        self.station.overhead_bytes += wire
        return end

    def use(self, end: int) -> StationUse:
        """Return the use up to `end`; what is booked beyond is taken off all purposes alike."""
        self.room(end)
        station = self.station
        span = max(end, 1)
        served = station.busy - max(0, station.free - end)
        share = served / station.busy / span if station.busy else 0.0
        payload = station.busy - station.overhead - station.other
        return StationUse(
            payload * share,
            station.overhead * share,
            station.other * share,
            station.bytes,
            station.overhead_bytes,
            station.other_bytes,
            station.waited / span,
        )

    def _settle(self, now: int) -> None:
        """Put in the bursts that have arrived by `now`, as far as they fit."""
        cross = self.cross
        station = self.station
        packet = min(cross.burst, self._mtu)
        while cross.next <= now:
            if self._overfull and cross.crowd(
                station, self.ticks[packet], packet, self._buffer, now
            ):
                continue
            arrival = cross.next
            left = cross.burst
            while left > 0:
                size = min(left, self._mtu)
                service = self.ticks[size]
                if max(station.free, arrival) + service - arrival > self._buffer:
                    break
                station.serve_other(arrival, service, size)
                left -= size
            cross.advance()
