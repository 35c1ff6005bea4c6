"""A simulated agent whose calls block: each runs the simulation until its own end."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Generator
from types import FrameType
from typing import Any, TypeVar

import simpy

from simaccess.sim.environment import Agent, Environment

__all__ = ["BlockingAgent", "inside_simulation"]

_STEP = simpy.Environment.step.__code__

_Result = TypeVar("_Result")


def inside_simulation() -> bool:
    """Say whether the caller is called by a simulation that is running, of any sort of SimPy's."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001  # documented; knows every caller
    while frame is not None:
        if frame.f_code is _STEP:
            return True
        frame = frame.f_back
    return False


class BlockingAgent:
    """An agent that serves one call after another from outside of the simulation.

    Between two calls it is parked at its local time, and the simulation stands at or before that:
    nothing that comes after it has happened. What is private to the agent, such as a hit in its
    shadow, moves its local time only and leaves the simulation where it is; whatever is shared it
    reaches at its turn, as ever. So its times are those of a coroutine that makes all the calls.

    Parameters
    ----------
    env : Environment
        The simulation, which nobody else runs.

    Attributes
    ----------
    agent : Agent
        The agent, which is its clock.
    interrupted : bool
        Whether a call was interrupted, which leaves a simulation that nobody can go on with.
    """

    def __init__(self, env: Environment) -> None:
        self._env = env
        self._body: Callable[[], Awaitable[Any]] | None = None
        self._result: Any = None
        self._error: BaseException | None = None
        self._parked = False
        self.interrupted = False
        self._stop: simpy.Event | None = None
        self.agent: Agent = env.start(self._serve)
        self._run()

    def call(self, body: Callable[[], Awaitable[_Result]]) -> _Result:
        """Await ``body()`` in the agent.

        Raises
        ------
        RuntimeError
            If the simulation has been interrupted in an earlier call.
        """
        if self.interrupted:
            raise RuntimeError("the simulation was interrupted in an earlier call")
        env, agent = self._env, self.agent
        self._body = body
        self._parked = False
        self.interrupted = True  # unless it gets to its end
        env.current = agent
        try:
            again = agent.send(None)
        finally:
            env.current = None
        if not self._parked:
            if again:
                env.enter(agent)
            self._run()
        error, self._error = self._error, None
        if error is not None:
            self.interrupted = not isinstance(error, Exception)
            raise error
        self.interrupted = False
        result: _Result = self._result
        self._result = None
        return result

    def close(self) -> None:
        """End the agent and everything that is under way."""
        self.interrupted = True
        self.agent.close()
        for *_, event in self._env.queue:
            if isinstance(event, Agent):
                event.close()

    def _run(self) -> None:
        """Run the simulation until the agent is parked, and no further."""
        self._stop = self._env.event()
        self._env.run(until=self._stop)

    async def _serve(self, _: Agent) -> None:
        while True:
            await self._park()
            assert self._body is not None
            try:
                self._result = await self._body()
            except GeneratorExit:
                raise
            except BaseException as error:  # noqa: BLE001  # the caller outside gets it
                self._error = error

    async def _park(self) -> None:
        stop, self._stop = self._stop, None
        if stop is not None:  # the simulation runs: stop it where it is
            stop.succeed()
        self._body = None
        self._parked = True
        await _PARKED


class _Parked:
    """Awaitable that leaves the agent outside of the queue until it is sent on."""

    __slots__ = ()

    def __await__(self) -> Generator[bool, None, None]:
        yield False


_PARKED = _Parked()
