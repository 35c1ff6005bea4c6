"""Congestion control by the measured path: bbr, version 1, as Linux has it.

Sources: Cardwell and others 2016; Linux's ``tcp_bbr.c`` for the margin, the bursts, the budget of
the window and what it does at a loss (from memory; the first rate and the bursts are measured).
"""

from __future__ import annotations

from collections import deque
from typing import Literal

from simaccess.sim.bursts import burst_packets
from simaccess.sim.environment import TICKS_PER_SECOND
from simaccess.sim.tcp import CongestionControl, Delivery, RoundTripTime

__all__ = ["Bbr"]

_UNPACED = 10
"""Packets of a connection that leave before pacing begins."""
_LEAST_WINDOW = 4


class Bbr(CongestionControl):
    """A window and a pacing rate from the measured delivery rate and least round-trip time.

    Start-up paces at 2.89 times the delivery rate until that has not grown by a quarter for three
    rounds; drain empties the queue; then the gains cycle, one phase a round-trip time.

    Attributes
    ----------
    state : str
        ``startup``, ``drain`` or ``probe``.
    """

    paced = True
    startup = 2.887
    cycle = (1.25, 0.75, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0)
    window_gain = 2.0
    margin = 0.99
    """Pacing stays so far below the rate that is meant."""

    def __init__(self, mss: int, initial_window: int, rtt: RoundTripTime) -> None:
        super().__init__(mss, initial_window, rtt)
        self.state: Literal["startup", "drain", "probe"] = "startup"
        self._rates: deque[tuple[int, float]] = deque()  # (round, rate), the rates falling
        self._round = 0
        self._full_rate = 0.0
        self._plateau = 0
        self._phase = 2
        self._phase_began = 0
        self._limited = False
        self._pacing = 0.0
        self._sent = 0  # packets
        self._acknowledged = 0  # bytes
        self._before = 0  # the window before losses
        self._recovering = False
        self._conserving: int | None = None  # the round in which packets are conserved

    @property
    def rate(self) -> float:
        """Bytes a second that were delivered at best in the last ten rounds."""
        if self._rates:
            return self._rates[0][1]
        return self.initial * TICKS_PER_SECOND / self.rtt.minimum

    @property
    def gain(self) -> float:
        """Pacing rate over delivery rate."""
        if self.state == "startup":
            return self.startup
        return 1 / self.startup if self.state == "drain" else self.cycle[self._phase]

    @property
    def pacing(self) -> float:
        """Bytes a second at which packets leave; in start-up it never falls."""
        rate = self.margin * self.gain * self.rate
        if self.state == "startup":
            first = self.initial * TICKS_PER_SECOND / self.rtt.minimum
            rate = max(rate, self._pacing, 0.0 if self._rates else self.margin * self.gain * first)
        self._pacing = rate
        return rate

    def burst(self, left: int, now: int, due: int) -> tuple[int, int]:
        """Return the bytes that leave together, and when the next may.

        A sender that comes late catches up by as much, but by half of a gap at most.
        """
        rate = self.pacing
        size = min(left, burst_packets(rate, self.rtt.minimum, self.mss) * self.mss)
        self._sent += -(-size // self.mss)
        if self._sent < _UNPACED:
            return size, now
        gap = int(size * TICKS_PER_SECOND / rate + 0.5)
        return size, now + gap - min(gap // 2, now - due)

    def delivered(self, now: int, sample: Delivery) -> None:
        """Take a sample of the delivery rate, and move on in the cycle."""
        self._limited = sample.limited
        self._acknowledged += self.mss
        rates = self._rates
        if not sample.limited or sample.rate > self.rate:
            while rates and rates[-1][1] <= sample.rate:
                rates.pop()
            rates.append((self._round, sample.rate))
        while len(rates) > 1 and rates[0][0] < self._round - 10:
            rates.popleft()
        product = self.rate * self.rtt.minimum / TICKS_PER_SECOND
        if self.state == "drain" and sample.flight <= product:
            self.state = "probe"
            self._phase_began = now
        elif self.state == "probe" and now - self._phase_began >= self.rtt.minimum:
            self._phase = (self._phase + 1) % len(self.cycle)
            self._phase_began = now
        if not self._conserves(sample):
            self._open(product)

    def _conserves(self, sample: Delivery) -> bool:
        """Answer losses: one round lets no more go than comes back; afterwards the old window."""
        before = self.cwnd
        if sample.lost:
            self.cwnd = max(before - sample.lost * self.mss, self.mss)
        if sample.recovering and not self._recovering:
            self._before = before
            self._conserving = self._round
            self.cwnd = sample.flight + self.mss
        elif self._recovering and not sample.recovering:
            self.cwnd = max(self.cwnd, self._before)
            self._conserving = None
        self._recovering = sample.recovering
        if self._conserving is not None and self._round > self._conserving:
            self._conserving = None
        if self._conserving is None:
            return False
        self.cwnd = max(self.cwnd, sample.flight + self.mss)
        return True

    def _open(self, product: float) -> None:
        """Open the window by what was acknowledged, up to the gain's share of the product."""
        mss = self.mss
        gain = self.window_gain if self.state == "probe" else self.startup
        packets = -(-int(gain * product) // mss)
        packets += 3 * burst_packets(self.pacing, self.rtt.minimum, mss)
        packets += packets % 2
        if self.state == "probe" and not self._phase:
            packets += 2
        target = packets * mss
        if self.state != "startup":
            self.cwnd = min(self.cwnd + mss, target)
        elif self.cwnd < target or self._acknowledged < self.initial:
            self.cwnd += mss
        self.cwnd = max(self.cwnd, _LEAST_WINDOW * mss)

    def acknowledged(self, counted: int, now: int) -> None:
        """Do nothing: the window follows the delivery rate."""

    def round(self, now: int, started: int) -> None:  # noqa: ARG002  # only rounds are counted
        """Leave start-up when the rate has not grown by a quarter for three rounds."""
        self._round += 1
        if self.state == "startup" and self._rates and not self._limited:
            if self.rate >= 1.25 * self._full_rate:
                self._full_rate = self.rate
                self._plateau = 0
            else:
                self._plateau += 1
                if self._plateau >= 3:
                    self.state = "drain"

    def delays(self, samples: list[int]) -> None:
        """Do nothing: delays end no start-up."""

    def idle(self, gap: int, *, restart: bool) -> None:
        """Do nothing: what was measured still holds."""

    def lost(self) -> int | None:
        """Do nothing yet: the sample that shows the loss tells more."""
        return None

    def recovered(self, now: int) -> None:
        """Do nothing yet: as for `lost`."""

    def expired(self) -> None:
        """Begin with one packet."""
        self.cwnd = self.mss
