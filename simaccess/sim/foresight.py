"""Bulk copies whose end is known when they are issued, so that waiting for one is a single event.

Requests come to an engine in the order of time, each reaches the station a constant time after it
has got a channel, and the ends of a FIFO station never go back. So as long as nobody else uses the
station, a copy's course follows from those before it, and whoever waits for the copy stands in the
queue at its end. Somebody else may still use the station before the copy reaches it: then it is
taken back and goes through the engine, event by event, as all copies do from then on.

That is exact, since a copy is in time for the station or not by the order of all that is shared:
(time, number, insertion). The engine's number has to be the highest, so that within an instant a
copy comes after whatever may take it back; and service takes time, so that whoever waits for a copy
is resumed when nobody can take it back any more.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from simaccess.sim.dma import DmaEngine
from simaccess.sim.environment import Agent, Environment
from simaccess.sim.station import FifoStation
from simaccess.sim.transfer import Transfer

__all__ = ["Foresight"]


class _Recalled(Transfer):
    """A copy that was taken back; its issuer waits for nothing but its turn.

    Parameters
    ----------
    env, number, length, handling
        As for `Transfer`.
    agent : Agent
        The issuer, whose local time is that of the issue.
    """

    __slots__ = ("_agent",)

    def __init__(
        self, env: Environment, number: int, length: int, handling: int, agent: Agent
    ) -> None:
        super().__init__(env, number, length, handling)
        self._agent = agent

    def complete(self, end: int) -> None:
        """Charge the issuer as awaiting would have, and have it resumed."""
        self.end = end
        agent = self._agent
        agent.wait += end - agent.time
        agent.issue += self.handling
        agent.time = end + self.handling
        self.env.enter(agent)


class Foresight:
    """The course of the copies that an engine makes over a station which is its alone so far.

    Parameters
    ----------
    env : Environment
        The simulation.
    engine : DmaEngine
        The engine, which no request has reached yet.
    station : FifoStation
        The station, which whoever else uses it must `settle` first, at its turn.
    service, after : mapping of int to int
        Ticks of the station by bytes, not 0, and ticks from the end of service until the bytes
        are seen.
    handling : int
        Ticks that whoever awaits a copy spends on its completion.

    Attributes
    ----------
    open : bool
        Whether copies are foreseen.
    """

    __slots__ = (
        "_after",
        "_engine",
        "_env",
        "_free",
        "_handling",
        "_service",
        "_start",
        "open",
        "station",
    )

    def __init__(
        self,
        env: Environment,
        engine: DmaEngine,
        station: FifoStation,
        *,
        service: Mapping[int, int],
        after: Mapping[int, int],
        handling: int,
    ) -> None:
        self.open = True
        self.station = station
        self._env = env
        self._engine = engine
        self._service = service
        self._after = after
        self._handling = handling
        self._start = engine.start
        # From when the channels are free, in ascending order: the ends of as many copies.
        self._free = deque([0] * engine.channels, engine.channels)
        env.outranked.append(self.settle)

    def take(self, agent: Agent, now: int, length: int) -> None:
        """Take a request at its issuer's turn; charge the issuer as awaiting its end would.

        The issuer must wait for its turn before it does anything else.
        """
        free = self._free
        begin = free[0]
        if begin < now:  # max() costs a call
            begin = now
        arrival = begin + self._start  # as `DmaEngine.submit`
        station = self.station
        before = station.free
        end = station.serve(arrival, self._service[length], length)
        free.append(end)  # and forget the first
        end += self._after[length]
        agent.copying = now, length, arrival, before, end
        agent.wait += end - now
        if self._handling:
            agent.issue += self._handling
            end += self._handling
        agent.time = end

    def settle(self) -> None:
        """Take back the copies that have not reached the station by now, and foresee no more."""
        if not self.open:
            return
        self.open = False
        env, engine, station, handling = self._env, self._engine, self.station, self._handling
        now = env._now  # noqa: SLF001  # as an integer
        # Whoever waits for a copy stands in the queue; others there have an older one, or none.
        queued = [entry[3] for entry in env.queue if isinstance(entry[3], Agent)]
        copies = [
            (agent, *agent.copying) for agent in queued if agent.copying and agent.copying[2] >= now
        ]
        copies.sort(key=lambda copy: (copy[1], copy[0].number))  # as they were issued
        env.withdraw([agent for agent, *_ in copies])
        # Each has put its end behind those that it found. So what is left in front was there before
        # them, and so was what they took, which is told by when they reach the station.
        left = max(0, len(self._free) - len(copies))
        taken = [arrival - self._start for _, _, _, arrival, _, _ in copies]
        engine.restore([*self._free][:left] + taken[: len(self._free) - left])
        for agent, issued, length, arrival, free, end in reversed(copies):
            station.free = free
            station.waited -= max(0, free - arrival)
            station.busy -= self._service[length]
            station.bytes -= length
            agent.wait -= end - issued
            agent.issue -= handling
            agent.time = issued
        for agent, issued, length, *_ in copies:
            engine.submit(_Recalled(env, engine.number, length, handling, agent), issued)
