"""Bulk copies that the consumer's own processor makes, through its cache, instead of an engine.

A copy within one machine is often no transfer at all but work of the consumer's processor: it is
made when it is issued, or, where a read ahead is asked for and the bytes are taken when they are
needed, when it is awaited. Either way it takes the processor's time, and nothing overlaps.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Generator
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from simaccess.segment import Data, Local
from simaccess.sim.client import Client
from simaccess.sim.environment import Agent, Environment
from simaccess.sim.fifo_port import FifoPort
from simaccess.sim.near_cache import SEGMENT, NearCache
from simaccess.sim.station import Durations
from simaccess.sim.transfer import Transfer

if TYPE_CHECKING:
    from simaccess.sim.fifo_link import FifoLink

__all__ = ["ProcessorPort"]

_Place: TypeAlias = tuple[int, int]
"""A memory, by the number that caches know it by, and where in it."""


class ProcessorPort(FifoPort):
    """One user's access, whose processor moves the bytes itself.

    Parameters
    ----------
    link : FifoLink
        The link.
    """

    __slots__ = ("_cache", "_copies", "_long", "_memories", "_near", "_room", "_shared", "_waits")

    def __init__(self, link: FifoLink) -> None:
        super().__init__(link)
        cache = link.parameters.cache
        self._cache = None if cache is None else NearCache(cache.size, link.cache)
        self._near = self._service if cache is None else Durations(1 / cache.rate)
        shared = cache is not None and cache.shared_rate
        self._shared = Durations(1 / shared) if shared else self._service
        self._long = link.parameters.link.long or sys.maxsize
        self._waits = link.parameters.dma.mover == "waiter"
        self._copies = link.parameters.dma.mover != "engine"
        self._memories = link.memories
        self._room = link.memories[self]
        if cache is not None:
            self.client = Client(link.env, link.parameters.client, cache.size)

    @property
    def copies(self) -> bool:
        """Whether the processor makes bulk copies itself."""
        return self._copies

    def load(self, offset: int, length: int) -> Awaitable[Data]:
        """Read in place, into a room of the processor's that is used again each time."""
        return self._load(self._env.agent, offset, length)

    async def fetch(self, offset: int, length: int, into: Local, at: int) -> Transfer:
        """Copy towards the user, or get ready to."""
        if not self._copies:
            return await super().fetch(offset, length, into, at)
        env = self._env
        agent = env.agent
        issue = self._issue[length]
        agent.time += issue
        agent.issue += issue
        self.moved += length
        copy = _Copy(env, self._handling, length, partial(self._bring, offset, length, into, at))
        if not self._waits:
            await copy.make(agent)
        return copy

    async def fetched(self, offset: int, length: int, into: Local, at: int) -> None:
        """Copy towards the user, and wait for that."""
        await (await self.fetch(offset, length, into, at))

    async def flush(self, offset: int, length: int, source: Local, at: int) -> Transfer:
        """Copy away from the user."""
        if not self._copies:
            return await super().flush(offset, length, source, at)
        env = self._env
        agent = env.agent
        issue = self._issue[length]
        agent.time += issue
        agent.issue += issue
        await env.turn
        if self._data is not None:
            view = source.view(at, length)
            assert view is not None
            self._data[offset : offset + length] = view
        self.moved += length
        transfer = Transfer(env, self._engine.number, length)
        transfer.end = self._copy(agent, length, self._beside(source, at), (SEGMENT, offset))
        return transfer

    def _bring(self, offset: int, length: int, into: Local, at: int, agent: Agent) -> int:
        """Copy at the caller's turn; return the end, to which the caller's clock has moved."""
        if self._data is not None:
            view = into.view(at, length)
            assert view is not None
            view[:] = self._data[offset : offset + length]
        return self._copy(agent, length, (SEGMENT, offset), self._beside(into, at))

    def _copy(self, agent: Agent, length: int, source: _Place, target: _Place) -> int:
        begin = agent.time
        ticks = self._through(self._service, length, source, target)
        agent.time = end = self._station.serve(begin, ticks, length)
        agent.copy += end - begin
        return end

    def _loading(self, offset: int, length: int) -> int:
        return self._through(self._load_service, length, (SEGMENT, offset), (self._room, 0))

    def _beside(self, local: Local, at: int) -> _Place:
        return self._memories[local], local.base + at

    def _through(self, far: Durations, length: int, source: _Place, target: _Place) -> int:
        """Return the ticks of moving bytes.

        They go at the rate of where they are read; where they are written they take room.
        """
        cache = self._cache
        if cache is None:
            return far[length]
        missing, beyond = cache.touch(*source, length)
        self.client.push_out(missing + cache.touch(*target, length)[0])
        if length >= self._long:
            return far[length]
        return far[beyond] + self._shared[missing - beyond] + self._near[length - missing]


class _Copy(Transfer):
    """A copy that whoever awaits it first makes, unless it has been made."""

    __slots__ = ("_begun", "_make")

    def __init__(
        self,
        env: Environment,
        handling: int,
        length: int,
        make: Callable[[Agent], int],
    ) -> None:
        super().__init__(env, 0, length, handling)  # it is never scheduled
        self._make = make
        self._begun = False

    async def make(self, agent: Agent) -> None:
        """Make it."""
        self._begun = True
        await self.env.turn
        self.complete(self._make(agent))

    def __await__(self) -> Generator[Any, Any, None]:
        if not self._begun:
            yield from self.make(self.env.agent).__await__()
        yield from super().__await__()

    async def poll(self) -> bool:
        """Make it, and say that it has ended."""
        await self
        return True

    async def cancel(self) -> bool:
        """Withdraw it, unless it was begun."""
        withdrawn = not self._begun
        if withdrawn:
            self._begun = True
            self.complete(self.env.agent.time)
        return withdrawn
