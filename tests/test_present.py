import math
import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simaccess.present import counted, frequency, percentage, rate, seconds, size, size_beside

POWER = {prefix: 3 * n for n, prefix in enumerate(["", "k", "M", "G", "T", "P", "E"])} | {
    prefix: -3 * n for n, prefix in enumerate(["m", "u", "n", "p", "f", "a"], 1)
}
BINARY = {prefix: 1024**n for n, prefix in enumerate(["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"])}

positive = st.floats(min_value=1e-25, max_value=1e25)


def read(text: str, unit: str) -> float:
    """Return the number that a reader understands, written in decimals in one step."""
    match = re.fullmatch(rf"(-?[0-9.]+)(?:e(-?[0-9]+))? ([a-zA-Z]??){unit}", text)
    assert match is not None, text
    number, exponent, prefix = match.groups()
    return float(f"{number}e{int(exponent or 0) + POWER[prefix]}")


@pytest.mark.parametrize(
    ("present", "unit"), [(seconds, "s"), (rate, "B/s"), (frequency, "Hz"), (percentage, "%")]
)
@given(value=positive)
def test_what_is_read_is_the_value_to_three_digits(
    present: Callable[[float], str], unit: str, value: float
) -> None:
    shown = read(present(value), unit)
    value = 100 * value if unit == "%" else value
    assert shown == pytest.approx(float(f"{value:.2e}"), rel=1e-12)


@given(st.floats(min_value=1e-17, max_value=999))
def test_a_duration_has_three_digits_and_a_point_after_one_to_three(value: float) -> None:
    number, _ = seconds(value).split()
    assert len(number.replace(".", "")) == 3
    assert 1 <= float(number) < 1000


@given(st.integers(0, 2**70))
def test_a_size_is_exact_or_has_three_digits(count: int) -> None:
    text = size(count)
    exact = re.fullmatch(r"([0-9]+) ([A-Za-z]*)B", text)
    if exact and (exact[2] == "" or exact[2].endswith("i")):
        assert int(exact[1]) * BINARY[exact[2]] == count
    else:
        assert read(text, "B") == pytest.approx(float(f"{count:.2e}"), rel=1e-12)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (seconds(4.56e-6), "4.56 us"),
        (seconds(999.96e-6), "1.00 ms"),
        (seconds(0.0123), "12.3 ms"),
        (seconds(123.4), "123 s"),
        (seconds(4321), "4320 s"),
        (seconds(1e-12), "1.00 ps"),
        (seconds(0), "0 s"),
        (seconds(-2e-9), "-2.00 ns"),
        (seconds(math.nan), "n/a"),
        (seconds(math.inf), "inf s"),
        (rate(1.234e9), "1.23 GB/s"),
        (rate(132e6), "132 MB/s"),
        (rate(0.5), "0.500 B/s"),
        (frequency(33.33e6), "33.3 MHz"),
        (percentage(0.5), "50.0 %"),
        (percentage(0.001234), "0.123 %"),
        (percentage(1), "100 %"),
        (percentage(0), "0 %"),
        (size(0), "0 B"),
        (size(54), "54 B"),
        (size(1448), "1448 B"),
        (size(65536), "64 KiB"),
        (size(1536), "1536 B"),
        (size(3 * 2**30), "3 GiB"),
        (size(1_234_567), "1.23 MB"),
    ],
)
def test_examples(text: str, expected: str) -> None:
    assert text == expected


def test_sizes_beside_each_other_have_prefixes_of_one_sort() -> None:
    binary = [1 << 20, 1120 << 10, 0]
    assert [size_beside(each, binary) for each in binary] == ["1 MiB", "1120 KiB", "0 B"]
    mixed = [4240 << 10, 4_260_001, 4096, 110]
    assert [size_beside(each, mixed) for each in mixed] == ["4.34 MB", "4.26 MB", "4096 B", "110 B"]


def test_one_is_singular() -> None:
    told = [counted(number, "point") for number in (0, 1, 2, 1234)]
    assert told == ["0 points", "1 point", "2 points", "1,234 points"]
