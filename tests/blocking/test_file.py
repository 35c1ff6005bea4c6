"""A blocking file behaves as a file of fixed size, and refuses what it cannot do."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import simaccess
from simaccess.blocking import BlockingFile
from simaccess.errors import InputError
from tests.blocking.content import CONTENT
from tests.conformance.play import NAMES
from tests.real.memory_link import MemoryLink

SIZE = 3000
steps = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["read", "read1", "readline"]), st.integers(-1, 900)),
        st.tuples(st.sampled_from(["readinto", "readinto1"]), st.integers(0, 900)),
        st.tuples(st.just("seek"), st.integers(-10, SIZE + 100), st.just(0)),
        st.tuples(st.just("seek"), st.integers(-400, 400), st.just(1)),
        st.tuples(st.just("seek"), st.integers(-SIZE, 10), st.just(2)),
        st.tuples(st.just("write"), st.binary(max_size=300)),
        st.tuples(st.sampled_from(["tell", "flush", "readable", "seekable", "writable"])),
    ),
    max_size=30,
)


def outcome(file: Any, step: tuple[Any, ...]) -> object:
    name, *arguments = step
    if name.startswith("readinto"):
        target = bytearray(arguments[0])
        method = getattr(file, name, None) or file.readinto
        return method(target), target
    try:
        return getattr(file, name)(*arguments)
    except ValueError as error:
        return type(error)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40
)
@given(asked=steps, method=st.sampled_from(NAMES), block=st.integers(1, 900))
def test_it_behaves_as_bytesio(
    url_of: Callable[[Path], str],
    tmp_path: Path,
    asked: list[tuple[Any, ...]],
    method: str,
    block: int,
) -> None:
    content = bytes(10 if i % 97 == 0 else (7 * i) % 251 for i in range(SIZE))
    path = tmp_path / "content"
    path.write_bytes(content)
    model = io.BytesIO(content)
    given_settings = {} if method == "zero-copy" else {"block": f"{block} B", "slots": 4}
    if method == "prefetch":
        given_settings["depth"] = 2
    with simaccess.open(url_of(path), method, given_settings, mode="r+b") as file:
        for step in asked:
            if step[0] == "write" and model.tell() + len(step[1]) > SIZE:
                if step[1]:
                    with pytest.raises(OSError, match="the segment ends at 3000"):
                        file.write(step[1])
                continue
            assert outcome(file, step) == outcome(model, step), step
            assert file.tell() == model.tell()
        file.seek(0)
        assert file.read() == model.getvalue()
    assert path.read_bytes() == content  # of a simulated segment, writes stay in it


def test_the_rest_of_a_file(data: Path) -> None:
    file = simaccess.open(f"sim:pci-64-66?data={data}", "copy-once")
    assert isinstance(file, BlockingFile)
    assert file.size == len(CONTENT)
    for name in ("fileno", "detach"):
        with pytest.raises(io.UnsupportedOperation):
            getattr(file, name)()
    with pytest.raises(io.UnsupportedOperation):
        file.truncate(3)
    with pytest.raises(ValueError, match="invalid whence"):
        file.seek(0, 7)
    with pytest.raises(ValueError, match="negative time"):
        file.work(-1)
    assert io.BufferedReader(file).read(10) == CONTENT[:10]
    elapsed = file.elapsed_s
    assert file.closed
    for call in (file.read, file.tell, lambda: file.work(1), lambda: file.seek(0)):
        with pytest.raises(ValueError, match="closed"):
            call()
    file.close()
    assert file.elapsed_s == elapsed > 0


def test_an_empty_segment(tmp_path: Path) -> None:
    path = tmp_path / "empty"
    path.write_bytes(b"")
    with simaccess.open(f"sim:wan-20ms-100mbit?data={path}") as file:
        assert file.read() == b""
        assert file.seek(0, 2) == 0


def test_a_file_is_written_only_if_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "precious"
    path.write_bytes(b"as it was")
    with simaccess.open(f"file:{path}", "copy-once") as file:
        assert not file.writable()
        with pytest.raises(io.UnsupportedOperation, match="not writable"):
            file.write(b"x")
    assert path.read_bytes() == b"as it was"
    with simaccess.open(f"file:{path}", "copy-once", mode="r+b") as file:
        file.write(b"so")
    assert path.read_bytes() == b"so it was"
    with pytest.raises(InputError, match="mode = 'w': no such mode; allowed: rb"):
        simaccess.open(f"file:{path}", mode="w")  # type: ignore[arg-type]  # what a user might


def test_a_link_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    link = MemoryLink(bytearray(CONTENT))
    link.writable = False
    monkeypatch.setattr("simaccess.blocking_calls.open_link", lambda _: link)
    with simaccess.open("stand-in:", mode="r+b") as file:
        assert not file.writable()
        with pytest.raises(io.UnsupportedOperation, match="not writable"):
            file.write(b"x")


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("sim:", "no model"),
        ("sim:?data={}", "no model"),
        ("sim:pci-64-66", "data = 'sim:pci-64-66': missing"),
        ("sim:pci-64-66?data=/nowhere/x", "/nowhere/x: data: cannot be read: No such file"),
        ("sim:pci-64-67?data={}", "did you mean 'pci-64-66'"),
        ("sim:pci-64-66?data={}&sed=1", "did you mean 'seed'"),
        ("sim:pci-64-66?dat={}", "dat = 'sim:"),
        ("sim:pci-64-66?data={}&seed=-1", "seed = '-1'"),
        ("sim:pci-64-66?data={}&seed=1&seed=2", "given twice"),
        ("sim:pci-64-66?data={}&bus.cloc=33 MHz", "unknown key"),
        ("sim:pci-64-66?data={}&memory=pci-32-33", "these two are no path"),
        ("/no/url", "not a link"),
    ],
)
def test_what_is_refused(url: str, told: str, data: Path) -> None:
    with pytest.raises(InputError, match=told) as caught:
        simaccess.open(url.format(data))
    assert len(str(caught.value).splitlines()) == 1


def test_what_is_refused_of_a_method(data: Path) -> None:
    url = f"sim:pci-64-66?data={data}"
    with pytest.raises(InputError, match="no such access method"):
        simaccess.open(url, "prefetsch")
    with pytest.raises(InputError, match="no such parameter of zero-copy"):
        simaccess.open(url, "zero-copy", {"block": "4 KiB"})
    with pytest.raises(InputError, match="cannot be written"):
        simaccess.open(url, record=data / "log")


def test_a_call_that_was_interrupted(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a real link one goes on; a simulation that was left within an event is of no more use."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    def interrupted(url: str) -> BlockingFile:
        file = simaccess.open(url, "copy-once")
        with monkeypatch.context() as patch:
            patch.setattr(file._buffer, "read", interrupt)
            with pytest.raises(KeyboardInterrupt):
                file.read(3)
        return file

    file = interrupted(f"sim:pci-64-66?data={data}")
    with pytest.raises(RuntimeError, match="interrupted in an earlier call"):
        file.read(3)
    file.close()
    monkeypatch.setattr("simaccess.blocking_calls.open_link", lambda _: MemoryLink(bytearray(9)))
    file = interrupted("stand-in:")
    assert file.read(3) == bytes(3)
    file.close()


def test_an_error_of_one_call_leaves_the_simulation_usable(data: Path) -> None:
    with simaccess.open(f"sim:pci-64-66?data={data}", "copy-once") as file:
        file._buffer.limit = 10
        with pytest.raises(InputError, match="outside of the segment"):
            file.read(20)
        assert file.read(10) == CONTENT[:10]
