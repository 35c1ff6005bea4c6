"""One direction of a TCP connection: its sender.

Packets that leave one behind the other are kept as a *train*: so many packets whose
acknowledgements come a packet's time apart. Where nothing is lost and nobody else is due, a train
of acknowledgements releases the next train at once, and a transfer advances by rounds, in time
independent of their size. Else the train is taken packet by packet. Both give the same times,
because a train is only ever taken up to the next event in the queue.

A timer runs only while a packet is missing; otherwise the acknowledgements under way would set it
back. Sources: tail-loss probe, RFC 8985; RTO, RFC 6298.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from simaccess.sim.bottleneck import Bottleneck
from simaccess.sim.bursts import LARGEST
from simaccess.sim.delayed_acks import DelayedAcks
from simaccess.sim.environment import TICKS_PER_SECOND, Environment
from simaccess.sim.host import Bursts, Host
from simaccess.sim.kernel_clock import rings_after
from simaccess.sim.outbox import Outbox
from simaccess.sim.receiver import Gaps, Receiver
from simaccess.sim.recovery import LEAST, Recovery
from simaccess.sim.round_trips import SAMPLES, RoundTrips
from simaccess.sim.tcp import CongestionControl, Delivery
from simaccess.sim.train import Alarm, Hole, Message, Parcel, Train
from simaccess.sim.window_use import WindowUse

__all__ = ["Sender"]

_NEVER = 1 << 62


class Sender:
    """Sends messages through a bottleneck as TCP lets it.

    Parameters
    ----------
    env : Environment
        The simulation.
    number : int
        Rank of its events within an instant.
    path : Bottleneck
        The direction in which it sends.
    back : int
        Ticks from the arrival of a packet to that of its acknowledgement.
    control : CongestionControl
        The state of its congestion control.
    receive_window : int
        Bytes that the receiver lets it have in flight.
    idle_restart : bool
        Whether silence shrinks the window.
    rounds : bool
        Whether trains are taken whole where that is exact.
    host : Host
        What the hosts add.
    losses : iterator of int, optional
        Packets between one random loss and the next.
    jitter : iterator of int, optional
        Ticks that each packet takes longer.
    lag : int
        Ticks from when the other end has been heard to the message that answers it.
    """

    __slots__ = (
        "__dict__",  # for whoever watches a method of one sender, as tests do
        "_ack_alarm",
        "_acks",
        "_advances",
        "_apart",
        "_backoff",
        "_burst_left",
        "_bursts",
        "_covered",
        "_delayed",
        "_delivered_at",
        "_env",
        "_first",
        "_gaps",
        "_headway",
        "_holes",
        "_host_free",
        "_idle_restart",
        "_jitter",
        "_lag",
        "_late_ack",
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
        "_probed",
        "_progress",
        "_receive_window",
        "_receiver",
        "_recovery",
        "_reordering",
        "_round",
        "_round_trip",
        "_tau",
        "_timer",
        "_use",
        "_whole",
        "control",
        "delivered",
        "flight",
        "retransmissions",
        "rtt",
        "timeouts",
    )

    def __init__(
        self,
        env: Environment,
        number: int,
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
        self.retransmissions = self.timeouts = 0
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
        self._covered = 0  # packets that an acknowledgement covers, as far as they are looked at
        self._advances = False  # whether one of them came in order
        self._first = 0  # when the first of them left
        self._recovery = Recovery(control)
        self._holes = self._recovery.holes
        self._lost = self._recovery.lost
        self._probed = False
        self._backoff = 0
        self._next_send = 0
        self._burst_left = 0  # bytes of a paced burst that is leaving
        self._delivered_at = 0
        self._out_of_data = 0
        self._ack_alarm = Alarm(env, number, self._take)
        self._timer = Alarm(env, number, self._expire)
        self._late_ack = Alarm(env, number, self._take)
        self._pace = Alarm(env, number, self._send)
        self._reordering = Alarm(env, number, self._overdue)

    @property
    def congestion_events(self) -> int:
        """How often losses were to reduce the window."""
        return self._recovery.events

    def send(self, message: Message, now: int) -> None:
        """Take one more message at its turn."""
        if self._delayed is not None and self._number:
            self._settle(now - self._lag)
            self._delayed.sends(now - self._lag, now)
        if self._acks and self._acks[0].ack <= now:
            self._settle(now)
        if not self._pending and not self._lost and self.flight < self.control.cwnd:
            # As Linux: whoever writes now may have kept the sender waiting.
            self._out_of_data = self.delivered + self.flight or self._mss
        self._pending.append(message)
        self._receiver.expect(message)
        self._send(now)

    # -- sending -------------------------------------------------------------------------------

    def _send(self, now: int) -> None:
        """Send what the window lets go, and see to it that acknowledgements are heard."""
        if not self.flight and not self._lost and self._pending:
            self._awake(now)
        control = self.control
        room = min(self._receive_window, control.cwnd) - self.flight
        held = self._fill(room, now) and control.cwnd <= self._receive_window
        self._use.note(control, self.flight, self._number, held=held)
        if self._acks and (
            self._pending or self._lost or self._holes or self._recovery.active or control.paced
        ):
            self._listen()
        if self._holes:
            self._timer.set(self._deadline())

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
        tail = trains[-1] if trains else None
        if (
            self._whole
            and repairs is None
            and tail is not None
            and tail.last == self._mss
            and tail.repairs is None
            and tail.number + tail.count == number
            and tail.goes_on(number, count, left, group)
            and tail.ack + tail.count * tau == ack
        ):
            tail.count += count
            tail.last = last
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

    def _awake(self, now: int) -> None:
        """Begin a round after a time with nothing in flight."""
        if self._number:
            self.control.idle(now - self._left, restart=self._idle_restart)
        self._headway = now
        self._delivered_at = now
        self._round.awake(self._number, now)

    # -- acknowledgements ----------------------------------------------------------------------

    def _settle(self, now: int) -> None:
        """Take the acknowledgements that have come by `now`."""
        while self._acks and self._acks[0].ack <= now:
            self._acknowledge(self._acks[0], now + 1)

    def _take(self, now: int) -> None:
        """Take acknowledgements while they release something and nothing else is due before."""
        acks = self._acks
        env = self._env
        while acks:
            time = acks[0].ack
            due = env.peek()
            if time > now and (time >= due or not (self._pending or self._lost)):
                break
            self._acknowledge(acks[0], max(now + 1, int(min(due, _NEVER))))
        if acks and (self._pending or self._lost or self._holes or self._recovery.active):
            self._listen()

    def _listen(self) -> None:
        """See to it that the next acknowledgement is heard."""
        first = self._acks[0]
        late = self._delayed is not None and self._delayed.open
        (self._late_ack if late else self._ack_alarm).set(first.ack)

    def _acknowledge(self, train: Train, bound: int) -> None:
        """Take acknowledgements of a train, the first and such as come before `bound`."""
        recovery = self._recovery
        lost = len(self._lost)
        if self._delayed is not None:
            self._first = train.left(train.number)
        while train.joined:
            self._cover(train, train.number, train.ack, 1)
            self._delivered_at = train.ack
            if self.control.paced and train.ack > train.since:
                self._rate(train, train.ack, 0)
            train = self._acks[0]
        now = train.ack
        number = train.number
        count, group = (1, 0) if train.count == 1 else self._batch(train, bound)
        latest = now + (count - 1) * self._tau
        self._cover(train, number, now, count)
        if latest > self._progress:
            self._progress = latest
        self._delivered_at = latest
        if recovery.covered:
            self._detect(train, number, now)
        if self._delayed is not None and train.repairs is None:
            self.rtt.smooth(now - self._first)
        if self._advances and not recovery.active:
            self._grow(now, latest, self._covered)
        self._covered = 0
        self._advances = False
        if self.control.paced and now > train.since:
            self._rate(train, now, len(self._lost) - lost)
        if group:
            message = self._pending[0]
            self._outbox.take(group * count * self._mss)
            self._emit(message, group * count, self._mss, now, group=group)
        if group or self._pending or self._lost:
            self._send(latest)

    def _cover(self, train: Train, number: int, now: int, count: int) -> None:
        """Take note of packets that an acknowledgement covers: the first ones of a train."""
        recovery = self._recovery
        size = count * self._mss
        if count == train.count:
            self._acks.popleft()
            if self._delayed is not None:
                self._delayed.took(train)
        else:
            train.ack += count * self._tau
            train.number += count
            train.count -= count
        self.flight -= size
        self.delivered += size
        self._covered += count
        if train.advances:
            self._advances = True
            self._headway = now + (count - 1) * self._tau
            self._probed = False
            self._backoff = 0
            if number > recovery.probe:
                recovery.mended(now)
        rounds = self._round
        if number >= rounds.end:
            if self.control.paced or not recovery.active:
                self.control.round(now, rounds.began)
            rounds.begin(self._number, now)
        if rounds.sampling:
            rounds.sample(now, number, count)
        if recovery.missing:
            recovery.cover(train)

    def _rate(self, train: Train, now: int, lost: int) -> None:
        """Tell a paced sender's control at what rate data is delivered."""
        rate = (self.delivered - train.delivered) * TICKS_PER_SECOND / (now - train.since)
        recovering = self._recovery.active
        sample = Delivery(rate, train.limited, self.flight, lost, recovering)
        self.control.delivered(now, sample)

    def _detect(self, train: Train, number: int, now: int) -> None:
        """See what an acknowledgement tells of packets that are missing."""
        recovery = self._recovery
        active = recovery.active
        left = train.left(number)
        self.flight = recovery.detect(number, left, now, self.flight, self._number)
        if recovery.active and not active and self.control.paced:
            self._round.begin(self._number, now)
        if recovery.late:
            self._reordering.set(recovery.late)

    def _grow(self, now: int, latest: int, count: int) -> None:
        """Let the window grow by acknowledged packets, as far as it was the limit."""
        control = self.control
        control.train(now, latest)
        counted = self._use.counted(control, count)
        if counted:
            control.acknowledged(counted * self._mss, now)

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

    # -- the timer -----------------------------------------------------------------------------

    def _deadline(self) -> int:
        timeout = rings_after(self.rtt.timeout)
        if not self._probed and self._recovery.calm:
            # The receiver may delay a lone packet's acknowledgement that long (RFC 8985, 7.2).
            alone = self.flight <= self._mss
            probe = timeout if alone else rings_after(2 * self.rtt.smoothed, LEAST)
            return self._progress + min(probe, timeout)
        return self._headway + rings_after(self.rtt.timeout << min(self._backoff, 6))

    def _overdue(self, now: int) -> None:
        """Take for lost what should have been acknowledged if it had only been overtaken."""
        late = self._recovery.late
        if not late:
            return
        if late > now:
            self._reordering.set(late)
            return
        self.flight = self._recovery.overdue(self.flight, self._number)
        self._send(now)

    def _expire(self, now: int) -> None:
        """Send a tail-loss probe, or take everything for lost."""
        if not self._holes:
            return
        deadline = self._deadline()
        if deadline > now:
            self._timer.set(deadline)
            return
        recovery = self._recovery
        if not self._probed and recovery.calm:
            self._probe(now)
        else:
            self.timeouts += 1
            self._backoff += 1
            self._headway = now
            self.flight = recovery.expire(self.flight, self._number)
        self._send(now)

    def _probe(self, now: int) -> None:
        """Send a tail-loss probe: new data if there is any, else the last packet once more."""
        self._probed = True
        self._headway = now
        if self._pending:
            size = self._outbox.waiting(self._mss)
            self._launch(self._outbox.take(size), size, now, None)
            return
        hole = self._holes.pop()
        self.flight -= self._mss
        self._recovery.probe = self._number
        self.retransmissions += 1
        self._launch(hole.message, hole.size, now, hole)
