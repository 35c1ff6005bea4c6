"""Stations: where requests queue, and what they tell about their use.

A FIFO station whose arrivals are presented in the order of time needs no queue: the time from
which it is free says all (*busy-until* arithmetic). Every use has a purpose: payload, overhead,
or the work of other masters.
"""

from __future__ import annotations

from simaccess.result import StationUse
from simaccess.sim.environment import TICKS_PER_SECOND

__all__ = ["Durations", "FifoStation", "whole_ticks"]


def whole_ticks(units: int, per_unit: float) -> int:
    """Return the ticks of so many units, rounded to the nearest. Replay compiles this as it is."""
    return int(units * per_unit + 0.5)


class Durations(dict[int, int]):
    """Ticks by number of units (cycles, bytes), rounded once a transaction and remembered.

    Parameters
    ----------
    seconds : float
        Duration of one unit.
    fixed : int
        Ticks of each transaction besides those of its units.
    """

    __slots__ = ("_fixed", "_ticks")

    def __init__(self, seconds: float, fixed: int = 0) -> None:
        super().__init__()
        self._ticks = seconds * TICKS_PER_SECOND
        self._fixed = fixed

    def __missing__(self, units: int) -> int:
        ticks = self[units] = whole_ticks(units, self._ticks) + self._fixed
        return ticks


class FifoStation:
    """Serves requests in the order of their arrival, one at a time.

    Attributes
    ----------
    free : int
        Time from which it has nothing to do, in picoseconds.
    busy : int
        Picoseconds of service given out so far, whatever the purpose.
    overhead, other : int
        Picoseconds of `busy` that were overhead and other masters' work.
    bytes : int
        Payload bytes served.
    overhead_bytes, other_bytes : int
        Bytes served for the other purposes.
    waited : int
        Picoseconds that requests have waited, summed.
    """

    __slots__ = (
        "busy",
        "bytes",
        "free",
        "other",
        "other_bytes",
        "overhead",
        "overhead_bytes",
        "waited",
    )

    def __init__(self) -> None:
        self.free = self.busy = self.overhead = self.other = self.waited = 0
        self.bytes = self.overhead_bytes = self.other_bytes = 0

    def serve(self, arrival: int, service: int, length: int) -> int:
        """Serve `length` payload bytes in `service` ticks; return the end.

        Replay compiles this as it is, for a record that has the attributes of a station.
        """
        begin = arrival
        if self.free > arrival:
            begin = self.free
            self.waited += begin - arrival
        self.busy += service
        self.bytes += length
        self.free = end = begin + service
        return end

    def serve_other(self, arrival: int, service: int, length: int) -> int:
        """Serve other masters; return the end."""
        end = self.serve(arrival, service, 0)
        self.other += service
        self.other_bytes += length
        return end

    def use(self, end: int) -> StationUse:
        """Return the use of the station up to the time `end`.

        Service given out beyond `end` (at most what is booked ahead) is taken off the payload.
        """
        span = max(end, 1)
        ahead = max(0, self.free - end)
        payload = max(0, self.busy - self.overhead - self.other - ahead)
        return StationUse(
            payload / span,
            self.overhead / span,
            self.other / span,
            self.bytes,
            self.overhead_bytes,
            self.other_bytes,
            self.waited / span,
        )
