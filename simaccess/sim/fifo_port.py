"""One user's access to the segment behind a `simaccess.sim.fifo_link.FifoLink`."""

from __future__ import annotations

from collections.abc import Awaitable, Generator
from types import coroutine
from typing import TYPE_CHECKING

from simaccess.segment import DONE, Data, Local
from simaccess.sim.environment import Agent
from simaccess.sim.transfer import Transfer

if TYPE_CHECKING:
    from simaccess.sim.fifo_link import FifoLink

__all__ = ["FifoPort"]


class FifoPort:
    """One user's access, with an engine for its bulk copies.

    Parameters
    ----------
    link : FifoLink
        The link.

    Attributes
    ----------
    client : Client
        What the software of a buffer over this port costs.
    """

    __slots__ = (
        "_data",
        "_engine",
        "_env",
        "_foresight",
        "_handling",
        "_issue",
        "_latency",
        "_load_service",
        "_loads",
        "_made",
        "_service",
        "_settled",
        "_station",
        "_turn",
        "client",
        "moved",
        "posted",
        "size",
    )

    def __init__(self, link: FifoLink) -> None:
        self.size = link.size
        self.moved = 0
        self.posted = link.parameters.link.posted
        self._env = link.env
        self._data = link.data
        self._station = link.foresight.station
        self._service = link.service
        self._load_service = link.load_service
        self._latency = link.load_latency
        self._loads = link.loads
        self._turn = link.env.turn
        self._engine = link.engine
        self._foresight = link.foresight
        self._settled = False  # whether a load is but arithmetic: no bytes, nothing foreseen
        self._issue = link.issue
        self._handling = link.handling
        self._made = Transfer if link.takes is None else link.takes.transfer
        self.client = link.client

    def load(self, offset: int, length: int) -> Awaitable[Data]:
        """Read in place."""
        env = self._env
        agent: Agent = env.current  # type: ignore[assignment]  # only agents call
        begin = agent.time
        if not self._settled:
            return self._load(agent, offset, length)
        if begin >= env.horizon:
            return self._late(agent, length)
        # The hottest path of all: no coroutine, `FifoStation.serve` and `jump` written out, and as
        # little as can be reckoned with times, whose size makes them slower than durations.
        env._now = begin  # noqa: SLF001  # jump() costs a call
        station = self._station
        service, took = self._loads[length]
        free = station.free
        if free > begin:
            station.waited += free - begin
            station.free = free = free + service
            agent.time = end = free + took - service
            agent.stall += end - begin
        else:
            station.free = begin + service
            agent.time = begin + took
            agent.stall += took
        station.busy += service
        station.bytes += length
        self.moved += length
        return DONE

    @coroutine
    def _late(self, agent: Agent, length: int) -> Generator[bool, None, None]:
        """Load in timing-only mode at a turn that has to be waited for."""
        begin = agent.time
        yield True  # as ``await env.turn``, which makes an iterator and looks for how to
        station = self._station  # `FifoStation.serve` written out, as above
        service, took = self._loads[length]
        free = station.free
        if free > begin:
            station.waited += free - begin
            station.free = free = free + service
            agent.time = end = free + took - service
            agent.stall += end - begin
        else:
            station.free = begin + service
            agent.time = begin + took
            agent.stall += took
        station.busy += service
        station.bytes += length
        self.moved += length

    async def _load(self, agent: Agent, offset: int, length: int) -> Data:
        begin = agent.time
        if begin < self._env.horizon:
            self._env.jump(begin)
        else:
            await self._turn
        if not self._settled:
            self._foresight.settle()
            self._settled = self._data is None
        service = self._loading(offset, length)
        agent.time = end = self._station.serve(begin, service, length) + self._latency[length]
        agent.stall += end - begin
        self.moved += length
        return None if self._data is None else self._data[offset : offset + length]

    def _loading(self, offset: int, length: int) -> int:  # noqa: ARG002  # where matters to a cache
        """Return the ticks for which a load occupies the station."""
        return self._load_service[length]

    async def store(self, offset: int, length: int, data: Data) -> None:
        """Write in place."""
        env = self._env
        agent = env.agent
        begin = agent.time
        if begin < env.horizon:
            env.jump(begin)
        else:
            await env.turn
        self._foresight.settle()
        end = self._station.serve(begin, self._load_service[length], length) + self._latency[length]
        if not self.posted:
            agent.time = end
            agent.stall += end - begin
        self.moved += length
        if self._data is not None and data is not None:
            self._data[offset : offset + length] = data

    async def fetch(self, offset: int, length: int, into: Local, at: int) -> Transfer:
        """Start a bulk copy towards the user."""
        env = self._env  # written out, as each call here would cost 2 to 5 % of a copy
        agent: Agent = env.current  # type: ignore[assignment]  # only agents call
        issue = self._issue[length]
        agent.time = now = agent.time + issue
        agent.issue += issue
        if now < env.horizon:
            env._now = now  # noqa: SLF001  # jump() costs a call
        else:
            await self._turn
        return self._submit(now, offset, length, into, at)

    def fetched(self, offset: int, length: int, into: Local, at: int) -> Awaitable[object]:
        """Copy towards the user, and wait for that: `fetch` and its transfer awaited, in one."""
        env = self._env
        agent: Agent = env.current  # type: ignore[assignment]  # only agents call
        issue = self._issue[length]
        now = agent.time + issue
        foresight = self._foresight
        if now >= env.horizon or not foresight.open:
            return self._fetched(offset, length, into, at)
        env._now = now  # noqa: SLF001  # jump() costs a call
        agent.issue += issue
        self.moved += length
        if self._data is not None:
            self._fill(offset, length, into, at)
        foresight.take(agent, now, length)
        return self._turn

    async def _fetched(self, offset: int, length: int, into: Local, at: int) -> None:
        env, foresight = self._env, self._foresight
        agent = env.agent
        issue = self._issue[length]
        agent.time = now = agent.time + issue
        agent.issue += issue
        if now < env.horizon:
            env.jump(now)
        else:
            await self._turn
        if not foresight.open:  # or not any more
            await self._submit(now, offset, length, into, at)
            return
        self.moved += length
        if self._data is not None:
            self._fill(offset, length, into, at)
        foresight.take(agent, now, length)
        await self._turn

    def _submit(self, now: int, offset: int, length: int, into: Local, at: int) -> Transfer:
        """Hand a copy towards the user to the engine, at the user's turn."""
        if self._foresight.open:
            self._foresight.settle()
        self.moved += length
        if self._data is not None:
            self._fill(offset, length, into, at)
        engine = self._engine
        transfer = self._made(self._env, engine.number, length, self._handling)
        engine.submit(transfer, now)
        return transfer

    def _fill(self, offset: int, length: int, into: Local, at: int) -> None:
        """Put the segment's bytes where the user has them copied to."""
        view, data = into.view(at, length), self._data
        assert view is not None
        assert data is not None
        view[:] = data[offset : offset + length]

    async def flush(self, offset: int, length: int, source: Local, at: int) -> Transfer:
        """Start a bulk copy away from the user."""
        env = self._env
        agent = env.agent
        issue = self._issue[length]
        agent.time = now = agent.time + issue
        agent.issue += issue
        if now < env.horizon:
            env.jump(now)
        else:
            await self._turn
        if self._data is not None:
            view = source.view(at, length)
            assert view is not None
            self._data[offset : offset + length] = view
        self.moved += length
        self._foresight.settle()
        transfer = Transfer(env, self._engine.number, length, self._handling)
        self._engine.submit(transfer, now)
        return transfer
