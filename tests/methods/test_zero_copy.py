"""Zero-copy: each access is one operation in place."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from simaccess.methods.zero_copy import ZeroCopy
from simaccess.operations import LOAD, STORE


@given(offset=st.integers(0, 1 << 40), length=st.integers(1, 1 << 30))
def test_an_access_is_one_operation_in_place(offset: int, length: int) -> None:
    method = ZeroCopy()
    assert list(method.read(offset, length, offset + length)) == [(LOAD, offset, length)]
    assert list(method.write(offset, length, offset + length)) == [(STORE, offset, length)]


def test_nothing_is_kept() -> None:
    method = ZeroCopy()
    assert method.slots == method.slot_bytes == 0
    assert list(method.sync()) == list(method.release(10)) == []
