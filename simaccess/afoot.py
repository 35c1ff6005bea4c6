"""A simulation while it runs: how far it has got, for whoever looks from another thread."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence

from simaccess.consumer import Chunk
from simaccess.counters import Counters

__all__ = ["Afoot"]

_FEW = 100
"""Requests below which bytes tell more."""


class Afoot:
    """What is known of a simulation under way.

    Looking changes nothing, and the simulation does not wait for whoever looks.

    Attributes
    ----------
    recorded : int
        Accesses whose record is made, for a replay.
    stage : str
        What it is at before the first access.
    """

    def __init__(self) -> None:
        self.recorded = 0
        self.stage = "making requests"
        self._accesses = self._requests = self._bytes = 0
        self._consumers: Sequence[tuple[array[int], Counters]] = ()

    def records(self, accesses: int) -> None:
        """Note how many accesses are going to be recorded."""
        self._accesses, self.stage = accesses, ""

    def simulates(
        self, requests: int, size: int, consumers: Sequence[tuple[array[int], Counters]]
    ) -> None:
        """Note what is going to be simulated.

        Parameters
        ----------
        requests, size : int
            How many requests, and of how many bytes together.
        consumers : sequence of (array, Counters)
            The latencies that are recorded so far, and the counters, by consumer.
        """
        self._requests, self._bytes, self._consumers = requests, size, consumers
        self.stage = ""

    def counted(self, chunks: Iterable[Chunk]) -> Iterator[Chunk]:
        """Return the columns of accesses, and count each chunk when it has been recorded."""
        for chunk in chunks:
            yield chunk
            self.recorded += len(chunk[0])  # type: ignore[arg-type]  # a list

    def share(self) -> float:
        """Return which share is done, from 0 to 1."""
        if self._requests:
            done = sum(len(latencies) for latencies, _ in self._consumers) / self._requests
            if self._requests < _FEW and self._bytes:
                moved = sum(counters.bulk for _, counters in self._consumers)
                done = max(done, moved / self._bytes)
        else:
            done = self.recorded / (self._accesses or 1)
        return min(1.0, done)
