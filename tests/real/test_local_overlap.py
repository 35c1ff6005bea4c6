"""What overlaps on links within the machine.

Times would say nothing on a machine that others use, too. What is told here does not depend on
them: whether bytes arrive while the consumer computes and calls nothing, and what it is charged.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Timer
from typing import Any

import pytest

from simaccess.methods.blocks import FixedBlocks
from simaccess.methods.copy_once import CopyOnce
from simaccess.methods.prefetch import Prefetch
from simaccess.real.clock import run
from tests.real.local_links import (
    compute_until,
    copier_of,
    file_link,
    shared_memory_link,
)
from tests.real.reading import buffer_over, read

MIB = 1 << 20
FILES = ("?mode=buffered", "?mode=mapped")

HELPED = [
    (shared_memory_link, "?copier=process"),
    (file_link, "?copier=process"),
    (file_link, "?mode=mapped&copier=process"),
    (file_link, "?mode=direct"),
]


@pytest.mark.parametrize(("opened", "query"), HELPED)
def test_prefetch_overlaps_with_a_busy_consumer(opened: Callable[..., Any], query: str) -> None:
    size, blocks = MIB // 4, 12
    content = b"".join(bytes([block]) * size for block in range(1, blocks + 1))
    with opened(content, query) as (link, _):
        assert link.overlaps
        link.cool()
        clock = link.clock
        once = buffer_over(link, CopyOnce(FixedBlocks(size), 4))
        with late(copier_of(link).pid):
            for block in range(blocks):
                assert read(once, block * size, size)[-1] == block + 1
        plain = clock.wait
        link.cool()
        ahead = buffer_over(link, Prefetch(FixedBlocks(size), depth=3))
        before = clock.wait
        for block in range(blocks):
            assert read(ahead, block * size, size) == content[block * size : (block + 1) * size]
            if block == 1:  # it has been found sequential
                first = clock.wait - before
            transfers = [flight for flights in ahead.shadow.flights for flight in flights]
            compute_until(lambda each=transfers: all(run(one.poll()) for one in each))  # type: ignore[misc]
        assert plain > 0
        assert clock.wait - before == first  # for all blocks but the first two, nothing
        assert ahead.counters.waits <= 2 < ahead.counters.hits
        assert clock.copy == 0


@contextmanager
def late(process: int) -> Iterator[None]:
    """Stop a process for a moment: it may else have copied before it is waited for."""
    os.kill(process, signal.SIGSTOP)
    timer = Timer(0.2, os.kill, (process, signal.SIGCONT))
    timer.start()
    try:
        yield
    finally:
        timer.join()


def test_inline_copies_overlap_with_nothing() -> None:
    with shared_memory_link(bytes(10_000)) as (link, _):
        assert not link.overlaps
        buffer = buffer_over(link, Prefetch(FixedBlocks(1000), depth=2))
        run(buffer.read(0, 1000))
        assert link.clock.copy > 0
        assert link.clock.wait == 0


@pytest.mark.parametrize("mode", FILES)
def test_advice_reads_ahead_while_the_consumer_computes(mode: str) -> None:
    size = 2 * MIB
    with file_link(os.urandom(size) * 4, mode) as (link, contents):
        descriptor = link.__dict__["_file"].descriptor
        segment, local = link.attach(), link.local(size)
        assert link.cool()
        if cached(descriptor, size, size):
            pytest.skip("the files of /var/tmp lie in memory: name a disk in SIMACCESS_TEST_DISK")
        transfer = run(segment.fetch(size, size, local, 0))
        compute_until(lambda: cached(descriptor, size, size))
        assert not any(local.view(0, size) or b"x")
        run(transfer)
        view = local.view(0, size)
        assert view is not None
        assert bytes(view) == contents()[size : 2 * size]


def cached(descriptor: int, offset: int, length: int) -> bool:
    """Say whether a range of a file is all in the page cache (mincore(2))."""
    with mmap.mmap(descriptor, length, offset=offset) as mapped:
        place = ctypes.c_char.from_buffer(mapped)
        pages = (ctypes.c_ubyte * (length // mmap.PAGESIZE))()
        failed = ctypes.CDLL(None).mincore(
            ctypes.c_void_p(ctypes.addressof(place)), ctypes.c_size_t(length), pages
        )
        del place
    assert not failed
    return all(page & 1 for page in pages)
