"""The clock of a kernel's timers: Linux counts ticks of 4 ms (250 Hz, Debian's and Ubuntu's).

A timer rounds its time up to ticks, begins within a tick, and rings with the others of its slot in
the kernel's wheel of timers: slots of a tick for timers of less than 63 ticks, of 8 for those of
less than 504, and so on. So it is late by half a slot on average, which is what the models take.
(Packet logs: delayed acknowledgements, ten ticks, after 40.1 to 43.6 ms; probes due after 252 and
256 ms came after 270.7 and 274.1.)
"""

from __future__ import annotations

from simaccess.sim.environment import TICKS_PER_SECOND

__all__ = ["JIFFY", "rings_after"]

JIFFY = TICKS_PER_SECOND // 250
"""Ticks of the simulation in one of the kernel's clock."""

_FINE = 63
_COARSER = 8


def rings_after(ticks: int, more: int = 0) -> int:
    """Return when a timer rings that is set to `ticks`, and to `more` jiffies beyond."""
    jiffies = -(-ticks // JIFFY) + more
    slot = 1
    while jiffies >= _FINE * slot:
        slot *= _COARSER
    return jiffies * JIFFY + slot * JIFFY // 2
