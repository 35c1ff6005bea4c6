"""Columns of accesses: what is refused, how they are gone through and dealt out."""

import tracemalloc
from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simaccess.errors import InputError
from simaccess.workload.accesses import Accesses
from simaccess.workload.registry import workload

Access = tuple[int, int, bool, bool, float, float]


def columns(rows: list[Access], size: int = 1000, **changes: object) -> Accesses:
    offset, length, write, last, work, time = zip(*rows, strict=True) if rows else [()] * 6
    given = {
        "size": size,
        "offset": np.array(offset, np.int64),
        "length": np.array(length, np.int64),
        "write": np.array(write, np.bool_),
        "last": np.array(last, np.bool_),
        "work": np.array(work, np.float64),
        "time": np.array(time, np.float64),
    }
    return Accesses(**{**given, **changes})  # type: ignore[arg-type]  # wrong ones too, on purpose


@st.composite
def some_rows(draw: st.DrawFn) -> list[Access]:
    access = st.tuples(
        st.integers(0, 900), st.integers(1, 100), st.booleans(), st.booleans(), st.floats(0, 9)
    )
    rows = draw(st.lists(access, max_size=40))
    rows[-1:] = [(*row[:3], True, row[4]) for row in rows[-1:]]
    times = sorted(draw(st.lists(st.floats(0, 9), min_size=len(rows), max_size=len(rows))))
    return [(*row, time) for row, time in zip(rows, times, strict=True)]


@given(some_rows(), st.integers(1, 50))
def test_rows_are_the_columns(rows: list[Access], chunk: int) -> None:
    accesses = columns(rows)
    assert list(accesses.rows(chunk)) == rows
    assert len(accesses) == len(rows)
    assert accesses.requests == sum(row[3] for row in rows)
    assert accesses.bytes == sum(row[1] for row in rows)


def test_what_is_not_told_is_zero() -> None:
    accesses = columns([(0, 5, False, True, 1, 2), (5, 5, False, True, 3, 4)], work=None, time=None)
    assert list(accesses.rows()) == [(0, 5, False, True, 0, 0), (5, 5, False, True, 0, 0)]


def requests(rows: list[Access]) -> list[list[Access]]:
    whole: list[list[Access]] = [[]]
    for row in rows:
        whole[-1].append(row)
        if row[3]:
            whole.append([])
    return whole[:-1]


@given(some_rows(), st.integers(1, 12))
def test_shards_deal_whole_requests_in_turn(rows: list[Access], count: int) -> None:
    dealt = requests(rows)
    untimed = [(*row[:5], 0.0) for row in rows]
    for index in range(count):
        mine = list(columns(rows).shard(index, count).rows())  # they have times
        assert requests(mine) == dealt[index::count]
        assert len(mine) == sum(len(request) for request in dealt[index::count])
        told = columns(untimed, time=None).shard(index, count, in_turn=True)
        assert requests(list(told.rows())) == requests(untimed)[index::count]


@given(some_rows(), st.integers(1, 12))
def test_shards_of_a_closed_loop_are_contiguous_and_even(rows: list[Access], count: int) -> None:
    whole = columns([(*row[:5], 0.0) for row in rows], time=None)
    shards = [whole.shard(index, count) for index in range(count)]
    assert [row for shard in shards for row in shard.rows()] == list(whole.rows())
    sizes = [shard.requests for shard in shards]
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize(("index", "count"), [(-1, 3), (3, 3), (0, 0)])
def test_no_such_shard(index: int, count: int) -> None:
    with pytest.raises(InputError, match="no such consumer"):
        columns([(0, 1, False, True, 0, 0)]).shard(index, count)


GOOD: list[Access] = [(0, 5, False, False, 0, 1), (995, 5, True, True, 0, 1)]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("offset", [-1, 0]),
        ("offset", [0, 996]),
        ("offset", [0, 2**63 - 1]),
        ("length", [5, 0]),
        ("length", [5, 2**63 - 1]),
        ("work", [0.0, -1.0]),
        ("work", [0.0, float("nan")]),
        ("work", [0.0, 1e7]),
        ("time", [0.0, 1e7]),
        ("time", [1.0, 0.5]),
        ("time", [-1.0, 0.5]),
        ("time", [0.0, float("inf")]),
        ("write", [True]),
        ("offset", [0.0, 1.0]),
        ("last", [True, False]),
    ],
)
def test_refusals_name_the_column(name: str, values: list[object]) -> None:
    columns(GOOD)
    with pytest.raises(InputError) as caught:
        columns(GOOD, 1000, **{name: np.array(values)})
    # An access that is too long lies partly outside: its offset is named.
    assert str(caught.value).startswith(("offset", name))


def test_work_that_the_engine_cannot_hold_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        workload("sequential", {"size": "1 MiB", "work_per_byte": "1000 s"}).accesses(0)
    assert str(caught.value) == (
        "workload.work_per_byte = 1000.0: an access of 4096 bytes would be worked on for"
        " 4.096e+06 s; allowed: at most 1e+06 s together with workload.work"
    )


def test_columns_are_read_only() -> None:
    accesses = columns(GOOD)
    with pytest.raises(ValueError, match="read-only"):
        accesses.offset[0] = 1
    assert len(columns([])) == 0


@pytest.mark.parametrize("name", ["sequential", "random", "zipf"])
def test_two_million_accesses_take_their_columns(name: str) -> None:
    count = 2_000_000
    source = workload(name, {"requests": str(count), "size": "1 MiB"})
    tracemalloc.start()
    try:
        accesses = source.accesses(1)
        held, peak = tracemalloc.get_traced_memory()
        assert held < count * 8 + 2**20  # offsets; what is the same for all stands once
        assert peak < held + 2**20
        for _ in islice(accesses.rows(4096), 300_000):
            pass
        assert tracemalloc.get_traced_memory()[1] < held + 2**20
        tracemalloc.reset_peak()
        shard = accesses.shard(3, 8)
        assert tracemalloc.get_traced_memory()[1] < held + 2**20 + len(shard) * 18
    finally:
        tracemalloc.stop()
