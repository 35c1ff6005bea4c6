"""How many acknowledgements a sender may take at once, and what they release.

Where nothing is lost and nobody else is due, a train of acknowledgements releases the next train at
once, and a transfer advances by rounds, in time independent of their size. Else the train is taken
packet by packet. Both give the same times, because a train is only ever taken up to the next event
in the queue.
"""

from __future__ import annotations

from simaccess.sim.round_trips import SAMPLES
from simaccess.sim.train import Train
from simaccess.sim.transmission import Transmission

__all__ = ["Batches"]

_NEVER = 1 << 62


class Batches(Transmission):
    """A sender's look ahead in the trains that it has under way."""

    __slots__ = ()

    def _batch(self, train: Train, bound: int) -> tuple[int, int]:
        """Return how many acknowledgements to take at once, and the packets that each releases.

        None of them ends a round, completes the samples of its delays, or finds the buffer full,
        a packet lost or anybody else on the way.
        """
        number = train.number
        rounds = self._round
        if number >= rounds.end or not self._whole or self._holes or self._lost:
            return 1, 0
        if self._recovery.missing or self._recovery.active:
            return 1, 0
        tau = self._tau
        count = min(train.count, 1 + max(0, bound - 1 - train.ack) // tau)
        count = min(count, rounds.end - number)
        until, look = self.control.quiet(train.ack)
        count = min(count, look, max(1, 1 + (until - train.ack) // tau))
        if len(rounds.sampling) == SAMPLES:
            eighth = rounds.sampling[-1][0]
            if number <= eighth:
                count = min(count, eighth - number + 1)
        if not self._pending:
            return min(count, max(1, self._steady())), 0
        if count == train.count and train.last < self._mss:
            count -= 1
        return self._release(train.ack, count) if count > 1 else (1, 0)

    def _steady(self) -> int:
        """Return how many acknowledgements may be taken before the window grows otherwise."""
        control = self.control
        short = control.ssthresh - control.cwnd
        if short > 0:
            return short // self._mss
        if not self._use.limited:
            return _NEVER
        return control.steady() + 1

    def _release(self, now: int, count: int) -> tuple[int, int]:
        control = self.control
        mss = self._mss
        window = self._receive_window
        limit = min(control.cwnd, window) - self.flight
        if not 0 <= limit < mss:
            return 1, 0
        group = 1
        use = self._use
        if self.flight + mss > control.cwnd:
            if not use.limited:
                return 1, 0
        else:  # the receive window is the limit: the sign of use changes when it is out of date
            count = min(count, use.end - (self._number - self.flight // mss))
        if control.cwnd < control.ssthresh and use.counted(control, 1):
            if control.cwnd + mss > window:
                return 1, 0
            count = min(count, (min(control.ssthresh, window) - control.cwnd) // mss)
            group = 2
        else:
            count = min(count, control.steady() + 1)
        count = min(count, self._pending[0].sending // (group * mss))
        count = min(count, (self._next_loss - self._number) // group)
        path = self._path
        tau = self._tau
        if self._host_free > now:
            return 1, 0
        path.room(now)
        if path.cross.next < now + count * tau:
            count = max(0, path.cross.next - now) // tau
        end = max(path.free, now) + group * count * tau
        if count < 2 or not path.fits(end, now + (count - 1) * tau + (group - 1) * self._apart):
            return 1, 0
        return count, group
