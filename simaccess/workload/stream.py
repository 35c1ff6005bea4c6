"""Packets as they lie in a segment: records back to back, each padded, lap after lap."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from simaccess.methods.blocks import Records
from simaccess.room import require_room
from simaccess.workload.accesses import LATENCY_ROOM, OWN_ROOM
from simaccess.workload.capture import Capture

__all__ = ["PacketStream", "padded"]


def padded(length: NDArray[np.int64], alignment: int) -> NDArray[np.int64]:
    """Return the bytes that records take: multiples of the alignment, for empty ones too."""
    filled: NDArray[np.int64] = np.maximum(-(-length // alignment), 1) * alignment
    return filled


@dataclass(frozen=True, eq=False)
class PacketStream:
    """The stream that a capture makes when it is gone through several times.

    Parameters
    ----------
    capture : Capture
        The packets of one lap.
    alignment : int
        Bytes that each record's start is a multiple of.
    laps : int
        How often the capture is gone through.
    """

    capture: Capture
    alignment: int
    laps: int

    def require_room(self, accesses: int, requests: int) -> None:
        """Refuse more laps than this machine can hold.

        Parameters
        ----------
        accesses, requests : int
            How many a lap has.

        Raises
        ------
        InputError
            If there are more.
        """
        each = OWN_ROOM * accesses + LATENCY_ROOM * requests
        require_room(self.laps, each, "laps", key="workload.laps", value=self.laps)

    @cached_property
    def space(self) -> NDArray[np.int64]:
        """Bytes that each record of a lap takes, padding included."""
        return padded(self.capture.length, self.alignment)

    @cached_property
    def start(self) -> NDArray[np.int64]:
        """Where each record of the first lap starts."""
        return np.cumsum(self.space) - self.space

    @cached_property
    def lap_size(self) -> int:
        """Bytes of one lap."""
        return int(self.space.sum())

    @property
    def size(self) -> int:
        """Bytes of all laps."""
        return self.lap_size * self.laps

    @cached_property
    def blocks(self) -> Records:
        """The records, padding included."""
        return Records(self.space.tolist())

    @property
    def arrivals(self) -> NDArray[np.float64]:
        """Seconds at which each record arrives, all laps included, in order.

        A time stamp that goes back counts as the one before it. A lap follows the one before it
        after the capture's mean gap.
        """
        time = np.maximum.accumulate(np.maximum(self.capture.time_ns, 0)) / 1e9
        packets = len(time)
        lap = time[-1] * packets / (packets - 1) if packets > 1 else 0.0
        begin: NDArray[np.float64] = np.arange(self.laps)[:, None] * lap
        return (begin + time).ravel()

    def content(self) -> bytes:
        """Return the bytes of a lap, padding zero."""
        lap = bytearray(self.lap_size)
        for index, start in enumerate(self.start.tolist()):
            packet = self.capture.packet(index)
            lap[start : start + len(packet)] = packet.data
        return bytes(lap)
