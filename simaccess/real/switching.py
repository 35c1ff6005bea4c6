"""How soon a busy thread lets another one run, while links need it sooner than Python does.

The interval is the process's: links that are open at once share the shortest one, and the one
from before comes back with the last of them.
"""

from __future__ import annotations

import sys
from threading import Lock

__all__ = ["SwitchInterval"]

_lock = Lock()
_wishes: list[SwitchInterval] = []
_before = [sys.getswitchinterval()]


class SwitchInterval:
    """A link's wish for the interpreter's switch interval, from now until it is given back.

    Parameters
    ----------
    seconds : float
        The interval that it wishes; a longer one than there is changes nothing.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        with _lock:
            if not _wishes:
                _before[0] = sys.getswitchinterval()
            _wishes.append(self)
            _set()

    def give_back(self) -> None:
        """Withdraw the wish; harmless when done again."""
        with _lock:
            if self in _wishes:
                _wishes.remove(self)
                _set()


def _set() -> None:
    sys.setswitchinterval(min([_before[0], *(wish.seconds for wish in _wishes)]))
