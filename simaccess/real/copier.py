"""Bulk copies by a helper process, the counterpart of a DMA engine.

A thread of the consumer's process would have to win the interpreter's lock before each copy and
after it; another process copies while the consumer computes. The two share an *arena*, in which
shadows lie. Issuing a copy is one write to a pipe. Its end is seen by looking at a shared word for
a while, and then by blocking.
"""

from __future__ import annotations

import mmap
import os
import platform
import select
import subprocess
import sys
import weakref
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path
from time import perf_counter_ns
from typing import Any

from simaccess.errors import LinkError
from simaccess.real import copier_process
from simaccess.real.clock import TICKS_PER_SECOND, RealClock
from simaccess.real.copier_process import COMMAND, RESULTS
from simaccess.real.memory import RealMemory
from simaccess.segment import Transfer

__all__ = ["ArenaMemory", "Copier"]

# Ticks of looking at the shared word before blocking: about what waking up again costs. Where
# stores may become visible out of order, the word alone says nothing about the bytes.
_LOOK = 50_000 if platform.machine() in {"x86_64", "AMD64"} else 0

_START = 60  # seconds within which the helper must be ready; not a matter of any transfer

_READ, _WRITE = 0, 1


class ArenaMemory(RealMemory):
    """Memory in the arena of a copier.

    Attributes
    ----------
    arena : Arena
        Which arena.
    base : int
        Where in it.
    """

    __slots__ = ("arena",)

    def __init__(self, arena: Arena, base: int, size: int, memory: memoryview) -> None:
        super().__init__(size, memory)
        self.arena = arena
        self.base = base


class Arena:
    """Memory that two processes share. It grows as needed; what is given back is used again."""

    def __init__(self) -> None:
        self.file = os.memfd_create("simaccess-arena")
        self._size = mmap.PAGESIZE
        os.ftruncate(self.file, self._size)
        self._free: dict[int, list[int]] = {}

    def memory(self, size: int) -> ArenaMemory:
        """Return `size` bytes, page-aligned."""
        whole = -(-max(size, 1) // mmap.PAGESIZE) * mmap.PAGESIZE
        free = self._free.setdefault(whole, [])
        if free:
            base = free.pop()
        else:
            base = self._size
            self._size += whole
            os.ftruncate(self.file, self._size)
        mapped = mmap.mmap(self.file, whole, offset=base)
        weakref.finalize(mapped, free.append, base)
        return ArenaMemory(self, base, size, memoryview(mapped))

    def close(self) -> None:
        """Give the descriptor back; memory that is still in use stays."""
        os.close(self.file)


class Copier:
    """One consumer's helper process.

    Parameters
    ----------
    url : str
        What errors name.
    file : int
        Descriptor of what is copied from and to: a file, or shared memory as one.
    clock : RealClock
        The consumer's clock.
    timeout : float
        Seconds after which a copy that has not ended fails.

    Raises
    ------
    LinkError
        If the helper does not start.
    """

    def __init__(self, url: str, file: int, clock: RealClock, timeout: float) -> None:
        self._url = url
        self._clock = clock
        self._timeout = timeout
        self._arena = Arena()
        self._issued = 0
        self._seen = 0  # commands whose results were taken
        self._failed: dict[int, int] = {}  # by command, results other than 0
        control = os.memfd_create("simaccess-control")
        try:
            os.ftruncate(control, 8 * (1 + RESULTS))
            self._control = memoryview(mmap.mmap(control, 0)).cast("q")
            self._done = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
            passed = (file, self._arena.file, control, self._done)
            self._process = subprocess.Popen(
                # Isolated and without site-packages: it starts in a third of the time.
                [sys.executable, "-I", "-S", str(Path(copier_process.__file__))]
                + [str(descriptor) for descriptor in passed],
                stdin=subprocess.PIPE,
                pass_fds=passed,
                bufsize=0,
            )
        finally:
            os.close(control)
        assert self._process.stdin is not None
        self._commands = self._process.stdin.fileno()
        self._ended = os.pidfd_open(self._process.pid)
        self._poll = select.poll()
        self._poll.register(self._done, select.POLLIN)
        self._poll.register(self._ended, select.POLLIN)
        self._closed = False
        if not self._poll.poll(_START * 1000) or self._process.poll() is not None:
            self._kill()
            self.close()
            raise LinkError("the process that copies did not start", url)
        self._settle()

    @property
    def pid(self) -> int:
        """The helper's process id."""
        return self._process.pid

    def memory(self, size: int) -> ArenaMemory:
        """Return memory that the helper can copy to and from."""
        return self._arena.memory(size)

    def reaches(self, memory: object) -> bool:
        """Say whether some local memory lies in the arena."""
        return isinstance(memory, ArenaMemory) and memory.arena is self._arena

    def read(self, offset: int, length: int, at: int) -> Transfer:
        """Start a copy towards the consumer; `at` is a place in the arena."""
        return self._start(_READ, offset, length, at)

    def write(self, offset: int, length: int, at: int) -> Transfer:
        """Start a copy away from the consumer."""
        return self._start(_WRITE, offset, length, at)

    def close(self) -> None:
        """End the helper, once it has done what it was asked for."""
        if self._closed:
            return
        self._closed = True
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(self._timeout)
        except subprocess.TimeoutExpired:
            self._kill()
        os.close(self._ended)
        os.close(self._done)
        self._arena.close()

    def _kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def _start(self, back: int, offset: int, length: int, at: int) -> Transfer:
        if self._issued - self._seen >= RESULTS and not self.is_done(self._issued - RESULTS + 1):
            self._wait(self._issued - RESULTS + 1)
        begin = perf_counter_ns()
        try:
            os.write(self._commands, COMMAND.pack(back, offset, length, at))
        except OSError:
            raise LinkError("the process that copies has ended", self._url) from None
        self._issued += 1
        self._clock.issue += perf_counter_ns() - begin
        return _Copy(self, self._issued, length)

    def is_done(self, number: int) -> bool:
        """Say whether a command has been carried out, and take the results of those that were."""
        control = self._control
        done = control[0]
        if done > self._seen:
            if not _LOOK:
                self._settle()
            for seen in range(self._seen, done):
                if result := control[1 + seen % RESULTS]:
                    self._failed[seen + 1] = result
            self._seen = done
        return self._seen >= number

    def finish(self, number: int, length: int) -> None:
        """Wait for a command, by its number from 1 on, and check its result."""
        if not self.is_done(number):
            self._wait(number)
        result = self._failed.pop(number, 0)
        if result > 0:
            raise LinkError(os.strerror(result), self._url)
        if result < 0:
            raise LinkError(f"ended after {length + result} of {length} bytes", self._url)

    def _wait(self, number: int) -> None:
        control = self._control
        begin = now = perf_counter_ns()
        try:
            while control[0] < number and now - begin < _LOOK:
                now = perf_counter_ns()
            deadline = begin + int(self._timeout * TICKS_PER_SECOND)
            while not self.is_done(number):
                self._block(number, deadline)
        finally:
            self._clock.wait += perf_counter_ns() - begin

    def _settle(self) -> None:
        """Take the eventfd's count, which orders what was copied before it; never blocks."""
        with suppress(BlockingIOError):
            os.eventfd_read(self._done)

    def _block(self, number: int, deadline: int) -> None:
        left = deadline - perf_counter_ns()
        events = self._poll.poll(max(0, left // 1_000_000)) if left > 0 else []
        if not events:
            # Nothing may be written late: a helper that does not answer is ended.
            self._kill()
            raise LinkError(f"no copy within {self._timeout:g} s", self._url)
        self._settle()
        if self._control[0] < number and any(ready == self._ended for ready, _ in events):
            raise LinkError("the process that copies has ended", self._url)


class _Copy:
    """A copy that the helper was asked for."""

    __slots__ = ("_copier", "_failure", "_length", "_number", "_over")

    def __init__(self, copier: Copier, number: int, length: int) -> None:
        self._copier = copier
        self._number = number
        self._length = length
        self._over = False
        self._failure: LinkError | None = None

    def __await__(self) -> Generator[Any, Any, None]:
        if not self._over:
            self._over = True
            self._copier.finish(self._number, self._length)
        if self._failure is not None:  # which nobody has been told
            raise self._failure
        yield from ()

    async def poll(self) -> bool:
        """Say whether the bytes are there."""
        return self._over or self._copier.is_done(self._number)

    async def cancel(self) -> bool:
        """Wait for the end: what the helper has begun cannot be withdrawn, only outlived."""
        if not self._over:
            try:
                await self
            except LinkError as failure:
                self._failure = failure
        return False
