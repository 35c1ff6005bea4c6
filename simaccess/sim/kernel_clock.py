"""The clock of a kernel's timers: Linux counts ticks of 4 ms (250 Hz, Debian's and Ubuntu's).

A timer rounds its time up to ticks, begins within a tick and rings at the end of the last one: half
a tick later, on average, which is what the models take. (Delayed acknowledgements, ten ticks, came
after 40.1 to 43.6 ms in packet logs.)
"""

from __future__ import annotations

from simaccess.sim.environment import TICKS_PER_SECOND

__all__ = ["JIFFY", "rings_after"]

JIFFY = TICKS_PER_SECOND // 250
"""Ticks of the simulation in one of the kernel's clock."""


def rings_after(ticks: int, more: int = 0) -> int:
    """Return when a timer rings that is set to `ticks`, and to `more` jiffies beyond."""
    return (-(-ticks // JIFFY) + more) * JIFFY + JIFFY // 2
