"""One direction of a WAN path: a FIFO queue with a buffer, behind it a constant delay.

The queue needs no list of packets: what is offered to it comes in the order of time, so that the
time from which it is free tells its backlog, ``(free - now)`` in ticks of service. A packet that
finds no room in the buffer is dropped.
"""

from __future__ import annotations

from collections.abc import Callable

from simaccess.errors import GivenUpError
from simaccess.result import StationUse
from simaccess.sim.cross_traffic import CrossTraffic
from simaccess.sim.station import Durations, FifoStation

__all__ = ["Bottleneck"]


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
        refusal: Callable[[], GivenUpError],
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
