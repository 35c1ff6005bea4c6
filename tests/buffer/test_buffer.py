"""The buffer: what it hands out, what it counts, and what it does for those above and below it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from simaccess.buffer import Buffer, Shadow
from simaccess.methods.blocks import FixedBlocks
from simaccess.methods.copy_once import CopyOnce
from simaccess.methods.hybrid import Hybrid
from simaccess.methods.prefetch import Prefetch
from simaccess.methods.zero_copy import ZeroCopy
from simaccess.operations import AccessMethod
from simaccess.segment import Data
from simaccess.sim.environment import Agent, Environment
from simaccess.sim.fifo_link import FifoLink, FifoParameters
from simaccess.sim.local_memory import LocalMemory, LocalTicks
from simaccess.sim.transfer import Transfer

SIZE = 1000
NS = 1000  # ticks


def plain(data: Data) -> bytes:
    assert data is not None
    return bytes(data)


class Setting:
    """A link, and buffers on it."""

    def __init__(self, posted: bool = False) -> None:
        parameters = FifoParameters.model_validate(
            {
                "link": {"rate": "1 GB/s", "latency": "1 us", "posted": posted},
                "dma": {"channels": 1, "issue": "100 ns", "start": "1 us", "completion": "0 s"},
                "local": {"latency": "10 ns", "rate": "1 GB/s", "copy_rate": "500 MB/s"},
            }
        )
        self.env = Environment()
        self.data = bytearray(i % 256 for i in range(SIZE))
        self.link = FifoLink(self.env, parameters, SIZE, memoryview(self.data))

    def shadow(self, method: AccessMethod) -> Shadow:
        return Shadow(method, self.link.local)

    def run(self, *bodies: Callable[[Agent], Coroutine[Any, Any, None]]) -> list[Agent]:
        agents = [self.env.start(body) for body in bodies]
        self.env.run()
        assert all(agent.end is not None for agent in agents)
        return agents


def test_a_read_within_a_block_is_a_view_of_the_shadow_and_costs_no_copy() -> None:
    it = Setting()

    async def body(clock: Agent) -> None:
        shadow = it.shadow(CopyOnce(FixedBlocks(100), 2))
        buffer = Buffer(shadow, it.link.attach(), clock)
        view = await buffer.read(110, 20)
        held = shadow.memory.view(10, 20)
        assert view is not None
        assert held is not None
        held[0] = 77
        assert view[0] == 77
        assert clock.copy == 0
        assert clock.stall == 10 * NS + 20 * NS

    it.run(body)


def test_a_read_across_blocks_is_gathered_and_counted_as_copying() -> None:
    it = Setting()

    async def body(clock: Agent) -> None:
        buffer = Buffer(it.shadow(CopyOnce(FixedBlocks(100), 2)), it.link.attach(), clock)
        assert plain(await buffer.read(50, 100)) == it.data[50:150]
        assert clock.copy == 200 * NS

    it.run(body)


def test_a_read_through_more_blocks_than_the_shadow_holds_keeps_its_bytes() -> None:
    it = Setting()

    async def body(clock: Agent) -> None:
        buffer = Buffer(it.shadow(Hybrid(FixedBlocks(100), 1, 10)), it.link.attach(), clock)
        assert plain(await buffer.read(5, 990)) == it.data[5:995]

    it.run(body)


def test_what_clients_of_one_shadow_read_outlives_the_slot() -> None:
    it = Setting()
    shadow = it.shadow(CopyOnce(FixedBlocks(100), 1))
    shadow.share()

    async def reader(clock: Agent) -> None:
        view = await Buffer(shadow, it.link.attach(), clock).read(0, 10)
        await clock.sleep_until(10**9)
        assert plain(view) == it.data[:10]
        assert clock.copy == 20 * NS

    async def other(clock: Agent) -> None:
        await clock.sleep_until(10**8)
        await Buffer(shadow, it.link.attach(), clock).read(500, 10)

    it.run(reader, other)


def test_written_bytes_that_are_read_back_do_not_count_as_used() -> None:
    it = Setting()

    async def body(clock: Agent) -> None:
        buffer = Buffer(it.shadow(CopyOnce(FixedBlocks(100), 1)), it.link.attach(), clock)
        counters = buffer.counters
        await buffer.write(10, 20, memoryview(bytes(20)))
        await buffer.read(10, 20)
        assert (counters.bulk, counters.used) == (0, 0)
        await buffer.read(0, 100)  # fetches the 80 bytes around them
        assert (counters.bulk, counters.used) == (80, 80)
        await buffer.read(0, 100)
        assert counters.used == 80
        await buffer.sync()
        assert (counters.bulk, counters.used) == (100, 100)

    it.run(body)


@pytest.mark.parametrize(("posted", "round_trips"), [(False, 3), (True, 1)])
def test_posted_stores_are_no_round_trips(posted: bool, round_trips: int) -> None:
    it = Setting(posted)

    async def body(clock: Agent) -> None:
        buffer = Buffer(it.shadow(ZeroCopy()), it.link.attach(), clock)
        await buffer.write(0, 8)
        await buffer.write(8, 8)
        await buffer.read(0, 8)
        assert buffer.counters.round_trips == round_trips
        assert buffer.posted is posted
        assert Buffer(it.shadow(CopyOnce(FixedBlocks(1), 1)), buffer, clock).posted

    it.run(body)


def test_handling_a_transfer_that_has_ended_is_no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    it = Setting()
    completed = Transfer.complete

    def complete(self: Transfer, end: int) -> None:
        self.handling = 500 * NS
        completed(self, end)

    monkeypatch.setattr(Transfer, "complete", complete)

    async def body(clock: Agent) -> None:
        method = Prefetch(FixedBlocks(100), depth=2)
        buffer = Buffer(it.shadow(method), it.link.attach(), clock)
        await buffer.read(0, 100)
        await buffer.read(100, 100)
        waits, issue = buffer.counters.waits, clock.issue
        await clock.work(10**9)
        await buffer.read(200, 100)  # was copied ahead, and is there
        assert buffer.counters.waits == waits == 2
        assert clock.issue >= issue + 500 * NS

    it.run(body)


def test_a_copy_is_kept_until_every_client_has_given_it_back() -> None:
    it = Setting()
    shadow = it.shadow(CopyOnce(FixedBlocks(100), 4))
    shadow.share()
    buffers: list[Buffer] = []

    async def first(clock: Agent) -> None:
        buffers.append(Buffer(shadow, it.link.attach(), clock))
        await clock.sleep_until(1000)
        await buffers[0].read(0, 10)
        await buffers[0].write(20, 1, memoryview(b"!"))
        await buffers[0].release(100)
        assert it.data[20:21] == b"!"

    async def second(clock: Agent) -> None:
        buffers.append(Buffer(shadow, it.link.attach(), clock))
        await clock.sleep_until(10**9)
        await buffers[1].read(0, 10)
        await buffers[1].release(100)

    it.run(first, second)
    assert [buffer.counters.fetches for buffer in buffers] == [1, 0]
    assert not shadow.method.shadow.held  # type: ignore[attr-defined]  # copy-once has one


def test_stacked_buffers_copy_nothing_that_is_not_published() -> None:
    it = Setting()

    async def body(clock: Agent) -> None:
        lower = Buffer(it.shadow(CopyOnce(FixedBlocks(500), 2)), it.link.attach(), clock)
        upper = Buffer(it.shadow(CopyOnce(FixedBlocks(100), 4)), lower, clock)
        upper.limit = 150
        it.data[200] = 1
        await upper.read(100, 50)
        assert lower.counters.bulk == 150
        it.data[200] = 2  # is published now
        upper.limit = 400
        assert plain(await upper.read(200, 1)) == b"\x02"

    it.run(body)


def test_a_stacked_copy_costs_one_copy() -> None:
    it = Setting()

    async def body(clock: Agent) -> None:
        lower = Buffer(it.shadow(CopyOnce(FixedBlocks(500), 2)), it.link.attach(), clock)
        await lower.read(0, 500)
        upper = Buffer(it.shadow(CopyOnce(FixedBlocks(100), 4)), lower, clock)
        begin = clock.time
        assert plain(await upper.read(0, 100)) == it.data[:100]
        # The copy within local memory at 500 MB/s, and the load from the shadow.
        assert clock.time - begin == 200 * NS + 110 * NS

    it.run(body)


def test_sync_and_release_go_through_to_the_segment() -> None:
    it = Setting()

    async def body(clock: Agent) -> None:
        lower = Buffer(it.shadow(CopyOnce(FixedBlocks(500), 2)), it.link.attach(), clock)
        upper = Buffer(it.shadow(CopyOnce(FixedBlocks(100), 4)), lower, clock)
        await upper.write(7, 1, memoryview(b"a"))
        assert it.data[7:8] != b"a"
        await upper.sync()
        assert it.data[7:8] == b"a"
        await upper.write(8, 1, memoryview(b"b"))
        await upper.release(9)
        assert it.data[8:9] == b"b"

    it.run(body)


def test_what_is_copied_out_of_a_stacked_buffer_counts_as_used() -> None:
    it = Setting()

    async def body(clock: Agent) -> None:
        inner = Buffer(it.shadow(CopyOnce(FixedBlocks(200), 2)), it.link.attach(), clock)
        outer = Buffer(it.shadow(CopyOnce(FixedBlocks(100), 2)), inner, clock)
        for offset in range(0, SIZE, 50):
            await outer.read(offset, 50)
        for buffer in (outer, inner):
            assert buffer.counters.used == buffer.counters.bulk == SIZE

    it.run(body)


class SlowMemory(LocalMemory):
    """Memory whose writes are seen late."""

    async def store(self, offset: int, length: int, data: Data) -> None:
        await self.env.agent.work(5000 * NS)
        await self.env.turn
        await super().store(offset, length, data)


def test_a_reader_waits_for_a_write_of_the_shadow_that_is_under_way() -> None:
    it = Setting()
    local = LocalTicks(it.link.parameters.local)
    shadow = Shadow(
        CopyOnce(FixedBlocks(100), 2), lambda size: SlowMemory(it.env, size, local, real=True)
    )
    shadow.share()

    async def write(clock: Agent) -> None:
        await Buffer(shadow, it.link.attach(), clock).write(0, 10, memoryview(b"x" * 10))

    async def read(clock: Agent) -> None:
        await clock.work(1000 * NS)
        await it.env.turn
        buffer = Buffer(shadow, it.link.attach(), clock)
        assert plain(await buffer.read(0, 10)) == b"x" * 10
        assert buffer.counters.waits == 1
        assert clock.time > 5000 * NS

    it.run(write, read)
