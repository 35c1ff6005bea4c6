"""What a stretch of bytes costs on a PCI bus in one direction: the arithmetic of transactions.

A transaction of n data phases holds the bus for ``L + n + idle`` clocks, where L is the target's
initial latency: the clocks from FRAME# until the first data phase, so that it contains the
address phase, DEVSEL# and the turnaround of a read. Where the target delays or splits reads, each
transaction is preceded by a *request* that holds the bus, and a *delay* that does not. A *gap*
keeps a master from asking again for a while after its burst.

A transaction ends at the end of the bytes, at the limit of the master or the target, or at a page
boundary. Nothing here knows of contention.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from simaccess.sim.station import Durations

__all__ = ["Path"]

_REMEMBERED = 4096


@dataclass(frozen=True, slots=True)
class Path:
    """One direction towards one target.

    Attributes
    ----------
    ticks : Durations
        Ticks by clocks.
    width : int
        Bytes of a data phase.
    latency, idle : int
        Clocks from FRAME# to the first data phase, and after the last.
    limit : int
        Bytes of a transaction at most.
    page : int
        Bytes at whose multiples a transaction ends; 0 for none.
    guaranteed : int
        Data phases that the latency timer guarantees, at least 1.
    boundary : int
        A burst that is cut ends at a multiple of so many bytes.
    request, delay, gap : int
        Ticks, not clocks: of the request of a delayed read on the bus (0 where reads are not
        delayed), from there to its data, and from a burst's end to the next request.
    completer : int or None
        Who brings the data of a split read, as a master of its own; None if the requester asks
        again.
    """

    ticks: Durations
    width: int
    latency: int
    idle: int
    limit: int
    page: int
    guaranteed: int
    boundary: int
    request: int = 0
    delay: int = 0
    gap: int = 0
    completer: int | None = None
    _alone: dict[tuple[int, int], int] = field(default_factory=dict, repr=False, compare=False)

    def chunk(self, address: int, remaining: int) -> int:
        """Return the bytes of the next transaction."""
        size = min(remaining, self.limit)
        if self.page:
            size = min(size, self.page - address % self.page)
        return size

    def phases(self, address: int, size: int) -> int:
        """Return the data phases of a transaction."""
        return (address % self.width + size + self.width - 1) // self.width

    def alike(self, address: int, remaining: int) -> int:
        """Return how many transactions from here on, at least 1, are of one size."""
        size = self.chunk(address, remaining)
        if size % self.width:
            return 1
        if not self.page or (self.page % size == 0 and address % size == 0 and size == self.limit):
            return remaining // size
        return max(1, min(remaining, self.page - address % self.page) // size)

    def hold(self, phases: int) -> int:
        """Return the ticks from FRAME# until the bus is free again."""
        return self.ticks[self.latency + phases + self.idle]

    def reach(self, phases: int) -> int:
        """Return the ticks from FRAME# to the end of the last data phase."""
        return self.ticks[self.latency + phases]

    def period(self, phases: int) -> int:
        """Return the ticks from one burst of an undisturbed master to its next."""
        return self.request + self.delay + self.hold(phases) + self.gap

    def alone(self, address: int, remaining: int) -> int:
        """Return the ticks from the first clock to the last data phase, without contention."""
        key = (address % (self.page or self.width), remaining)
        total = self._alone.get(key)
        if total is None:
            total = self._sum(address, remaining)
            if len(self._alone) >= _REMEMBERED:
                self._alone.clear()
            self._alone[key] = total
        return total

    def _sum(self, address: int, remaining: int) -> int:
        total = phases = 0
        while remaining:
            size = self.chunk(address, remaining)
            count = self.alike(address, remaining)
            phases = self.phases(address, size)
            total += count * self.period(phases)
            address += count * size
            remaining -= count * size
        return total - self.gap - self.hold(phases) + self.reach(phases)
