"""Fitted values are written with the digits that their interval justifies, and read back so."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simaccess.figures import leaves_of
from simaccess.model import load_model
from simaccess.sim.wan_parameters import WanParameters

MODEL = load_model("wan-20ms-100mbit")


@pytest.mark.parametrize(
    ("key", "value", "low", "high", "written", "ends"),
    [
        ("path.rtt", 0.020189464403, 0.01986315951, 0.02051576929, "20.189 ms", None),
        ("path.rtt", 1.63482719e-5, 1.6e-5, 1.67e-5, "16.348 us", ("16 us", "16.7 us")),
        ("path.rate", 12491935.452836502, 12.2e6, 12.7e6, "12.492 MB/s", None),
        ("path.rate", 12500000.0, 12500000.0, 12500000.0, "12.5 MB/s", ("12.5 MB/s",) * 2),
        ("path.buffer", 250013, 240000, 260000, "250000 B", ("240000 B", "260000 B")),
        # What the data do not tell keeps three digits, and the ends of what was sought.
        ("request.service", 0.000104810092, 5e-8, 0.05, "105 us", ("50 ns", "50 ms")),
    ],
)
def test_they_read_well(  # noqa: PLR0917  # a column each
    key: str, value: float, low: float, high: float, written: str, ends: tuple[str, str] | None
) -> None:
    found, limits = MODEL.written_between(key, value, low, high)
    assert found == written
    assert ends is None or limits == ends


@given(
    key=st.sampled_from(["path.rtt", "path.rate", "path.buffer", "path.loss"]),
    value=st.floats(1e-6, 1.0),
    below=st.floats(0, 0.999),
    above=st.floats(0, 1000),
)
def test_rounding_is_no_part_of_the_error(
    key: str, value: float, below: float, above: float
) -> None:
    """The value moves by a hundredth of half its interval at most; the interval never shrinks."""
    scale = {"path.rate": 1e9, "path.buffer": 1e9}.get(key, 1.0)
    value *= scale
    low, high = value * (1 - below), value * (1 + above)
    if key == "path.loss":
        value, low, high = (min(each, 0.99) for each in (value, low, high))
    leaf = leaves_of(WanParameters)[key]
    text, ends = MODEL.written_between(key, value, low, high)
    read, first, last = (leaf.parse(each) for each in (text, *ends))
    assert first <= read <= last
    whole = 1.0 if key == "path.buffer" else 0.0
    allowed = max((high - low) / 200, value * 1e-6, whole) * (1 + 1e-9)
    assert abs(read - value) <= allowed
    assert first <= low * (1 + 1e-12)
    assert last >= high * (1 - 1e-12)


def test_what_the_kind_would_refuse_is_not_rounded() -> None:
    found, ends = MODEL.written_between("path.loss", 0.5, 0.0, 1 - 1e-12)
    assert (found, ends) == (0.5, (0.0, 1 - 1e-12))
