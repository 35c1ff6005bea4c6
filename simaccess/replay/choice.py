"""When to replay: as soon as that pays for loading the compiled code.

To load numba and the code on its disk takes about as long as SimPy takes for a million accesses;
to compile it, ten times that. So SimPy serves until it has made that many accesses in this process
that could have been replayed; from then on, everything that can be is. At worst the two costs are
the same.
"""

from __future__ import annotations

import sys
from typing import Final

__all__ = ["Choice"]

_PAYS: Final = 1_000_000


class Choice:
    """Chooses an engine for one scenario after another.

    Parameters
    ----------
    pays : int
        Accesses that SimPy makes before.
    """

    def __init__(self, pays: int = _PAYS) -> None:
        self._left = pays

    def replays(self, accesses: int) -> bool:
        """Say whether to replay so many accesses; if not, SimPy makes them."""
        if self._left <= accesses or "simaccess.replay.fifo_link" in sys.modules:
            return True
        self._left -= accesses
        return False
