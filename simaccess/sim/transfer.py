"""A bulk copy under way in simulation."""

from __future__ import annotations

from collections.abc import Callable, Generator
from heapq import heappush
from typing import Any

from simaccess.sim.environment import Actor, Agent, Environment

__all__ = ["Transfer"]


class Transfer(Actor):
    """A transfer, and its place in the event queue while a stage of it is scheduled.

    Parameters
    ----------
    env : Environment
        Where it takes place.
    number : int
        Rank of its stages within an instant.
    length : int
        Bytes to move.
    handling : int
        Ticks that whoever awaits it first spends on its completion (an interrupt).

    Attributes
    ----------
    end : int or None
        When its bytes are there, once that is known. It may still lie ahead.
    step : callable
        What to do when its scheduled stage comes.
    """

    step: Callable[[Transfer], None]

    __slots__ = ("_waiting", "end", "env", "handling", "length", "step")

    def __init__(self, env: Environment, number: int, length: int, handling: int = 0) -> None:
        self.callbacks = env.drivers  # as in Actor.__init__, without the call and the time
        self.number = number
        self.env = env
        self.length = length
        self.handling = handling
        self.end: int | None = None
        self._waiting: tuple[Agent, ...] = ()

    def schedule(self, time: int, step: Callable[[Transfer], None]) -> None:
        """Have ``step(self)`` called at `time`, in order with everything shared."""
        self.time = time
        self.step = step
        env = self.env
        heappush(env.queue, (time, self.number, next(env.order), self))
        if time < env.horizon:
            env.horizon = time

    def send(self, _: None, /) -> object:
        """Do the stage whose time has come."""
        step = self.step  # as a method it would be looked for in the class first
        step(self)
        return False

    def complete(self, end: int) -> None:
        """Say when the bytes are there, and wake whoever waits for that."""
        self.end = end
        waiting = self._waiting
        if waiting:
            env = self.env
            queue = env.queue
            for agent in waiting:  # `Environment.wake` written out: 4 % of a bulk copy
                time = agent.time
                if time < end:
                    agent.time = time = end
                heappush(queue, (time, agent.number, next(env.order), agent))
                if time < env.horizon:
                    env.horizon = time
            self._waiting = ()

    def __await__(self) -> Generator[Any, Any, None]:
        agent: Agent = self.env.current  # type: ignore[assignment]  # only agents await
        before = agent.time
        end = self.end
        if end is None:
            self._waiting = (*self._waiting, agent) if self._waiting else (agent,)
            yield False  # until complete() has moved the agent's clock
        elif before < end:
            agent.time = end
        agent.wait += agent.time - before
        if self.handling:
            agent.time += self.handling
            agent.issue += self.handling
            self.handling = 0

    async def poll(self) -> bool:
        """Say whether the bytes are there by the caller's local time."""
        await self.env.turn
        return self.end is not None and self.end <= self.env.agent.time

    async def cancel(self) -> bool:
        """Say that a transfer under way is not withdrawn."""
        return False
