"""What a stretch of bytes costs on a PCI bus in one direction: the arithmetic of transactions.

A transaction of n data phases holds the bus for ``L + n + idle`` clocks, where L is the target's
initial latency: the clocks from FRAME# until the first data phase, so that it contains the
address phase, DEVSEL# and the turnaround of a read. Where the target delays or splits reads, each
transaction is preceded by a *request* that holds the bus, and a *delay* that does not. A *gap*,
which only writes have, keeps a master off the bus for a while after its burst.

A transaction ends at the end of the bytes, at the limit of the master or the target, or at a page
boundary. Nothing here knows of contention.

The arithmetic is plain functions of a path's attributes: replay compiles them for a record that has
them, with `hold` and `reach` of its own, since it remembers no durations.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from simaccess.sim.station import Durations

__all__ = ["Path"]

_REMEMBERED = 4096


def chunk(path: Path, address: int, remaining: int) -> int:
    """Return the bytes of the next transaction."""
    size = min(remaining, path.limit)
    if path.page:
        size = min(size, path.page - address % path.page)
    return size


def phases(path: Path, address: int, size: int) -> int:
    """Return the data phases of a transaction."""
    return (address % path.width + size + path.width - 1) // path.width


def alike(path: Path, address: int, remaining: int) -> int:
    """Return how many transactions from here on, at least 1, are of one size."""
    size = chunk(path, address, remaining)
    if size % path.width:
        return 1
    if not path.page or (path.page % size == 0 and address % size == 0 and size == path.limit):
        return remaining // size
    return max(1, min(remaining, path.page - address % path.page) // size)


def hold(path: Path, phases: int) -> int:
    """Return the ticks from FRAME# until the bus is free again."""
    return path.ticks[path.latency + phases + path.idle]


def reach(path: Path, phases: int) -> int:
    """Return the ticks from FRAME# to the end of the last data phase."""
    return path.ticks[path.latency + phases]


def period(path: Path, phases: int) -> int:
    """Return the ticks from one burst of an undisturbed master to its next."""
    return path.request + path.delay + hold(path, phases) + path.gap


def span(path: Path, address: int, remaining: int) -> int:
    """Return the ticks from the first clock to the last data phase, at least.

    Without contention it takes just that, but for bursts that end within a data phase, which then
    counts twice: one that is cut ends at its end, and so may spare later ones that.
    """
    least = phases(path, address, remaining)
    total = count = every = bursts = 0
    while remaining:
        size = chunk(path, address, remaining)
        times = alike(path, address, remaining)
        count = phases(path, address, size)
        total += times * period(path, count)
        every += times * count
        bursts += times
        address += times * size
        remaining -= times * size
    total += reach(path, count) - hold(path, count) - path.gap
    if every > least:  # each duration is rounded to a tick
        total -= hold(path, every - least) - hold(path, 0) + bursts + 1
    return total


def cut(  # noqa: PLR0917  # called for every burst that is cut: keywords cost time
    path: Path, address: int, remaining: int, start: int, gone: int, clock: float
) -> int:
    """Return the bytes of a burst from `start` on that loses its grant at `gone`."""
    clocks = -int((start - gone) // clock)  # until the grant is gone, rounded up
    count = max(path.guaranteed, clocks - path.latency)
    end = (address // path.width + count) * path.width
    end += -end % path.boundary
    return min(chunk(path, address, remaining), end - address)


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
        delayed), from there to its data, and from a burst's end until its master can be granted
        the bus again, for whatever it wants; a path has requests or gaps.
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

    chunk = chunk
    phases = phases
    alike = alike
    hold = hold
    reach = reach
    period = period

    def alone(self, address: int, remaining: int) -> int:
        """Return the ticks from the first clock to the last data phase, at least (`span`)."""
        key = (address % (self.page or self.width), remaining)
        total = self._alone.get(key)
        if total is None:
            total = span(self, address, remaining)
            if len(self._alone) >= _REMEMBERED:
                self._alone.clear()
            self._alone[key] = total
        return total
