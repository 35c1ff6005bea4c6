"""When to replay: as soon as that pays for loading the compiled code.

To load numba and the code on its disk takes about as long as SimPy takes for a million accesses;
to compile it, ten times that. So SimPy serves until it has made that many accesses in this process
that could have been replayed on links of a kind; from then on, everything that can be on that kind
is. At worst the two costs are the same. Each kind has code of its own. On a memory bus an access
takes SimPy about as long as five elsewhere, and each 64 B of a copy as long as two.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from typing import Final

__all__ = ["PAYS", "Choice", "is_loaded", "weighed"]

PAYS: Final = 1_000_000
"""Accesses that SimPy makes before, on links of a kind."""

_EACH: Final = {"memory-bus": 5}
"""What an access takes SimPy, by kind, in those of other links."""

_LINE: Final = {"memory-bus": 2}
"""What each 64 B of a copy take SimPy, where they do."""


def weighed(kind: str, accesses: int) -> int:
    """Return accesses on a link of a kind as so many as take SimPy as long elsewhere."""
    return accesses * _EACH.get(kind, 1)


class Choice:
    """Chooses an engine for one scenario after another.

    Parameters
    ----------
    pays : int
        Accesses that SimPy makes before, by kind of link.
    """

    def __init__(self, pays: int = PAYS) -> None:
        self._left: defaultdict[str, int] = defaultdict(lambda: pays)

    def replays(self, kind: str, accesses: int) -> bool:
        """Say whether to replay so many accesses on a link; if not, SimPy makes them."""
        work = weighed(kind, accesses)
        if self._left[kind] <= work or is_loaded(kind):
            return True
        self._left[kind] -= work
        return False

    def copied(self, kind: str, size: int) -> None:
        """Note that SimPy copied so many bytes for accesses that it made."""
        self._left[kind] -= size // 64 * _LINE.get(kind, 0)


def is_loaded(kind: str) -> bool:
    """Say whether the code for links of a kind has been loaded."""
    return f"simaccess.replay.{kind.replace('-', '_')}" in sys.modules
