"""Simulated time: agents with local clocks, and the rule that orders what they share.

Everything that touches shared state happens in the order of (time, number, insertion). An
agent's private delays move only its own clock. Before it touches anything shared it must have
its turn: if its local time lies before the *horizon* it has it at once, else it waits in the
queue (``await env.turn``). The horizon is the time of the queue's head, so nothing in the queue
comes before the agent; and what is not in the queue yet is put there by something that is.
Unlike a quantum this is exact.

A turn may be taken at once only where nothing else of the current event is still to run: within
`Environment._drive`, the sole callback of an actor. After a foreign SimPy event has resumed an
agent, the agent goes through the queue first. The horizon is never further than `run_ahead` from
the event that SimPy's loop is processing, and no actor is resumed beyond that, so that
``step()`` returns; with a `run_ahead` of 0, the reference mode, each turn is an event of SimPy's
own loop.

Numbers of agents come after SimPy's own priorities (0 and 1), so that a foreign event and the
end of ``run(until=...)`` come first within their instant; arbiters have the highest numbers.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterable, Sequence
from heapq import heapify, heappop, heappush, heappushpop
from typing import Any

import simpy

__all__ = ["ARBITER", "TICKS_PER_SECOND", "Actor", "Agent", "Environment", "Gate"]

TICKS_PER_SECOND = 10**12
"""A tick of simulated time is a picosecond."""

ARBITER = 1 << 40
"""Numbers from here on rank after every agent."""

RUN_AHEAD = 10 * 10**9
"""Default run-ahead: 10 ms of simulated time."""

_FIRST_NUMBER = 2  # after simpy.events.URGENT and NORMAL
_NEVER = 1 << 200


class Actor:
    """Something that stands in the event queue under its own (time, number).

    It looks to SimPy like an event whose only callback drives it.
    """

    __slots__ = ("callbacks", "number", "time")

    _ok = True  # SimPy's mark of an event that has not failed

    def __init__(self, env: Environment, number: int, time: int) -> None:
        self.callbacks: list[Callable[[Any], None]] | None = env.drivers
        self.number = number
        self.time = time

    def send(self, _: None, /) -> object:
        """Act; a true result asks for another turn at ``self.time``."""
        raise NotImplementedError


class Agent(Actor):
    """A coroutine with a local clock: a consumer, a producer, or a child of one.

    It is the `Clock` of that coroutine.

    Attributes
    ----------
    time : int
        Local time in picoseconds.
    compute, stall, copy, issue, wait : int
        Picoseconds that it has spent so far, by activity (`simaccess.segment.Activity`); they sum
        to the time since its start.
    end : int or None
        When the coroutine returned, in picoseconds.
    copying : tuple of int, or None
        The last copy of its that was foreseen (`simaccess.sim.foresight`): when it was issued, its
        bytes, when it reaches the station, from when on that is free without it, and its end.
    """

    __slots__ = (
        "_body",
        "_waiting",
        "compute",
        "copy",
        "copying",
        "end",
        "env",
        "issue",
        "send",
        "stall",
        "start",
        "wait",
    )

    ticks_per_second = TICKS_PER_SECOND

    def __init__(
        self, env: Environment, body: Callable[[Agent], Coroutine[Any, Any, Any]], number: int
    ) -> None:
        now = env.current.time if env.current is not None else int(env.now)
        super().__init__(env, number, now)
        self.env = env
        self.start = now
        self.compute = self.stall = self.copy = self.issue = self.wait = 0
        self.end: int | None = None
        self.copying: tuple[int, int, int, int, int] | None = None
        self._waiting: tuple[Agent, ...] = ()
        self._body = body(self)
        self.send = self._body.send  # type: ignore[method-assign]  # the coroutine's own: no layer between
        env.enter(self)

    def __await__(self) -> Generator[Any, Any, None]:
        waiter = self.env.agent
        before = waiter.time
        if self.end is None:
            self._waiting = (*self._waiting, waiter)
            yield False
        assert self.end is not None
        if waiter.time < self.end:
            waiter.time = self.end
        waiter.wait += waiter.time - before

    def finish(self) -> None:
        """Note the end and wake whoever awaits it."""
        self.end = self.time
        for agent in self._waiting:
            self.env.wake(agent, self.time)
        self._waiting = ()

    def close(self) -> None:
        """End the coroutine where it is."""
        self._body.close()

    async def poll(self) -> bool:
        """Say whether the coroutine has returned by the caller's local time."""
        return self.end is not None and self.end <= await self.instant()

    async def cancel(self) -> bool:
        """Say that work once begun cannot be withdrawn."""
        return False

    # -- the clock of the coroutine ------------------------------------------------------------

    def mark(self) -> int:
        """Return the local time of whoever is running."""
        return self.env.agent.time

    def waited(self) -> int:
        """Return the ticks that whoever is running has waited."""
        return self.env.agent.wait

    async def work(self, duration: int) -> None:
        """Compute for `duration` picoseconds."""
        self.time += duration
        self.compute += duration

    async def handle(self, duration: int) -> None:
        """Spend `duration` picoseconds on a signal or the like."""
        self.time += duration
        self.issue += duration

    async def sleep_until(self, tick: int) -> None:
        """Wait until `tick`."""
        if self.time < tick:
            self.wait += tick - self.time
            self.time = tick

    async def instant(self) -> int:
        """Return the time after everything that comes before the caller has happened."""
        env = self.env
        now = env.agent.time
        if now < env.horizon:
            env.jump(now)
        else:
            await env.turn
        return now

    def spawn(self, body: Callable[[Agent], Coroutine[Any, Any, Any]]) -> Agent:
        """Start a child at the caller's local time; it ranks as its parent does."""
        return Agent(self.env, body, self.env.agent.number)

    def gate(self) -> Gate:
        """Make a closed gate."""
        return Gate(self.env)


class Gate:
    """Somewhere for agents to wait until another one opens it."""

    __slots__ = ("_env", "_opened", "_waiting")

    def __init__(self, env: Environment) -> None:
        self._env = env
        self._opened: int | None = None
        self._waiting: list[Agent] = []

    def __await__(self) -> Generator[Any, Any, None]:
        agent = self._env.agent
        before = agent.time
        if self._opened is None:
            self._waiting.append(agent)
            yield False
        assert self._opened is not None
        if agent.time < self._opened:
            agent.time = self._opened
        agent.wait += agent.time - before

    def open(self) -> None:
        """Let everybody pass from the caller's local time on.

        Nobody, where the simulation has been ended and a coroutine closes behind it.
        """
        caller = self._env.current
        if self._opened is None and caller is not None:
            self._opened = caller.time
            for agent in self._waiting:
                self._env.wake(agent, self._opened)
            self._waiting.clear()


class _Turn(list[bool]):
    """Awaitable that puts the current agent in the queue until its turn has come."""

    __slots__ = ()

    # Yields its one item, True, from C: a generator would cost half as much again.
    __await__ = list.__reversed__


class Environment(simpy.Environment):
    """SimPy's environment, with agents that run ahead of its queue where that is exact.

    Parameters
    ----------
    run_ahead : int
        Simulated picoseconds, at most, that agents advance within one event of SimPy's loop. 0 is
        the reference mode.

    Attributes
    ----------
    current : Agent or None
        Who is running.
    horizon : int
        An agent whose local time lies before it has its turn without waiting; whoever takes a
        turn that way calls `jump` with its local time, or sets ``_now`` where speed matters.
    turn : awaitable
        Waits in the queue for the caller's turn.
    queue : list
        The heap of SimPy's entries (time, number, insertion, event).
    order : iterator of int
        Numbers insertions.
    outranked : list of callables
        Called, and forgotten, when somebody gets a number above those that there are.
    """

    def __init__(self, run_ahead: int = RUN_AHEAD) -> None:
        super().__init__()
        self.run_ahead = run_ahead
        self.current: Agent | None = None
        self.horizon = 0
        # An iterator serves where a generator is declared: nobody sends or throws into it.
        self.turn: Awaitable[None] = _Turn([True])  # type: ignore[assignment]  # see above
        self.queue: list[Any] = self._queue
        self.order = self._eid
        self.drivers: list[Callable[[Any], None]] = [self._drive]
        self._numbers = _FIRST_NUMBER
        self._arbiters = ARBITER
        self.outranked: list[Callable[[], None]] = []

    @property
    def agent(self) -> Agent:
        """The agent that is running."""
        if self.current is None:
            raise RuntimeError("only a simulated agent can do this; make one with start()")
        return self.current

    def start(self, body: Callable[[Agent], Coroutine[Any, Any, Any]]) -> Agent:
        """Start ``body(agent)`` as an agent; earlier agents rank before later ones."""
        self._numbers += 1
        return Agent(self, body, self._numbers - 1)

    def arbiter(self) -> int:
        """Return the next number for an actor that ranks after all agents."""
        for outrank in self.outranked:
            outrank()
        self.outranked.clear()
        self._arbiters += 1
        return self._arbiters - 1

    def jump(self, time: int) -> None:
        """Move the clock to the time of a turn taken without waiting."""
        self._now = time

    def enter(self, actor: Actor) -> None:
        """Put an actor into the queue at its own time."""
        time = actor.time
        heappush(self.queue, (time, actor.number, next(self.order), actor))
        if time < self.horizon:
            self.horizon = time

    def wake(self, agent: Agent, time: int) -> None:
        """Resume a waiting agent at `time`, or at its local time if that is later."""
        if agent.time < time:
            agent.time = time
        else:
            time = agent.time
        heappush(self.queue, (time, agent.number, next(self.order), agent))
        if time < self.horizon:
            self.horizon = time

    def withdraw(self, actors: Iterable[Actor]) -> None:
        """Take actors out of the queue."""
        gone = set(actors)
        self.queue[:] = [entry for entry in self.queue if entry[3] not in gone]
        heapify(self.queue)

    def schedule(self, event: Any, priority: Any = 1, delay: Any = 0) -> None:
        """Schedule a SimPy event, which nobody may run ahead of."""
        super().schedule(event, priority, delay)
        if self._now + delay < self.horizon:
            self.horizon = self._now + delay

    def run_agents(self, agents: Sequence[Agent]) -> None:
        """Run until the last of some agents ends.

        What is under way by then, such as copies ahead that nobody reads any more, is not run.

        Raises
        ------
        RuntimeError
            If they wait for each other.
        """
        ended = self.event()

        async def watch(_: Agent) -> None:
            for agent in agents:
                await agent
            await self.turn
            ended.succeed()

        self.start(watch)
        try:
            self.run(until=ended)
        finally:
            self.close()

    def close(self) -> None:
        """End the coroutines of the agents in the queue, which may not even have begun.

        Python warns of one that is forgotten before it has.
        """
        for *_, event in self.queue:
            if isinstance(event, Agent):
                event.close()

    def _drive(self, actor: Any) -> None:
        """Run an actor, and then those behind it while the queue's head is an actor."""
        actor.callbacks = self.drivers  # SimPy took them away
        queue = self.queue
        order = self.order
        bound = actor.time + self.run_ahead
        try:
            while True:
                self.horizon = queue[0][0] if queue and queue[0][0] < bound else bound
                self.current = actor
                try:
                    again = actor.send(None)
                except StopIteration:
                    again = False
                    actor.finish()
                if again:
                    entry = heappushpop(queue, (actor.time, actor.number, next(order), actor))
                elif queue:
                    entry = heappop(queue)
                else:
                    break
                time = entry[0]
                actor = entry[3]
                if time >= bound or not isinstance(actor, Actor):
                    heappush(queue, entry)
                    break
                self._now = time
        finally:  # also after an agent that raises
            self.current = None
            self.horizon = 0
