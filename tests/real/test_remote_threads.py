"""Remote files of file systems that block: requests in threads, writes, faults."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any, ClassVar

import fsspec
import pytest

from simaccess.errors import InputError, LinkError
from simaccess.methods.blocks import FixedBlocks
from simaccess.methods.copy_once import CopyOnce
from simaccess.methods.prefetch import Prefetch
from simaccess.operations import AccessMethod
from simaccess.real.clock import run
from simaccess.real.urls import open_link
from tests.real.reading import buffer_over, read

CONTENT = bytes((7 * i + (i >> 8)) % 251 for i in range(20_000))
URL = "scripted://file"


class ScriptedFileSystem(fsspec.AbstractFileSystem):  # type: ignore[misc]  # fsspec has no types
    """A file system of one file, which cannot be written, with an answer that a test may set."""

    protocol = "scripted"
    answer: ClassVar[Callable[[int, int], bytes]]
    lock: ClassVar[threading.Lock] = threading.Lock()
    under_way: ClassVar[int] = 0
    most: ClassVar[int] = 0

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        if path == "none":
            raise FileNotFoundError(path)
        if path == "folder":
            return {"name": path, "size": 0, "type": "directory"}
        return {"name": path, "size": None if path == "endless" else len(CONTENT), "type": "file"}

    def cat_file(
        self, path: str, start: int | None = None, end: int | None = None, **_: Any
    ) -> bytes:
        assert path == "file"
        assert start is not None
        assert end is not None
        kind = ScriptedFileSystem
        with kind.lock:
            kind.under_way += 1
            kind.most = max(kind.most, kind.under_way)
        try:
            return kind.answer(start, end)
        finally:
            with kind.lock:
                kind.under_way -= 1


@pytest.fixture(autouse=True)
def scripted() -> Iterator[None]:
    fsspec.register_implementation("scripted", ScriptedFileSystem, clobber=True)
    ScriptedFileSystem.answer = staticmethod(right)
    ScriptedFileSystem.under_way = ScriptedFileSystem.most = 0
    yield
    del import_module("fsspec.registry")._registry["scripted"]


def right(start: int, end: int) -> bytes:
    return CONTENT[start:end]


def late(start: int, end: int) -> bytes:
    time.sleep(0.02)
    return CONTENT[start:end]


def test_prefetch_overlaps_requests_and_work() -> None:
    ScriptedFileSystem.answer = staticmethod(late)

    def seconds(method: AccessMethod) -> tuple[float, int]:
        ScriptedFileSystem.most = 0
        with open_link(URL) as link:
            buffer = buffer_over(link, method)
            begin = time.monotonic()
            for offset in range(0, len(CONTENT), 1000):
                assert read(buffer, offset, 1000) == CONTENT[offset : offset + 1000]
                run(link.clock.work(20_000_000))
            return time.monotonic() - begin, ScriptedFileSystem.most

    once, alone = seconds(CopyOnce(FixedBlocks(1000), 16))
    ahead, together = seconds(Prefetch(FixedBlocks(1000), depth=4, initial=4))
    assert alone == 1
    assert together >= 3
    assert ahead < 0.75 * once


def fails(start: int, end: int) -> bytes:
    raise RuntimeError(f"no {start}-{end}\ntoday")


FAULTS: dict[Callable[[int, int], bytes], str] = {
    lambda start, end: CONTENT[start : end - 1]: "were asked for, [0-9]+ have come",
    lambda start, end: CONTENT[start:end] + b"x": "were asked for, [0-9]+ have come",
    fails: "RuntimeError: no 0-1000 today",
}


@pytest.mark.parametrize(("answer", "told"), FAULTS.items(), ids=["short", "long", "raises"])
def test_a_fault_ends_in_a_clear_error(answer: Callable[[int, int], bytes], told: str) -> None:
    with open_link(URL) as link:
        buffer = buffer_over(link, CopyOnce(FixedBlocks(1000), 4))
        ScriptedFileSystem.answer = staticmethod(answer)
        with pytest.raises(LinkError, match=told) as caught:
            read(buffer, 0, 10)
        assert len(str(caught.value).splitlines()) == 1
        assert bytes(buffer.shadow.memory.view(0, 4000) or b"") == bytes(4000)
        ScriptedFileSystem.answer = staticmethod(right)
        assert read(buffer, 0, 10) == CONTENT[:10]


def test_what_comes_after_the_timeout_writes_nothing() -> None:
    go_on = threading.Event()

    def hangs(start: int, end: int) -> bytes:
        go_on.wait(20)
        return CONTENT[start:end]

    with open_link(f"{URL}#timeout=0.1 s&connections=2") as link:
        buffer = buffer_over(link, Prefetch(FixedBlocks(1000), depth=2, initial=2))
        assert read(buffer, 0, 1000) == CONTENT[:1000]
        ScriptedFileSystem.answer = staticmethod(hangs)
        before = bytes(buffer.shadow.memory.view(0, buffer.shadow.memory.size) or b"")
        with pytest.raises(LinkError, match=r"no answer within 0\.1 s"):
            read(buffer, 5000, 1000)
        go_on.set()
        while ScriptedFileSystem.under_way:
            time.sleep(0.01)
        time.sleep(0.05)
        assert bytes(buffer.shadow.memory.view(0, buffer.shadow.memory.size) or b"") == before
        ScriptedFileSystem.answer = staticmethod(right)
        assert read(buffer, 5000, 1000) == CONTENT[5000:6000]


@pytest.mark.parametrize(
    ("url", "kind", "told"),
    [
        ("scripted://none", InputError, "no such file"),
        ("scripted://folder", LinkError, "not a file but a directory"),
        ("scripted://endless", LinkError, "does not tell the size"),
    ],
)
def test_a_file_that_cannot_be_opened(url: str, kind: type[Exception], told: str) -> None:
    with pytest.raises(kind, match=told):
        open_link(url)


def test_it_cannot_be_written() -> None:
    with open_link(URL) as link:
        assert not link.writable
        assert not link.cool()
        with pytest.raises(InputError, match="cannot be written"):
            run(link.attach().store(0, 1, memoryview(b"x")))


def test_ranges_of_a_file_in_memory_are_written() -> None:
    fs = fsspec.filesystem("memory")
    fs.pipe_file("/threads", CONTENT)
    with open_link("memory://threads") as link:
        assert link.writable
        buffer = buffer_over(link, CopyOnce(FixedBlocks(1000), 4))
        run(buffer.write(1500, 1000, memoryview(b"x" * 1000)))
        run(buffer.sync())
    assert fs.cat_file("/threads") == CONTENT[:1500] + b"x" * 1000 + CONTENT[2500:]
    fs.rm("/threads")
