"""Several coroutines of one process by turns: what a producer needs to signal after a timeout.

A consumer's calls block and never suspend. A producer, too, waits for one thing at a time, but
signals a batch that has not filled up in the meantime. So its clock suspends: on a tick, or on a
descriptor that can be read. Whoever is due first goes on.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Coroutine, Generator
from dataclasses import dataclass, field
from select import select
from time import perf_counter_ns
from typing import Any

from simaccess.real.clock import TICKS_PER_SECOND, RealClock
from simaccess.segment import Transfer

__all__ = ["TurnClock", "Turns", "readable"]

_SPIN = 100_000  # ticks before a deadline at which sleeping ends and looking begins
_LOOK_AGAIN = 1_000_000  # ticks after which one looks again whether another coroutine has ended
_NEVER = 1 << 62

Pause = tuple[int, int]
"""Until which tick a coroutine waits, and for which descriptor; -1: none."""


@types.coroutine
def _pause(tick: int, descriptor: int) -> Generator[Pause, None, None]:
    yield tick, descriptor


async def readable(descriptor: int) -> None:
    """Wait until a descriptor can be read."""
    await _pause(_NEVER, descriptor)


@dataclass
class _Turn:
    """A coroutine, and what it waits for."""

    body: Coroutine[Pause, None, None]
    tick: int = 0
    descriptor: int = -1
    over: bool = field(default=False, init=False)

    def __await__(self) -> Generator[Any, Any, None]:
        while not self.over:
            yield from _pause(perf_counter_ns() + _LOOK_AGAIN, -1)

    async def poll(self) -> bool:
        """Say whether it has ended."""
        return self.over

    async def cancel(self) -> bool:
        """Say that it cannot be withdrawn."""
        return False

    def go_on(self) -> None:
        try:
            self.tick, self.descriptor = self.body.send(None)
        except StopIteration:
            self.over = True


class Turns:
    """The coroutines of a process."""

    def __init__(self) -> None:
        self._turns: list[_Turn] = []
        self._running: _Turn | None = None

    def add(self, body: Coroutine[Any, Any, None]) -> Transfer:
        """Let a coroutine have its turns, too."""
        turn = _Turn(body)
        self._turns.append(turn)
        return turn

    def due(self) -> bool:
        """Say whether anybody else than the running one could go on."""
        if len(self._turns) < 2:
            return False
        now = perf_counter_ns()
        return any(turn.tick <= now for turn in self._turns if turn is not self._running)

    def run(self, body: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine to its end, and others while it waits; what they have left is dropped."""
        turn = _Turn(body)
        self._turns.append(turn)
        try:
            while not turn.over:
                self._running = self._next()
                self._running.go_on()
                self._turns = [each for each in self._turns if not each.over]
        finally:
            for each in self._turns:
                each.body.close()
            self._turns.clear()

    def _next(self) -> _Turn:
        """Wait until somebody can go on; return the one that was due first."""
        while True:
            now = perf_counter_ns()
            first = min(self._turns, key=lambda turn: turn.tick)
            if first.tick <= now:
                return first
            descriptors = [turn.descriptor for turn in self._turns if turn.descriptor >= 0]
            left = first.tick - now - _SPIN
            patience = None if first.tick == _NEVER else max(0, left) / TICKS_PER_SECOND
            ready = select(descriptors, [], [], patience)[0]
            if ready:
                return next(turn for turn in self._turns if turn.descriptor == ready[0])


class TurnClock(RealClock):
    """The clock of a coroutine among others.

    Parameters
    ----------
    turns : Turns
        Among which.
    """

    __slots__ = ("_turns",)

    def __init__(self, turns: Turns) -> None:
        super().__init__()
        self._turns = turns

    async def sleep_until(self, tick: int) -> None:
        """Wait until `tick`."""
        begin = perf_counter_ns()
        if tick > begin:
            await _pause(tick, -1)
            self.wait += perf_counter_ns() - begin

    async def instant(self) -> int:
        """Return the time, after those who are due."""
        if self._turns.due():
            await _pause(perf_counter_ns(), -1)
        return self.time

    def spawn(self, body: Callable[[Any], Coroutine[Any, Any, None]]) -> Transfer:
        """Run ``body(clock)`` beside the caller."""
        return self._turns.add(body(TurnClock(self._turns)))
