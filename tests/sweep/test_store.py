"""The store loses nothing that was written, whatever ends the sweep, and lets others read."""

from __future__ import annotations

import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from simaccess import cli
from simaccess.errors import InputError
from simaccess.sweep.store import NAME, Store, Stored

SWEEP = """
question = "Which is best?"
methods = ["zero-copy", "copy-once"]
[[models]]
model = "example-link"
[[workloads]]
workload = "random"
set = { requests = 200 }
[axes]
model.link.latency = { low = "1 us", high = "1 ms", points = 2000, scale = "log" }
"""
BOUND = 60.0


def stored(number: int, text: str = "{}") -> dict[str, Stored]:
    return {f"key-{number}": Stored(text, "simpy", 0.5)}


def keep(store: Store, number: int, text: str = "{}") -> None:
    store.place(number, f"key-{number}", {"at": [0, 0], "method": "zero-copy"})
    store.keep({f"key-{number}": "run"}, stored(number, text))


def test_many_who_make_a_store_at_once_make_one(tmp_path: Path) -> None:
    for number in range(10):
        path = tmp_path / str(number) / NAME
        together = threading.Barrier(6)

        def made(mine: int, path: Path = path, together: threading.Barrier = together) -> None:
            together.wait(BOUND)
            with Store(path) as store:
                keep(store, mine)

        with ThreadPoolExecutor(6) as threads:
            list(threads.map(made, range(6)))
        with Store(path, reading=True) as store:
            assert len(store) == 6


def test_what_is_kept_is_found_again(tmp_path: Path) -> None:
    path = tmp_path / "deep" / NAME
    with Store(path) as store:
        store.begin("a design", {"question": "why?"})
        keep(store, 1)
    with Store(path, reading=True) as store:
        assert store.known(["key-1", "key-2"]) == stored(1)
        assert store.experiment() == {"question": "why?", "design": "a design"}
        (row,) = store.rows()
        assert (row.number, row.place["method"], row.kind) == (1, "zero-copy", "run")
        assert len(store) == 1
    with pytest.raises(InputError, match="readonly"), Store(path, reading=True) as store:
        keep(store, 2)
    assert [file.name for file in path.parent.iterdir()] == [NAME]


def test_points_of_another_design_are_dropped_and_their_results_stay(tmp_path: Path) -> None:
    with Store(tmp_path / NAME) as store:
        store.begin("one", {})
        keep(store, 1)
        store.begin("one", {})
        assert len(list(store.rows())) == 1
        store.begin("other", {})
        assert list(store.rows()) == []
        assert store.known(["key-1"]) == stored(1)


def test_many_read_while_one_writes(tmp_path: Path) -> None:
    path = tmp_path / NAME
    with Store(path) as writer:
        writer.begin("a design", {})
        for number in range(3):
            keep(writer, number)
            with Store(path, reading=True) as one, Store(path, reading=True) as other:
                assert len(one) == len(list(other.rows())) == number + 1
        with Store(path, reading=True) as reader:
            rows = reader.rows()
            next(rows)
            keep(writer, 7)  # a reader in the middle holds nobody up
            assert len(list(rows)) == 2  # and sees one instant


def test_a_full_disk_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / NAME

    def fill() -> None:
        with Store(path) as store:
            store.begin("a design", {})
            pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
            # The same error as that of a full file system, whoever runs this.
            store._connection.execute(f"PRAGMA max_page_count = {pages + 20}")
            for number in range(1000):
                keep(store, number, "x" * 5000)

    with pytest.raises(InputError, match=r"cannot be written: .*full"):
        fill()
    with Store(path) as store:
        there = len(store)
        assert 5 < there < 50
        assert store._connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert len(list(store.rows())) == there
        keep(store, there)
        assert len(store) == there + 1


def test_a_folder_that_cannot_be_written_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / NAME
    with Store(path) as store:
        keep(store, 1)
    shutil.copy(path, tmp_path / "other.sqlite")
    uri = f"{(tmp_path / 'other.sqlite').as_uri()}?immutable=1"
    connection = sqlite3.connect(uri, uri=True)  # as where no file can be made beside it
    assert connection.execute("SELECT count(*) FROM results").fetchone() == (1,)
    connection.close()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"not a database, but longer than its header would be" * 9, "file is not a database"),
        (None, "no results of a sweep"),
    ],
)
def test_what_is_no_store_is_refused(content: bytes | None, said: str, tmp_path: Path) -> None:
    path = tmp_path / NAME
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=said) as raised:
        Store(path, reading=True)
    assert str(raised.value).startswith(f"{path}: ")


def test_another_database_is_refused_and_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / NAME
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE mine (value)")
    connection.commit()
    connection.close()
    before = path.read_bytes()
    with pytest.raises(InputError, match="no store of this version"):
        Store(path)
    assert path.read_bytes() == before


def results(path: Path) -> int:
    try:
        with Store(path, reading=True) as store:
            return len(store)
    except InputError:  # not there yet
        return 0


def test_a_sweep_that_is_killed_resumes(tmp_path: Path) -> None:
    """Killed as by ``kill -9``: what was stored is whole, and is not simulated again."""
    file, out = tmp_path / "sweep.toml", tmp_path / "out"
    file.write_text(SWEEP, encoding="utf-8")
    command = [sys.executable, "-m", "simaccess", "sweep", str(file), "--out", str(out)]
    with subprocess.Popen(
        [*command, "--jobs", "2"], stdout=subprocess.DEVNULL, start_new_session=True
    ) as process:
        end = time.monotonic() + BOUND
        while results(out / NAME) < 20 and time.monotonic() < end:
            time.sleep(0.01)
        process.kill()
    there = results(out / NAME)
    assert 20 <= there < 4000
    end = time.monotonic() + BOUND
    while time.monotonic() < end:  # workers go with their parent
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            break
        time.sleep(0.05)
    else:
        pytest.fail("a process stayed behind")
    # In the end there are as many as were asked for, of which those were not simulated again.
    few = SWEEP.replace("points = 2000", "points = 10")
    with Store(out / NAME) as store:
        assert store._connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert len(list(store.rows())) >= there - 128  # places are written with the next results
    file.write_text(few, encoding="utf-8")
    assert cli.main(["sweep", str(file), "--jobs", "1", "--out", str(out)]) == 0
    assert cli.main(["sweep", str(file), "--jobs", "1", "--out", str(tmp_path / "new")]) == 0
    tables = []
    for folder in (out, tmp_path / "new"):
        with Store(folder / NAME, reading=True) as store:
            tables.append([(row.place, row.stored.text) for row in store.rows()])
    assert tables[0] == tables[1]
    assert len(tables[0]) == 20


def test_an_interrupted_sweep_says_what_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file, out = tmp_path / "sweep.toml", tmp_path / "out"
    file.write_text(SWEEP, encoding="utf-8")
    kept = 0
    keep_it = Store.keep

    def keep_and_interrupt(store: Store, *given: object) -> None:
        nonlocal kept
        keep_it(store, *given)  # type: ignore[arg-type]  # as they were given
        kept += 1
        if kept == 3:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(Store, "keep", keep_and_interrupt)
    assert cli.main(["sweep", str(file), "--jobs", "1", "--out", str(out)]) == 130
    said = capsys.readouterr().err
    found = re.fullmatch(
        r"simaccess: interrupted; ([\d,]+) results are in (.*), and the same command goes on from"
        r" there\n",
        said,
    )
    assert found is not None, said
    assert int(found[1].replace(",", "")) == results(out / NAME) > 0
    assert found[2] == str(out / NAME)
