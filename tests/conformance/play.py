"""Consumers' reads and writes, played through buffers on a backend, with what came of them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from hypothesis import strategies as st

from simaccess.buffer import Buffer, Shadow
from simaccess.counters import Counters
from simaccess.methods.blocks import Blocks, FixedBlocks, Records
from simaccess.methods.copy_once import CopyOnce
from simaccess.methods.hybrid import Hybrid
from simaccess.methods.prefetch import Prefetch
from simaccess.methods.zero_copy import ZeroCopy
from simaccess.operations import AccessMethod
from simaccess.real.clock import RealClock, run
from simaccess.real.link import RealLink
from simaccess.segment import Segment
from simaccess.sim.environment import Agent, Environment
from simaccess.sim.link import Link
from tests.conformance.backends import Factory, RealFactory

SIZE = 2000
NAMES = ("zero-copy", "copy-once", "hybrid", "prefetch")


@dataclass(frozen=True)
class Setting:
    """A method's parameters; fresh methods are made of it, since they have state."""

    name: str
    block: int = 256
    slots: int = 4
    eviction: str = "lru"
    number: int = 2  # the threshold or the depth
    records: tuple[int, ...] = ()

    def make(self) -> AccessMethod:
        cut: Blocks = Records(self.records) if self.records else FixedBlocks(self.block)
        if self.name == "zero-copy":
            return ZeroCopy()
        if self.name == "copy-once":
            return CopyOnce(cut, self.slots, self.eviction)  # type: ignore[arg-type]  # one of two
        if self.name == "hybrid":
            return Hybrid(cut, self.slots, 9 * self.number)
        return Prefetch(cut, depth=self.number, slots=self.slots)


@dataclass(frozen=True)
class Access:
    write: bool
    offset: int
    length: int
    pause: int = 0  # ticks before it, where time is simulated


@dataclass
class Outcome:
    """What one consumer saw."""

    real: bool = field(compare=False)
    times: list[int] = field(default_factory=list)
    tallies: dict[str, int] = field(default_factory=dict)
    counts: list[dict[str, int]] = field(default_factory=list)  # of each buffer, outermost first
    moved: list[int] = field(default_factory=list)  # by what lies below each buffer
    wrong: list[str] = field(default_factory=list)

    def count(self, buffers: Sequence[Buffer]) -> None:
        self.counts = [tally(each.counters) for each in buffers]
        self.moved = [each.segment.moved for each in buffers]


settings = st.builds(
    Setting,
    name=st.sampled_from(NAMES),
    block=st.integers(1, 700),
    slots=st.integers(1, 6),
    eviction=st.sampled_from(["lru", "fifo"]),
    number=st.integers(1, 4),
    records=st.one_of(
        st.just(()), st.lists(st.integers(1, 400), min_size=1, max_size=8).map(tuple)
    ),
)
accesses = st.lists(
    st.builds(
        lambda write, offset, length, pause: Access(
            write, offset, min(length, SIZE - offset), pause
        ),
        st.sampled_from([False, False, True]),
        st.integers(0, SIZE - 1),
        st.integers(1, 600),
        st.sampled_from([0, 0, 100_000, 10**9]),
    ),
    min_size=1,
    max_size=16,
)


def content() -> bytearray:
    return bytearray((7 * i + (i >> 8)) % 251 for i in range(SIZE))


def tally(counters: Counters) -> dict[str, int]:
    return {name: getattr(counters, name) for name in Counters.__slots__} | {
        "round_trips": counters.round_trips
    }


class Oracle:
    """What reads may see: a lone consumer's the latest write, others' one that was in time.

    In time is a write that began before the read ended, unless another one came after it and had
    ended before the read began. Agents run ahead of each other, so that this is told at the end.
    """

    def __init__(self, alone: bool) -> None:
        self.alone = alone
        self.now = content()
        self._writes = [[(-1, -1, byte)] for byte in self.now]
        self._reads: list[tuple[slice, bytes, int, int, Callable[[], None]]] = []

    def write(self, place: slice, fresh: bytes, begin: int, end: int) -> None:
        for writes, byte in zip(self._writes[place], fresh, strict=True):
            writes.append((begin, end, byte))
        self.now[place] = fresh

    def read(
        self, place: slice, data: bytes, begin: int, end: int, wrong: Callable[[], None]
    ) -> None:
        """Note what a read saw; `wrong` is called if it may not."""
        if not self.alone:
            self._reads.append((place, data, begin, end, wrong))
        elif data != self.now[place]:
            wrong()

    def judge(self) -> None:
        """Call `wrong` for each read that saw what it may not."""
        for place, data, begin, end, wrong in self._reads:
            seen = zip(data, self._writes[place], strict=True)
            if not all(byte in self._allowed(writes, begin, end) for byte, writes in seen):
                wrong()

    @staticmethod
    def _allowed(writes: list[tuple[int, int, int]], begin: int, end: int) -> set[int]:
        latest = max(first for first, last, _ in writes if last < begin or first < 0)
        return {byte for first, last, byte in writes if first <= end and last >= latest}


async def consume(  # noqa: PLR0917  # what a consumer has
    clock: Agent | RealClock,
    number: int,
    buffers: list[Buffer],
    asked: Sequence[Access],
    oracle: Oracle,
    outcome: Outcome,
) -> None:
    """Make accesses through the first of the buffers, and synchronise."""
    buffer = buffers[0]
    for step, access in enumerate(asked):
        place = slice(access.offset, access.offset + access.length)
        if isinstance(clock, Agent):
            await clock.work(access.pause)
        begin = clock.time
        if access.write:
            fresh = bytes((number * 31 + 17 * step + i) % 256 for i in range(access.length))
            data = memoryview(fresh) if outcome.real else None
            await buffer.write(access.offset, access.length, data)
            oracle.write(place, fresh, begin, clock.time)
        else:
            view = await buffer.read(access.offset, access.length)
            wrong = partial(outcome.wrong.append, f"{step}: {access}")
            if outcome.real:
                oracle.read(place, bytes(view or b""), begin, clock.time, wrong)
            elif view is not None:
                outcome.wrong.append(f"{step}: bytes where there are none")
        outcome.times.append(clock.time)
    await buffer.sync()
    outcome.times.append(clock.time)
    names = ("compute", "stall", "copy", "issue", "wait")
    outcome.tallies = {name: getattr(clock, name) for name in names}
    if sum(outcome.tallies.values()) != outcome.times[-1] - clock.start:
        outcome.wrong.append("the five tallies do not sum to the run")


def play(
    factory: Factory | RealFactory,
    stack: Sequence[Setting],
    consumers: Sequence[Sequence[Access]],
    *,
    real: bool = True,
    run_ahead: int | None = None,
) -> tuple[list[Outcome], bytes]:
    """Play each consumer's accesses through a stack of methods, the outermost first.

    Consumers share the shadows. Returns what each saw, and the segment's bytes after all have
    synchronised. On a real link one consumer runs after the other.
    """
    if isinstance(factory, RealFactory):
        assert real, "a real link has bytes"
        return play_real(factory, stack, consumers)
    env = Environment() if run_ahead is None else Environment(run_ahead)
    data = content()
    link = factory(env, SIZE, memoryview(data) if real else None)
    shadows = [Shadow(setting.make(), link.local) for setting in stack]
    if len(consumers) > 1:
        for shadow in shadows:
            shadow.share()
    oracle = Oracle(len(consumers) == 1)

    def start(number: int, asked: Sequence[Access]) -> tuple[Outcome, list[Buffer]]:
        outcome = Outcome(real)
        buffers: list[Buffer] = []

        def body(clock: Agent) -> Coroutine[None, None, None]:
            segment: Segment = link.attach()
            for shadow in reversed(shadows):
                segment = Buffer(shadow, segment, clock)
                buffers.insert(0, segment)
            return consume(clock, number, buffers, asked, oracle, outcome)

        env.start(body)
        return outcome, buffers

    started = [start(number, asked) for number, asked in enumerate(consumers)]
    env.run()
    for outcome, buffers in started:  # copies ahead may have gone on after the last access
        outcome.count(buffers)
    outcomes = [outcome for outcome, _ in started]
    if real:
        end = 1 + max(outcome.times[-1] for outcome in outcomes)
        wrong = partial(outcomes[0].wrong.append, "the segment's bytes after all have synchronised")
        oracle.read(slice(0, SIZE), bytes(data), end, end, wrong)
        oracle.judge()
    return outcomes, bytes(data)


def play_real(
    factory: RealFactory, stack: Sequence[Setting], consumers: Sequence[Sequence[Access]]
) -> tuple[list[Outcome], bytes]:
    outcomes = []
    oracle = Oracle(alone=True)
    with factory.open(bytes(content())) as (link, contents):
        shadows = [Shadow(setting.make(), link.local) for setting in stack]
        segment: Segment = link.attach()
        for number, asked in enumerate(consumers):
            own = asked if factory.writable else [replace(each, write=False) for each in asked]
            outcome = Outcome(real=True)
            buffers: list[Buffer] = []
            below, before = segment, segment.moved
            link.clock.__init__()  # type: ignore[misc]  # each consumer's time begins anew
            for shadow in reversed(shadows):
                below = Buffer(shadow, below, link.clock)
                buffers.insert(0, below)
            run(consume(link.clock, number, buffers, own, oracle, outcome))
            outcome.count(buffers)
            outcome.moved[-1] -= before
            outcomes.append(outcome)
        data = contents()
    if data != oracle.now:
        outcomes[0].wrong.append("the segment's bytes after all have synchronised")
    return outcomes, data


def drive(
    factory: Factory | RealFactory,
    body: Callable[[Agent | RealClock, Link | RealLink], Coroutine[None, None, None]],
) -> None:
    """Run ``body(clock, link)`` to its end, with a link to a segment of `SIZE` bytes."""
    if isinstance(factory, RealFactory):
        with factory.open(bytes(content())) as (link, _):
            run(body(link.clock, link))
        return
    env = Environment()
    simulated = factory(env, SIZE, None)
    agent = env.start(lambda clock: body(clock, simulated))
    env.run()
    assert agent.end is not None
