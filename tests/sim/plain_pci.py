"""A PCI bus in plain SimPy: a process for each processor and transfer, an event a data phase.

Nothing of simaccess's engine or arithmetic is used but the figures. Where several things fall into
one instant they come in this order: processors by their numbers, ends of data, the engine's stages;
then on the bus the end of a tenure, masters that go on, those that ask anew, and data phases.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any, Final

import simpy
from simpy.events import EventPriority

from simaccess.sim.pci_bus import PciParameters
from simaccess.sim.pci_parameters import TargetSection

Event = simpy.Event
Steps = Generator[Event, Any, None]
Action = tuple[str, int, int]
"""("work", ns, 0), ("load" | "store" | "fetch" | "flush", offset, bytes), or ("await", which of
those in flight, 0)."""

NS: Final = 1000
FIRST: Final = 2  # the number of the first processor
ENDED, STAGE, FREE, GOES_ON, ASKS, PHASE, EXPIRED = range(1 << 40, (1 << 40) + 7)
HOST, DEVICE, ENGINE = range(3)


@dataclass(eq=False)
class Work:
    """Bytes that a master has to move."""

    home: int
    target: TargetSection
    read: bool
    at: int
    left: int
    limit: int  # bytes of a burst that the master asks for; 0 for no such limit
    ended: Event
    payload: bool = True
    asked: bool = False  # a delayed read has been asked for
    master: int = field(init=False)

    def __post_init__(self) -> None:
        self.master = self.home


class Clockwork:
    """SimPy's environment with events at a time and a priority."""

    def __init__(self) -> None:
        self.env = simpy.Environment()

    @property
    def now(self) -> int:
        return int(self.env.now)

    def at(self, time: int, priority: int) -> Event:
        event = Event(self.env)
        event._ok = True
        event._value = None
        self.env.schedule(event, EventPriority(priority), time - self.env.now)
        return event

    def call(self, time: int, priority: int, what: Callable[..., object], *values: Any) -> None:
        def act(_: Event) -> None:
            what(*values)

        event = self.at(time, priority)
        assert event.callbacks is not None
        event.callbacks.append(act)


class Bus:
    """The arbiter and the wires."""

    def __init__(self, clockwork: Clockwork, figures: PciParameters) -> None:
        self.clockwork = clockwork
        self.bus = figures.bus
        self.clock = round(1e12 / figures.bus.clock)
        self.ready: list[deque[Work]] = [deque() for _ in range(3)]
        self.resting = [False] * 3
        self.idle = True
        self.last = HOST
        self.moved = {True: 0, False: 0}
        self.busy = 0

    def ask(self, work: Work) -> None:
        time = self.clockwork.now + self.bus.arbitration * self.clock
        self.clockwork.call(time, ASKS, self.come, work)

    def come(self, work: Work) -> None:
        self.ready[work.master].append(work)
        if self.idle and not self.resting[work.master]:
            self.grant(work.master)

    def rested(self, master: int) -> None:
        self.resting[master] = False
        if self.idle and self.ready[master]:
            self.grant(master)

    def wanted(self, but: int | None = None) -> list[int]:
        order = [(self.last + step) % 3 for step in (1, 2, 3)]
        return [m for m in order if m != but and self.ready[m] and not self.resting[m]]

    def grant(self, master: int) -> None:
        self.idle = False
        self.last = master
        self.clockwork.env.process(self.tenure(self.ready[master].popleft()))

    def tenure(self, work: Work) -> Steps:
        target, clock, at = work.target, self.clock, self.clockwork.at
        begin = now = self.clockwork.now
        if delayed := work.read and target.delayed and not work.asked:
            now += (1 + target.devsel + self.bus.split + 1) * clock  # address, attributes, idle
        else:
            now += (target.read_latency if work.read else target.write_latency) * clock
            # The first data phase is not taken back.
            burst, phases = self.burst(work), 0
            while burst:
                yield at(now, PHASE)
                if phases and self.stops(work, now - begin):
                    break
                size = min(burst, self.bus.width - work.at % self.bus.width)
                work.at += size
                work.left -= size
                burst -= size
                phases += 1
                now += clock
                self.moved[work.payload] += size
                if not work.left:
                    self.clockwork.call(now, ENDED, work.ended.succeed)
            now += self.bus.idle * clock
        self.busy += now - begin
        yield at(now, FREE)
        if delayed:
            work.asked = True
            if self.bus.split:
                work.master = DEVICE if target is not self.host else HOST
            self.clockwork.call(now + target.read_delay * clock, GOES_ON, self.come, work)
        else:
            self.after(work, now)
        self.idle = True
        if masters := self.wanted():
            self.grant(masters[0])

    def after(self, work: Work, now: int) -> None:
        work.asked = False
        master = work.master = work.home
        if work.left and master == HOST:
            self.ready[master].appendleft(work)
        elif work.left:
            self.ready[master].append(work)
        if not work.read and work.target.write_delay:
            self.resting[master] = True
            end = now + work.target.write_delay * self.clock
            self.clockwork.call(end, GOES_ON, self.rested, master)

    def burst(self, work: Work) -> int:
        target, width = work.target, self.bus.width
        ends = [work.left, work.limit or work.left, target.disconnect or work.left]
        if target.page:
            ends.append(target.page - work.at % target.page)
        if not self.bus.burst:
            ends.append(width - work.at % width)
        return min(ends)

    def stops(self, work: Work, passed: int) -> bool:
        if passed < self.bus.latency_timer * self.clock:
            return False
        # A data phase moves all bytes up to a multiple of the width.
        return work.at % self.bus.boundary == 0 and bool(self.wanted(but=work.master))

    host: TargetSection


class PlainPci:
    """Processors, the bridge's buffer and the engine around the bus."""

    def __init__(self, figures: PciParameters, agents: tuple[tuple[Action, ...], ...]) -> None:
        self.figures = figures
        self.clockwork = Clockwork()
        self.env = self.clockwork.env
        self.bus = Bus(self.clockwork, figures)
        self.bus.host = figures.host
        self.buffer = simpy.Resource(self.env, figures.pio.depth)
        self.channels = simpy.Resource(self.env, figures.dma.channels)
        self.remote = figures.dma.side == "device"
        self.last: int | None = None  # interrupt
        self.pending: int | None = None
        self.times: list[list[int]] = [[] for _ in agents]
        for number, actions in enumerate(agents):
            self.env.process(Processor(self, FIRST + number).run(actions, self.times[number]))

    def move(
        self, master: int, target: TargetSection, at: int, size: int, *, read: bool, payload: bool
    ) -> Work:
        limit = 0 if master == HOST else self.figures.dma.burst
        work = Work(master, target, read, at, size, limit, Event(self.env), payload)
        self.bus.ask(work)
        return work

    def transfer(self, far: int, near: int, size: int, known: Event, *, inwards: bool) -> Steps:
        dma, host = self.figures.dma, self.figures.host
        with self.channels.request() as channel:
            yield channel
            yield self.clockwork.at(self.clockwork.now + ticks(dma.start), STAGE)
            master = DEVICE if self.remote else ENGINE
            if self.remote and dma.descriptor:
                count = -(-size // dma.span) * dma.descriptor
                yield self.move(master, host, 0, count, read=True, payload=False).ended
            if self.remote:
                target, at, read = host, near, not inwards
            else:
                target, at, read = self.figures.device, far, inwards
            yield self.move(master, target, at, size, read=read, payload=True).ended
            if self.remote and dma.writeback:
                yield self.move(master, host, 0, dma.writeback, read=False, payload=False).ended
        if dma.completion == "polling":
            known.succeed((self.clockwork.now, ticks(self.figures.polling.cost)))
            return
        cost = 0
        if self.pending is None:
            now, moderation = self.clockwork.now, ticks(self.figures.interrupt.moderation)
            self.pending = now if self.last is None else max(now, self.last + moderation)
            self.clockwork.call(self.pending, EXPIRED, self.raised)
            cost = ticks(self.figures.interrupt.cost)
        known.succeed((self.pending + ticks(self.figures.interrupt.latency), cost))

    def raised(self) -> None:
        self.last, self.pending = self.pending, None


def ticks(seconds: float) -> int:
    return round(seconds * 1e12)


class Processor:
    """One processor, by its number."""

    def __init__(self, around: PlainPci, number: int) -> None:
        self.around = around
        self.number = number
        self.time = 0
        self.pio = around.figures.pio
        self.combines = self.pio.mapping == "write-combining"
        self.line = (0, 0)

    def turn(self) -> Event:
        return self.around.clockwork.at(self.time, self.number)

    def run(self, actions: tuple[Action, ...], times: list[int]) -> Steps:
        flying: list[Event] = []
        yield self.turn()
        for kind, first, second in actions:
            if kind == "work":
                self.time += first * NS
            elif kind == "load":
                yield from self.load(first, second)
            elif kind == "store":
                yield from self.store(first, second)
            elif kind != "await":
                flying.append(known := Event(self.around.env))
                yield from self.submit(first, second, known, inwards=kind == "fetch")
            elif flying:
                yield from self.wait(flying.pop(first % len(flying)))
            times.append(self.time)
        yield self.turn()

    def load(self, offset: int, length: int) -> Steps:
        yield from self.drain()
        width = self.pio.streaming if self.combines else self.pio.width
        for at, size in pieces(offset, length, width):
            self.time += ticks(self.pio.outbound)
            yield self.turn()
            device = self.around.figures.device
            yield self.around.move(HOST, device, at, size, read=True, payload=True).ended
            self.time = self.around.clockwork.now + ticks(self.pio.inbound)

    def store(self, offset: int, length: int) -> Steps:
        for at, size in pieces(offset, length, self.pio.width):
            self.time += ticks(self.pio.issue)
            if not self.combines:
                yield from self.post(at, size, payload=True)
                continue
            first, last = self.line
            if first == last or last != at:
                yield from self.drain()
                first = at
            self.line = (first, at + size)
            if (at + size) % self.pio.combined == 0:
                yield from self.drain()
        if self.combines:
            yield self.turn()

    def drain(self) -> Steps:
        first, last = self.line
        self.line = (0, 0)
        if last > first:
            yield from self.post(first, last - first, payload=True)

    def post(self, at: int, size: int, *, payload: bool) -> Generator[Event, Any, Event]:
        yield self.turn()
        place = self.around.buffer.request()
        yield place
        if self.around.clockwork.now > self.time:
            self.time = self.around.clockwork.now
        yield self.turn()
        device = self.around.figures.device
        work = self.around.move(HOST, device, at, size, read=False, payload=payload)

        def leave(_: Event) -> None:
            self.around.buffer.release(place)

        assert work.ended.callbacks is not None
        work.ended.callbacks.append(leave)
        return work.ended

    def submit(self, offset: int, length: int, known: Event, *, inwards: bool) -> Steps:
        around, dma = self.around, self.around.figures.dma
        yield from self.drain()
        self.time += ticks(dma.issue)

        def begin() -> None:
            around.env.process(around.transfer(offset, offset, length, known, inwards=inwards))

        if around.remote and dma.doorbell:
            rung = yield from self.post(0, dma.doorbell, payload=False)
            assert rung.callbacks is not None

            def ring(_: Event) -> None:
                around.clockwork.call(around.clockwork.now, STAGE, begin)

            rung.callbacks.append(ring)
        else:
            yield self.turn()
            begin()

    def wait(self, known: Event) -> Steps:
        yield self.turn()
        told: Any = known.value if known.triggered else (yield known)
        end, cost = told
        interval = ticks(self.around.figures.polling.interval)
        polled = self.around.figures.dma.completion == "polling"
        if polled and interval:
            while self.time < end:
                self.time += interval
        self.time = max(self.time, end) + cost


def pieces(offset: int, length: int, width: int) -> list[tuple[int, int]]:
    """Return the parts of a stretch between multiples of a width."""
    stops = [*range((offset // width + 1) * width, offset + length, width), offset + length]
    return [(a, b - a) for a, b in zip([offset, *stops], stops, strict=False)]
