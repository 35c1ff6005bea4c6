"""Measured sets: cells, what is held out, and the file."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simaccess.errors import InputError
from simaccess.measured import COLUMNS, Cell, MeasuredSet, assignments, held_out

METHOD = Cell(
    "method",
    65536,
    workload="sequential size=1 MiB length=4 KiB",
    method="prefetch",
    settings="block=64 KiB depth=8",
    count=256,
)

plain = st.builds(
    Cell,
    operation=st.sampled_from(["load", "fetch"]),
    size=st.integers(1, 1 << 24),
    pattern=st.sampled_from(["sequential", "random"]),
    consumers=st.integers(1, 4),
    count=st.integers(1, 100),
)
idle = st.builds(
    Cell,
    operation=st.just("fetch"),
    size=st.integers(1, 1 << 24),
    depth=st.integers(1, 9),
    state=st.just("idle"),
    warm=st.integers(1, 9),
    idle_s=st.floats(1e-6, 10),
)
cells = st.lists(st.one_of(plain, idle, st.just(METHOD)), min_size=1, max_size=30)
rows = st.lists(
    st.tuples(
        st.one_of(plain, idle, st.just(METHOD)),
        st.integers(0, 1000),
        st.floats(1e-9, 1e6),
        st.booleans(),
        st.sampled_from(["", "", "late packets, 3 of them", 'a "quoted" reason']),
    ),
    max_size=20,
)


@settings(deadline=None)  # it writes files
@given(rows=rows, link=st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_a_set_survives_its_file(
    rows: list[tuple[Cell, int, float, bool, str]],
    link: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    path = tmp_path_factory.mktemp("set") / "measured.csv"
    header = {"link": link, "segment": 4096, "machine": {"cpu": "a # b", "cores": 2}, "load": [0.5]}
    made = MeasuredSet.of(header, rows)
    made.write(path)
    read = MeasuredSet.read(path)
    assert read.header == header
    assert read.segment == 4096
    assert read.frame.equals(made.frame)
    assert read.cells == tuple(dict.fromkeys(cell for cell, *_ in rows))
    for cell in read.cells:
        mine = [row for row in rows if row[0] == cell]
        assert read.seconds(cell).tolist() == [row[2] for row in mine if not row[4]]
        assert read.repetitions(cell).tolist() == [row[1] for row in mine if not row[4]]
        assert read.discarded(cell) == sum(bool(row[4]) for row in mine)
        assert read.on_threshold(cell) == any(row[3] for row in mine)
    assert [each.name for each in path.parent.iterdir()] == ["measured.csv"]


@settings(deadline=None)
@given(cells=cells, fraction=st.floats(0.01, 0.99), order=st.randoms())
def test_held_out_cells_leave_each_class_on_both_sides(
    cells: list[Cell], fraction: float, order: Any
) -> None:
    out = held_out(cells, fraction)
    classes = Counter(cell.kind for cell in set(cells))
    held = Counter(cell.kind for cell in out)
    for kind, count in classes.items():
        assert held[kind] <= count
        if count > 1:
            assert 1 <= held[kind] < count
    shuffled = list(cells)
    order.shuffle(shuffled)
    assert held_out(shuffled, fraction) == out
    assert held_out(cells, 0) == frozenset()
    assert held_out(cells, 1) == frozenset(cells)


def test_the_share_of_cells_is_held_out() -> None:
    many = [Cell("load", size) for size in range(1, 4097)]
    assert len(held_out(many, 0.3)) / len(many) == pytest.approx(0.3, abs=0.03)
    assert np.std([cell.share for cell in many]) == pytest.approx(12**-0.5, rel=0.05)


def test_a_batch_of_another_length_is_the_same_cell_to_hold_out() -> None:
    cell = Cell("load", 64, state="idle", warm=1, idle_s=1)
    assert cell.share == replace(cell, count=100, idle_s=1.0).share
    assert cell.share != replace(cell, size=65).share
    steady = Cell("load", 64, warm=7, count=7)
    assert steady.share == replace(steady, warm=9, count=9).share
    assert steady.share != replace(steady, warm=0).share
    twins = [steady, replace(steady, warm=9, count=9)]
    assert held_out(twins, 0.5) == held_out(twins[::-1], 0.5)
    # A figure in a model file's provenance depends on it: it must never change.
    assert Cell("load", 64).share == 0.15286970014231424


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"operation": "read"}, "operation = 'read': refused; allowed: load, store, fetch"),
        ({"size": 0}, "size = 0: refused; allowed: bytes, at least 1"),
        ({"depth": 2}, "depth = 2: refused; allowed: 1 but for fetch and flush"),
        ({"state": "warm"}, "warm = 0: refused; allowed: 1 or more when warm"),
        ({"state": "cold", "warm": 1}, "warm = 1: refused; allowed: 0 when cold"),
        ({"idle_s": 1.0}, "idle_s = 1.0: refused; allowed: more than 0 when idle"),
        ({"consumers": 0}, "consumers = 0: refused; allowed: 1 or more"),
        ({"method": "hybrid"}, "method = 'hybrid': refused; allowed: a name for the operation"),
        ({"settings": "a=1"}, "settings = 'a=1': refused; allowed: none but for a method"),
    ],
)
def test_a_wrong_cell_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as error:
        replace(Cell("load", 64), **changes)
    assert str(error.value).startswith(message)


HEADING = ",".join(COLUMNS)
ROW = "load,64,1,steady,0,0.0,sequential,1,,,,10,0,1e-05,0,"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", f"measured.csv: line 1 = '': no such table; allowed: the columns {HEADING}"),
        (f"# a = \n{HEADING}\n", "measured.csv: the header is no TOML: Invalid value"),
        (
            f'# [facts]\n# buffer = "lots"\n{HEADING}\n{ROW}\n',
            "measured.csv: facts.buffer = 'lots': not a number with a unit; allowed: as in '64 KiB'",
        ),
        (f'# rtt = "20 MB"\n{HEADING}\n', "measured.csv: rtt = '20 MB': unknown or unfitting unit"),
        (f"# facts.rate = 3\n{HEADING}\n", "measured.csv: facts.rate = 3: "),
        (f'# facts.loss = "1.5"\n{HEADING}\n', "no share of the packets; allowed: 0 up to below 1"),
        (
            f"# facts = 3\n{HEADING}\n",
            "measured.csv: facts = 3: no table; allowed: a table [facts]",
        ),
        (f'# segment = "4 KiB"\n{HEADING}\n', "segment = '4 KiB': not a size; allowed: a whole"),
        (f"{HEADING}\n1,2\n", "line 2: has 2 columns; allowed: 16 columns"),
        (f"# a = 1\n{HEADING}\n{ROW}\n{ROW.replace('64', 'x')}\n", "line 4: size = 'x': refused"),
        (f"{HEADING}\n{ROW.replace('1e-05', 'nan')}\n", "line 2: seconds = 'nan': refused"),
        (f"{HEADING}\n{ROW.replace('load', 'lead')}\n", "line 2: operation = 'lead': refused"),
        (f"{HEADING}\n{ROW.replace(',0,', ',2,')}\n", "line 2: "),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "measured.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as error:
        MeasuredSet.read(path)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_fact_holds_against_what_this_side_would_do_by_itself(tmp_path: Path) -> None:
    path = tmp_path / "measured.csv"
    for told, doubts in (("bbr", 0), ("cubic", 1)):
        head = f'# congestion_control = "bbr"\n# facts.congestion_control = "{told}"\n'
        path.write_text(f"{head}{HEADING}\n{ROW}\n", encoding="utf-8")
        said = MeasuredSet.read(path).doubts
        assert len(said) == doubts
    assert said == (
        "the header's congestion_control is 'bbr', this side's default, and the fact 'cubic' holds",
    )


def test_a_file_that_cannot_be_read_or_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.csv: cannot be read: No such file"):
        MeasuredSet.read(tmp_path / "none.csv")
    with pytest.raises(InputError, match="cannot be written: No such file"):
        MeasuredSet.of({}, []).write(tmp_path / "none" / "a.csv")
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="no text in UTF-8"):
        MeasuredSet.read(tmp_path / "binary.csv")


def test_names_and_parameters_are_taken_apart() -> None:
    assert assignments(METHOD.settings) == ("", {"block": "64 KiB", "depth": "8"})
    assert assignments(METHOD.workload) == ("sequential", {"size": "1 MiB", "length": "4 KiB"})
    assert assignments("a file.pcap") == ("a file.pcap", {})
    with pytest.raises(InputError, match="given twice"):
        assignments("a=1 a=2")
