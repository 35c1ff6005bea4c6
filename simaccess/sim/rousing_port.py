"""One user's access to a far end that sleeps when it has nothing to do.

Whoever asks it for something wakes it up: the system call by which the request is handed over has
a processor woken, if that has stopped meanwhile, and that is as long as many a request. A far end
that is at work already finds the next request by itself.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING

from simaccess.segment import Data, Local
from simaccess.sim.environment import Agent
from simaccess.sim.fifo_port import FifoPort
from simaccess.sim.station import Durations
from simaccess.sim.transfer import Transfer

if TYPE_CHECKING:
    from simaccess.sim.fifo_link import FifoLink

__all__ = ["RousingPort"]


class RousingPort(FifoPort):
    """One user's access, by whom a sleeping far end is woken.

    Parameters
    ----------
    link : FifoLink
        The link.
    """

    __slots__ = ("_rouse",)

    def __init__(self, link: FifoLink) -> None:
        super().__init__(link)
        self._rouse = Durations(link.parameters.link.rouse)[1]

    def load(self, offset: int, length: int) -> Awaitable[Data]:
        """Read in place."""
        return self._loaded(self._env.agent, offset, length)

    async def store(self, offset: int, length: int, data: Data) -> None:
        """Write in place."""
        agent = self._env.agent
        agent.stall += await self._woken(agent)
        await super().store(offset, length, data)

    async def fetch(self, offset: int, length: int, into: Local, at: int) -> Transfer:
        """Start a bulk copy towards the user."""
        agent = self._env.agent
        agent.issue += await self._woken(agent)
        return await super().fetch(offset, length, into, at)

    async def fetched(self, offset: int, length: int, into: Local, at: int) -> None:
        """Copy towards the user, and wait for that."""
        await (await self.fetch(offset, length, into, at))

    async def flush(self, offset: int, length: int, source: Local, at: int) -> Transfer:
        """Start a bulk copy away from the user."""
        agent = self._env.agent
        agent.issue += await self._woken(agent)
        return await super().flush(offset, length, source, at)

    async def _loaded(self, agent: Agent, offset: int, length: int) -> Data:
        agent.stall += await self._woken(agent)
        return await self._load(agent, offset, length)

    async def _woken(self, agent: Agent) -> int:
        """Wake the far end at the caller's turn if it sleeps; return the ticks of that."""
        now = agent.time
        if now < self._env.horizon:
            self._env.jump(now)
        else:
            await self._turn
        if self._station.free > now or not self._engine.rests(now):
            return 0
        agent.time = now + self._rouse
        return self._rouse
