"""Coverage against a set of bytes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from simaccess.counters import Coverage

SLOT = 40
steps = st.lists(
    st.tuples(st.booleans(), st.integers(0, 2), st.integers(0, SLOT - 1), st.integers(1, SLOT)),
    max_size=40,
)


@given(steps)
def test_coverage_is_a_set_of_bytes(steps: list[tuple[bool, int, int, int]]) -> None:
    coverage = Coverage()
    bytes_in: set[int] = set()
    for add, slot, start, wanted in steps:
        at = slot * SLOT + start
        length = min(wanted, SLOT - start)
        places = set(range(at, at + length))
        if add:
            coverage.add(slot, at, length)
            bytes_in |= places
        else:
            assert coverage.take(slot, at, length) == len(places & bytes_in)
            bytes_in -= places
    for slot in range(3):
        inside = {place for place in bytes_in if place // SLOT == slot}
        assert coverage.take(slot, slot * SLOT, SLOT) == len(inside)


@given(steps, st.tuples(*[st.integers(0, SLOT)] * 4).map(sorted))
def test_renewed_coverage_forgets_what_was_in(
    steps: list[tuple[bool, int, int, int]], bounds: list[int]
) -> None:
    coverage = Coverage()
    for add, slot, start, wanted in steps:
        touch = coverage.add if add else coverage.take
        touch(slot, slot * SLOT + start, min(wanted, SLOT - start))
    low, taken, end, high = (SLOT + place for place in bounds)
    coverage.renew(1, low, high - low, taken, end - taken)
    left = [coverage.take(1, place, 1) for place in range(SLOT, 2 * SLOT)]
    assert left == [
        int(low <= place < taken or end <= place < high) for place in range(SLOT, 2 * SLOT)
    ]
