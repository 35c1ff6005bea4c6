"""A lossless WAN packet by packet in plain SimPy, by the rules in docs/models.md.

It takes nothing from `simaccess`: every packet has an event for its acknowledgement, every request
one for its arrival, and nothing is looked ahead of. What it leaves out must be off in what is
compared with it: losses and full buffers, jitter, other traffic, HyStart, the window's shrinking in
silence, what the hosts add, bbr.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any

import simpy
from simpy.events import EventPriority

__all__ = ["Figures", "Packets"]

Event = simpy.Event
Steps = Generator[Event, Any, None]

_FIRST_AGENT = 2
_CONNECTIONS = 1 << 20
"""Connections come after every agent of an instant, in the order in which they were attached."""


@dataclass(frozen=True)
class Figures:
    """Times in ticks, sizes in bytes, windows in packets."""

    delay: int
    """From a bottleneck to the other end."""
    byte: int
    mtu: int
    header: int
    request: int
    reply: int
    issue: int
    service: int
    handshake: int
    connections: int
    initial: int
    receive_window: int

    @property
    def mss(self) -> int:
        return self.mtu - self.header


@dataclass
class Direction:
    """The queue that everybody's packets in one direction go through."""

    free: int = 0
    waited: int = 0


@dataclass
class Message:
    """Bytes of a stream, and whoever is told when the last of them arrives."""

    left: int
    arrives: Callable[[int], object]


class Half:
    """One sender of a connection: slow start, and Linux' rule of when the window was the limit."""

    def __init__(self, model: Packets, rank: int, queue: Direction) -> None:
        self.model = model
        self.rank = rank
        self.queue = queue
        self.window = model.figures.initial  # packets, like all of these
        self.flight = self.sent = 0
        self.limited = False
        self.peak = 0
        self.known_until = 0
        self.messages: deque[Message] = deque()
        self.acknowledgements: deque[int] = deque()

    def send(self, message: Message) -> None:
        self.hear()
        self.messages.append(message)
        self.fill()

    def hear(self) -> None:
        """Take the acknowledgements that have come by now."""
        while self.acknowledgements and self.acknowledgements[0] <= self.model.env.now:
            self.acknowledgements.popleft()
            self.flight -= 1
            if self.limited or self.window < 2 * self.peak:
                self.window += 1
            if self.messages:
                self.fill()

    def fill(self) -> None:
        figures = self.model.figures
        most = min(self.window, figures.receive_window // figures.mss)
        before = self.sent
        while self.messages and self.flight < most:
            self.packet()
        full = self.flight >= self.window
        if self.sent == before and not full:
            return
        acknowledged = self.sent - self.flight
        outgrown = not self.limited and self.flight > self.peak
        if full or acknowledged >= self.known_until or outgrown:
            self.limited, self.peak, self.known_until = full, self.flight, self.sent

    def packet(self) -> None:
        """Send as much of the stream as a packet holds."""
        figures, now = self.model.figures, int(self.model.env.now)
        size, ended = 0, []
        while self.messages and size < figures.mss:
            message = self.messages[0]
            share = min(message.left, figures.mss - size)
            message.left -= share
            size += share
            if not message.left:
                ended.append(self.messages.popleft())
        start = max(now, self.queue.free)
        self.queue.waited += start - now
        self.queue.free = start + (size + figures.header) * figures.byte
        self.sent += 1
        self.flight += 1
        heard = start + 2 * figures.delay
        self.acknowledgements.append(heard)
        self.model.later(heard, self.rank, self.hear)
        for message in ended:
            message.arrives(self.queue.free + figures.delay)


class Connection:
    """A sender at either end, and the requests that they carry."""

    def __init__(self, model: Packets, rank: int) -> None:
        self.model = model
        self.rank = rank
        self.up = Half(model, rank, model.up)
        self.down = Half(model, rank, model.down)
        self.opens: int | None = None
        self.under_way: list[tuple[Event, int]] = []

    def outstanding(self) -> int:
        now = self.model.env.now
        return sum(
            size for end, size in self.under_way if not end.triggered or (end.value or 0) > now
        )

    def ask(self, upload: int, response: int) -> Event:
        """Send a request; the event tells, as soon as it is known, when the response is there."""
        model, figures = self.model, self.model.figures
        ended = Event(model.env)
        self.under_way.append((ended, upload + response))

        def asked() -> None:
            self.up.send(Message(upload, reached))

        def reached(time: int) -> None:
            model.later(time + figures.service, self.rank, answered)

        def answered() -> None:
            self.down.send(Message(response, ended.succeed))

        if self.opens is None:
            self.opens = int(model.env.now) + figures.handshake * 2 * figures.delay
        if model.env.now < self.opens:
            model.later(self.opens, self.rank, asked)
        else:
            asked()
        return ended


class Packets:
    """Users who share both directions of a path; each does the steps of `tests.sim.wan.Run`.

    `times` tells when each step of each user was done.
    """

    def __init__(self, figures: Figures, users: Sequence[Sequence[tuple[str, int]]]) -> None:
        self.env = simpy.Environment()
        self.figures = figures
        self.up, self.down = Direction(), Direction()
        self.connections: list[Connection] = []
        self.times: list[list[int]] = []
        for number, steps in enumerate(users):
            mine = [
                Connection(self, _CONNECTIONS + number * figures.connections + index)
                for index in range(figures.connections)
            ]
            self.connections += mine
            self.times.append([])
            self.env.process(self.user(_FIRST_AGENT + number, steps, mine, self.times[-1]))
        self.env.run()

    def at(self, time: int, rank: int) -> Event:
        event = Event(self.env)
        event._ok = True
        event._value = None
        self.env.schedule(event, EventPriority(rank), time - self.env.now)
        return event

    def later(self, time: int, rank: int, act: Callable[[], None]) -> None:
        event = self.at(time, rank)
        assert event.callbacks is not None
        event.callbacks.append(lambda _: act())

    def user(
        self,
        rank: int,
        steps: Sequence[tuple[str, int]],
        connections: list[Connection],
        times: list[int],
    ) -> Steps:
        figures = self.figures
        started: list[Event] = []
        yield self.at(0, rank)
        for name, amount in steps:
            waited_for = None
            if name == "work":
                yield self.at(int(self.env.now) + amount, rank)
            elif name == "await":
                waited_for = started[-amount] if amount <= len(started) else None
            else:
                yield self.at(int(self.env.now) + figures.issue, rank)
                asks = figures.request - figures.header
                reads = name in ("load", "fetch")
                connection = min(connections, key=Connection.outstanding)
                request = connection.ask(
                    asks if reads else asks + amount,
                    amount if reads else figures.reply - figures.header,
                )
                if name in ("fetch", "flush"):
                    started.append(request)
                else:
                    waited_for = request
            if waited_for is not None:
                end: Any = waited_for.value if waited_for.triggered else (yield waited_for)
                yield self.at(max(end, int(self.env.now)), rank)
            times.append(int(self.env.now))
