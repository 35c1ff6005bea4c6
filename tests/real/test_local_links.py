"""Shared memory and files as links: what they refuse, what faults end in, and what overlaps."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path
from typing import Any

import pytest

from simaccess.buffer import Buffer, Shadow
from simaccess.errors import InputError, LinkError
from simaccess.methods.blocks import FixedBlocks
from simaccess.methods.copy_once import CopyOnce
from simaccess.methods.zero_copy import ZeroCopy
from simaccess.real import copier_process
from simaccess.real.clock import run
from simaccess.real.urls import open_link
from tests.real.local_links import (
    buffer_over,
    compute_until,
    copier_of,
    file_link,
    open_file,
    read,
    shared_memory_link,
)

MIB = 1 << 20
FILES = ("?mode=buffered", "?mode=mapped", "?mode=direct")
CONTENT = os.urandom(100_000)


@pytest.fixture
def memory() -> Iterator[SharedMemory]:
    made = SharedMemory(create=True, size=len(CONTENT))
    assert made.buf is not None
    made.buf[:] = CONTENT
    yield made
    made.close()
    made.unlink()


# -- what is refused ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "problem"),
    [
        ("missing", "cannot be opened (No such file or directory)"),
        ("", "a directory; allowed: a file or a block device"),
        ("empty", "an empty file"),
        ("pipe", "not a file; allowed: a file or a block device"),
        ("missing/file", "cannot be opened (No such file or directory)"),
        ("full/file", "cannot be opened (Not a directory)"),
    ],
)
@pytest.mark.parametrize("mode", FILES)
def test_what_is_no_file_is_refused(tmp_path: Path, place: str, problem: str, mode: str) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "full").write_bytes(b"x")
    os.mkfifo(tmp_path / "pipe")
    path = tmp_path / place if place else tmp_path
    with pytest.raises(InputError) as refused:
        open_link(f"file:{path}{mode}")
    assert refused.value.value == str(path)
    assert str(refused.value).endswith(problem)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("file:", "not a path"),
        ("file:/a%00b", "not a path"),
        ("file://elsewhere/x", "not a path"),
        ("file:x?mode=mmap", "'buffered', 'mapped' or 'direct'"),
        ("file:x?mod=direct", "did you mean 'mode'"),
        ("shm:x?copier=thread", "'inline' or 'process'"),
        ("shm:there-is-no-such", "no such shared memory"),
        ("shm:a/b", "no such shared memory"),
        ("shm:", "no such shared memory"),
    ],
)
def test_wrong_urls(url: str, problem: str) -> None:
    with pytest.raises(InputError, match=problem) as refused:
        open_link(url)
    assert "\n" not in str(refused.value)


def test_a_file_system_without_direct_access(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(CONTENT)
    plain = os.open

    def refuse(path: Path, way: int) -> int:
        if way & os.O_DIRECT:
            raise OSError(22, "Invalid argument")
        return plain(path, way)

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(InputError, match="mode = 'direct': the file system has no direct access"):
        open_link(f"file:{tmp_path}/file?mode=direct")


READ_ONLY = """
import os, sys
os.setgroups([]); os.setgid(65534); os.setuid(65534)
from simaccess.errors import InputError
from simaccess.real.clock import run
from simaccess.real.urls import open_link
for url in sys.argv[1:]:
    try:
        with open_link(url) as link:
            segment = link.attach()
            assert not link.writable and bytes(run(segment.load(5, 3))) == b"abc", url
            local = link.local(10)
            for write in segment.store(0, 2, memoryview(b"no")), segment.flush(0, 2, local, 0):
                try:
                    run(write)
                except InputError as error:
                    assert "may be read only" in str(error), error
                else:
                    raise AssertionError(url)
    except InputError as error:
        print(error)
"""


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_permissions(tmp_path: Path) -> None:
    for parent in (tmp_path, *tmp_path.parents[:-2]):
        parent.chmod(0o755)
    names = {"readable": 0o644, "secret": 0o600}
    made = [SharedMemory(f"simaccess-test-{os.getpid()}-{name}", True, 20) for name in names]
    try:
        urls = []
        for memory, (name, mode) in zip(made, names.items(), strict=True):
            for path in (Path("/dev/shm", memory.name), tmp_path / name):
                path.write_bytes(b"01234abc" + bytes(12))
                path.chmod(mode)
            urls += [f"shm:{memory.name}", *(f"file:{tmp_path}/{name}{way}" for way in FILES[:2])]
        # Somebody else may not be able to read this checkout: he imports before he changes.
        script = READ_ONLY.replace("import os, sys\n", "import os, sys\nWARM\n").replace(
            "WARM", "import simaccess.real.file, simaccess.real.shared_memory, simaccess.quantities"
        )
        ran = subprocess.run(
            [sys.executable, "-c", script, *urls],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert ran.returncode == 0, ran.stderr
        assert ran.stdout.count("cannot be opened (Permission denied)") == 3
        assert len(ran.stdout.splitlines()) == 3
    finally:
        for memory in made:
            memory.close()
            memory.unlink()


# -- faults ------------------------------------------------------------------------------------


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


# -- meaning -----------------------------------------------------------------------------------


@pytest.mark.parametrize("query", ["", "?copier=process"])
def test_reads_of_shared_memory_are_views(memory: SharedMemory, query: str) -> None:
    with open_link(f"shm:{memory.name}{query}") as link:
        view = run(link.attach().load(10, 100))
        assert view is not None
        assert memory.buf is not None
        memory.buf[10] ^= 0xFF
        assert view[0] == memory.buf[10]


def test_what_moves_in_place_is_counted_once(memory: SharedMemory) -> None:
    with open_link(f"shm:{memory.name}") as link:
        segment = link.attach()
        one, other = (Buffer(Shadow(ZeroCopy(), link.local), segment, link.clock) for _ in "ab")
        above = Buffer(Shadow(CopyOnce(FixedBlocks(1000), 2), link.local), other, link.clock)
        read(one, 5, 100)
        run(one.write(5, 10, memoryview(bytes(10))))
        assert (segment.moved, one.counters.loads, one.counters.stores) == (110, 1, 1)
        read(above, 0, 10)
        run(above.write(3000, 500, memoryview(bytes(500))))
        run(above.sync())
        run(segment.load(0, 7))
        assert segment.moved == 110 + 1000 + 500 + 7
        assert other.counters.requested == other.moved == 1500
        assert one.segment.moved == other.segment.moved == segment.moved


def test_what_another_process_owns_outlives_its_consumers(memory: SharedMemory) -> None:
    script = (
        "import sys; from simaccess.real.urls import open_link;"
        "from simaccess.real.clock import run;"
        "link = open_link('shm:' + sys.argv[1]); print(run(link.attach().load(0, 1))[0])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script, memory.name],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert (ran.stdout.strip(), ran.stderr) == (str(CONTENT[0]), "")
    assert Path("/dev/shm", memory.name).exists()


def test_links_whose_loads_bring_no_byte_say_so(memory: SharedMemory, tmp_path: Path) -> None:
    """So that the probe reads the bytes (`simaccess.probe`)."""
    (tmp_path / "file").write_bytes(CONTENT)
    for url, views in [
        (f"shm:{memory.name}", True),
        (f"file:{tmp_path}/file?mode=mapped", True),
        (f"file:{tmp_path}/file?mode=buffered", False),
    ]:
        with open_link(url) as link:
            assert link.views is views, url


def test_loads_of_a_mapped_file_are_views() -> None:
    with file_link(CONTENT, "?mode=mapped") as (link, _):
        view = run(link.attach().load(10, 50_000))
        run(link.attach().store(12, 1, memoryview(b"!")))
        assert view is not None
        assert view[2] == ord("!")
        assert link.clock.stall > 0
        assert link.clock.copy == 0


@pytest.mark.parametrize("mode", FILES)
def test_paths_are_decoded(mode: str) -> None:
    path = Path("/var/tmp") / f"simaccess {os.getpid()} ?#%.bin"
    path.write_bytes(CONTENT)
    try:
        quoted = str(path).replace("%", "%25").replace("?", "%3F").replace("#", "%23")
        for url in (f"file:{quoted}{mode}", f"file://{quoted}{mode}"):
            with open_file(url) as link:
                view = run(link.attach().load(5, 5))
                assert view is not None
                assert bytes(view) == CONTENT[5:10]
    finally:
        path.unlink()


def test_a_relative_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").write_bytes(CONTENT)
    monkeypatch.chdir(tmp_path)
    with open_link("file:here?mode=mapped&timeout=1 s") as link:
        assert (link.size, link.timeout) == (len(CONTENT), 1.0)


def test_who_copies_by_default() -> None:
    for mode, helped in zip(FILES, [False, False, True], strict=True):
        with file_link(CONTENT, mode) as (link, _):
            assert (link.__dict__["_copier"] is not None) is helped
            assert link.overlaps


def test_writes_past_the_page_cache_leave_the_files_length() -> None:
    with file_link(CONTENT, "?mode=direct") as (link, contents):
        expected = bytearray(CONTENT)
        segment = link.attach()
        for offset, length in [(0, 4096), (5, 7), (4000, 9000), (99_000, 1000), (90_000, 9999)]:
            fresh = os.urandom(length)
            expected[offset : offset + length] = fresh
            run(segment.store(offset, length, memoryview(fresh)))
            assert contents() == expected


def test_a_file_in_memory_is_never_cold(memory: SharedMemory) -> None:
    with open_link(f"file:/dev/shm/{memory.name}") as link:
        assert link.cool() is False
