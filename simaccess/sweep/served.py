"""Which engine served a sweep's simulations, and why SimPy did where it was not asked for."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from simaccess.sweep.store import Stored

__all__ = ["Served"]

_SHOWN = 3  # reasons

_NAMES = {"replay": "replay", "simpy": "SimPy"}


@dataclass(slots=True)
class Served:
    """What is known of it so far.

    Attributes
    ----------
    engines : mapping of str to int
        Simulations by the engine that served.
    why : mapping of str to int
        Those that SimPy served now by the reason; of results that were stored before, and of those
        that are alike, none is known.
    searched : int
        Simulations within searches, which may be of both engines.
    """

    engines: Counter[str] = field(default_factory=Counter)
    why: Counter[str] = field(default_factory=Counter)
    searched: int = 0

    def saw(self, stored: Stored, *, fresh: bool) -> None:
        """Count a simulation, one that was made now or one that was known."""
        self.engines[stored.engine] += 1
        if fresh and stored.why:
            self.why[stored.why] += 1

    def line(self) -> str:
        """Return it as a line; empty while nothing was simulated."""
        known = [(name, self.engines[engine]) for engine, name in _NAMES.items()]
        parts = [f"{count:,} by {name}" for name, count in known if count]
        if len(parts) == 1 and not self.searched:
            parts = [f"all by {name}" for name, count in known if count]
        searches = f"{self.searched:,} in searches; " if self.searched else ""
        return searches + ", ".join(parts) + self._reasons()

    def _reasons(self) -> str:
        if not self.why:
            return ""
        if len(self.why) == 1:
            return f": {next(iter(self.why))}"
        shown = [f"{count:,} since {why}" for why, count in self.why.most_common(_SHOWN)]
        more = len(self.why) - _SHOWN
        return ": " + "; ".join(shown) + (f"; {more} more reasons" if more > 0 else "")
