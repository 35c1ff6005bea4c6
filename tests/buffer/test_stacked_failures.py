"""A buffer stacked on another one whose copies fail: the call that waits for them is told."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from simaccess.buffer import Buffer, Shadow
from simaccess.errors import LinkError
from simaccess.methods.blocks import FixedBlocks
from simaccess.methods.copy_once import CopyOnce
from simaccess.methods.prefetch import Prefetch
from simaccess.methods.zero_copy import ZeroCopy
from simaccess.operations import AccessMethod
from simaccess.segment import Data, Local, Segment, Transfer
from simaccess.sim.environment import Agent, Environment
from simaccess.sim.fifo_link import FifoLink, FifoParameters

SIZE = 1000
PARAMETERS = FifoParameters.model_validate(
    {
        "link": {"rate": "1 GB/s", "latency": "1 us"},
        "dma": {"channels": 2, "issue": "100 ns", "start": "1 us", "completion": "0 s"},
        "local": {"latency": "10 ns", "rate": "1 GB/s", "copy_rate": "500 MB/s"},
    }
)


class Failing:
    """A user's access to a link of which one operation fails."""

    def __init__(self, port: Segment, fails: int) -> None:
        self.port = port
        self.fails = fails
        self.asked = 0
        self.size = port.size
        self.posted = port.posted

    @property
    def moved(self) -> int:
        return self.port.moved

    def meet(self) -> None:
        self.asked += 1
        if self.asked == self.fails:
            raise LinkError("told to fail", "failing:")

    async def load(self, offset: int, length: int) -> Data:
        self.meet()
        return await self.port.load(offset, length)

    async def store(self, offset: int, length: int, data: Data) -> None:
        self.meet()
        await self.port.store(offset, length, data)

    async def fetch(self, offset: int, length: int, into: Local, at: int) -> Transfer:
        self.meet()
        return await self.port.fetch(offset, length, into, at)

    async def flush(self, offset: int, length: int, source: Local, at: int) -> Transfer:
        self.meet()
        return await self.port.flush(offset, length, source, at)


LOWER: dict[str, Callable[[], AccessMethod]] = {
    "zero-copy": ZeroCopy,
    "copy-once": lambda: CopyOnce(FixedBlocks(200), 3),
}
UPPER: dict[str, Callable[[], AccessMethod]] = {
    "copy-once": lambda: CopyOnce(FixedBlocks(100), 4),
    "prefetch": lambda: Prefetch(FixedBlocks(100), depth=3),
}


@pytest.mark.parametrize("run_ahead", [0, 10**10])
@pytest.mark.parametrize("clients", [1, 2])
@pytest.mark.parametrize("fails", [1, 3])
@pytest.mark.parametrize("lower", LOWER)
@pytest.mark.parametrize("upper", UPPER)
def test_one_read_is_told_of_a_copy_that_failed_below(
    upper: str, lower: str, fails: int, clients: int, run_ahead: int
) -> None:
    """All others, and the same one made again, get their bytes; the run goes on to its end."""
    env = Environment(run_ahead)
    data = bytearray(at % 251 for at in range(SIZE))
    link = FifoLink(env, PARAMETERS, SIZE, memoryview(data))
    below, above = Shadow(LOWER[lower](), link.local), Shadow(UPPER[upper](), link.local)
    told: list[int] = []

    async def body(clock: Agent) -> None:
        inner = Buffer(below, Failing(link.attach(), fails), clock)
        outer = Buffer(above, inner, clock)
        failed = 0
        for offset in range(0, SIZE, 50):
            for _ in range(2):
                try:
                    view = await outer.read(offset, 50)
                except LinkError:
                    failed += 1
                else:
                    assert view is not None
                    assert view == data[offset : offset + 50]
                    break
        told.append(failed)

    if clients > 1:
        below.share()
        above.share()
    agents = [env.start(body) for _ in range(clients)]
    env.run_agents(agents)
    assert all(agent.end is not None for agent in agents)
    assert 1 <= sum(told) <= clients  # each client's own access to the link fails once


@pytest.mark.parametrize("lower", LOWER)
def test_what_was_written_outlives_a_copy_back_that_failed_below(lower: str) -> None:
    env = Environment()
    data = bytearray(SIZE)
    link = FifoLink(env, PARAMETERS, SIZE, memoryview(data))
    told = []

    async def body(clock: Agent) -> None:
        inner = Buffer(Shadow(LOWER[lower](), link.local), Failing(link.attach(), 1), clock)
        outer = Buffer(Shadow(CopyOnce(FixedBlocks(100), 4), link.local), inner, clock)
        await outer.write(120, 5, memoryview(b"bytes"))
        with pytest.raises(LinkError) as failure:
            await outer.sync()
        told.append(failure)
        await outer.sync()

    env.run_agents([env.start(body)])
    assert told
    assert data[120:125] == b"bytes"


@pytest.mark.parametrize("slots", [4, 5, 6])
def test_a_copy_ahead_of_a_read_that_failed_writes_over_nothing(slots: int) -> None:
    """It goes on below, slowly, while its slot is given to a block that is there at once."""
    env = Environment()
    data = bytearray(at % 251 for at in range(SIZE))
    link = FifoLink(env, PARAMETERS, SIZE, memoryview(data))
    seen: list[bytes] = []

    async def body(clock: Agent) -> None:
        below = Shadow(CopyOnce(FixedBlocks(100), 10), link.local)
        above = Shadow(Prefetch(FixedBlocks(100), depth=3, slots=slots), link.local)
        outer = Buffer(above, Buffer(below, Failing(link.attach(), 4), clock), clock)

        async def scan() -> None:
            for offset in range(0, 600, 100):
                await outer.read(offset, 100)

        await outer.read(900, 100)
        with pytest.raises(LinkError):
            await scan()
        for _ in range(2):
            view = await outer.read(900, 100)
            assert view is not None
            seen.append(bytes(view))
            await clock.work(10**9)
            await clock.instant()

    env.run_agents([env.start(body)])
    assert seen == [data[900:]] * 2
