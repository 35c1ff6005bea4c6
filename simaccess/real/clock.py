"""Real time: the clock of a consumer or producer on a real link, and how its code is run.

A tick is a nanosecond of the monotonic clock, which all processes of a machine share. What takes
time on a link charges it to one of the tallies; all other time is the client's own work, so that
a method's and a buffer's own overhead counts as compute, and so do operations too short to be
timed one by one.

No call on a real link suspends: it blocks. So a consumer's coroutine runs to its end in one
`run`, without an event loop, and whoever needs several consumers runs several processes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Generator
from time import perf_counter_ns, sleep
from typing import Any, TypeVar

from simaccess.segment import Gate, Transfer

__all__ = ["TICKS_PER_SECOND", "Done", "RealClock", "run"]

TICKS_PER_SECOND = 10**9
"""A tick of real time is a nanosecond."""

_SPIN = 100_000  # ticks before a deadline at which sleeping ends and looking begins

_Result = TypeVar("_Result")


def run(body: Awaitable[_Result]) -> _Result:
    """Run what never suspends to its end.

    Parameters
    ----------
    body : awaitable
        Such as a call of a `Buffer` over a real link, or a consumer.

    Raises
    ------
    RuntimeError
        If it suspends: it belongs to a simulation or to another event loop.
    """
    steps = body.__await__()
    try:
        next(steps)
    except StopIteration as end:
        result: _Result = end.value
        return result
    steps.close()
    raise RuntimeError("what runs on a real link does not suspend; is this a simulated one?")


class Done:
    """A transfer that was over when it had been issued."""

    __slots__ = ()

    def __await__(self) -> Generator[Any, Any, None]:
        yield from ()

    async def poll(self) -> bool:
        """Say that the bytes are there."""
        return True

    async def cancel(self) -> bool:
        """Say that there is nothing to withdraw."""
        return False


class RealClock:
    """The `Clock` of one consumer or producer on a real link.

    Attributes
    ----------
    start : int
        When it was made.
    stall, copy, issue, wait : int
        What segments have charged so far.
    """

    __slots__ = ("_seen", "copy", "issue", "stall", "start", "wait")

    ticks_per_second = TICKS_PER_SECOND

    def __init__(self) -> None:
        self.start = self._seen = perf_counter_ns()
        self.stall = self.copy = self.issue = self.wait = 0

    @property
    def time(self) -> int:
        """The time now."""
        self._seen = now = perf_counter_ns()
        return now

    @property
    def compute(self) -> int:
        """Ticks that no tally was charged with, until `time` was last read."""
        return self._seen - self.start - self.stall - self.copy - self.issue - self.wait

    async def work(self, duration: int) -> None:
        """Compute for `duration` ticks."""
        end = perf_counter_ns() + duration
        while perf_counter_ns() < end:
            pass

    async def handle(self, duration: int) -> None:
        """Spend `duration` ticks on a signal or the like, beside what it really costs."""
        if duration:
            await self.work(duration)
            self.issue += duration

    async def sleep_until(self, tick: int) -> None:
        """Wait until `tick`."""
        begin = perf_counter_ns()
        left = tick - begin
        if left <= 0:
            return
        if left > _SPIN:
            sleep((left - _SPIN) / TICKS_PER_SECOND)  # noqa: ASYNC251  # real links block
        while (now := perf_counter_ns()) < tick:
            pass
        self.wait += now - begin

    def mark(self) -> int:
        """Return the time now."""
        return perf_counter_ns()

    def waited(self) -> int:
        """Return the ticks waited so far."""
        return self.wait

    async def instant(self) -> int:
        """Return the time now."""
        return self.time

    def spawn(self, body: Callable[[Any], Coroutine[Any, Any, None]]) -> Transfer:
        """Run ``body(clock)`` to its end at once: nothing runs beside the caller."""
        run(body(self))
        return Done()

    def gate(self) -> Gate:
        """Make a closed gate."""
        return _Gate()


class _Gate:
    """A gate among the calls of one thread, where nobody else could open it."""

    __slots__ = ("_opened",)

    def __init__(self) -> None:
        self._opened = False

    def __await__(self) -> Generator[Any, Any, None]:
        if not self._opened:
            raise RuntimeError("nobody is left who could open this gate")
        yield from ()

    def open(self) -> None:
        self._opened = True
