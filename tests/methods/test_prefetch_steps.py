"""A lone sequential reader's steps: all operations at once, and the same as one by one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simaccess.methods.blocks import Blocks, FixedBlocks, Records
from simaccess.methods.directory import Eviction
from simaccess.methods.prefetch import Prefetch
from simaccess.methods.readers import Readers
from simaccess.operations import AWAIT, FETCH, LOCAL

SIZE = 12_000
CUTS: tuple[Blocks, ...] = (FixedBlocks(100), Records([30, 100, 70, 10]))


class NeverSteady(Readers):
    """Readers of whom none is known to take steps."""

    __slots__ = ()

    def steady(self, number: int) -> None:
        """Return nobody."""


def method(cut: Blocks, depth: int, slots: int, eviction: Eviction, steps: bool) -> Prefetch:
    made = Prefetch(cut, depth=depth, slots=slots, eviction=eviction)
    if not steps:
        made._readers.__class__ = NeverSteady
    return made


CALLS = st.lists(
    st.tuples(
        st.sampled_from(["read"] * 20 + ["jump", "write", "limit", "limit", "release", "abandon"]),
        st.integers(0, SIZE - 1),
        st.sampled_from([10, 50, *[100] * 8, 250]),
    ),
    min_size=30,
    max_size=90,
)


@given(
    cut=st.sampled_from(CUTS),
    depth_and_room=st.tuples(st.integers(1, 5), st.integers(-2, 6)),
    eviction=st.sampled_from(["lru", "fifo"]),
    limit=st.integers(500, 3000),
    calls=CALLS,
)
def test_steps_are_what_one_operation_after_the_other_would_be(
    cut: Blocks,
    depth_and_room: tuple[int, int],
    eviction: Eviction,
    limit: int,
    calls: list[tuple[str, int, int]],
) -> None:
    depth, room = depth_and_room
    slots = max(1, depth + 2 + room)
    one, other = (method(cut, depth, slots, eviction, steps) for steps in (True, False))
    at = released = 0
    for kind, offset, length in calls:
        if kind == "limit":
            limit = min(SIZE, limit + offset % 350)
            continue
        if kind == "abandon":
            for each in (one, other):
                each.abandon([offset % slots])
            continue
        if kind == "release":
            released = max(released, min(offset, at, limit))
            done = [list(each.release(released)) for each in (one, other)]
        else:
            if kind == "jump":
                at = offset
            at = max(at, released)
            if at >= limit:
                at = released if kind == "jump" else at
            size = min(length, limit - at)
            if not size:
                continue
            name = "write" if kind == "write" else "read"
            done = [list(getattr(each, name)(at, size, limit)) for each in (one, other)]
            at += size
        assert done[0] == done[1]


def test_a_steady_reader_takes_steps() -> None:
    for slots in (6, 10):
        it = method(FixedBlocks(100), 4, slots, "lru", steps=True)
        for block in range(4):  # until as many are under way as it takes
            list(it.read(100 * block, 100, SIZE))
        for block in range(4, 50):
            step = it.read(100 * block, 100, SIZE)
            assert isinstance(step, tuple)
            assert [operation[0] for operation in step] == [AWAIT, FETCH, LOCAL]


@pytest.mark.parametrize("depth", [1, 2, 4])
@pytest.mark.parametrize("room", [0, 3])
def test_steps_at_the_end_of_what_can_be_read(depth: int, room: int) -> None:
    """More becomes readable before one of the reads: by half a block, by one, by many."""
    for part in range(0, 200, 50):
        for more in (50, 100, 150, 1000):
            for when in range(4, 16):
                one, other = (
                    method(FixedBlocks(100), depth, depth + 2 + room, "lru", steps)
                    for steps in (True, False)
                )
                limit = 100 * (when + depth - 1) + part
                for block in range(25):
                    if block == when:
                        limit += more
                    if 100 * block + 50 > limit:
                        break
                    done = [list(each.read(100 * block, 50, limit)) for each in (one, other)]
                    assert done[0] == done[1]


def test_a_released_part_of_a_block_is_not_copied_by_a_step() -> None:
    one, other = (method(FixedBlocks(100), 4, 6, "lru", steps) for steps in (True, False))
    for block in range(10):
        list(one.read(100 * block, 100, SIZE))
        list(other.read(100 * block, 100, SIZE))
    for end in (1050, 1450):
        for each in (one, other):
            list(each.release(end))
        for offset in range(end, end + 300, 50):
            assert list(one.read(offset, 50, SIZE)) == list(other.read(offset, 50, SIZE))


def test_two_readers_who_meet_go_on_as_without_steps() -> None:
    one, other = (method(FixedBlocks(100), 1, 6, "lru", steps) for steps in (True, False))
    places = [*range(0, 310, 10), *range(0, 900, 50)]
    for at in places:
        done = [list(each.read(at, 50, 2000)) for each in (one, other)]
        assert done[0] == done[1]
        assert one._readers._readers == other._readers._readers


def test_a_step_that_is_not_taken_leaves_the_reader_where_it_is() -> None:
    """Its block must not make room before the copies of the next ones have been started."""
    one, other = (method(CUTS[1], 1, 7, "lru", steps) for steps in (True, False))
    at = 0
    for length in [*[10] * 19, 50, 100, 100]:
        for each in (one, other):
            list(each.read(at, length, 841))
        at += length
    for each in (one, other):
        list(each.release(320))
    at = 320
    for length in (10, 50, 250, 211):
        assert list(one.read(at, length, 841)) == list(other.read(at, length, 841))
        at += length
