"""Links within the machine, as contexts: a link, and what returns the far end's bytes."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path
from typing import Any

import pytest

from simaccess.errors import InputError
from simaccess.real.copier import Copier
from simaccess.real.link import RealLink
from simaccess.real.urls import open_link

__all__ = [
    "CONTENT",
    "FILES",
    "compute_until",
    "copier_of",
    "file_link",
    "open_file",
    "shared_memory_link",
]

FILES = ("?mode=buffered", "?mode=mapped", "?mode=direct")
CONTENT = os.urandom(100_000)

Opened = Iterator[tuple[RealLink, Callable[[], bytes]]]


@contextmanager
def shared_memory_link(content: bytes, query: str = "") -> Opened:
    memory = SharedMemory(create=True, size=len(content))
    buffer = memory.buf
    assert buffer is not None
    try:
        buffer[:] = content
        with open_link(f"shm:{memory.name}{query}") as link:
            yield link, lambda: bytes(buffer)
    finally:
        memory.close()
        memory.unlink()


def open_file(url: str) -> RealLink:
    """Open a file, or skip where its file system has no direct access."""
    try:
        return open_link(url)
    except InputError as error:
        if error.key == "mode":
            pytest.skip("no O_DIRECT in /var/tmp: name another place in SIMACCESS_TEST_DISK")
        raise


@contextmanager
def file_link(content: bytes, query: str = "") -> Opened:
    # Not in the usual place, which may be memory: the kernel's own file system refuses O_DIRECT.
    descriptor, name = tempfile.mkstemp(dir=os.environ.get("SIMACCESS_TEST_DISK", "/var/tmp"))
    path = Path(name)
    try:
        os.write(descriptor, content)
        with open_file(f"file:{path}{query}") as link:
            yield link, path.read_bytes
    finally:
        os.close(descriptor)
        path.unlink()


def copier_of(link: RealLink) -> Copier:
    copier: Any = link.__dict__["_copier"]
    assert isinstance(copier, Copier)
    return copier


def compute_until(done: Callable[[], bool]) -> None:
    """Compute, holding the interpreter's lock most of the time, until `done()`, 30 s at most."""
    deadline = time.monotonic() + 30
    while not done() and time.monotonic() < deadline:
        sum(range(1000))
    assert done()
