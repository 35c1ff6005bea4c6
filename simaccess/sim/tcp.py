"""Congestion control of TCP: what a sender remembers, and how its window moves.

Windows are bytes of whole packets, times are ticks: as in Linux, a short packet counts as a full
one. Slow start counts acknowledged packets, so that delayed acknowledgements do not slow the
doubling. In congestion avoidance Reno's window grows by a packet for each window acknowledged. All
that counts only what is acknowledged while the window is the limit (`window_use`).

Sources: Reno, RFC 5681; time-outs, RFC 6298. CUBIC and bbr have files of their own (`cubic`,
`bbr`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

__all__ = [
    "CongestionControl",
    "Delivery",
    "Reno",
    "RoundTripTime",
]

_UNLIMITED = 1 << 62


class RoundTripTime:
    """What a sender knows of the round-trip time, from samples (RFC 6298).

    Parameters
    ----------
    first : int
        The first sample, that of the handshake.
    rto_minimum : int
        Least ticks that a time-out comes after the smoothed round-trip time.

    Attributes
    ----------
    smoothed, variation, minimum : int
        Ticks.
    """

    __slots__ = ("_rto_minimum", "minimum", "smoothed", "variation")

    def __init__(self, first: int, rto_minimum: int) -> None:
        self.smoothed = self.minimum = first
        self.variation = first // 2
        self._rto_minimum = rto_minimum

    def sample(self, ticks: int) -> None:
        """Take one more sample."""
        self.smooth(ticks)
        if ticks < self.minimum:
            self.minimum = ticks

    def smooth(self, ticks: int) -> None:
        """Take one more sample that is no bound, because its acknowledgement was delayed."""
        self.variation += (abs(self.smoothed - ticks) - self.variation) // 4
        self.smoothed += (ticks - self.smoothed) // 8

    @property
    def timeout(self) -> int:
        """Ticks without an acknowledgement after which everything counts as lost."""
        return self.smoothed + max(self._rto_minimum, 4 * self.variation)


class Delivery(NamedTuple):
    """What an acknowledgement tells of the delivery rate.

    Attributes
    ----------
    rate : float
        Bytes a second that were delivered since the packet left.
    limited : bool
        Whether the sender had run out of data when the packet left.
    flight : int
        Bytes in flight now.
    lost : int
        Packets that it shows to be lost.
    recovering : bool
        Whether losses are being made good.
    """

    rate: float
    limited: bool
    flight: int
    lost: int = 0
    recovering: bool = False


class CongestionControl(ABC):
    """How much a sender may have in flight.

    Parameters
    ----------
    mss : int
        Payload bytes of a full packet.
    initial_window : int
        Packets of the first flight.
    rtt : RoundTripTime
        The sender's.

    Attributes
    ----------
    cwnd, ssthresh : int
        Congestion window and slow-start threshold in bytes.
    paced : bool
        Whether packets leave at a rate (`gap`) and not as the window opens.
    """

    paced = False

    def __init__(self, mss: int, initial_window: int, rtt: RoundTripTime) -> None:
        self.mss = mss
        self.initial = initial_window * mss
        self.rtt = rtt
        self.cwnd = self.initial
        self.ssthresh = _UNLIMITED

    def burst(self, left: int, now: int, due: int) -> tuple[int, int]:
        """Return the bytes that leave together, and when the next may (of paced senders).

        Parameters
        ----------
        left : int
            Bytes that may leave.
        now, due : int
            The time, and the one from which they might have left.
        """
        raise NotImplementedError

    @abstractmethod
    def acknowledged(self, counted: int, now: int) -> None:
        """Take note of bytes that are acknowledged while the window is the limit."""

    @abstractmethod
    def round(self, now: int, started: int) -> None:
        """Take note that the round which began at `started` has ended."""

    @abstractmethod
    def delays(self, samples: list[int]) -> None:
        """Take note of the round-trip times of a round's first packets."""

    def train(self, now: int, latest: int) -> None:  # noqa: B027  # only CUBIC listens
        """Take note of acknowledgements that come from `now` to `latest`."""

    def steady(self) -> int:
        """Return how many packets may be acknowledged before the window grows."""
        return _UNLIMITED

    def quiet(self, now: int) -> tuple[int, int]:  # noqa: ARG002  # CUBIC's need
        """Return until when, and how many acknowledgements may be taken at once by `train`."""
        return _UNLIMITED, _UNLIMITED

    @abstractmethod
    def idle(self, gap: int, *, restart: bool) -> None:
        """Take note that nothing was in flight for `gap` ticks."""

    @abstractmethod
    def lost(self) -> int | None:
        """Answer a loss; return the window to reduce to, or None to keep it."""

    @abstractmethod
    def recovered(self, now: int) -> None:
        """Take note that all losses of an event are mended."""

    @abstractmethod
    def expired(self) -> None:
        """Answer a time-out."""

    def delivered(self, now: int, sample: Delivery) -> None:
        """Take a sample of the delivery rate (of paced senders)."""
        raise NotImplementedError


class Reno(CongestionControl):
    """Additive increase by one packet a round, multiplicative decrease by half.

    Parameters
    ----------
    mss, initial_window, rtt
        As for `CongestionControl`.
    """

    remains = 512
    """What remains of the window at a loss, in 1024ths."""

    def __init__(self, mss: int, initial_window: int, rtt: RoundTripTime) -> None:
        super().__init__(mss, initial_window, rtt)
        self._counted = 0  # packets acknowledged towards the next growth

    def acknowledged(self, counted: int, now: int) -> None:
        """Grow by what was acknowledged in slow start, else as avoidance of congestion has it."""
        room = self.ssthresh - self.cwnd
        if room > 0:
            if counted <= room:
                self.cwnd += counted
                return
            self.cwnd = self.ssthresh
            counted -= room
        self._avoid(counted // self.mss, now)

    def _avoid(self, packets: int, now: int) -> None:  # noqa: ARG002  # CUBIC's need
        """Grow by a packet for each window that is acknowledged."""
        self._count(packets, self.cwnd // self.mss)

    def _count(self, packets: int, needed: int) -> None:
        """Grow by a packet for each `needed` that are acknowledged (``tcp_cong_avoid_ai``)."""
        if self._counted >= needed:
            self._counted = 0
            self.cwnd += self.mss
        self._counted += packets
        if self._counted >= needed:
            grown, self._counted = divmod(self._counted, needed)
            self.cwnd += grown * self.mss

    def steady(self) -> int:
        """Return how many packets may be acknowledged before the window grows."""
        return max(0, self.cwnd // self.mss - self._counted - 1)

    def round(self, now: int, started: int) -> None:
        """Do nothing: growth does not wait for the end of a round."""

    def delays(self, samples: list[int]) -> None:
        """Do nothing: in Linux, only CUBIC has HyStart."""

    def idle(self, gap: int, *, restart: bool) -> None:
        """Halve the window for every time-out's worth of silence, down to the initial one."""
        if restart and gap > self.rtt.smoothed:  # else it is less than a time-out anyway
            timeout = self.rtt.timeout
            floor = min(self.initial, self.cwnd)
            if gap > timeout:
                self.ssthresh = max(self.ssthresh, self.cwnd * 3 // 4)
            while gap > timeout and self.cwnd > floor:
                self.cwnd -= -(-self.cwnd // (2 * self.mss)) * self.mss
                gap -= timeout
            self.cwnd = max(self.cwnd, floor)

    def lost(self) -> int | None:
        """Set the threshold, and return it."""
        self._counted = 0
        self.ssthresh = max(self.cwnd // self.mss * self.remains // 1024, 2) * self.mss
        return self.ssthresh

    def recovered(self, now: int) -> None:  # noqa: ARG002  # CUBIC's need
        """Go on from the threshold."""
        self.cwnd = self.ssthresh

    def expired(self) -> None:
        """Begin anew with one packet."""
        self._counted = 0
        self.cwnd = self.mss
