"""What a sender puts on its path: packets of messages, in trains, at once or paced.

Packets that leave one behind the other are kept as a *train*: so many packets whose
acknowledgements come a packet's time apart (`simaccess.sim.batches` says when one is taken whole).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from simaccess.sim.bottleneck import Bottleneck
from simaccess.sim.bursts import LARGEST
from simaccess.sim.delayed_acks import DelayedAcks
from simaccess.sim.environment import TICKS_PER_SECOND, Environment
from simaccess.sim.host import Bursts, Host
from simaccess.sim.outbox import Outbox
from simaccess.sim.receiver import Gaps, Receiver
from simaccess.sim.recovery import Recovery
from simaccess.sim.round_trips import RoundTrips
from simaccess.sim.tcp import CongestionControl
from simaccess.sim.train import Alarm, Hole, Message, Parcel, Train
from simaccess.sim.window_use import WindowUse

__all__ = ["Transmission"]

_NEVER = 1 << 62


class Transmission:
    """The sending half of a sender.

    Parameters
    ----------
    As for `simaccess.sim.sender.Sender`, without its rank.
    """

    __slots__ = (
        "_acks",
        "_apart",
        "_burst_left",
        "_bursts",
        "_delayed",
        "_delivered_at",
        "_env",
        "_gaps",
        "_headway",
        "_holes",
        "_host_free",
        "_idle_restart",
        "_jitter",
        "_lag",
        "_left",
        "_losses",
        "_lost",
        "_mss",
        "_next_loss",
        "_next_send",
        "_number",
        "_out_of_data",
        "_outbox",
        "_pace",
        "_path",
        "_pending",
        "_progress",
        "_receive_window",
        "_receiver",
        "_recovery",
        "_round",
        "_round_trip",
        "_tau",
        "_use",
        "_whole",
        "control",
        "delivered",
        "flight",
        "retransmissions",
        "rtt",
    )

    _pace: Alarm

    def __init__(
        self,
        env: Environment,
        path: Bottleneck,
        back: int,
        control: CongestionControl,
        *,
        receive_window: int,
        idle_restart: bool = True,
        rounds: bool = True,
        host: Host = Host(),  # noqa: B008  # immutable
        losses: Iterator[int] | None = None,
        jitter: Iterator[int] | None = None,
        lag: int = 0,
    ) -> None:
        self.control = control
        self.rtt = control.rtt
        self.flight = 0
        self.delivered = 0
        self.retransmissions = 0
        self._env = env
        self._path = path
        self._tau = path.packet
        self._mss = control.mss
        self._round_trip = path.delay + back
        self._receive_window = receive_window
        self._idle_restart = idle_restart
        self._whole = (
            rounds
            and jitter is None
            and not (control.paced or host.delayed_ack or host.offload)
            and 2 * host.time <= path.packet
        )
        self._apart = host.time
        self._host_free = 0  # from when the host can take the next packet
        self._bursts = Bursts(control, receive_window) if host.offload else None
        self._gaps = Gaps()
        self._losses = losses
        self._next_loss = next(losses) - 1 if losses is not None else _NEVER
        self._jitter = jitter
        self._outbox = Outbox()
        self._pending = self._outbox.messages
        self._receiver = Receiver()
        self._acks: deque[Train] = deque()
        self._delayed = (
            DelayedAcks(self._acks, back, self._round_trip) if host.delayed_ack else None
        )
        self._lag = lag
        self._number = 0  # of the next packet
        self._use = WindowUse()
        self._round = RoundTrips(control, path.packet, smooth=not host.delayed_ack)
        self._progress = 0  # the last time that something left or came back
        self._headway = 0  # the last time that the first packet in flight left or came to be it
        self._left = -TICKS_PER_SECOND  # the last time that something left
        self._recovery = Recovery(control)
        self._holes = self._recovery.holes
        self._lost = self._recovery.lost
        self._next_send = 0
        self._burst_left = 0  # bytes of a paced burst that is leaving
        self._delivered_at = 0
        self._out_of_data = 0

    def _fill(self, room: int, now: int) -> bool:
        """Send what fits; return whether the rest waits to make a burst whole."""
        paced = self.control.paced
        burst = 0  # packets that are still to leave
        while self._lost or self._pending:
            count = 1
            if self._lost:
                size = self._lost[0].size
            else:
                message = self._pending[0]
                size = self._outbox.packet(self._mss)
            if self._mss > room:  # a short packet counts as a full one
                return False
            if paced:
                if self._burst_left <= 0 and not self._paced(room, now):
                    return False
                self._burst_left -= size
            if self._lost:
                self._repeat(now)
            elif self._bursts is not None and not paced and not self._recovery.active:
                burst = burst or self._hand_down(message, room, now)
                if not burst:
                    return True
                burst -= 1
                self._launch(self._outbox.take(size), size, now, None)
            elif self._whole and message.sending > size and room >= 2 * size:
                count = self._burst(message, room, now)
            else:
                self._launch(self._outbox.take(size), size, now, None)
            room -= count * self._mss
            if self._recovery.active:
                self._recovery.sent += count
        return False

    def _repeat(self, now: int) -> None:
        """Send the first lost packet again."""
        hole = self._lost.popleft()
        if hole.original == self._gaps.missing[0]:
            self._headway = now
        self._launch(hole.message, hole.size, now, hole)
        self.retransmissions += 1

    def _hand_down(self, message: Message, room: int, now: int) -> int:
        """Return the packets of the next burst, 0 to wait."""
        bursts = self._bursts
        assert bursts is not None
        waiting = self._outbox.waiting(LARGEST)
        oldest = self._oldest()
        return bursts.packets(message, waiting, room, now, oldest=oldest, latest=self._left)

    def _oldest(self) -> int | None:
        """Return when the oldest packet in flight left."""
        acks = self._acks
        left = acks[0].left(acks[0].number) if acks else None
        if self._holes and (left is None or self._holes[0].left < left):
            return self._holes[0].left
        return left

    def _paced(self, room: int, now: int) -> bool:
        """Begin a burst, or wait for its time."""
        if now < self._next_send:
            self._pace.set(self._next_send)
            return False
        left = len(self._lost) * self._mss if self._lost else self._outbox.waiting(room)
        self._burst_left, self._next_send = self.control.burst(
            min(left, room), now, self._next_send
        )
        return True

    def _burst(self, message: Message, room: int, now: int) -> int:
        """Send as many new packets of a message as fit, or lose one; return how many."""
        mss = self._mss
        count = min(self._outbox.packets(mss), room // mss)
        size = min(message.sending, count * mss)
        fitting = min(count, self._fitting(now), self._next_loss - self._number)
        if fitting < count:
            size = max(fitting, 1) * mss
        self._outbox.take(size)
        if fitting < 1:
            self._launch(message, size, now, None)
            return 1
        count = min(count, fitting)
        self._emit(message, count, size - (count - 1) * mss, now)
        return count

    def _fitting(self, now: int) -> int:
        """Return the packets that find room in the buffer if they all are sent now."""
        path, apart = self._path, self._apart
        first = max(now, self._host_free)
        spare = path.room(first) - self._tau
        if spare < 0:
            return 0
        fitting = 1 + spare // (self._tau - apart)
        return min(fitting, 1 + (path.cross.next - 1 - first) // apart) if apart else fitting

    def _emit(
        self,
        message: Message | Parcel,
        count: int,
        last: int,
        left: int,
        *,
        group: int = 0,
        repairs: Hole | None = None,
    ) -> None:
        """Queue packets that fit and arrive: all sent at once, or `group` each packet's time."""
        path = self._path
        number = self._number
        tau = self._tau
        first = max(left, self._host_free)
        start, end = path.carry(first, count, last, group=group, step=tau, apart=self._apart)
        last_left = left + (count // group - 1) * tau if group else left
        self._host_free = first + last_left - left + (group or count) * self._apart
        arrival = end + path.delay
        ack = start + self._round_trip
        if self._jitter is not None:
            extra = next(self._jitter)
            arrival += extra
            ack += extra
            if self._acks and ack < self._acks[-1].due:  # packets do not overtake
                ack = self._acks[-1].due
        size = (count - 1) * self._mss + last
        trains = self._acks
        if (
            self._whole
            and repairs is None
            and trains
            and trains[-1].continues(ack, number, count, left=left, group=group, full=self._mss)
        ):
            trains[-1].count += count
            trains[-1].last = last
        else:
            train = Train(ack, number, count, last, left=left, group=group, step=tau)
            train.repairs = repairs
            train.delivered = self.delivered
            train.since = self._delivered_at
            train.limited = self._out_of_data >= self.delivered
            trains.append(train)
            if self._gaps.missing:
                self._gaps.come(train)
            if self._delayed is not None:
                self._delayed.arrive(train, arrival, self._gaps)
        self._round.mark(number, count, left, group)
        self._number += count
        self.flight += count * self._mss
        if last_left > self._progress:
            self._progress = last_left
        self._left = last_left
        self._receiver.arrive(message, size, arrival)

    def _launch(self, message: Message | Parcel, size: int, now: int, hole: Hole | None) -> None:
        """Send one packet, which may get lost; `hole` if its data got lost before."""
        path = self._path
        first = max(now, self._host_free)
        fits = path.room(first) >= path.ticks[size + path.header]
        if fits and self._number != self._next_loss:
            self._emit(message, 1, size, now, repairs=hole)
            return
        if self._number == self._next_loss:
            assert self._losses is not None
            self._next_loss += next(self._losses)
            if fits:
                path.waste(first, size)
            if self._jitter is not None:
                next(self._jitter)
        self._host_free = first + self._apart
        original = self._number if hole is None else hole.original
        if hole is None:
            self._recovery.missing += 1
        self._gaps.lose(original)
        self._holes.append(Hole(self._number, size, message, original, now))
        self._number += 1
        self.flight += self._mss
        self._progress = max(self._progress, now)
        self._left = now
