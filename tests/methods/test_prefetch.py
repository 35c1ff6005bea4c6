"""Prefetch: copies ahead of sequential readers, several at once, and not of random ones."""

from __future__ import annotations

import random

import pytest

from simaccess.methods.blocks import FixedBlocks
from simaccess.methods.prefetch import Prefetch
from simaccess.methods.readers import Readers
from simaccess.operations import AWAIT, FETCH, FLUSH, LOCAL, Operation
from tests.methods.world import World, flying

SIZE = 100_000


def world(
    depth: int = 8, initial: int = 1, slots: int | None = None, readers: int = 8, limit: int = SIZE
) -> World:
    method = Prefetch(FixedBlocks(100), depth=depth, initial=initial, slots=slots, readers=readers)
    return World(method, SIZE, limit)


def fetched(operations: list[Operation]) -> list[int]:
    return [operation[2] // 100 for operation in operations if operation[0] == FETCH]


def test_the_depth_doubles_for_a_sequential_reader_up_to_its_maximum() -> None:
    it = world(depth=8, initial=1)
    ahead = []
    for block in range(8):
        it.run("read", 100 * block, 100)
        ahead.append(max(fetched(it.operations)) - block)
    assert ahead == [0, 1, 2, 4, 8, 8, 8, 8]


def test_the_first_window_is_the_initial_one() -> None:
    it = world(depth=16, initial=4)
    it.run("read", 0, 100)
    assert fetched(it.run("read", 100, 100)) == [1, 2, 3, 4, 5]


def test_a_reader_of_several_blocks_has_as_many_copied_ahead() -> None:
    it = world(depth=8)
    it.run("read", 0, 400)
    assert fetched(it.run("read", 400, 400)) == [4, 5, 6, 7, 8, 9, 10, 11]


def test_a_reader_whose_reads_begin_and_end_within_blocks_is_sequential() -> None:
    """Each read begins in the block in which the one before it ended, and goes beyond it."""
    it = world(depth=4)
    it.run("read", 0, 150)
    assert fetched(it.run("read", 150, 150)) == [2, 3, 4]
    for offset in range(300, 3000, 150):
        it.run("read", offset, 150)
    assert fetched(it.operations) == list(range(len(fetched(it.operations))))


def test_small_reads_within_a_block_do_not_grow_the_depth() -> None:
    it = world()
    for offset in range(0, 200, 10):
        it.run("read", offset, 10)
    assert fetched(it.operations) == [0, 1, 2]


@pytest.mark.parametrize("depth", [1, 2, 5, 8])
def test_as_many_requests_as_the_depth_are_in_flight(depth: int) -> None:
    it = world(depth=depth)
    for block in range(40):
        it.run("read", 100 * block, 100)
    # While a read waits for its block the others are under way, and one more once it is there.
    assert max(flying(it.operations)) == depth
    late = it.run("read", 4000, 100)
    assert [operation[0] for operation in late] == [AWAIT, FETCH, LOCAL]


def test_each_block_is_copied_once() -> None:
    it = world()
    for offset in range(0, 20_000, 40):
        it.run("read", offset, 40)
    blocks = fetched(it.operations)
    assert blocks == list(range(len(blocks)))


def test_a_short_seek_forward_keeps_what_is_in_flight() -> None:
    it = world()
    for block in range(6):
        it.run("read", 100 * block, 100)
    before = fetched(it.operations)
    reader = it.run("read", 900, 100)  # from block 5 to block 9; 13 are in flight
    assert max(before) == 13
    assert fetched(reader) == [14, 15, 16, 17]
    assert len(set(fetched(it.operations))) == len(fetched(it.operations))


def test_a_step_back_over_a_border_keeps_the_reader() -> None:
    """A search for a pattern reads the end of a block again, for what spans the border."""
    it = world(depth=4, initial=4)
    for block in range(12):
        it.run("read", 100 * block, 100)
        it.run("read", 100 * block + 95, 5)
    assert fetched(it.operations) == list(range(16))
    it = world(depth=4, initial=4)
    for block in range(12):
        it.run("read", 100 * block, 100)
        if block:
            it.run("read", 100 * block - 5, 10)
    assert fetched(it.operations) == list(range(16))


def test_random_access_copies_nothing_ahead() -> None:
    it = world()
    draw = random.Random(3)
    for _ in range(200):
        it.run("read", 100 * draw.choice(range(0, 1000, 20)), 50)
    for operation in it.operations:
        assert operation[0] != FETCH or operation[2] % 2000 == 0


def test_random_reads_larger_than_the_shadow_copy_nothing_ahead() -> None:
    it = world(slots=3)
    assert fetched(it.run("read", 5000, 800)) == list(range(50, 58))


def test_a_reader_that_jumps_far_starts_anew() -> None:
    it = world()
    for block in range(6):
        it.run("read", 100 * block, 100)
    assert fetched(it.run("read", 50_000, 100)) == [500]
    assert fetched(it.run("read", 50_100, 100)) == [501, 502]


def test_readers_are_told_apart() -> None:
    it = world(depth=4, slots=40)
    for step in range(10):
        for reader in range(3):
            it.run("read", 20_000 * reader + 100 * step, 100)
    for reader in range(3):
        own = [block for block in fetched(it.operations) if block // 200 == reader]
        assert own == list(range(200 * reader, 200 * reader + 14))


def test_a_reader_is_seen_by_each_read_and_not_by_each_block_alone() -> None:
    """Between its ten reads of a block ten others go elsewhere, and two are told apart."""
    it = world(depth=4, slots=40, readers=2)
    for step in range(200):
        it.run("read", 10 * step, 10)
        it.run("read", 50_000 + 200 * step, 10)
    assert [block for block in fetched(it.operations) if block < 500] == list(range(20 + 4))


def test_a_reader_that_catches_up_with_another_is_still_another() -> None:
    readers = Readers(depth=4, initial=1, most=8, kept=1)
    for first in (50, 5):
        readers.follow(first, first)
    behind, ahead = readers.follow(5, 5), readers.follow(50, 50)
    behind.block, behind.frontier = ahead.block, ahead.frontier
    behind.depth = ahead.depth = 4
    followed = readers.follow(51, 51)
    followed.block = 51
    other = readers.follow(49, 50)
    assert {id(followed), id(other)} == {id(behind), id(ahead)}


def test_what_was_copied_ahead_in_vain_makes_room() -> None:
    it = world(depth=4)
    for jump in range(30):  # each leaves four blocks that nobody reads
        for step in range(6):
            it.run("read", 3000 * jump + 100 * step, 100)
        assert max(fetched(it.operations)) == 30 * jump + 5 + 4


def test_nothing_beyond_the_readable_part_is_copied_and_the_rest_follows() -> None:
    it = world(depth=4, initial=4, limit=250)
    it.run("read", 0, 100)
    assert [o[2:4] for o in it.run("read", 100, 100) if o[0] == FETCH] == [(100, 100), (200, 50)]
    it.publish(400)
    assert [o[2:4] for o in it.run("read", 200, 50) if o[0] == FETCH] == [(250, 50), (300, 100)]
    assert it.run("read", 250, 50) == [(LOCAL, 2, 250, 50)]


def test_a_block_is_written_behind_once_its_end_is_written() -> None:
    it = world()
    assert [o[0] for o in it.run("write", 0, 60)] == [LOCAL]
    assert it.run("write", 60, 60) == [
        (LOCAL, 0, 60, 40),
        (FLUSH, 0, 0, 100, 0),
        (LOCAL, 1, 100, 20),
    ]
    assert it.run("sync") == [(FLUSH, 1, 100, 20, 100), (AWAIT, 0), (AWAIT, 1)]


def test_bad_depths_are_refused() -> None:
    for depth, initial in [(0, 0), (2, 3), (2, 0)]:
        with pytest.raises(ValueError, match="1 <= initial <= depth"):
            Prefetch(FixedBlocks(1), depth=depth, initial=initial)


def test_no_copy_ahead_waits_for_a_copy_back() -> None:
    it = world(depth=2, slots=3)
    it.run("write", 1000, 10)
    it.run("write", 1200, 10)
    it.run("read", 0, 100)
    operations = it.run("read", 100, 100)  # its own block may wait, the one ahead of it may not
    backs = [operation[1] for operation in operations if operation[0] == FLUSH]
    assert len(backs) == 2
    assert (AWAIT, backs[0]) in operations
    assert (AWAIT, backs[1]) not in operations
    assert fetched(operations) == [1]


@pytest.mark.parametrize("back", [8, 9, 12])
def test_a_jump_back_is_random_access_and_begins_another_reader(back: int) -> None:
    it = world(depth=2, slots=10)
    for block in range(20):
        it.run("read", 100 * block, 100)
    target = 19 - back
    assert fetched(it.run("read", 100 * target, 100)) == [target]
    assert fetched(it.run("read", 100 * (target + 1), 100)) == [target + 1, target + 2]
    assert fetched(it.run("read", 2000, 100)) == [22]
