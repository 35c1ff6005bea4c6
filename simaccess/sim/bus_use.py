"""What the time and the bytes of a bus went to, tenure by tenure."""

from __future__ import annotations

from typing import Final

from simaccess.result import StationUse
from simaccess.sim.pci_path import Path

__all__ = ["OTHER", "OVERHEAD", "PAYLOAD", "BusUse"]

PAYLOAD: Final = 0
OVERHEAD: Final = 1
OTHER: Final = 2


class BusUse:
    """Adds up the tenures of a bus by purpose.

    Attributes
    ----------
    waited : int
        Picoseconds that requests have waited, summed.
    """

    __slots__ = ("_booked", "_busy", "_bytes", "waited")

    def __init__(self) -> None:
        # The tenure that was booked last, for a run that ends within it.
        self._booked = (0, 0, 0, 0, PAYLOAD)
        self._busy = [0, 0, 0]
        self._bytes = [0, 0, 0]
        self.waited = 0

    def restore(
        self,
        *,
        busy: list[int],
        moved: list[int],
        waited: int,
        booked: tuple[int, int, int, int, int],
    ) -> None:
        """Go on from what was added up elsewhere, by purpose; `booked` is the last tenure."""
        self._busy, self._bytes = busy, moved
        self.waited = waited
        self._booked = booked

    def hold(self, ticks: int, purpose: int, count: int = 1) -> None:
        """Add requests of delayed reads, which hold the bus for `ticks` each."""
        self._busy[OVERHEAD if purpose == PAYLOAD else purpose] += count * ticks

    def count(  # noqa: PLR0917  # called for every burst: keywords cost time
        self, path: Path, start: int, phases: int, size: int, purpose: int, count: int = 1
    ) -> None:
        """Add bursts alike, of which the first begins at `start`."""
        wait = path.ticks[path.latency]
        reach = path.reach(phases)
        hold = path.hold(phases)
        self._bytes[purpose] += count * size
        if purpose == PAYLOAD:
            self._busy[PAYLOAD] += count * (reach - wait)
            self._busy[OVERHEAD] += count * (hold - reach + wait)
        else:
            self._busy[purpose] += count * hold
        self._booked = (start, start + wait, start + reach, start + hold, purpose)

    def until(self, end: int) -> StationUse:
        """Return the use up to `end` while no tenure is under way."""
        busy = list(self._busy)
        # A transaction taken at once may reach beyond the end.
        start, first, last, free, purpose = self._booked
        data = max(0, last - max(end, first))
        rest = max(0, free - max(end, start)) - data
        busy[purpose] -= data
        busy[OVERHEAD if purpose == PAYLOAD else purpose] -= rest
        return self._shares(end, busy, self._bytes)

    def within(  # noqa: PLR0917  # the parts of a tenure
        self, end: int, path: Path, start: int, phases: int, size: int, free: int, purpose: int
    ) -> StationUse:
        """Return the use up to `end` in a tenure, of no size while it is a delayed read's request.

        Parameters
        ----------
        end : int
            The time.
        path, start, phases, size, purpose
            The tenure under way, as for `count`.
        free : int
            When it ends.
        """
        busy, moved = list(self._busy), list(self._bytes)
        held = max(0, min(end, free) - start)
        data = 0
        if size and purpose == PAYLOAD:
            first = start + path.ticks[path.latency]
            last = start + path.reach(phases)
            data = max(0, min(end, last) - first)
        busy[purpose] += data
        busy[OVERHEAD if purpose == PAYLOAD else purpose] += held - data
        if size and end >= start + path.reach(phases):
            moved[purpose] += size
        return self._shares(end, busy, moved)

    def _shares(self, end: int, busy: list[int], moved: list[int]) -> StationUse:
        span = max(end, 1)
        return StationUse(
            busy[PAYLOAD] / span,
            busy[OVERHEAD] / span,
            busy[OTHER] / span,
            moved[PAYLOAD],
            moved[OVERHEAD],
            moved[OTHER],
            self.waited / span,
        )
