"""An interrupt while a command puts its files in their places: it waits until all of them are."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from simaccess.cli.output import Ended

__all__ = ["late_interrupts"]


@contextmanager
def late_interrupts() -> Iterator[Callable[[], None]]:
    """Provide what is called when it is too late to write nothing.

    From that call to the end of the context an interrupt waits.

    Raises
    ------
    Ended
        At the end of the context, if an interrupt has waited for it and nothing else went wrong.
    """
    came = held = False

    def note(_signal: object, _frame: object) -> None:
        nonlocal came
        came = True

    def hold() -> None:
        nonlocal held
        # Elsewhere no interrupt arrives; and whoever handles or ignores it goes on doing so.
        if threading.current_thread() is not threading.main_thread():
            return
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            held = True
            signal.signal(signal.SIGINT, note)

    try:
        yield hold
    finally:
        if held:
            signal.signal(signal.SIGINT, signal.default_int_handler)
    if came:
        raise Ended("interrupted; everything was written", 130)
