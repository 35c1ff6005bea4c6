"""A segment's bytes: one lap stands for all, unless they are written."""

from hypothesis import given
from hypothesis import strategies as st

from simaccess.workload.repeated import bytes_of


@given(st.binary(min_size=1, max_size=9), st.integers(1, 5), st.booleans(), st.data())
def test_any_part_of_the_laps(lap: bytes, laps: int, written: bool, data: st.DataObject) -> None:
    size = laps * len(lap)
    begin = data.draw(st.integers(0, size))
    end = data.draw(st.integers(begin, size))
    assert bytes(bytes_of(lap, size, written=written)[begin:end]) == (lap * laps)[begin:end]


def test_what_is_written_is_a_copy() -> None:
    content = b"abc"
    made = bytes_of(content, 6, written=True)
    made[1:3] = b"xy"
    assert bytes(made) == b"axyabc"
    assert content == b"abc"
    assert bytes(bytes_of(None, 3, written=False)) == bytes(3)
