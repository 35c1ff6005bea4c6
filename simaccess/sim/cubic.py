"""CUBIC: a window that is a cubic function of the time since the last loss (RFC 8312 and 9438).

It comes in two grains. `Cubic` grows once a round trip, by as much as its law says for the whole
round, so that a transfer advances by rounds. `LinuxCubic` grows acknowledgement by acknowledgement,
as Linux does (`cubic_law`): what a sender does that works packet by packet anyway.
"""

from __future__ import annotations

from simaccess.sim.cubic_law import CubicLaw
from simaccess.sim.environment import TICKS_PER_SECOND
from simaccess.sim.hystart import WINDOW, AckTrain, delay_threshold
from simaccess.sim.tcp import Reno, RoundTripTime

__all__ = ["Cubic", "HystartReno", "LinuxCubic"]

_UNLIMITED = 1 << 62


class HystartReno(Reno):
    """Reno whose slow start ends when HyStart sees the path full.

    Parameters
    ----------
    mss, initial_window, rtt
        As for `CongestionControl`.
    hystart : bool
        Whether it looks.
    """

    def __init__(
        self, mss: int, initial_window: int, rtt: RoundTripTime, *, hystart: bool = True
    ) -> None:
        super().__init__(mss, initial_window, rtt)
        self._starting = AckTrain() if hystart else None

    def round(self, now: int, started: int) -> None:  # noqa: ARG002  # only its end counts
        """Begin HyStart's train of acknowledgements."""
        if self._starting is not None:
            self._starting.begin(now)

    def _looking(self) -> bool:
        """Say whether HyStart looks."""
        return self._starting is not None and WINDOW * self.mss <= self.cwnd < self.ssthresh

    def delays(self, samples: list[int]) -> None:
        """Leave slow start when the least delay of a round has risen (HyStart)."""
        least = self.rtt.minimum
        if self._looking() and min(samples) >= least + delay_threshold(least):
            self.ssthresh = self.cwnd

    def train(self, now: int, latest: int) -> None:
        """Leave slow start when acknowledgements span half a round trip (HyStart)."""
        starting = self._starting
        if starting is None or not self._looking():
            return
        share = 2.0 if self.cwnd < self.ssthresh // 2 else 1.2
        rate = share * self.cwnd * TICKS_PER_SECOND / self.rtt.smoothed
        if starting.full(now, latest, self.rtt.minimum, rate):
            self.ssthresh = self.cwnd

    def quiet(self, now: int) -> tuple[int, int]:
        """Return when HyStart may see the path full, and the packets after which it looks."""
        if self._starting is None or self.cwnd >= self.ssthresh:
            return _UNLIMITED, _UNLIMITED
        short = WINDOW * self.mss - self.cwnd
        if short > 0:
            return _UNLIMITED, -(-short // self.mss)
        return self._starting.quiet(now, self.rtt.minimum), _UNLIMITED


class Cubic(HystartReno):
    """A window that is a cubic function of the time since the last loss, and at least Reno's.

    ``W(t) = C (t - K)^3 + W_max`` packets, with ``K = ((W_max - W_0) / C)^(1/3)`` seconds, where
    W_0 is the window at the time 0 (RFC 9438, equations 1 and 2).

    Parameters
    ----------
    mss, initial_window, rtt, hystart
        As for `HystartReno`.
    """

    C = 0.4
    remains = 717
    beta = 0.7

    def __init__(
        self, mss: int, initial_window: int, rtt: RoundTripTime, *, hystart: bool = True
    ) -> None:
        super().__init__(mss, initial_window, rtt, hystart=hystart)
        self._maximum = 0.0
        self._epoch: int | None = None
        self._origin = 0.0
        self._friendly = 0.0
        self._K = 0.0

    def _begin(self, now: int) -> None:
        window = self.cwnd / self.mss
        self._epoch = now
        self._maximum = max(self._maximum, window)
        self._K = ((self._maximum - window) / self.C) ** (1 / 3)
        self._origin = self._friendly = window

    def _grow(self, now: int, started: int, share: float) -> None:
        if self._epoch is None:
            self._begin(now)
            return
        if not share:  # the window was no limit: this round does not count
            self._epoch += now - started
            return
        window = self.cwnd / self.mss
        # RFC 9438, 4.3: as fast as Reno would be with the same average window.
        alpha = 3 * (1 - self.beta) / (1 + self.beta) if self._friendly < self._maximum else 1.0
        self._friendly += alpha * share
        elapsed = (now - self._epoch) / TICKS_PER_SECOND
        cubic = self.C * (elapsed - self._K) ** 3.0 + self._maximum
        target = max(min(cubic, 1.5 * window), self._friendly)
        if target > window:
            self.cwnd = int(target * self.mss)

    def _avoid(self, packets: int, now: int) -> None:  # noqa: ARG002  # Linux's need
        """Leave growth to the end of the round."""
        self._counted += packets

    def steady(self) -> int:
        """Return no limit: the window stays until the round ends."""
        return _UNLIMITED

    def round(self, now: int, started: int) -> None:
        """Grow by the share of the window that was acknowledged while it was the limit."""
        counted, self._counted = self._counted, 0
        if self.cwnd >= self.ssthresh:
            whole = self.cwnd // self.mss  # a part of a packet is never out
            self._grow(now, started, min(1.0, counted / whole))
        super().round(now, started)

    def idle(self, gap: int, *, restart: bool) -> None:
        """Let the time of the cubic function stand still, besides what Reno does."""
        super().idle(gap, restart=restart)
        if self._epoch is not None:
            self._epoch += gap

    def lost(self) -> int | None:
        """Remember the window, less if it did not reach its former maximum."""
        window = self.cwnd / self.mss
        self._maximum = window * (1 + self.beta) / 2 if window < self._maximum else window
        self._epoch = None
        return super().lost()

    def recovered(self, now: int) -> None:
        """Go on from the threshold; the time begins here."""
        super().recovered(now)
        self._begin(now)


class LinuxCubic(HystartReno):
    """CUBIC that grows by a packet for as many acknowledged ones as its law says.

    Parameters
    ----------
    mss, initial_window, rtt, hystart
        As for `HystartReno`.
    """

    remains = 717

    def __init__(
        self, mss: int, initial_window: int, rtt: RoundTripTime, *, hystart: bool = True
    ) -> None:
        super().__init__(mss, initial_window, rtt, hystart=hystart)
        self._law = CubicLaw()

    def _avoid(self, packets: int, now: int) -> None:
        """Grow by a packet for as many acknowledged as the law says."""
        needed = self._law.needed(self.cwnd // self.mss, packets, now, self.rtt.minimum)
        self._count(packets, needed)

    def idle(self, gap: int, *, restart: bool) -> None:
        """Let the time of the cubic function stand still, besides what Reno does."""
        super().idle(gap, restart=restart)
        self._law.idle(gap)

    def lost(self) -> int | None:
        """Remember the window, less if it did not reach its former maximum."""
        self._law.lost(self.cwnd // self.mss)
        return super().lost()

    def expired(self) -> None:
        """Begin anew with one packet, and with nothing remembered."""
        super().expired()
        self._law.forget()
