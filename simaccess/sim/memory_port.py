"""How an agent reaches the memory of a `MemoryBus`: loads, stores and the processor's copies."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING

from simaccess.segment import Data, Local
from simaccess.sim.memory_moves import ELSEWHERE, Copying, Reading, Writing
from simaccess.sim.transfer import Transfer

if TYPE_CHECKING:
    from simaccess.sim.environment import Agent
    from simaccess.sim.memory_bus import MemoryBus
    from simaccess.sim.memory_core import Core

__all__ = ["BusMemory", "MemoryPort"]


class BusMemory:
    """A part of the memory, as an agent's core reaches it: a segment's bytes or a shadow's.

    Parameters
    ----------
    bus : MemoryBus
        Its bus.
    base : int
        Address of its first byte.
    size : int
        Bytes.
    data : memoryview or None
        The bytes, unless only time is simulated.
    socket : int
        Socket of an agent whose first access this serves.

    Attributes
    ----------
    moved : int
        Bytes of the lines that loads and stores, and the prefetcher for them, took from memory or
        from another core; and all bytes of bulk copies.
    """

    __slots__ = (
        "_data",
        "_env",
        "_line_shift",
        "base",
        "bus",
        "limit",
        "moved",
        "posted",
        "size",
        "socket",
    )

    def __init__(
        self, bus: MemoryBus, base: int, size: int, data: memoryview | None, socket: int
    ) -> None:
        self.size = size
        self.moved = 0
        self.posted = True
        self.bus = bus
        self.base = base
        self.limit = (base + size - 1) >> bus.line_shift
        self._env = bus.env
        self._data = data
        self.socket = socket
        self._line_shift = bus.line_shift

    def view(self, at: int, length: int) -> Data:
        """Return a view without cost."""
        return None if self._data is None else self._data[at : at + length]

    async def load(self, offset: int, length: int) -> Data:
        """Read in place."""
        env = self._env
        bus = self.bus
        agent = env.agent
        now = agent.time
        if now < env.horizon:
            env.jump(now)
        else:
            await env.turn
        core = bus.cores.get(agent.number) or bus.core(agent, self.socket)
        address = self.base + offset
        walk = bus.translate(core, address, length)
        if walk:
            now += walk
            await bus.pass_until(agent, now)
        first = address >> self._line_shift
        count = ((address + length - 1) >> self._line_shift) + 1 - first
        if count == 1 or count <= bus.pace(count)[0]:
            _, end = bus.demand(core, first, count, now, self.limit)
            self._note(core)
            agent.stall += end - now
            agent.time = end
        else:
            await self._load_batches(agent, core, first, count)
        return None if self._data is None else self._data[offset : offset + length]

    async def store(self, offset: int, length: int, data: Data) -> None:
        """Write in place; posted."""
        env = self._env
        bus = self.bus
        agent = env.agent
        await bus.pass_until(agent, agent.time)
        core = bus.core(agent, self.socket)
        address = self.base + offset
        walk = bus.translate(core, address, length)
        if walk:
            await bus.pass_until(agent, agent.time + walk)
        first = address >> self._line_shift
        count = ((address + length - 1) >> self._line_shift) + 1 - first
        writing = Writing()
        writing.begin(core, first, count)
        while True:
            end = writing.step(bus, agent.time)
            self._note(core)
            if not writing.left:
                break
            await bus.pass_until(agent, end)
        agent.stall += end - agent.time
        agent.time = end
        if self._data is not None and data is not None:
            self._data[offset : offset + length] = data

    async def gather(self, length: int) -> None:
        """Copy within the memory, from cache to cache."""
        agent = self._env.agent
        ticks = self.bus.copy_ticks[length]
        agent.time += ticks
        agent.copy += ticks

    async def copy_to(self, offset: int, length: int, into: Local, at: int) -> None:
        """Have the processor copy `length` bytes at `offset` to `at` of `into`.

        Where `into` is memory elsewhere, only the reading crosses this bus.
        """
        await self._copy(self, offset, into, at, length)

    async def copy_from(self, offset: int, length: int, source: Local, at: int) -> None:
        """Have the processor copy `length` bytes at `at` of `source` to `offset`.

        Where `source` is memory elsewhere, only the writing crosses this bus.
        """
        await self._copy(source, at, self, offset, length)

    def _note(self, core: Core) -> None:
        self.moved += core.taken << self._line_shift
        core.taken = 0

    async def _load_batches(self, agent: Agent, core: Core, first: int, count: int) -> None:
        bus = self.bus
        reading = Reading()
        reading.begin(bus, core, first, count, self.limit)
        while True:
            end = reading.step(bus, agent.time)
            self._note(core)
            if not reading.left:
                break
            await bus.pass_until(agent, end)
        agent.stall += end - agent.time
        agent.time = end

    async def _copy(
        self, source: Local, source_at: int, target: Local, target_at: int, length: int
    ) -> None:
        bus, env = self.bus, self._env
        agent = env.agent
        now = agent.time
        if now < env.horizon:
            env.jump(now)
        else:
            await env.turn
        core = bus.core(agent, self.socket)
        copying = Copying()
        copying.begin(
            bus,
            core,
            length,
            source=self._address(source, source_at),
            limit=source.limit if isinstance(source, BusMemory) else 0,
            target=self._address(target, target_at),
        )
        done = 0
        while done < length:
            end = copying.step(bus, now)
            if copying.done > done:
                _move(source, source_at + done, target, target_at + done, copying.done - done)
                done = copying.done
            # `pass_until` written out: a coroutine less, for each copy that is under way.
            agent.copy += end - now
            agent.time = now = end
            if end < env.horizon:
                env.jump(end)
            else:
                await env.turn

    def _address(self, memory: Local, at: int) -> int:
        """Return an address on this bus; ELSEWHERE for memory that is not on it."""
        here = isinstance(memory, BusMemory) and memory.bus is self.bus
        return memory.base + at if here else ELSEWHERE


class MemoryPort(BusMemory):
    """One user's access to the segment of a `MemoryBus`."""

    copies = True

    __slots__ = ()

    async def fetch(self, offset: int, length: int, into: Local, at: int) -> Transfer:
        """Copy towards the user; the transfer that is returned has ended."""
        self._issue()
        await self._copy(self, offset, into, at, length)
        return self._ended(length)

    def fetched(self, offset: int, length: int, into: Local, at: int) -> Awaitable[object]:
        """Copy towards the user: `fetch` and its transfer awaited, in one."""
        self._issue()
        self.moved += length
        return self._copy(self, offset, into, at, length)

    async def flush(self, offset: int, length: int, source: Local, at: int) -> Transfer:
        """Copy away from the user; the transfer that is returned has ended."""
        self._issue()
        await self._copy(source, at, self, offset, length)
        return self._ended(length)

    def _issue(self) -> None:
        agent, ticks = self._env.agent, self.bus.copy_issue
        agent.time += ticks
        agent.issue += ticks

    def _ended(self, length: int) -> Transfer:
        transfer = Transfer(self._env, self.bus.number, length)
        transfer.complete(self._env.agent.time)
        self.moved += length
        return transfer


def _move(source: Local, source_at: int, target: Local, target_at: int, size: int) -> None:
    """Move the bytes, where there are any."""
    given = source.view(source_at, size)
    taken = target.view(target_at, size)
    if given is not None and taken is not None:
        taken[:] = given
