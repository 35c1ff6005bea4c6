"""How many packets a sender hands down at once: Linux's automatic size of bursts.

A burst is about a millisecond at the sender's rate, and more where the round trip is short: 64 KiB
halved for each 512 us of the least round-trip time. (``tcp_tso_autosize``; from memory. Pairs at
1.41 ms were measured at 2 MB/s, as it says.)
"""

from __future__ import annotations

from simaccess.sim.environment import TICKS_PER_SECOND

__all__ = ["LARGEST", "burst_packets"]

LARGEST = 65536 - 1 - 320
"""Bytes of the largest burst: 64 KiB less the headers that Linux reserves."""

_SLOW = 150_000
"""Bytes a second (1.2 Mbit/s) below which packets leave one by one."""


def burst_packets(rate: float, minimum: int, mss: int) -> int:
    """Return the packets of a burst at `rate` bytes a second and a least round trip in ticks."""
    size = int(rate) >> 10
    halvings = minimum * 10**6 // TICKS_PER_SECOND >> 9
    if halvings < 32:
        size += 65536 >> halvings
    return max(min(size, LARGEST) // mss, 1 if rate < _SLOW else 2)
