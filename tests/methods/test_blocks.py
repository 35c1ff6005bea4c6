"""How segments are cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simaccess.methods.blocks import Blocks, FixedBlocks, Records, pieces

cuts = st.one_of(
    st.integers(1, 50).map(FixedBlocks),
    st.lists(st.integers(1, 50), min_size=1, max_size=20).map(Records),
)


@given(cut=cuts, offset=st.integers(0, 2000), length=st.integers(1, 500))
def test_pieces_adjoin_and_lie_within_their_blocks(cut: Blocks, offset: int, length: int) -> None:
    place = offset
    for number, start, stop in pieces(cut, offset, length):
        begin, end = cut.bounds(number)
        assert start == place
        assert begin <= start < stop <= end
        assert end - begin <= cut.longest
        assert cut.locate(start) == cut.locate(stop - 1) == (number, begin, end)
        assert cut.bounds(number + 1)[0] == end
        place = stop
    assert place == offset + length


def test_records_repeat_lap_after_lap() -> None:
    records = Records([3, 4])
    assert [records.bounds(number) for number in range(4)] == [(0, 3), (3, 7), (7, 10), (10, 14)]
    assert records.find(1 << 50) == 2 * ((1 << 50) // 7) + ((1 << 50) % 7 >= 3)


@pytest.mark.parametrize("lengths", [[], [0], [3, -1]])
def test_records_have_bytes(lengths: list[int]) -> None:
    with pytest.raises(ValueError, match="at least 1 byte each"):
        Records(lengths)
