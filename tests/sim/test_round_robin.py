"""The arithmetic of masters that share a bus, held against an independent reference."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from simaccess.sim.bus_job import Job
from simaccess.sim.bus_use import PAYLOAD
from simaccess.sim.environment import Agent, Environment
from simaccess.sim.pci_path import Path
from simaccess.sim.round_robin import RoundRobin
from simaccess.sim.station import Durations

CLOCK = 10  # ticks
TIMER = 12
LATENCY = 3


@dataclass(frozen=True)
class Ask:
    """A job of a master, asked for at a time."""

    time: int
    master: int
    length: int
    limit: int
    delayed: bool
    split: bool  # a delayed read's data come from master 0
    gap: int


def path(ask: Ask) -> Path:
    ticks = Durations(CLOCK / 10**12)
    return Path(
        ticks=ticks, width=4, latency=LATENCY, idle=1, limit=ask.limit, page=0,
        guaranteed=TIMER - LATENCY, boundary=8, request=5 * CLOCK if ask.delayed else 0,
        delay=9 * CLOCK if ask.delayed else 0, gap=ask.gap * CLOCK,
        completer=0 if ask.split and ask.delayed else None,
    )  # fmt: skip


def simulated(asks: list[Ask], arbitration: int, *, lumps: bool, watch: bool) -> list[int]:
    env = Environment()
    bus = RoundRobin(
        env, clock=CLOCK, arbitration=arbitration, ordered=[True, False, False], lumps=lumps
    )
    jobs: list[Job] = []

    async def body(agent: Agent) -> None:
        for ask in asks:
            agent.time = max(agent.time, ask.time)
            await env.turn
            job = Job(bus, ask.master, path(ask), 0, ask.length, PAYLOAD)
            bus.request(job, agent.time)
            jobs.append(job)
            if watch:
                job.watch()

    env.start(body)
    env.run()
    bus.use(10**9)
    return [job.end or 0 for job in jobs]


class Reference:
    """Goes over everything that happens in order, one burst and one data phase after another."""

    def __init__(self, asks: list[Ask], arbitration: int) -> None:
        self.asks = asks
        self.master = [ask.master for ask in asks]
        self.remaining = [ask.length for ask in asks]
        self.address = [0] * len(asks)
        self.answered = [False] * len(asks)  # the request of the delayed read has been made
        self.ends = [0] * len(asks)
        self.rests = [0, 0, 0]  # until when each master does
        # When it can be granted, when it was asked for, and which; -1 to -3 for the end of a rest.
        self.future = [(ask.time + arbitration, ask.time, i) for i, ask in enumerate(asks)]
        self.ready: list[deque[int]] = [deque() for _ in range(3)]

    def run(self) -> list[int]:
        free = last = 0
        while not all(self.ends):
            start = free
            while not (able := [m for m in range(3) if self.able(m, start)]):
                start = min(self.future)[0]
                self.arrive(min(self.future))
            last = next(m % 3 for m in range(last + 1, last + 4) if m % 3 in able)
            i = self.ready[last].popleft()
            if self.asks[i].delayed and not self.answered[i]:
                self.answered[i] = True
                free = start + 5 * CLOCK
                self.come(free)
                if self.asks[i].split:
                    self.master[i] = 0
                self.future.append((free + 9 * CLOCK, free, i))
            else:
                free = self.burst(i, start)
                self.come(free)
                self.after(i, free)
        return self.ends

    def able(self, master: int, now: int) -> bool:
        return bool(self.ready[master]) and self.rests[master] <= now and not self.ending(master)

    def ending(self, master: int) -> bool:
        return any(i == -1 - master for _, _, i in self.future)

    def come(self, before: int) -> None:
        for item in sorted(item for item in self.future if item[0] < before):
            self.arrive(item)

    def arrive(self, item: tuple[int, int, int]) -> None:
        self.future.remove(item)
        if item[2] >= 0:
            self.ready[self.master[item[2]]].append(item[2])

    def burst(self, i: int, start: int) -> int:
        ask = self.asks[i]
        most = min(self.remaining[i], ask.limit)
        others = [m for m in range(3) if m != self.master[i]]
        moved, clock = 0, LATENCY
        while moved < most:
            now = start + clock * CLOCK
            comes = {self.master[k] for at, _, k in self.future if k >= 0 and at <= now}
            wanted = any((self.ready[m] or m in comes) and self.rests[m] <= now for m in others)
            if wanted and clock >= TIMER and (self.address[i] + moved) % 8 == 0:
                break
            moved += min(4, most - moved)
            clock += 1
        self.remaining[i] -= moved
        self.address[i] += moved
        return start + (clock + 1) * CLOCK

    def after(self, i: int, free: int) -> None:
        ask = self.asks[i]
        self.answered[i] = False
        self.master[i] = ask.master
        queue = self.ready[ask.master]
        if self.remaining[i] == 0:
            self.ends[i] = free - CLOCK
        elif ask.master == 0:
            queue.appendleft(i)
        else:
            queue.append(i)
        if ask.gap:
            self.rests[ask.master] = free + ask.gap * CLOCK
            self.future.append((self.rests[ask.master], free, -1 - ask.master))


asks = st.lists(
    st.builds(
        Ask,
        time=st.integers(0, 1500),
        master=st.integers(0, 2),
        length=st.integers(1, 80).map(lambda n: 4 * n),
        limit=st.sampled_from([16, 64, 128]),
        delayed=st.booleans(),
        split=st.booleans(),
        gap=st.sampled_from([0, 0, 6, 23]),
    ).map(lambda ask: replace(ask, gap=0) if ask.delayed else ask),  # a write is not delayed
    min_size=1,
    max_size=7,
    unique_by=lambda ask: ask.time,
).map(lambda found: sorted(found, key=lambda ask: ask.time))


@given(asks=asks, arbitration=st.sampled_from([0, 7, 20]))
@settings(max_examples=400, deadline=None)
def test_the_arithmetic_equals_an_independent_reference(asks: list[Ask], arbitration: int) -> None:
    expected = Reference(asks, arbitration).run()
    for lumps in (True, False):
        for watch in (True, False):
            assert simulated(asks, arbitration, lumps=lumps, watch=watch) == expected
