"""What the server that forks workers does before it forks the first one.

It imports this module last, because `started` says so. It starts with SIGINT and SIGHUP blocked, so
that what a terminal sends to the whole process group does not end it while it imports. From here on
it ignores them, as the standard library means it to for the first, and so does each worker from its
first moment on. What others let the same server fork hears them as ever. The process beside it that
tracks resources keeps SIGHUP blocked: it ends with this one, which would complain if it did sooner.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import forkserver, resource_tracker, util
from pathlib import Path
from typing import Any

__all__ = ["NAME", "started"]

NAME = "simaccess worker"
"""What the names of the workers begin with."""

_TERMINAL = {signal.SIGINT, signal.SIGHUP} if hasattr(signal, "SIGHUP") else {signal.SIGINT}
"""What a terminal sends to a whole process group: on Ctrl-C, and when it closes."""

_MARK = "SIMACCESS_FORK_SERVER"
_PATH = "PYTHONPATH"
_SAFE = "PYTHONSAFEPATH"


def started(preload: str) -> None:
    """Start the server, if it does not run.

    Parameters
    ----------
    preload : str
        A module that what it forks need not import each by itself.

    It imports from where this process does. Left to itself it looks in the current folder first,
    where there may be another version of the package (in Python before 3.12.8 and 3.13.1).
    """
    multiprocessing.set_forkserver_preload([preload, __name__])
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _TERMINAL)
    try:
        resource_tracker.ensure_running()
        # Again: it lets interrupts through when it has started.
        signal.pthread_sigmask(signal.SIG_BLOCK, _TERMINAL)
        with _environment():
            forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _environment() -> Iterator[None]:
    """Let a Python that is started look for modules where this one does, and nowhere else."""
    before = {name: os.environ.get(name) for name in (_PATH, _SAFE)}
    path = os.pathsep.join(each or str(Path.cwd()) for each in sys.path)
    os.environ.update({_PATH: path, _SAFE: "1", _MARK: json.dumps(before)})
    try:
        yield
    finally:
        _restore(before)


def _restore(before: dict[str, str | None]) -> None:
    del os.environ[_MARK]
    for name, value in before.items():
        if value is None:
            del os.environ[name]
        else:
            os.environ[name] = value


def _serves() -> None:
    """Prepare this process, which is the server."""
    _restore(json.loads(os.environ[_MARK]))
    for number in _TERMINAL:
        # Ignored from now on, which drops one that waits.
        _BEFORE[number] = signal.signal(number, signal.SIG_IGN)
    _BEFORE[signal.SIGINT] = signal.default_int_handler
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _TERMINAL)
    util.register_after_fork(_heard, _heard)


_BEFORE: dict[signal.Signals, Any] = {}
"""What a process that is no worker does on each."""


def _heard(_: object) -> None:
    """Let a process that is no worker hear them."""
    if not multiprocessing.current_process().name.startswith(NAME):
        for number, handler in _BEFORE.items():
            signal.signal(number, handler)


if _MARK in os.environ:
    _serves()
