"""The rounds of a sender: each ends when the first packet sent after its beginning is acknowledged.

The round-trip times of a round's first packets are taken in the round that follows it.
"""

from __future__ import annotations

from simaccess.sim.tcp import CongestionControl

__all__ = ["SAMPLES", "RoundTrips"]

SAMPLES = 8
"""Packets at the start of a round whose round-trip times are taken."""


class RoundTrips:
    """Tells rounds apart and samples their round-trip times.

    Parameters
    ----------
    control : CongestionControl
        Is told of the samples.
    tau : int
        Ticks from one packet of a train to the next.
    smooth : bool
        Whether the first sample of a round goes into the smoothed round-trip time.

    Attributes
    ----------
    end : int
        Number of the packet whose acknowledgement ends the round.
    began : int
        When the round began.
    sampling : list of (int, int)
        Packets of the round before: number, and when it left.
    """

    __slots__ = ("_control", "_marked", "_samples", "_smooth", "_tau", "began", "end", "sampling")

    def __init__(self, control: CongestionControl, tau: int, *, smooth: bool = True) -> None:
        self.end = self.began = 0
        self.sampling: list[tuple[int, int]] = []
        self._control = control
        self._tau = tau
        self._smooth = smooth
        self._samples: list[int] = []
        self._marked: list[tuple[int, int]] = []  # packets of this round

    def awake(self, number: int, now: int) -> None:
        """Begin a round with the packet `number` after a time with nothing in flight."""
        self.begin(number, now)
        self.sampling.clear()

    def begin(self, number: int, now: int) -> None:
        """Begin the next round; the packet `number` will be the first that is sent in it."""
        self.began = now
        self.end = number
        self.sampling, self._marked = self._marked, self.sampling
        self._marked.clear()
        self._samples.clear()

    def mark(self, number: int, count: int, first: int, group: int) -> None:
        """Note when packets leave: all at the time `first`, or `group` each packet's time."""
        marked = self._marked
        begin, end = number, number + count
        while len(marked) < SAMPLES and number < end:
            sent = first + (number - begin) // group * self._tau if group else first
            marked.append((number, sent))
            number += 1

    def sample(self, now: int, number: int, count: int) -> None:
        """Take round-trip times from `count` acknowledgements, of which the first comes now."""
        control = self._control
        for taken, sent in self.sampling:
            if number <= taken < number + count:
                sample = now + (taken - number) * self._tau - sent
                if self._smooth and not self._samples:
                    control.rtt.sample(sample)
                elif sample < control.rtt.minimum:
                    control.rtt.minimum = sample
                self._samples.append(sample)
                if len(self._samples) == SAMPLES:
                    control.delays(self._samples)
