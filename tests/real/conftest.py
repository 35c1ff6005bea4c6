"""Servers and memory that tests of real links start and make, and that end with each."""

from __future__ import annotations

from collections.abc import Iterator
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path

import pytest

from tests.real.local_links import CONTENT
from tests.real.nbd_files import MIB, pattern
from tests.real.nbd_servers import Server


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a file of one MiB that a server may export."""
    path = tmp_path / "content"
    path.write_bytes(pattern(MIB))
    return path


@pytest.fixture
def started() -> Iterator[list[Server]]:
    """Servers put into this list are stopped in the end."""
    servers: list[Server] = []
    yield servers
    for server in servers:
        server.stop()


@pytest.fixture
def memory() -> Iterator[SharedMemory]:
    """Return shared memory with content."""
    made = SharedMemory(create=True, size=len(CONTENT))
    assert made.buf is not None
    made.buf[:] = CONTENT
    yield made
    made.close()
    made.unlink()
