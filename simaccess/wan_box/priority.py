"""Real-time priority for what is measured: below the emulator's, above everything else's.

A process that has to wait for a processor while its socket is in use holds its acknowledgements
back, by milliseconds on a busy machine, and so slows a fast link down.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

__all__ = ["EMULATOR", "MEASURED", "give", "real_time"]

EMULATOR: Final = 50
"""Priority of the emulators."""
MEASURED: Final = 10
"""Priority of clients and servers."""


def give(process: int = 0) -> bool:
    """Give a process real-time priority (0: the calling thread); say whether that was allowed."""
    try:
        os.sched_setscheduler(process, os.SCHED_FIFO, os.sched_param(MEASURED))
    except OSError:
        return False
    return True


@contextmanager
def real_time() -> Iterator[bool]:
    """Run the calling thread at real-time priority, as far as that is allowed.

    Threads and processes that are started meanwhile begin with it.

    Yields
    ------
    bool
        Whether it was allowed.
    """
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    allowed = give()
    try:
        yield allowed
    finally:
        if allowed:
            os.sched_setscheduler(0, policy, parameters)
