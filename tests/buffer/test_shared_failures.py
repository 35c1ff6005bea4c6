"""Clients of one shadow while transfers, loads, stores and writes of the shadow fail at random.

The call that fails raises. Every other one gets right bytes or raises, too; nobody waits for ever,
no pin is lost or left, and nothing that was written is lost.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Coroutine, Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simaccess.buffer import Buffer, Shadow
from simaccess.errors import LinkError
from simaccess.methods.blocks import FixedBlocks
from simaccess.methods.copy_once import CopyOnce
from simaccess.methods.hybrid import Hybrid
from simaccess.methods.prefetch import Prefetch
from simaccess.operations import AccessMethod
from simaccess.segment import Data, Local, Segment, Transfer
from simaccess.sim.environment import Agent, Environment
from simaccess.sim.fifo_link import FifoLink, FifoParameters
from simaccess.sim.local_memory import LocalMemory, LocalTicks

SIZE = 300
OWN = 10  # a client's own bytes, which nobody else writes, are every so many
MOST = 3000  # operations of a run, or it would never end
PARAMETERS = FifoParameters.model_validate(
    {
        "link": {"rate": "1 GB/s", "latency": "1 us"},
        "dma": {"channels": 2, "issue": "100 ns", "start": "1 us", "completion": "0 s"},
        "local": {"latency": "10 ns", "rate": "1 GB/s", "copy_rate": "500 MB/s"},
        "client": {"access": "300 ns", "step": "100 ns"},
    }
)
LONGEST = 2.0  # seconds of processor time of a run, which takes milliseconds
FINE, AT_ONCE, ISSUED, LATE = range(4)
"""When an operation fails: never, before or after it has taken time, or when it is awaited."""


class Faults:
    """Says of each operation whether it fails, and when."""

    def __init__(self, kinds: Iterator[int]) -> None:
        self.kinds = kinds
        self.asked = 0

    async def meet(self, clock: Agent) -> bool:
        """Fail now, or say whether to fail late."""
        self.asked += 1
        assert self.asked < MOST, "an endless loop"
        kind = next(self.kinds, FINE)
        if kind == ISSUED:
            await clock.work(700_000)
            await clock.env.turn
        if kind in (AT_ONCE, ISSUED):
            raise LinkError("told to fail", "faulty:")
        return kind == LATE


class Landing:
    """A transfer whose bytes land as late as can be, unless it fails."""

    def __init__(self, carrier: Agent, fails: bool) -> None:
        self.carrier = carrier
        self.fails = fails

    def __await__(self) -> Generator[Any, Any, None]:
        yield from self.carrier.__await__()
        if self.fails:
            raise LinkError("told to fail late", "faulty:")

    async def poll(self) -> bool:
        return await self.carrier.poll()

    async def cancel(self) -> bool:
        return False


class Bytes:
    """What each byte may be by now: what its last write that ended made it, or one since."""

    def __init__(self, data: bytearray) -> None:
        self.may = [{byte} for byte in data]
        self.begun: list[tuple[int, int]] = []  # bytes written, in the order in which that began

    def begin(self, place: range, fresh: bytes) -> None:
        for at, byte in zip(place, fresh, strict=True):
            self.may[at].add(byte)
            self.begun.append((at, byte))

    def end(self, place: range, fresh: bytes) -> None:
        for at, byte in zip(place, fresh, strict=True):
            self.may[at] = {byte}


class FaultyPort:
    """A user's access to bytes over a link that is there for its times."""

    posted = False

    def __init__(self, port: Segment, data: bytearray, known: Bytes, faults: Faults) -> None:
        self.port = port
        self.data = memoryview(data)
        self.bytes = known
        self.faults = faults
        self.size = len(data)
        self.client: Callable[[AccessMethod], AccessMethod] = port.client  # type: ignore[attr-defined]  # a FifoPort

    @property
    def moved(self) -> int:
        return self.port.moved

    @property
    def clock(self) -> Agent:
        return self.port._env.agent  # type: ignore[attr-defined,no-any-return]  # a FifoPort

    async def load(self, offset: int, length: int) -> Data:
        fails = await self.faults.meet(self.clock)
        await self.port.load(offset, length)
        self.check(fails)
        return memoryview(bytes(self.data[offset : offset + length]))

    async def store(self, offset: int, length: int, data: Data) -> None:
        fails = await self.faults.meet(self.clock)
        await self.port.store(offset, length, None)
        assert data is not None
        self.data[offset : offset + length] = data
        self.check(fails)

    async def fetch(self, offset: int, length: int, into: Local, at: int) -> Transfer:
        view, source = into.view(at, length), self.data[offset : offset + length]
        assert view is not None
        # Garbage until the bytes have arrived, but for good ones, which somebody may be reading.
        good = self.bytes.may[offset : offset + length]
        view[:] = bytes(b if b in may else 0xFF for b, may in zip(view, good, strict=True))
        fails = await self.faults.meet(self.clock)
        transfer = await self.port.fetch(offset, length, into, at)
        return self.land(transfer, view, source, fails)

    async def flush(self, offset: int, length: int, source: Local, at: int) -> Transfer:
        fails = await self.faults.meet(self.clock)
        transfer = await self.port.flush(offset, length, source, at)
        view = source.view(at, length)
        assert view is not None
        return self.land(transfer, self.data[offset : offset + length], view, fails)

    def land(
        self, transfer: Transfer, into: memoryview, source: memoryview, fails: bool
    ) -> Transfer:
        async def carry(clock: Agent) -> None:
            await transfer
            await clock.env.turn
            if not fails:
                into[:] = source

        return Landing(self.clock.spawn(carry), fails)

    def check(self, fails: bool) -> None:
        if fails:
            raise LinkError("told to fail late", "faulty:")


class FaultyMemory(LocalMemory):
    """Memory of a shadow in which others are in the way, and writes may fail."""

    faults: Faults

    async def load(self, offset: int, length: int) -> Data:
        await self.env.turn
        await super().load(offset, length)
        await self.env.turn
        return self.view(offset, length)

    async def store(self, offset: int, length: int, data: Data) -> None:
        fails = await self.faults.meet(self.env.agent)
        await super().store(offset, length, None)
        await self.env.turn
        assert data is not None
        if fails:  # half of it is there
            await super().store(offset, length // 2, data[: length // 2])
            raise LinkError("told to fail late", "faulty:")
        await super().store(offset, length, data)


@dataclass(frozen=True)
class Call:
    """What a client does, and how long it thinks before."""

    kind: str
    offset: int
    length: int
    pause: int


CALLS = st.lists(
    st.builds(
        Call,
        st.sampled_from(["read"] * 4 + ["write"] * 3 + ["sync"]),
        st.integers(0, SIZE - 1),
        st.integers(1, 70),
        st.integers(0, 4).map(lambda pause: pause * 300_000),
    ),
    min_size=3,
    max_size=9,
)
SHARED: dict[str, Callable[[int, int], Any]] = {
    "copy-once": lambda block, slots: CopyOnce(FixedBlocks(block), slots),
    "hybrid": lambda block, slots: Hybrid(FixedBlocks(block), slots, 5),
    "prefetch": lambda block, slots: Prefetch(FixedBlocks(block), depth=2, slots=slots),
}


class Run:
    """Clients of one shadow, over a link that fails."""

    def __init__(self, name: str, block: int, slots: int, faults: list[int]) -> None:
        self.env = Environment()
        self.data = bytearray(i % 251 for i in range(SIZE))
        self.bytes = Bytes(self.data)
        self.faults = Faults(iter(faults))
        self.link = FifoLink(self.env, PARAMETERS, SIZE)
        self.shadow = Shadow(SHARED[name](block, slots), self.memory)
        self.shadow.share()
        self.failed = 0
        self.value = 0

    def memory(self, size: int) -> FaultyMemory:
        memory = FaultyMemory(self.env, size, LocalTicks(PARAMETERS.local), real=True)
        memory.faults = self.faults
        return memory

    def buffer(self, clock: Agent) -> Buffer:
        port = FaultyPort(self.link.attach(), self.data, self.bytes, self.faults)
        return Buffer(self.shadow, port, clock)

    def client(
        self, number: int, of: int, calls: list[Call]
    ) -> Callable[[Agent], Coroutine[Any, Any, None]]:
        async def body(clock: Agent) -> None:
            buffer = self.buffer(clock)
            for call in calls:
                await clock.work(call.pause)
                await self.env.turn
                try:
                    await self.call(buffer, call, number, of)
                except LinkError:
                    self.failed += 1

        return body

    async def call(self, buffer: Buffer, call: Call, number: int, of: int) -> None:
        if call.kind == "sync":
            await buffer.sync()
        elif call.kind == "write":
            tenth = call.offset // OWN // of * of + number
            if tenth * OWN >= SIZE:
                return
            start = tenth * OWN + call.offset % OWN
            place = range(start, min(start + call.length, (tenth + 1) * OWN))
            self.value = (self.value + 1) % 256
            fresh = bytes([self.value]) * len(place)
            self.bytes.begin(place, fresh)
            await buffer.write(start, len(place), memoryview(fresh))
            self.bytes.end(place, fresh)
        else:
            place = range(call.offset, min(call.offset + call.length, SIZE))
            before = [set(self.bytes.may[at]) for at in place]
            since = len(self.bytes.begun)
            view = await buffer.read(place.start, len(place))
            assert view is not None
            for at, byte, may in zip(place, view, before, strict=True):
                fresh_ones = {value for where, value in self.bytes.begun[since:] if where == at}
                assert byte in may | fresh_ones, f"a wrong byte at {at}"

    def finish(self) -> None:
        """Bring everything back, and check what is left."""
        directory = self.shadow.method.shadow  # type: ignore[attr-defined]  # all three have one
        assert [slot.pins for slot in directory.held.values()] == [0] * len(directory.held)
        assert not directory.in_place
        self.faults.kinds = iter(())

        async def body(clock: Agent) -> None:
            buffer = self.buffer(clock)
            for _ in range(100):
                with suppress(LinkError):  # what nobody has awaited may have failed
                    await buffer.sync()
                    synced.append(True)
                    break

        synced: list[bool] = []
        self.start(body)
        assert synced
        assert all(byte in may for byte, may in zip(self.data, self.bytes.may, strict=True))

    def start(self, *bodies: Callable[[Agent], Coroutine[Any, Any, None]]) -> None:
        agents = [self.env.start(body) for body in bodies]
        self.env.run()
        assert all(agent.end is not None for agent in agents), "somebody waits for ever"


@contextmanager
def bounded() -> Iterator[None]:
    """End what loops without any operation."""

    def end(*_: object) -> None:
        raise AssertionError("an endless loop")

    before = signal.signal(signal.SIGVTALRM, end)
    signal.setitimer(signal.ITIMER_VIRTUAL, LONGEST)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


@pytest.mark.parametrize("name", SHARED)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    block=st.integers(15, 100),
    slots=st.integers(1, 5),
    clients=st.lists(CALLS, min_size=2, max_size=3),
    faults=st.lists(st.sampled_from([FINE, FINE, FINE, AT_ONCE, ISSUED, LATE]), max_size=40),
)
def test_a_failure_is_nobody_elses(
    name: str, block: int, slots: int, clients: list[list[Call]], faults: list[int]
) -> None:
    run = Run(name, block, slots, faults)
    with bounded():
        run.start(*(run.client(i, len(clients), calls) for i, calls in enumerate(clients)))
        run.finish()
    assert run.failed <= sum(kind != FINE for kind in faults)


@pytest.mark.parametrize("name", SHARED)
@pytest.mark.parametrize("when", [AT_ONCE, ISSUED, LATE])
def test_a_copy_that_failed_for_one_reader_is_made_for_the_next(name: str, when: int) -> None:
    """Both wait for the same copy: one is told that it failed, the other asks for it again."""
    run = Run(name, 100, 3, [when])
    run.start(*(run.client(number, 2, [Call("read", 120, 30, 0)]) for number in range(2)))
    assert run.failed == 1
    assert sum(client.counters.fetches for client in run.shadow.clients) >= 2
    run.finish()


def test_what_one_wrote_outlives_the_failure_of_another_to_bring_it_back() -> None:
    run = Run("copy-once", 100, 1, [FINE, LATE])  # the second operation is the copy back
    run.start(
        run.client(0, 2, [Call("write", 0, 10, 0)]),
        run.client(1, 2, [Call("read", 150, 10, 3_000_000)] * 2),
    )
    assert run.failed == 1
    assert bytes(run.data[:10]) == b"\x01" * 10
    run.finish()
