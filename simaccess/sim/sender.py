"""One direction of a TCP connection: its sender.

What it puts on the path is in `simaccess.sim.transmission`, how many acknowledgements it takes at
once in `simaccess.sim.batches`; here is what lets packets go: messages, acknowledgements, timers.

A timer runs only while a packet is missing; otherwise the acknowledgements under way would set it
back. Sources: tail-loss probe, RFC 8985; RTO, RFC 6298.

Replay compiles the methods of all these classes as they stand (`simaccess.replay.translation`), and
tells by its name of which class something is: new attributes and containers go into
`simaccess.replay.wan_layout`, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NoReturn

from simaccess.sim.batches import Batches
from simaccess.sim.bottleneck import Bottleneck
from simaccess.sim.environment import TICKS_PER_SECOND, Environment
from simaccess.sim.host import Host
from simaccess.sim.kernel_clock import rings_after
from simaccess.sim.recovery import LEAST, RETRIES
from simaccess.sim.tcp import CongestionControl, Delivery
from simaccess.sim.train import Alarm, Message, Train

__all__ = ["Sender"]

_NEVER = 1 << 62
_TICKS = float(TICKS_PER_SECOND)  # so that no product outgrows 64 bits in a replay


class Sender(Batches):
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
        "_advances",
        "_backoff",
        "_covered",
        "_first",
        "_late_ack",
        "_probed",
        "_reordering",
        "_timer",
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
        super().__init__(
            env,
            path,
            back,
            control,
            receive_window=receive_window,
            idle_restart=idle_restart,
            rounds=rounds,
            host=host,
            losses=losses,
            jitter=jitter,
            lag=lag,
        )
        self.timeouts = 0
        self._covered = 0  # packets that an acknowledgement covers, as far as they are looked at
        self._advances = False  # whether one of them came in order
        self._first = 0  # when the first of them left
        self._probed = False
        self._backoff = 0
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
        rate = (self.delivered - train.delivered) * _TICKS / (now - train.since)
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
        elif self._backoff == RETRIES:
            self._give_up()
        else:
            self.timeouts += 1
            self._backoff += 1
            self._headway = now
            self.flight = recovery.expire(self.flight, self._number)
        self._send(now)

    def _give_up(self) -> NoReturn:
        """End the connection, because what it sends is lost time and again."""
        raise self._path.refusal()

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
