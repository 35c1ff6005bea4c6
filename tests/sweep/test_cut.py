import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simaccess.sweep.cut import Cut
from simaccess.workload.registry import workload


@given(n_h=st.integers(1, 60), n_p=st.integers(0, 200), seed=st.integers(0, 50))
def test_cut_reads_bring_the_same_bytes_in_the_same_requests(n_h: int, n_p: int, seed: int) -> None:
    settings = {"requests": 12, "size": "32 KiB", "record": "200 B", "payload_probability": 0.5}
    whole = workload("header-payload", settings)
    before, after = whole.accesses(seed), Cut(whole, n_h, n_p).accesses(seed)
    # Back to back, reads make up the runs of bytes that the whole ones do.
    assert np.array_equal(_bytes(before.offset, before.length), _bytes(after.offset, after.length))
    assert after.last.sum() == before.last.sum()
    assert after.length.min() >= 1
    ends = after.offset + after.length
    assert np.array_equal(ends[after.last], (before.offset + before.length)[before.last])
    headers = min(n_h, 54)
    payloads = before.last.sum() and np.count_nonzero(before.length != 54)
    assert len(after) == 12 * headers + payloads * min(n_p, 146)


def _bytes(offset: np.ndarray, length: np.ndarray) -> np.ndarray:
    return np.concatenate([np.arange(at, at + n) for at, n in zip(offset, length, strict=True)])


def test_a_cut_keeps_all_else() -> None:
    whole = workload("header-payload", {"requests": 3})
    cut = Cut(whole, 2, 3)
    assert (cut.name, cut.size, cut.header) == (whole.name, whole.size, whole.header)
    assert cut.blocks.bounds(1) == whole.blocks.bounds(1)
    assert cut.content() == whole.content()
    assert cut.parameters == whole.parameters
    assert cut.arrivals is None
    with pytest.raises(AttributeError):
        cut.n_h = 3  # type: ignore[misc]  # frozen
