"""Hybrid: in place below a threshold of each block, in bulk from there on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simaccess.methods.blocks import FixedBlocks, Records
from simaccess.methods.hybrid import TCP_PAYLOAD_OFFSET, Hybrid
from simaccess.operations import AWAIT, FETCH, FLUSH, LOAD, LOCAL, STORE
from tests.methods.world import World

SIZE = 1000


def world(threshold: int = 20, slots: int = 4) -> World:
    return World(Hybrid(FixedBlocks(100), slots, threshold), SIZE, SIZE)


def test_the_default_threshold_is_where_tcp_payload_begins() -> None:
    assert TCP_PAYLOAD_OFFSET == 14 + 20 + 20
    assert Hybrid(FixedBlocks(100), 1).threshold == 54


@given(block=st.integers(0, 9), start=st.integers(0, 19), length=st.integers(1, 20))
def test_reads_below_the_threshold_come_in_place(block: int, start: int, length: int) -> None:
    it = world()
    length = min(length, 20 - start)
    for _ in range(3):
        assert it.run("read", 100 * block + start, length) == [(LOAD, 100 * block + start, length)]


@given(block=st.integers(0, 9), start=st.integers(20, 99), length=st.integers(1, 80))
def test_the_first_read_beyond_starts_one_copy_of_the_rest(
    block: int, start: int, length: int
) -> None:
    it = world()
    base = 100 * block
    length = min(length, 100 - start)
    local = (LOCAL, 0, start, length)
    assert it.run("read", base + start, length) == [
        (FETCH, 0, base + 20, 80, 20),
        (AWAIT, 0),
        local,
    ]
    assert it.run("read", base + start, length) == [local]
    assert it.run("read", base, 20) == [(LOAD, base, 20)]


def test_a_read_across_the_threshold_is_cut_there() -> None:
    operations = world().run("read", 10, 30)
    assert operations == [
        (FETCH, 0, 20, 80, 20),
        (LOAD, 0 + 10, 10),
        (AWAIT, 0),
        (LOCAL, 0, 20, 20),
    ]


def test_headers_are_stored_in_place_and_payload_comes_back_in_bulk() -> None:
    it = world()
    assert it.run("write", 0, 100) == [(STORE, 0, 20), (LOCAL, 0, 20, 80)]
    assert it.run("release", 100) == [(FLUSH, 0, 20, 80, 20), (AWAIT, 0)]


def test_a_record_shorter_than_the_threshold_is_never_copied() -> None:
    it = World(Hybrid(Records([40, 60]), 2, 54), 300, 300)
    assert it.run("read", 0, 40) == [(LOAD, 0, 40)]
    assert it.run("read", 40, 60)[0] == (FETCH, 0, 94, 6, 54)


def test_a_threshold_of_0_copies_whole_blocks() -> None:
    assert world(0).run("read", 130, 1)[0] == (FETCH, 0, 100, 100, 0)


def test_a_negative_threshold_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 0 bytes, not -1"):
        Hybrid(FixedBlocks(100), 1, -1)


def test_a_read_of_payload_that_is_there_counts_as_a_use_of_its_block() -> None:
    """The block that was read last but one makes room, whichever was copied first."""
    it = world(slots=2)
    for block in (0, 1, 0):
        it.run("read", 100 * block + 50, 10)
    it.run("read", 250, 10)
    assert it.run("read", 50, 10) == [(LOCAL, 0, 50, 10)]
    assert it.run("read", 150, 10)[0][0] == FETCH
