"""One direction of a TCP connection: its sender, and what the far end makes of it.

Packets that leave one behind the other are kept as a *train*: so many packets whose
acknowledgements come a packet's time apart. Where nothing is lost and nobody else is due, a train
of acknowledgements releases the next train at once, and a transfer advances by rounds, in time
independent of their size. Else the train is taken packet by packet. Both give the same times,
because a train is only ever taken up to the next event in the queue.

Loss is found as QUIC and RACK do, by the order of transmission: a packet is lost when three sent
after it are acknowledged, or a probe. A timer runs only while a packet is missing; otherwise the
acknowledgements under way would set it back.

Sources: PRR, RFC 6937; tail-loss probe and RACK, RFC 8985; RTO, RFC 6298.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from simaccess.sim.bottleneck import Bottleneck
from simaccess.sim.environment import TICKS_PER_SECOND, Environment
from simaccess.sim.tcp import CongestionControl
from simaccess.sim.train import Alarm, Hole, Message, Train

__all__ = ["Sender"]

_NEVER = 1 << 62
_PROBES = 8
"""Packets at the start of a round whose round-trip times are taken."""


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
    losses : iterator of int, optional
        Packets between one random loss and the next.
    jitter : iterator of int, optional
        Ticks that each packet takes longer.
    """

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
        losses: Iterator[int] | None = None,
        jitter: Iterator[int] | None = None,
    ) -> None:
        self.control = control
        self.rtt = control.rtt
        self.flight = 0
        self.delivered = 0
        self.congestion_events = self.retransmissions = self.timeouts = 0
        self._env = env
        self._path = path
        self._tau = path.packet
        self._mss = control.mss
        self._round_trip = path.delay + back
        self._receive_window = receive_window
        self._idle_restart = idle_restart
        self._whole = rounds and jitter is None and not control.paced
        self._losses = losses
        self._next_loss = next(losses) - 1 if losses is not None else _NEVER
        self._jitter = jitter
        self._pending: deque[Message] = deque()  # not all sent
        self._arriving: deque[Message] = deque()  # not all through
        self._in_order = 0  # when all before has arrived
        self._acks: deque[Train] = deque()
        self._number = 0  # of the next packet
        self._limited_until = 0  # packets before this were in flight while the window was full
        self._round_end = 0
        self._round_began = 0
        self._sampling: list[tuple[int, int]] = []  # packets of the round before, (number, left)
        self._samples: list[int] = []
        self._probes: list[tuple[int, int]] = []  # packets of this round
        self._progress = 0  # the last time that something left or came back
        self._holes: deque[Hole] = deque()  # lost, and not known to be
        self._lost: deque[Hole] = deque()  # known to be, and to be sent again
        self._missing = 0  # packets whose data is not there
        self._owed = 0  # of these, the ones that the recovery waits for
        self._recovering = False
        self._again = False
        self._recovery_from = 0
        self._recovery_flight = self._recovery_acked = self._recovery_sent = 0
        self._recovery_burst = 0  # what the latest acknowledgement covers
        self._probe = _NEVER  # the number of the last tail-loss probe
        self._probed = False
        self._backoff = 0
        self._next_send = 0
        self._delivered_at = 0
        self._out_of_data = 0
        self._ack_alarm = Alarm(env, number, self._take)
        self._timer = Alarm(env, number, self._expire)
        self._pace = Alarm(env, number, self._send)

    def send(self, message: Message, now: int) -> None:
        """Take one more message at its turn."""
        if self._acks and self._acks[0].ack <= now:
            self._settle(now)
        self._pending.append(message)
        self._arriving.append(message)
        self._send(now)

    # -- sending -------------------------------------------------------------------------------

    def _send(self, now: int) -> None:
        """Send what the window lets go, and see to it that acknowledgements are heard."""
        if not self.flight and not self._lost and self._pending:
            self._awake(now)
        control = self.control
        if self._recovering and not control.paced:
            room = self._recovery_room()
        else:
            window = min(self._receive_window, control.cwnd)
            room = window - self.flight
        self._fill(room, now)
        if self.flight + self._mss > control.cwnd:
            self._limited_until = self._number
        if self._acks and (
            self._pending or self._lost or self._holes or self._recovering or control.paced
        ):
            self._ack_alarm.set(self._acks[0].ack)
        if self._holes:
            self._timer.set(self._deadline())

    def _fill(self, room: int, now: int) -> None:
        paced = self.control.paced
        while self._lost or self._pending:
            if self._lost:
                size = self._lost[0].size
            else:
                message = self._pending[0]
                size = min(self._mss, message.sending)
            if size > room:
                return
            if paced:
                if now < self._next_send:
                    self._pace.set(self._next_send)
                    return
                self._next_send = now + self.control.gap(size)
            if self._lost:
                hole = self._lost.popleft()
                self._launch(hole.message, size, now, hole)
                self.retransmissions += 1
            elif self._whole and message.sending > size and room >= 2 * size:
                size = self._burst(message, room, now)
            else:
                self._new(message, size)
                self._launch(message, size, now, None)
            room -= size
            if self._recovering:
                self._recovery_sent += size
        self._out_of_data = self.delivered + self.flight

    def _new(self, message: Message, size: int) -> None:
        message.sending -= size
        if not message.sending:
            self._pending.popleft()

    def _burst(self, message: Message, room: int, now: int) -> int:
        """Send as many new packets of a message as fit, or lose one; return the bytes."""
        mss = self._mss
        size = message.sending if message.sending <= room else room // mss * mss
        count = -(-size // mss)
        fitting = min(count, self._path.room(now) // self._tau, self._next_loss - self._number)
        if fitting < count:
            size = max(fitting, 1) * mss
        self._new(message, size)
        if fitting < 1:
            self._launch(message, size, now, None)
        else:
            count = min(count, fitting)
            self._emit(message, count, size - (count - 1) * mss, now)
        return size

    def _emit(
        self,
        message: Message,
        count: int,
        last: int,
        first: int,
        *,
        group: int = 0,
        repairs: Hole | None = None,
    ) -> None:
        """Queue packets that fit and arrive: all at once, or `group` each packet's time."""
        path = self._path
        number = self._number
        start, end = path.carry(first, count, last, group=group, step=self._tau)
        arrival = end + path.delay
        ack = start + self._round_trip
        if self._jitter is not None:
            extra = next(self._jitter)
            arrival += extra
            ack += extra
            if self._acks and ack < self._acks[-1].ack:  # packets do not overtake
                ack = self._acks[-1].ack
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
            and tail.ack + tail.count * self._tau == ack
        ):
            tail.count += count
            tail.last = last
        else:
            train = Train(ack, number, count, last)
            train.repairs = repairs
            train.delivered = self.delivered
            train.since = self._delivered_at
            train.limited = bool(self._out_of_data > self.delivered)
            trains.append(train)
        probes = self._probes
        while len(probes) < _PROBES and number < self._number + count:
            sent = first + (number - self._number) // group * self._tau if group else first
            probes.append((number, sent))
            number += 1
        self._number += count
        self.flight += size
        last_sent = first + (count // group - 1) * self._tau if group else first
        if last_sent > self._progress:
            self._progress = last_sent
        self._arrive(message, size, arrival)

    def _launch(self, message: Message, size: int, now: int, hole: Hole | None) -> None:
        """Send one packet, which may get lost; `hole` if its data got lost before."""
        path = self._path
        fits = path.room(now) >= path.ticks[size + path.header]
        if fits and self._number != self._next_loss:
            self._emit(message, 1, size, now, repairs=hole)
            return
        if self._number == self._next_loss:
            assert self._losses is not None
            self._next_loss += next(self._losses)
            if fits:
                path.waste(now, size)
            if self._jitter is not None:
                next(self._jitter)
        original = self._number if hole is None else hole.original
        if hole is None:
            self._missing += 1
        self._holes.append(Hole(self._number, size, message, original))
        self._number += 1
        self.flight += size
        self._progress = max(self._progress, now)

    def _arrive(self, message: Message, size: int, arrival: int) -> None:
        """Note that bytes of a message arrive, and tell whoever has got all in order."""
        message.arriving -= size
        if arrival > message.arrival:
            message.arrival = arrival
        arriving = self._arriving
        while arriving and not arriving[0].arriving:
            message = arriving.popleft()
            if message.arrival > self._in_order:
                self._in_order = message.arrival
            message.notify(self._in_order)

    def _awake(self, now: int) -> None:
        """Begin a round after a time with nothing in flight."""
        if self._number:
            self.control.idle(now - self._progress, restart=self._idle_restart)
        self._round_end = self._number
        self._round_began = self._delivered_at = now
        self._probes = []
        self._sampling = []
        self._samples = []

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
        if acks and (self._pending or self._lost or self._holes or self._recovering):
            self._ack_alarm.set(acks[0].ack)

    def _acknowledge(self, train: Train, bound: int) -> None:
        """Take acknowledgements of a train, the first and such as come before `bound`."""
        now = train.ack
        number = train.number
        count, group = (1, 0) if train.count == 1 else self._batch(train, bound)
        size = count * self._mss
        whole = count == train.count
        if whole:
            size += train.last - self._mss
            self._acks.popleft()
        else:
            train.ack += count * self._tau
            train.number += count
            train.count -= count
        self.flight -= size
        self.delivered += size
        self._delivered_at = latest = now + (count - 1) * self._tau
        if latest > self._progress:
            self._progress = latest
        self._probed = False
        self._backoff = 0
        if number >= self._round_end:
            self._begin_round(now)
        limited = self._limited_until - number
        if limited > 0 and not self._recovering:
            self.control.acknowledged(size if limited >= count else limited * self._mss)
        if self._sampling:
            self._sample(now, number, count)
        if self.control.paced and now > train.since:
            rate = (self.delivered - train.delivered) * TICKS_PER_SECOND / (now - train.since)
            self.control.delivered(now, rate, limited=train.limited, flight=self.flight)
        if train.repairs is not None:
            self._repair(train.repairs, number)
        if self._holes or self._recovering:
            self._detect(number, now, size)
        if group:
            message = self._pending[0]
            self._new(message, group * count * self._mss)
            last = self._mss
            self._emit(message, group * count, last, now, group=group)
        if group or self._pending or self._lost:
            self._send(now + (count - 1) * self._tau)

    def _batch(self, train: Train, bound: int) -> tuple[int, int]:
        """Return how many acknowledgements to take at once, and the packets that each releases.

        None of them ends a round, completes the samples of its delays, or finds the buffer full,
        a packet lost or anybody else on the way.
        """
        number = train.number
        if number >= self._round_end or not self._whole or self._holes or self._lost:
            return 1, 0
        if self._recovering:
            return 1, 0
        tau = self._tau
        count = min(train.count, 1 + max(0, bound - 1 - train.ack) // tau)
        count = min(count, self._round_end - number)
        if len(self._sampling) == _PROBES:
            eighth = self._sampling[-1][0]
            if number <= eighth:
                count = min(count, eighth - number + 1)
        if not self._pending:
            return count, 0
        if count == train.count and train.last < self._mss:
            count -= 1
        return self._release(train.ack, count) if count > 1 else (1, 0)

    def _release(self, now: int, count: int) -> tuple[int, int]:
        control = self.control
        mss = self._mss
        window = self._receive_window
        limit = min(control.cwnd, window) - self.flight
        if not 0 <= limit < mss:
            return 1, 0
        group = 1
        growing = control.cwnd < control.ssthresh
        if growing and control.cwnd + mss <= window:
            growth = (min(control.ssthresh, window) - control.cwnd) // mss
            count = min(count, growth)
            group = 2
        elif growing and (control.cwnd < window or self._limited_until == self._number):
            return 1, 0
        count = min(count, self._pending[0].sending // (group * mss))
        count = min(count, (self._next_loss - self._number) // group)
        path = self._path
        tau = self._tau
        path.room(now)
        if path.cross.next < now + count * tau:
            count = max(0, path.cross.next - now) // tau
        end = max(path.free, now) + group * count * tau
        if count < 2 or not path.fits(end, now + (count - 1) * tau):
            return 1, 0
        return count, group

    def _begin_round(self, now: int) -> None:
        if not self._recovering:
            self.control.round(now, self._round_began)
        self._round_began = now
        self._round_end = self._number
        self._sampling = self._probes
        self._probes = []
        self._samples = []

    def _sample(self, now: int, number: int, count: int) -> None:
        """Take the round-trip times of a round's first packets."""
        sampling = self._sampling
        for taken, sent in sampling:
            if number <= taken < number + count:
                sample = now + (taken - number) * self._tau - sent
                if not self._samples:
                    self.rtt.sample(sample)
                elif sample < self.rtt.minimum:
                    self.rtt.minimum = sample
                self._samples.append(sample)
                if len(self._samples) == _PROBES:
                    self.control.delays(self._samples)

    # -- losses --------------------------------------------------------------------------------

    def _detect(self, number: int, now: int, size: int) -> None:
        """See which packets an acknowledgement shows to be lost."""
        holes = self._holes
        fresh = False
        while holes and (holes[0].number + 3 <= number or holes[0].number < self._probe <= number):
            hole = holes.popleft()
            fresh = fresh or hole.number >= self._recovery_from
            self._lost.append(hole)
            self.flight -= hole.size
        self._recovery_acked += size
        self._recovery_burst = size
        if fresh and self._recovering:
            self._again = True
        elif fresh:
            self._recover()
        while self._recovering and not self._owed:
            self._recovering = False
            self.control.recovered(now)
            if self._again:
                self._again = False
                self._recover()

    def _repair(self, hole: Hole, number: int) -> None:
        """Note that lost data has arrived."""
        self._missing -= 1
        if hole.original < self._recovery_from:
            self._owed -= 1
        elif number == self._probe and not self._recovering:
            self._recover()  # a loss that the probe has mended counts as well

    def _recover(self) -> None:
        """Reduce the window once for everything that is in flight now."""
        self.congestion_events += 1
        self._recovery_flight = max(self.flight + sum(hole.size for hole in self._lost), self._mss)
        if self.control.lost() is None:
            self._recovery_from = self._number
            return
        self._recovering = True
        self._recovery_from = self._number
        self._recovery_acked = self._recovery_sent = 0
        self._recovery_burst = self._mss
        self._owed = self._missing

    def _recovery_room(self) -> int:
        """Return the bytes that proportional rate reduction lets go now (RFC 6937)."""
        threshold = self.control.ssthresh
        if self.flight > threshold:
            room = -(-self._recovery_acked * threshold // self._recovery_flight)
            room -= self._recovery_sent
        else:
            owed = max(self._recovery_acked - self._recovery_sent, self._recovery_burst)
            room = min(threshold - self.flight, owed + self._mss)
        if not self._recovery_sent:  # the fast retransmit itself
            room = max(room, self._mss)
        return room

    def _deadline(self) -> int:
        if not self._probed:
            return self._progress + 2 * self.rtt.smoothed
        return self._progress + (self.rtt.timeout << min(self._backoff, 6))

    def _expire(self, now: int) -> None:
        """Send a tail-loss probe, or take everything for lost."""
        if not self._holes:
            return
        deadline = self._deadline()
        if deadline > now:
            self._timer.set(deadline)
            return
        if not self._probed:
            self._probed = True
            hole = self._holes.pop()
            self.flight -= hole.size
            self._probe = self._number
            self.retransmissions += 1
            self._launch(hole.message, hole.size, now, hole)
        else:
            self.timeouts += 1
            self._backoff += 1
            self.control.expired()
            self._recovering = self._again = False
            self._recovery_from = self._number
            while self._holes:
                hole = self._holes.popleft()
                self.flight -= hole.size
                self._lost.append(hole)
        self._send(now)
