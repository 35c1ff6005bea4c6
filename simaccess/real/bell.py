"""A bell between two processes: one sleeps until the other rings, without spinning.

Whoever may sleep owns a pipe and a shared word that says that it is asleep. The other rings only
then, so that telling somebody who is awake costs no system call. Other processes open the pipe as
``/proc/PID/fd/N`` (proc(5)); when all who could ring have ended, a sleeper wakes with an error.

For nobody to oversleep, each side must write before it reads what the other writes: the sleeper
its word, then the condition; the ringer the condition, then the word. x86 lets a read pass an
earlier write to another place, so each side has a fence in between: taking a lock of CPython is an
instruction with the LOCK prefix, which is one.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from select import POLLIN, poll
from time import perf_counter_ns

__all__ = ["Bell", "fence"]

_lock = threading.Lock()


def fence() -> None:
    """Make what was written before visible to other processors before anything that follows."""
    with _lock:
        pass


class Bell:
    """One end of a bell.

    Parameters
    ----------
    words : memoryview
        Shared words, of 8 bytes each.
    asleep : int
        Which of them says that the sleeper sleeps.
    reading, writing : int
        The pipe's ends; -1 for an end that this process does not use.
    """

    def __init__(self, words: memoryview, asleep: int, reading: int, writing: int) -> None:
        self._words = words
        self._asleep = asleep
        self.reading = reading
        self.writing = writing
        self._poll = poll()
        if reading >= 0:
            self._poll.register(reading, POLLIN)

    def ring(self) -> None:
        """Wake the sleeper, if it sleeps, once what it waits for has been written."""
        fence()
        if self._words[self._asleep]:
            with suppress(BlockingIOError, BrokenPipeError):
                os.write(self.writing, b"!")

    def lie_down(self) -> None:
        """Say that one is about to sleep; what one waits for is to be looked at after this."""
        self._words[self._asleep] = 1
        fence()

    def get_up(self) -> bool:
        """Say that one is awake, and forget earlier rings; False when nobody can ring any more."""
        self._words[self._asleep] = 0
        with suppress(BlockingIOError):
            return bool(os.read(self.reading, 4096))
        return True

    def sleep(self, over: Callable[[], bool], deadline: int) -> bool:
        """Sleep until `over()` holds; say whether it does.

        Parameters
        ----------
        over : callable
            Whether there is nothing more to wait for.
        deadline : int
            Tick at which to give up.

        Raises
        ------
        EOFError
            If nobody is left who could ring.
        """
        while True:
            self.lie_down()
            left = deadline - perf_counter_ns()
            if not over() and left > 0:
                self._poll.poll(-(-left // 1_000_000))
            alive = self.get_up()
            if over():
                return True
            if not alive:
                raise EOFError
            if left <= 0:
                return False

    def close(self) -> None:
        """Close the ends that this process has."""
        for end in (self.reading, self.writing):
            if end >= 0:
                os.close(end)
        self.reading = self.writing = -1
