"""The log of every packet that came to the emulator, in memory that it shares with the box."""

from __future__ import annotations

import mmap
import os
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from simaccess.wan_box.drop_tail import FULL, LOST

__all__ = ["RECORD", "Lateness", "PacketLog"]

# As in emulator.c; the log begins with a preface of eight words.
RECORD: Final = np.dtype(
    [
        ("arrival", "<i8"),
        ("due", "<i8"),
        ("left", "<i8"),
        ("unread", "<u4"),
        ("length", "<u2"),
        ("direction", "u1"),
        ("fate", "u1"),
        ("header", "V32"),
    ]
)
"""A packet: when the emulator read it, when it was due at the far end and when it was written there
(nanoseconds of the monotonic clock; 0 for none), for how long at most it had not been read, its
bytes, direction (0 towards the near end, 1 away from it), fate (`simaccess.wan_box.drop_tail`) and
the first 32 bytes behind its IPv4 header."""

_PREFACE = 64
_PERCENTILES = (50.0, 90.0, 99.0, 100.0)


@dataclass(frozen=True, slots=True)
class Lateness:
    """How late packets left the emulator.

    Attributes
    ----------
    count : int
        Packets that left.
    median_s, p90_s, p99_s, worst_s : float
        Percentiles of a packet's time of leaving after its deadline, in seconds; 0 without packets.
    unread_s : float
        The longest that a packet may have waited before it was read, in seconds: since the
        emulator last saw that there was none, or was woken.
    full, lost : int
        Packets that the buffers had no room for, and such as got lost at random.
    missed : int
        Packets since the last call that the log no longer held.
    """

    count: int
    median_s: float
    p90_s: float
    p99_s: float
    worst_s: float
    unread_s: float
    full: int
    lost: int
    missed: int


class PacketLog:
    """The log, and how far it has been read.

    Parameters
    ----------
    records : int
        How many packets it holds; later ones overwrite the oldest.

    Attributes
    ----------
    descriptor : int
        Of the shared memory.
    """

    def __init__(self, records: int) -> None:
        self.records = records
        size = _PREFACE + records * RECORD.itemsize
        self.descriptor = os.memfd_create("simaccess-packet-log")
        os.truncate(self.descriptor, size)
        self._map = mmap.mmap(self.descriptor, size)
        self._preface = np.frombuffer(self._map, np.int64, 8)
        self._ring = np.frombuffer(self._map, RECORD, records, _PREFACE)
        self._seen = 0

    @property
    def real_time(self) -> bool:
        """Whether the emulator was given real-time priority."""
        return bool(self._preface[1])

    @property
    def count(self) -> int:
        """Packets logged so far."""
        return int(self._preface[0])

    def since(self, first: int) -> np.ndarray[Any, np.dtype[np.void]]:
        """Return a copy of the records from number `first` on, as far as they are there."""
        numbers = np.arange(max(first, self.count - self.records), self.count)
        return self._ring[numbers % self.records].copy()

    def lateness(self) -> Lateness:
        """Return how late the packets since the last call left.

        Packets that are still under way count at the next call only as far as they are later ones:
        call it when the link is idle.
        """
        packets = self.since(self._seen)
        missed = self.count - self._seen - len(packets)
        self._seen = self.count
        left = packets[packets["left"] > 0]
        late = (left["left"] - left["due"]) if len(left) else np.zeros(1, np.int64)
        median, p90, p99, worst = (np.percentile(late, _PERCENTILES) / 1e9).tolist()
        fates = np.bincount(packets["fate"], minlength=3)
        unread = float(packets["unread"].max(initial=0)) / 1e9
        return Lateness(
            count=len(left),
            median_s=median,
            p90_s=p90,
            p99_s=p99,
            worst_s=worst,
            unread_s=unread,
            full=int(fates[FULL]),
            lost=int(fates[LOST]),
            missed=max(0, missed),
        )

    def close(self) -> None:
        """Give the memory back, once nobody holds records of it."""
        os.close(self.descriptor)
        del self._preface, self._ring
        self._map.close()
