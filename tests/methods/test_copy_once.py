"""Copy-once: a block is copied when it is first touched, and read from the shadow."""

from __future__ import annotations

from typing import Literal

import pytest

from simaccess.methods.blocks import FixedBlocks
from simaccess.methods.copy_once import CopyOnce
from simaccess.operations import AWAIT, FETCH, FLUSH, LOAD, LOCAL, STORE
from tests.methods.world import World

SIZE = 1000


@pytest.fixture(params=[False, True], ids=["alone", "shared"])
def shared(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def world(slots: int = 4, shared: bool = False, eviction: Literal["lru", "fifo"] = "lru") -> World:
    method = CopyOnce(FixedBlocks(100), slots, eviction)
    if shared:
        method.share()
    return World(method, SIZE, SIZE)


def test_the_first_touch_copies_the_block_and_later_reads_are_local(shared: bool) -> None:
    it = world(shared=shared)
    assert it.run("read", 130, 8) == [(FETCH, 0, 100, 100, 0), (AWAIT, 0), (LOCAL, 0, 30, 8)]
    assert it.run("read", 195, 5) == [(LOCAL, 0, 95, 5)]
    assert it.run("read", 100, 100) == [(LOCAL, 0, 0, 100)]


def test_copies_of_several_blocks_are_started_before_the_first_is_awaited(shared: bool) -> None:
    kinds = [operation[0] for operation in world(shared=shared).run("read", 50, 200)]
    assert kinds == [FETCH] * 3 + [AWAIT, LOCAL] * 3


def test_nothing_beyond_the_readable_part_is_copied(shared: bool) -> None:
    it = world(shared=shared)
    it.limit = 130
    assert it.run("read", 110, 5)[0] == (FETCH, 0, 100, 30, 0)
    it.limit = 170
    assert it.run("read", 130, 5) == [(FETCH, 0, 130, 40, 30), (AWAIT, 0), (LOCAL, 0, 30, 5)]


def test_writes_go_into_the_shadow_and_come_back_in_one_copy(shared: bool) -> None:
    it = world(shared=shared)
    assert it.run("write", 110, 10) == [(LOCAL, 0, 10, 10)]
    assert it.run("write", 120, 30) == [(LOCAL, 0, 20, 30)]
    assert it.run("sync") == [(FLUSH, 0, 110, 40, 10), (AWAIT, 0)]
    assert it.run("sync") == []


def test_a_read_around_written_bytes_copies_only_what_is_missing(shared: bool) -> None:
    it = world(shared=shared)
    it.run("write", 140, 20)
    operations = it.run("read", 100, 100)
    assert operations[:2] == [(FETCH, 0, 100, 40, 0), (FETCH, 0, 160, 40, 60)]
    assert operations[-1] == (LOCAL, 0, 0, 100)


def test_a_release_brings_written_blocks_back_and_forgets_them(shared: bool) -> None:
    it = world(shared=shared)
    it.run("write", 90, 20)
    assert [o[:3] for o in it.run("release", 105) if o[0] == FLUSH] == [
        (FLUSH, 0, 90),
        (FLUSH, 1, 100),
    ]
    assert it.run("read", 105, 5) == [(LOCAL, 1, 105, 5)]


@pytest.mark.parametrize(("eviction", "gone"), [("lru", 100), ("fifo", 0)])
def test_eviction(eviction: Literal["lru", "fifo"], gone: int, shared: bool) -> None:
    it = world(2, shared, eviction)
    for offset in (0, 100, 0, 200):  # the third read uses the first block again
        it.run("read", offset, 1)
    kept = 100 - gone
    assert [o[0] for o in it.run("read", kept, 1)] == [LOCAL]
    assert FETCH in [o[0] for o in it.run("read", gone, 1)]


def test_eviction_brings_a_written_block_back_first(shared: bool) -> None:
    it = world(1, shared)
    it.run("write", 0, 5)
    assert [o[0] for o in it.run("read", 100, 1)] == [FLUSH, AWAIT, FETCH, AWAIT, LOCAL]


def test_a_request_larger_than_the_shadow_is_served_in_parts(shared: bool) -> None:
    operations = world(2, shared).run("read", 0, 500)
    assert [o[0] for o in operations if o[0] in (LOAD, FETCH)] == [FETCH] * 5


def test_an_access_that_finds_every_slot_in_use_goes_in_place() -> None:
    it = world(1, shared=True)
    first = it.call("read", 0, 10)
    it.step(first)  # has begun its copy
    assert it.run("read", 100, 10) == [(LOAD, 100, 10)]
    assert it.run("write", 100, 10) == [(STORE, 100, 10)]
    it.drain()


def test_a_second_reader_awaits_the_copy_under_way() -> None:
    it = world(shared=True)
    first, second = it.call("read", 0, 10), it.call("read", 50, 10)
    it.step(first)
    it.step(second)
    it.drain()
    assert sorted(o[0] for o in it.operations) == [FETCH, AWAIT, AWAIT, LOCAL, LOCAL]


def test_a_copy_back_waits_for_a_write_under_way() -> None:
    it = world(shared=True)
    it.run("write", 0, 10)
    writer = it.call("write", 0, 10)
    it.step(writer, late=True)
    sync = it.call("sync")
    it.step(sync)
    assert sync.operation == (AWAIT, 0)
    it.drain()
    it.check_far(0, 10)


def test_a_block_written_in_place_gets_no_slot_meanwhile() -> None:
    it = world(1, shared=True)
    first = it.call("read", 0, 10)
    it.step(first)
    writer = it.call("write", 100, 10)
    it.step(writer, late=True)
    assert writer.operation == (STORE, 100, 10)
    it.land(it.copies[0])
    while first in it.calls:
        it.step(first)
    assert it.run("read", 100, 10) == [(LOAD, 100, 10)]
    it.drain()
    assert FETCH in [o[0] for o in it.run("read", 100, 10)]


def test_bad_parameters() -> None:
    with pytest.raises(ValueError, match="at least 1 block, not 0"):
        CopyOnce(FixedBlocks(1), 0)
    with pytest.raises(ValueError, match="at least 1 byte, not 0"):
        FixedBlocks(0)


def test_bytes_before_a_write_are_there_only_once_their_copy_has_arrived() -> None:
    """The copy was started while the write was under way, and the write ends first."""
    it = world(shared=True)
    writer = it.call("write", 50, 10)
    it.step(writer, late=True)
    first = it.call("read", 0, 5)
    it.step(first, late=True)
    assert first.operation == (FETCH, 0, 0, 50, 0)
    while writer in it.calls:
        it.step(writer)
    second = it.call("read", 0, 5)
    while second.operation is None or second.operation[0] != AWAIT:
        it.step(second)
        assert second in it.calls, "served before its bytes have arrived"
    it.drain()
