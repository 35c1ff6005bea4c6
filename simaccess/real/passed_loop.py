"""An event loop that is run by whoever waits for it, and by a thread while nobody does.

Handing a request to another thread and being woken at its end costs more than the request itself,
where the far end is near. So the consumer runs the loop: as far as it takes to send what it asks
for, and while it waits. While it does something else, a thread looks every millisecond whether
it is still away, and if so runs the loop until it is back or nothing is left to do. The loop is
never run by both; who runs it holds `_turn`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from threading import Event, Lock, Thread
from time import monotonic
from typing import Any, TypeVar

__all__ = ["LoopFuture", "PassedLoop"]

_AWAY = 1e-3  # seconds without a call after which the consumer is taken to do something else
_PATIENCE = 200  # looks at nothing to do after which the thread sleeps until there is something
_STALE = 0.05  # seconds after which connections may have been closed by the far end

_Result = TypeVar("_Result")


class LoopFuture(Future[_Result]):
    """What a coroutine on a passed loop will end in.

    Parameters
    ----------
    passed : PassedLoop
        The loop.
    body : coroutine
        What to run on it.
    """

    def __init__(self, passed: PassedLoop, body: Coroutine[Any, Any, _Result]) -> None:
        super().__init__()
        self._passed = passed
        self._body = body
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Start, unless it has been cancelled; by who runs the loop."""
        if self.cancelled():
            self._body.close()
            self._passed.ended(self)
        else:
            self._task = self._passed.loop.create_task(self._run())

    def result(self, timeout: float | None = None) -> _Result:
        """Wait for the end, running the loop, and return the result or raise the error."""
        if not self.done():
            self._passed.run_until_done(self, timeout)
        return super().result(timeout)

    def cancel(self) -> bool:
        """Cancel the task, unless it has ended; nobody need wait for that."""
        cancelled = super().cancel()
        if cancelled:
            self._passed.loop.call_soon_threadsafe(self._end)
        return cancelled

    def _end(self) -> None:
        if self._task is not None:
            self._task.add_done_callback(self._ended)  # it may not have begun
            self._task.cancel()

    def _ended(self, _: object) -> None:
        self._body.close()
        self._passed.ended(self)

    async def _run(self) -> None:
        try:
            result = await self._body
        except BaseException as error:
            with suppress(InvalidStateError):
                self.set_exception(error)
            if not isinstance(error, Exception):
                raise
        else:
            with suppress(InvalidStateError):
                self.set_result(result)
        finally:
            self._passed.ended(self)


class PassedLoop:
    """The loop, its thread, and what is under way on it.

    Attributes
    ----------
    loop : asyncio.AbstractEventLoop
        The loop.
    interrupted : bool
        Whether the consumer's wait has been interrupted: what was under way has been withdrawn,
        and connections may have lost what was arriving.
    """

    def __init__(self) -> None:
        self.interrupted = False
        self.loop = asyncio.new_event_loop()
        self._turn = Lock()
        self._under_way: set[LoopFuture[Any]] = set()
        self._awaited: LoopFuture[Any] | None = None  # by the consumer, who runs the loop
        self._late = False  # its time is over
        self._wanted = False  # the consumer waits for its turn
        self._calls = 0  # of the consumer
        self._ran = 0.0  # when the consumer last ran the loop
        self._away = False  # the thread runs the loop
        self._open = True
        self._urgent = Event()  # the thread is to run the loop at once
        self._something = Event()  # there is something to do
        self._thread = Thread(target=self._stand_in, name="simaccess-loop", daemon=True)
        self._thread.start()

    def start(self, body: Coroutine[Any, Any, _Result]) -> LoopFuture[_Result]:
        """Start a coroutine; what it can do without waiting it has done on return."""
        future = LoopFuture(self, body)
        self._under_way.add(future)
        if self._call():
            with self._turn:
                self._wanted = False
                now = monotonic()
                if now - self._ran > _STALE:
                    self._run(2)  # sees that a connection has been closed, and forgets it
                self._ran = now
                future.begin()
                self._run(1)  # sends a request over a connection that is open
        else:
            self.loop.call_soon_threadsafe(future.begin)
            self._urgent.set()
        if not self._something.is_set():
            self._something.set()
        return future

    def go_on(self) -> None:
        """Let everything under way go on as far as it can without waiting."""
        if self._call():
            with self._turn:
                self._wanted = False
                self._run(1)

    def run_until_done(self, future: LoopFuture[Any], timeout: float | None) -> None:
        """Run the loop until a future is done or the timeout is over, unless the thread has to."""
        if not self._call():
            return
        with self._turn:
            self._wanted = False
            self._awaited = future
            self._late = False
            timer = None if timeout is None else self.loop.call_later(timeout, self._expire)
            try:
                while not future.done() and not self._late:
                    self._run_until_stopped()
                if not future.done():
                    raise TimeoutError
            finally:
                self._awaited = None
                if timer is not None:
                    timer.cancel()
                self._ran = monotonic()

    def ended(self, future: LoopFuture[Any]) -> None:
        """Take note that a coroutine has ended; by who runs the loop."""
        self._under_way.discard(future)
        if future is self._awaited or (self._away and not self._under_way):
            self.loop.stop()

    def close(self, last: Coroutine[Any, Any, Any], timeout: float) -> None:
        """Withdraw what is under way, run a last coroutine, and end the thread and the loop."""
        for future in [*self._under_way]:
            future.cancel()
        try:
            self.start(last).result(timeout)
        finally:
            self.end()

    def end(self) -> None:
        """End the thread and the loop, on which nothing is under way."""
        self._open = False
        self._something.set()
        self._urgent.set()
        if self._call():
            self._thread.join()

    # -- whose turn it is ------------------------------------------------------------------------

    def _call(self) -> bool:
        """Have the thread leave; False if the consumer is within another loop and cannot run one.

        The thread looks at `_wanted` once it has the turn, or else is told to stop.
        """
        if asyncio._get_running_loop() is not None:  # noqa: SLF001  # the public one raises
            self._urgent.set()
            return False
        self._calls += 1
        self._wanted = True
        if self._turn.locked():
            self.loop.call_soon_threadsafe(self.loop.stop)
        return True

    def _run(self, turns: int) -> None:
        """Run the loop without waiting."""
        for _ in range(turns):
            self.loop.call_soon(self.loop.stop)
            self._run_until_stopped()

    def _run_until_stopped(self) -> None:
        try:
            self.loop.run_forever()
        except BaseException as error:
            if not isinstance(error, Exception):  # a signal's handler raised it, anywhere
                self.interrupted = True
                for future in [*self._under_way]:
                    future.cancel()
            raise

    def _expire(self) -> None:
        self._late = True
        self.loop.stop()

    def _stand_in(self) -> None:
        """Run the loop while the consumer is away: the thread."""
        seen = -1
        idle = 0
        while self._open:
            idle = 0 if self._under_way else idle + 1
            if idle > _PATIENCE:
                self._something.clear()
                if not self._under_way:
                    self._something.wait()
                idle = 0
            urgent = self._urgent.wait(_AWAY)
            self._urgent.clear()
            calls = self._calls
            if (urgent or calls == seen) and self._under_way and self._turn.acquire(blocking=False):
                self._away = True
                try:
                    if not self._wanted:
                        self.loop.run_forever()
                finally:
                    self._away = False
                    self._turn.release()
            seen = calls
        with self._turn:
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
            self.loop.close()
