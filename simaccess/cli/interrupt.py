"""Interrupts and terminations end a command cleanly; while it puts its files in place they wait."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from simaccess.cli.output import Ended

__all__ = ["Termination", "first_interrupt", "late_interrupts", "terminations"]


class Termination:
    """What SIGTERM does: the same as an interrupt, but it is told apart at the end.

    Attributes
    ----------
    came : bool
        Whether one has come.
    """

    def __init__(self) -> None:
        self.came = False

    def __call__(self, _signal: int, _frame: FrameType | None) -> None:
        """Interrupt."""
        self.came = True
        raise KeyboardInterrupt


@contextmanager
def terminations() -> Iterator[Termination]:
    """Let SIGTERM interrupt, where it would kill the process."""
    handler = Termination()
    # Elsewhere no signal arrives; and whoever handles or ignores it goes on doing so.
    if (
        threading.current_thread() is not threading.main_thread()
        or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
    ):
        yield handler
        return
    signal.signal(signal.SIGTERM, handler)
    try:
        yield handler
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


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
        if isinstance(handler, Termination):
            handler.came = True

    def hold() -> None:
        # Elsewhere no interrupt arrives; and whoever handles or ignores it goes on doing so.
        if threading.current_thread() is not threading.main_thread():
            return
        for number in (signal.SIGINT, signal.SIGTERM):
            handler = signal.getsignal(number)
            if handler is signal.default_int_handler or isinstance(handler, Termination):
                assert callable(handler)
                held[number] = handler
                signal.signal(number, note)

    try:
        yield hold
    finally:
        for each, handler in held.items():
            signal.signal(each, handler)
    if came:
        raise Ended("interrupted; everything was written", 130)


@contextmanager
def first_interrupt() -> Iterator[None]:
    """Let the first interrupt or termination through, and no other.

    For what answers one by keeping what it has: whoever signals a process and its group, or is
    impatient, sends two.
    """
    held: dict[int, Callable[[int, FrameType | None], object]] = {}

    def pass_on(number: int, frame: FrameType | None) -> None:
        for each in held:
            signal.signal(each, signal.SIG_IGN)
        held[number](number, frame)

    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            handler = signal.getsignal(number)
            if callable(handler):  # whoever ignores it goes on doing so
                held[number] = handler
                signal.signal(number, pass_on)
    try:
        yield
    finally:
        for each, handler in held.items():
            signal.signal(each, handler)
