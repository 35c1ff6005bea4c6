"""Faults of files, and of the processes that copy beside a consumer; what they leave."""

from __future__ import annotations

import gc
import os
import signal
import time
from collections.abc import Callable
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path
from typing import Any

import pytest

from simaccess.errors import LinkError
from simaccess.methods.blocks import FixedBlocks
from simaccess.methods.copy_once import CopyOnce
from simaccess.real import copier_process
from simaccess.real.clock import run
from simaccess.real.urls import open_link
from tests.real.local_links import (
    CONTENT,
    FILES,
    compute_until,
    copier_of,
    file_link,
    shared_memory_link,
)
from tests.real.reading import buffer_over, read

MIB = 1 << 20


@pytest.mark.parametrize(
    "mode", [*FILES, "?mode=buffered&copier=process", "?mode=direct&copier=inline"]
)
def test_a_file_that_shrinks(mode: str) -> None:
    with file_link(CONTENT, mode) as (link, _):
        path = Path(f"/proc/self/fd/{link.__dict__['_file'].descriptor}").resolve()
        buffer = buffer_over(link, CopyOnce(FixedBlocks(8192), 2))
        segment = link.attach()
        run(segment.load(90_000, 100))
        os.truncate(path, 20_000)
        for call, at in (segment.load, 90_000), (segment.load, 19_990), (buffer.read, 81_920):
            with pytest.raises(LinkError, match=r"ends at 20000, but had 100000|ended after 0 of"):
                run(call(at, 20))
        with pytest.raises(LinkError, match=r"ends at 20000|ended after 3616 of 8192"):
            run(buffer.read(16_384, 10))
        assert read(buffer, 0, 8192) == CONTENT[:8192]


def test_a_helper_that_is_killed(memory: SharedMemory) -> None:
    with open_link(f"shm:{memory.name}?copier=process") as link:
        buffer = buffer_over(link, CopyOnce(FixedBlocks(1000), 2))
        assert read(buffer, 0, 1000) == CONTENT[:1000]
        os.kill(copier_of(link).pid, signal.SIGKILL)
        begin = time.monotonic()
        for _ in range(2):
            with pytest.raises(LinkError, match="the process that copies has ended"):
                run(buffer.read(50_000, 10))
        assert time.monotonic() - begin < 20  # the timeout is 30 s
        assert not any(buffer.shadow.flights)


def test_a_helper_that_does_not_answer(memory: SharedMemory) -> None:
    with open_link(f"shm:{memory.name}?copier=process&timeout=1 s") as link:
        buffer = buffer_over(link, CopyOnce(FixedBlocks(1000), 2))
        run(buffer.read(0, 1000))
        copier = copier_of(link)
        os.kill(copier.pid, signal.SIGSTOP)
        with pytest.raises(LinkError, match=r"no copy within 1 s"):
            run(buffer.read(50_000, 10))
        # It was ended, so that it cannot write late into what is used again.
        assert copier.__dict__["_process"].returncode == -signal.SIGKILL
        with pytest.raises(LinkError, match="has ended"):
            run(buffer.read(50_000, 10))


def test_a_helper_that_does_not_start(
    memory: SharedMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copier_process, "__file__", "/dev/null")
    with pytest.raises(LinkError, match="the process that copies did not start"):
        open_link(f"shm:{memory.name}?copier=process")


def test_a_copy_that_is_cancelled_does_not_write_later(memory: SharedMemory) -> None:
    with open_link(f"shm:{memory.name}?copier=process") as link:
        local, segment = link.local(len(CONTENT)), link.attach()
        view = local.view(0, len(CONTENT))
        assert view is not None
        for _ in range(20):
            transfer = run(segment.fetch(0, len(CONTENT), local, 0))
            assert not run(transfer.cancel())
            view[:] = bytes(len(CONTENT))
            run(run(segment.fetch(0, 1, local, 0)))
            assert not any(view[1:])


def test_a_copy_that_failed_while_it_was_cancelled_says_so_when_awaited(
    memory: SharedMemory,
) -> None:
    with open_link(f"shm:{memory.name}?copier=process") as link:
        local, segment, copier = link.local(len(CONTENT)), link.attach(), copier_of(link)
        os.kill(copier.pid, signal.SIGSTOP)
        transfer = run(segment.fetch(0, len(CONTENT), local, 0))
        os.kill(copier.pid, signal.SIGKILL)
        assert not run(transfer.cancel())
        with pytest.raises(LinkError):
            run(transfer)


def test_the_bytes_are_there_when_the_wait_ends() -> None:
    size = 4 * MIB
    with shared_memory_link(bytes(size), "?copier=process") as (link, _):
        local, segment = link.local(size), link.attach()
        for byte in b"abcdefgh":
            fresh = bytes([byte]) * size
            run(segment.store(0, size, memoryview(fresh)))
            transfer = run(segment.fetch(0, size, local, 0))
            compute_until(lambda each=transfer: run(each.poll()))  # type: ignore[misc]
            view = local.view(size - 100, 100)
            assert view is not None
            assert bytes(view) == fresh[:100]


def test_more_copies_under_way_than_results_are_kept(memory: SharedMemory) -> None:
    with open_link(f"shm:{memory.name}?copier=process") as link:
        local, segment = link.local(len(CONTENT)), link.attach()
        transfers = [run(segment.fetch(at, 100, local, at)) for at in range(0, len(CONTENT), 100)]
        for transfer in transfers:
            run(transfer)
            assert run(transfer.poll())
        assert local.view(0, len(CONTENT)) == CONTENT


def test_what_lies_elsewhere_is_copied_by_the_consumer(memory: SharedMemory) -> None:
    with (
        open_link(f"shm:{memory.name}?copier=process") as link,
        open_link(f"shm:{memory.name}") as other,
    ):
        local = other.local(1000)
        run(run(link.attach().fetch(5, 1000, local, 0)))
        assert local.view(0, 1000) == CONTENT[5:1005]
        assert link.clock.copy > 0


def test_memory_of_shadows_is_used_again(memory: SharedMemory) -> None:
    with open_link(f"shm:{memory.name}?copier=process") as link:
        for _ in range(50):
            buffer = buffer_over(link, CopyOnce(FixedBlocks(10_000), 4))
            assert read(buffer, 0, 10) == CONTENT[:10]
            del buffer
            gc.collect()  # a buffer and its shadow know each other
        arena: Any = copier_of(link).__dict__["_arena"]
        assert os.fstat(arena.file).st_size < 50 * 40_000 / 2


@pytest.mark.parametrize("opened", [shared_memory_link, file_link])
def test_closing_leaves_nothing(opened: Callable[..., Any]) -> None:
    def descriptors() -> int:
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208  # descriptors, not paths

    with opened(CONTENT, "?copier=process"):
        pass
    before = descriptors()
    for _ in range(5):
        with opened(CONTENT, "?copier=process") as (link, _):
            pid = copier_of(link).pid
            run(link.attach().load(0, 1))
        assert not Path("/proc", str(pid)).exists()
        link.close()
        del link  # a mapping keeps a descriptor of its own
    assert descriptors() == before
