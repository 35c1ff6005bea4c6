"""Access logs: what is read from them, and what is refused on which line."""

import tracemalloc
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simaccess.errors import InputError
from simaccess.methods.blocks import FixedBlocks
from simaccess.model import load_model
from simaccess.scenario import Scenario
from simaccess.simulate import simulate
from simaccess.workload import log
from simaccess.workload.log import HEADER, LogParameters, LogWorkload, read_log
from simaccess.workload.log_writer import LogWriter
from simaccess.workload.registry import workload

per_test = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def written(tmp_path: Path, *lines: str, end: str = "\n", last: bool = True) -> Path:
    path = tmp_path / "accesses.csv"
    text = end.join((HEADER, *lines)) + (end if last else "")
    path.write_bytes(text.encode())
    return path


def some_accesses(most: int = 30) -> st.SearchStrategy[list[tuple[float, int, int, bool]]]:
    access = st.tuples(
        st.floats(0, 2e9), st.integers(0, 2**62), st.integers(1, 2**62 - 1), st.booleans()
    )
    return st.lists(access, min_size=1, max_size=most)


@per_test
@given(some_accesses(), st.sampled_from(["\n", "\r\n"]), st.booleans(), st.integers(20, 200))
def test_round_trip(
    tmp_path: Path,
    rows: list[tuple[float, int, int, bool]],
    end: str,
    last: bool,
    chunk: int,
) -> None:
    times = sorted(row[0] for row in rows)
    lines = [
        f"{time!r},{offset},{length},{'write' if write else 'read'}"
        for time, (_, offset, length, write) in zip(times, rows, strict=True)
    ]
    path = written(tmp_path, *lines, end=end, last=last)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(log, "_CHUNK", chunk)
        read = read_log(path)
    # What is written, in decimal and not in binary, less the first: rounded only then.
    stamps = [Fraction(repr(time)) for time in times]
    assert read.time.tolist() == [float(stamp - stamps[0]) for stamp in stamps]
    assert read.offset.tolist() == [row[1] for row in rows]
    assert read.length.tolist() == [row[2] for row in rows]
    assert read.write.tolist() == [row[3] for row in rows]


GOOD = ["0.0,0,64,read", "0.5,64,64,write", "0.5,4096,1,read"]


def test_as_a_workload(tmp_path: Path) -> None:
    path = str(written(tmp_path, *GOOD))
    closed = workload(path)
    assert isinstance(closed, LogWorkload)
    assert (closed.size, closed.header, closed.arrivals) == (4097, 0, None)
    assert closed.content() is None
    accesses = closed.accesses(0)
    assert accesses.time is None
    assert list(accesses.rows()) == [
        (0, 64, False, True, 0, 0),
        (64, 64, True, True, 0, 0),
        (4096, 1, False, True, 0, 0),
    ]
    timed = workload(path, {"timed": "true", "size": "8 KiB", "block": "64 B", "work": "1 s"})
    assert timed.size == 8192
    assert timed.blocks == FixedBlocks(64)
    time, work = timed.accesses(0).time, timed.accesses(0).work
    assert time is not None
    assert time.tolist() == [0, 0.5, 0.5]
    assert work is not None
    assert work.tolist() == [1, 1, 1]


def test_unix_time_counts_from_the_first_access(tmp_path: Path) -> None:
    stamps = ["1700000000.000001", "1700000000.0000013", "1700000000.123456789", "1700000001"]
    path = str(written(tmp_path, *(f"{stamp},0,64,read" for stamp in stamps)))
    expected = [0, 3e-7, 0.123455789, 0.999999]
    assert read_log(path).time.tolist() == expected
    result = simulate(
        Scenario(load_model("example-link"), workload(path, {"timed": "true"}), "zero-copy")
    )
    assert 0.999999 <= result.elapsed_s < 1.1


@pytest.mark.parametrize("chunk", [1, 1 << 22])
def test_times_that_the_engine_cannot_hold_are_refused_only_where_they_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr(log, "_CHUNK", chunk)
    path = str(written(tmp_path, "0,0,64,read", "1700000000.5,0,64,read"))
    assert workload(path).accesses(0).time is None
    with pytest.raises(InputError) as caught:
        workload(path, {"timed": "true"})
    assert str(caught.value) == (
        f"{path}: time = '1700000000.5': line 3: too long after the first access; "
        "allowed: at most 1e+06 s after it"
    )


@pytest.mark.parametrize("head", [HEADER, "Time,Offset,Length,Operation", "\ufeff" + HEADER])
@pytest.mark.parametrize("end", ["\n", "\r\n", " \n"])
def test_what_a_spreadsheet_writes_is_a_log(tmp_path: Path, head: str, end: str) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(end.join([head, "0, 0, 64, read", " 0.5 ,64,\t8, write", ""]).encode())
    found = workload(str(path)).accesses(0)
    assert found.offset.tolist() == [0, 64]
    assert found.length.tolist() == [64, 8]
    assert found.write.tolist() == [False, True]
    assert read_log(path).time.tolist() == [0, 0.5]


WRONG = [
    ("0.6,0,64", "fields = '0.6,0,64': line 5: 3 fields; allowed: time,offset,length,operation"),
    ("0.6,0,64,read,1", "line 5: 5 fields"),
    ("", "line 5: 1 field; allowed"),
    ("0.6,0,64,erase", "operation = 'erase': line 5: no such operation; allowed: read, write"),
    ("0.6,0,64,", "operation = '': line 5"),
    ("0.6,0,64,re ad", "operation = 're ad': line 5"),
    ("0.6,0 1,64,read", "offset = '0 1': line 5: not a whole number"),
    ("0.6,-1,64,read", "offset = '-1': line 5: less than 0"),
    ("0.6,0,0,read", "length = '0': line 5: less than 1"),
    ("0.6,0,-64,read", "length = '-64': line 5: less than 1"),
    ("0.6,1.5,64,read", "offset = '1.5': line 5: not a whole number"),
    ("0.6,64.0,64,read", "offset = '64.0': line 5: not a whole number"),
    ("0.6,1e3,64,read", "offset = '1e3': line 5: not a whole number"),
    ("0.6,1_0,64,read", "offset = '1_0': line 5: not a whole number"),
    ("0.6,,64,read", "offset = '': line 5: not a whole number"),
    ("0.6,0x10,64,read", "offset = '0x10': line 5: not a whole number"),
    ("0.6,8129,64,read", "offset = '8129': line 5: past the end of the segment; allowed: an"),
    (f"0.6,{2**63 - 1},64,read", "line 5: past the end of the segment"),
    (f"0.6,{2**70},64,read", "line 5: past the end of the segment"),
    (f"0.6,0,{2**63 - 1},read", "line 5: past the end of the segment"),
    ("0.4,0,64,read", "time = '0.4': line 5: less than 0.5 before it"),
    ("-1,0,64,read", "time = '-1': line 5: negative"),
    ("nan,0,64,read", "time = 'nan': line 5: not a number"),
    ("inf,0,64,read", "time = 'inf': line 5: not a number"),
    ("1e999,0,64,read", "time = '1e999': line 5: not a number"),
    ("now,0,64,read", "time = 'now': line 5: not a number"),
    ("1e6,0,64,read", "time = '1e6': line 5: too long after the first access; allowed: at most 99"),
    (",0,64,read", "time = '': line 5: not a number"),
    ('"0.6",0,64,read', "line 5: not a number"),
    ("1_0,0,64,read", "time = '1_0': line 5: not a number"),
    ("0.6,1\0,64,read", "offset = '1\\x00': line 5: not a whole number"),
    ("0.6,0\n64,read,0.7,64,64,read", "line 5: 2 fields"),
]


@pytest.mark.parametrize(("line", "told"), WRONG)
@pytest.mark.parametrize("chunk", [1, 1 << 22])
def test_refusals_name_the_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, told: str, chunk: int
) -> None:
    monkeypatch.setattr(log, "_CHUNK", chunk)
    path = written(tmp_path, *GOOD, line, "9.0,0,64,read")
    with pytest.raises(InputError) as caught:
        read_log(path, 8192, 999_999)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert told in message
    assert "\n" not in message


@pytest.mark.parametrize("content", ["", "time,offset,length\n", "0,0,64,read\n", f"x{HEADER}\n"])
def test_what_does_not_start_as_a_log_is_none(tmp_path: Path, content: str) -> None:
    path = tmp_path / "file"
    path.write_text(content)
    with pytest.raises(InputError, match=f"line 1 is wrong; allowed: {HEADER}"):
        read_log(path)


def test_more_bytes_than_a_segment_may_have_are_refused_as_a_workload(tmp_path: Path) -> None:
    path = tmp_path / "accesses.csv"
    path.write_text(f"{HEADER}\n0,0,64,read\n0,0,{2**63 - 1},read\n", encoding="utf-8")
    assert read_log(path).end == 2**63 - 1  # what only reads it need not fit
    with pytest.raises(InputError) as refused:
        LogWorkload(path, LogParameters())
    assert str(refused.value) == (
        f"{path}: length = '{2**63 - 1}': line 3: past the end of the segment;"
        f" allowed: an access all within [0, {2**50})"
    )


def test_without_an_access_or_a_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="without any access"):
        read_log(written(tmp_path))
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read_log(tmp_path / "absent")


@settings(per_test, max_examples=200)
@given(
    st.lists(st.tuples(st.integers(0, 100), st.integers(0, 255)), min_size=1, max_size=4),
)
def test_changed_bytes_end_in_a_log_or_in_a_named_line(
    tmp_path: Path, changes: list[tuple[int, int]]
) -> None:
    path = written(tmp_path, *GOOD)
    content = bytearray(path.read_bytes())
    for place, value in changes:
        content[place % len(content)] = value
    path.write_bytes(bytes(content))
    told = ""
    try:
        read = read_log(path, 10**6)
        assert (np.diff(read.time) >= 0).all()
        assert (read.offset + read.length <= 10**6).all()
    except InputError as error:
        told = str(error)
    assert not told or "line " in told
    assert "cannot be parsed" not in told


def test_memory_is_that_of_the_columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    count = 300_000
    monkeypatch.setattr(log, "_CHUNK", 1 << 16)
    path = written(tmp_path, *(f"{i / 1e6:.6f},{i * 64},64,read" for i in range(count)))
    tracemalloc.start()
    try:
        read = read_log(path)
        held, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(read) == count
    assert held < count * 25 + 2**20  # three columns of 8 bytes and one of 1
    assert peak < 2 * count * 25 + 2**21


def test_nothing_but_a_log_is_replaced(tmp_path: Path) -> None:
    file = tmp_path / "archive.zip"
    file.write_bytes(b"PK\3\4 and more")
    with pytest.raises(
        InputError, match="holds something else; allowed: a new file or an access log"
    ):
        LogWriter(file, 10**9)
    assert file.read_bytes() == b"PK\3\4 and more"
    log = tmp_path / "log.csv"
    for _ in range(2):
        LogWriter(log, 10**9).close()
