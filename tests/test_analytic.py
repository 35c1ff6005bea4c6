import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simaccess.analytic import (
    Conditions,
    Number,
    copy_once,
    hybrid,
    hybrid_beats_copy_once,
    hybrid_beats_zero_copy,
    zero_copy,
    zero_copy_beats_copy_once,
)

seconds = st.floats(1e-9, 1.0)
reads = st.floats(1.0, 400.0)
share = st.floats(0.0, 1.0)


@given(times=st.tuples(seconds, seconds), part=st.floats(0.5, 1.0), n_h=reads, n_p=reads, p=share)
def test_the_borders_are_where_the_closed_forms_meet(
    times: tuple[float, float], part: float, n_h: float, n_p: float, p: float
) -> None:
    t, T = times
    T_payload = part * T
    z = zero_copy(p, t=t, n_h=n_h, n_p=n_p)
    c = copy_once(p, T=T)
    h = hybrid(p, t=t, T_payload=T_payload, n_h=n_h)

    def agrees(border: Number, value: float, first: Number, second: Number) -> bool:
        near = bool(np.isclose(first, second, rtol=1e-9, atol=0))
        return near or bool(value < border) == bool(first < second)

    assert agrees(hybrid_beats_copy_once(t=t, T=T, T_payload=T_payload, n_h=n_h), p, h, c)
    assert agrees(zero_copy_beats_copy_once(t=t, T=T, n_h=n_h, n_p=n_p), p, z, c)
    if p > 0:
        assert agrees(hybrid_beats_zero_copy(T_payload=T_payload, n_p=n_p), t, z, h)


@given(T=seconds, part=st.floats(0.5, 1.0), n_h=reads)
def test_hybrid_never_beats_copy_once_from_one_bulk_copy_a_header_on(
    T: float, part: float, n_h: float
) -> None:
    at_most = T / n_h
    T_payload = part * T
    assert hybrid_beats_copy_once(t=1.001 * at_most, T=T, T_payload=T_payload, n_h=n_h) < 0
    assert hybrid_beats_copy_once(t=0.999 * at_most, T=T, T_payload=T_payload, n_h=n_h) > 0


def test_an_example_by_hand() -> None:
    # A 32-bit bus: 14 reads of 4 bytes for a header, 365 for the payload of a full frame.
    seen = Conditions(t=1e-6, w=4, T=30e-6, T_payload=29e-6, p=0.1, n_h=14, n_p=365)
    assert seen.times() == pytest.approx(
        {"zero-copy": 50.5e-6, "copy-once": 30e-6, "hybrid": 16.9e-6}
    )
    assert seen.best() == "hybrid"


def test_arrays_broadcast() -> None:
    p, t = np.linspace(0, 1, 3)[:, None], np.array([1.0, 2.0])[None, :]
    assert np.shape(zero_copy(p, t=t, n_h=1.0, n_p=2.0)) == (3, 2)
    assert np.shape(hybrid(p, t=t, T_payload=3.0, n_h=1.0)) == (3, 2)
    assert np.shape(copy_once(p, T=np.full((1, 2), 3.0))) == (3, 2)
