"""Interrupts and terminations end a command cleanly; while it puts its files in place they wait.

What the command then says it leaves behind is true whenever they come, and however many.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from types import FrameType

from simaccess.cli.output import Ended

__all__ = [
    "INTERRUPTED",
    "Termination",
    "at_once",
    "first_interrupt",
    "late_interrupts",
    "now_stands",
    "stands",
    "terminations",
]

INTERRUPTED = ("interrupted", 130)
"""What a command says of its end by SIGINT, and its exit code."""

_TERMINATED: Mapping[int, tuple[str, int]] = {
    getattr(signal, name): end
    for name, end in (("SIGTERM", ("terminated", 143)), ("SIGHUP", ("hung up", 129)))
    if hasattr(signal, name)  # not on every system
}

_ANSWERED = (signal.SIGINT, *_TERMINATED)

_EVERYTHING = "everything was written"

PATIENCE = 1.0
"""Seconds that a command has to answer an interrupt before `at_once` ends it."""

_STANDS: ContextVar[Callable[[], str]] = ContextVar(
    "_STANDS", default=lambda: "nothing was written"
)


def stands(said: Callable[[], str]) -> None:
    """Say what a command leaves behind if it is interrupted from now on.

    Parameters
    ----------
    said : callable
        Returns it as part of a sentence; called when the interrupt has come.
    """
    _STANDS.set(said)


def now_stands() -> str:
    """Return what the command that was interrupted leaves behind."""
    return _STANDS.get()()


class Termination:
    """What SIGTERM and SIGHUP do: the same as an interrupt, but they are told apart at the end.

    Attributes
    ----------
    came : int
        Which one has come; 0 for none.
    """

    def __init__(self) -> None:
        self.came = 0

    def __call__(self, number: int, _frame: FrameType | None) -> None:
        """Interrupt."""
        self.came = number
        raise KeyboardInterrupt

    @property
    def end(self) -> tuple[str, int]:
        """What the command says of its end, and its exit code."""
        return _TERMINATED.get(self.came, INTERRUPTED)


class _First:
    """Passes the first interrupt or termination on, and no other."""

    def __init__(self) -> None:
        self.came = False
        self.held: dict[int, Callable[[int, FrameType | None], object]] = {}

    def __call__(self, number: int, frame: FrameType | None) -> None:
        for each in self.held:
            signal.signal(each, signal.SIG_IGN)
        self.came = True
        self.held[number](number, frame)


@contextmanager
def terminations() -> Iterator[Termination]:
    """Let SIGTERM and SIGHUP interrupt, where they would kill the process, while one command runs.

    At the end interrupts do what they did before, and nothing is said to stand.
    """
    handler = Termination()
    # Elsewhere no signal arrives; and whoever handles or ignores it goes on doing so.
    here = threading.current_thread() is threading.main_thread()
    before = {number: signal.getsignal(number) for number in _ANSWERED if here}
    for number in _TERMINATED:
        if before.get(number) is signal.SIG_DFL:
            signal.signal(number, handler)
    token = _STANDS.set(lambda: "nothing was written")
    try:
        yield handler
    finally:
        _STANDS.reset(token)
        for number, was in before.items():
            if was is not None:  # one that is not Python's is not known
                signal.signal(number, was)


@contextmanager
def at_once() -> Iterator[None]:
    """End the process a moment after an interrupt or a termination, whatever it is within.

    For a command that writes nothing and has no workers: Python answers a signal between two of its
    own steps, and one that draws a billion numbers takes a minute. A command that answers in time
    ends in its own way.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # no signal arrives here
        return
    told, teller = socket.socketpair()
    teller.setblocking(False)  # as it must be for signals
    before = signal.set_wakeup_fd(teller.fileno(), warn_on_full_buffer=False)
    over = threading.Event()

    def watch() -> None:
        number = told.recv(1)[0]
        if number and not over.wait(PATIENCE):
            word, code = _TERMINATED.get(number, INTERRUPTED)
            show_cursor = "\x1b[?25h\r\x1b[K" if sys.stderr.isatty() else ""
            with suppress(OSError):  # the terminal may be gone
                os.write(2, f"{show_cursor}simaccess: {word}; nothing was written\n".encode())
            os._exit(code)

    watcher = threading.Thread(target=watch, name="simaccess-interrupt", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        signal.set_wakeup_fd(before)
        teller.send(b"\0")
        watcher.join()
        told.close()
        teller.close()


@contextmanager
def late_interrupts() -> Iterator[Callable[[], None]]:
    """Provide what is called when it is too late to write nothing.

    From that call to the end of the context an interrupt or a termination waits.

    Raises
    ------
    Ended
        At the end of the context, if one has waited for it and nothing else went wrong.
    """
    came = False
    held: dict[int, Callable[[int, FrameType | None], object]] = {}

    def note(number: int, _frame: FrameType | None) -> None:
        nonlocal came
        came = True
        handler = held[number]
        if isinstance(handler, _First):
            handler = handler.held[number]
        if isinstance(handler, Termination):
            handler.came = number

    def hold() -> None:
        held.update(_ours())
        for number in held:
            signal.signal(number, note)

    try:
        yield hold
        if held:
            stands(lambda: _EVERYTHING)
    finally:
        for each, handler in held.items():
            signal.signal(each, handler)
    if came:
        raise Ended(f"interrupted; {_EVERYTHING}", 130)


@contextmanager
def first_interrupt() -> Iterator[None]:
    """Let the first interrupt or termination through; others are ignored until the command's end.

    For what answers one by keeping what it has: whoever signals a process and its group, or is
    impatient, sends two. The command's end is that of `terminations`.
    """
    first = _First()
    first.held = _ours()
    for number in first.held:
        signal.signal(number, first)
    try:
        yield
    finally:
        if not first.came:
            for each, handler in first.held.items():
                signal.signal(each, handler)


def _ours() -> dict[int, Callable[[int, FrameType | None], object]]:
    """Return the handlers of the signals that end a command; none of what others handle."""
    found: dict[int, Callable[[int, FrameType | None], object]] = {}
    # Elsewhere no interrupt arrives; and whoever handles or ignores it goes on doing so.
    if threading.current_thread() is threading.main_thread():
        for number in _ANSWERED:
            handler = signal.getsignal(number)
            if handler is signal.default_int_handler or isinstance(handler, Termination | _First):
                assert callable(handler)
                found[number] = handler
    return found
