"""Shared memory and files as links: what they mean and what they refuse."""

from __future__ import annotations

import os
import subprocess
import sys
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path

import pytest

from simaccess.buffer import Buffer, Shadow
from simaccess.errors import InputError
from simaccess.methods.blocks import FixedBlocks
from simaccess.methods.copy_once import CopyOnce
from simaccess.methods.zero_copy import ZeroCopy
from simaccess.real.clock import run
from simaccess.real.urls import open_link
from tests.real.local_links import (
    CONTENT,
    FILES,
    file_link,
    open_file,
)
from tests.real.reading import read

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
