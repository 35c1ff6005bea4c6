"""The works that every simulator is timed on, in picoseconds, and what a run of one gives."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

__all__ = ["WORKS", "Bus", "Engines", "Measured", "Model", "Work", "measured", "shrunk"]

MIB = 1 << 20


@dataclass(frozen=True)
class Bus:
    """Clients of a FIFO bus, each of which asks again as soon as it is served.

    Attributes
    ----------
    clients : int
        How many there are.
    accesses : int
        How many times each asks.
    service : int
        Picoseconds for which an access holds the bus.
    length : int
        Bytes of an access, for simulators that reckon in bytes: `service` is 1 ns for each.
    """

    clients: int
    accesses: int
    service: int = 64_000
    length: int = 64


@dataclass(frozen=True)
class Engines:
    """Clients of two DMA engines before one FIFO link.

    A transfer takes the first engine that is free, holds it for `start`, waits for the link, holds
    both for `service`, and costs its client `local` once more when it has come.

    Attributes
    ----------
    clients : int
        How many there are.
    accesses : int
        How many transfers each makes, one after the other.
    start, service, local : int
        Picoseconds, as above.
    length : int
        Bytes of a transfer, for simulators that reckon in bytes.
    """

    clients: int
    accesses: int
    start: int = 2_000_000
    service: int = MIB * 1000
    local: int = 5_000 + MIB
    length: int = MIB


Work = Bus | Engines

WORKS: dict[str, Work] = {
    "one reader without contention": Bus(1, 100_000),
    "eight consumers, saturated FIFO bus": Bus(8, 12_500),
    "eight streams of 1 MB, two DMA engines": Engines(8, 4_000),
}


@dataclass(frozen=True)
class Measured:
    """What a run gave.

    Attributes
    ----------
    seconds : float
        Processor time of the run itself, without building the model: its elapsed time on a machine
        that has nothing else to do, and nearly the same on one that has.
    end : int
        Simulated time at which it ended, in picoseconds.
    latencies : callable
        Returns how many latencies were recorded, and their sum in picoseconds. They are not summed
        before somebody asks, who may be timing the caller.
    """

    seconds: float
    end: int
    latencies: Callable[[], tuple[int, int]]


Model = Callable[[Work], Measured]


def measured(seconds: float, end: float, latencies: Sequence[array[int]]) -> Measured:
    """Return what a run gave whose clients kept their latencies in arrays."""
    return Measured(seconds, int(end), lambda: (sum(map(len, latencies)), sum(map(sum, latencies))))


def shrunk(work: Work, accesses: int) -> Work:
    """Return the same work with fewer accesses."""
    return replace(work, accesses=accesses)
