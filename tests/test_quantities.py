import math
from collections.abc import Callable
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from simaccess.quantities import (
    Count,
    Duration,
    Frequency,
    Rate,
    Share,
    Size,
    parse_duration,
    parse_frequency,
    parse_positive_duration,
    parse_positive_frequency,
    parse_positive_rate,
    parse_positive_size,
    parse_rate,
    parse_size,
)

DURATIONS = {"s": 1, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9, "ps": 1e-12, "minute": 60}
FREQUENCIES = {"Hz": 1, "kHz": 1e3, "MHz": 1e6, "GHz": 1e9}
RATES = {
    "B/s": 1,
    "kB/s": 1e3,
    "MB/s": 1e6,
    "GB/s": 1e9,
    "MiB/s": 2**20,
    "bit/s": 1 / 8,
    "kbit/s": 125,
    "Mbit/s": 125e3,
    "Gbit/s": 125e6,
}
SIZES = {"B": 1, "byte": 1, "kB": 1000, "KiB": 1024, "MB": 10**6, "MiB": 2**20, "GiB": 2**30}

PARSERS: list[tuple[Callable[[object], float], dict[str, float]]] = [
    (parse_duration, DURATIONS),
    (parse_frequency, FREQUENCIES),
    (parse_rate, RATES),
]
ALL = [*(parser for parser, _ in PARSERS), parse_size]

LIMITS: dict[object, tuple[float, float]] = {
    parse_duration: (0, 1e6),
    parse_frequency: (1e-6, 1e15),
    parse_rate: (1e-3, 1e24),
}

numbers = st.floats(min_value=0, max_value=1e12, allow_nan=False)
blanks = st.sampled_from(["", " ", "  "])


class Everything(BaseModel):
    duration: Duration
    frequency: Frequency
    rate: Rate
    size: Size
    share: Share
    count: Count


@pytest.mark.parametrize(("parse", "units"), PARSERS)
@given(number=numbers, data=st.data())
def test_a_quantity_is_its_number_in_base_units(
    parse: Callable[[object], float], units: dict[str, float], number: float, data: st.DataObject
) -> None:
    unit = data.draw(st.sampled_from(sorted(units)))
    text = f"{data.draw(blanks)}{number!r}{data.draw(blanks)}{unit}{data.draw(blanks)}"
    value = number * units[unit]
    low, high = LIMITS[parse]
    assume(not value or low * 1.01 < value < high * 0.99)
    assert parse(text) == pytest.approx(value, rel=1e-15, abs=0)


@pytest.mark.parametrize(
    ("parse", "unit"), [(parse_duration, "s"), (parse_frequency, "Hz"), (parse_rate, "B/s")]
)
@given(number=st.floats(min_value=0, allow_nan=False, allow_infinity=False))
def test_base_units_round_trip_exactly(
    parse: Callable[[object], float], unit: str, number: float
) -> None:
    text = f"{number!r} {unit}"
    low, high = LIMITS[parse]
    if not number or low <= number <= high:
        assert parse(text) == number
    else:
        with pytest.raises(ValueError, match=r"beyond what can be simulated; allowed: 0"):
            parse(text)


@pytest.mark.parametrize(
    ("parse", "unit", "bounds"),
    [
        (parse_positive_duration, "s", "above 0, up to 1e+06 second"),
        (parse_positive_frequency, "Hz", "1e-06 to 1e+15 hertz"),
        (parse_positive_rate, "B/s", "0.001 to 1e+24 byte/second"),
        (parse_positive_size, "B", "above 0, up to 1.1259e+15 byte"),
    ],
)
def test_where_0_is_refused_nobody_is_told_to_give_0(
    parse: Callable[[object], float], unit: str, bounds: str
) -> None:
    assert parse(f"7 {unit}") == 7
    for value, allowed in (
        (f"0 {unit}", "greater than 0"),
        (f"1e30 {unit}", bounds),
        ("-1", "more than 0, as in "),
    ):
        with pytest.raises(ValueError, match="; allowed: ") as failure:
            parse(value)
        assert str(failure.value).partition("; allowed: ")[2].startswith(allowed)


@given(st.integers(0, 2**20), st.sampled_from(sorted(SIZES)))
def test_a_size_is_whole_bytes_exactly(number: int, unit: str) -> None:
    size = parse_size(f"{number} {unit}")
    assert isinstance(size, int)
    assert size == number * SIZES[unit]


@given(st.integers(1, 2**30), st.integers(2, 64))
def test_a_size_that_is_no_whole_bytes_is_refused(numerator: int, denominator: int) -> None:
    share = Fraction(numerator, denominator)
    assume(Fraction(float(share)).denominator != 1)
    with pytest.raises(ValueError, match="must be whole bytes"):
        parse_size(f"{float(share)!r} B")


@pytest.mark.parametrize("parse", ALL)
@given(number=st.integers(0, 10**9), blank=blanks)
def test_a_number_without_unit_is_refused(
    parse: Callable[[object], float], number: int, blank: str
) -> None:
    for value in (number, float(number), f"{number}{blank}"):
        with pytest.raises(ValueError, match="missing unit; allowed: as in '"):
            parse(value)


@pytest.mark.parametrize("parse", ALL)
@pytest.mark.parametrize("value", [None, True, [], ["1 s"], {"value": "1 s"}, float("inf")])
def test_what_is_no_text_is_refused(parse: Callable[[object], float], value: object) -> None:
    with pytest.raises(ValueError, match="not a number with a unit; allowed: as in '"):
        parse(value)


@pytest.mark.parametrize("parse", ALL)
@given(text=st.text(st.characters(exclude_categories=["Nd"]), max_size=20))
def test_text_without_number_is_refused(parse: Callable[[object], float], text: str) -> None:
    with pytest.raises(ValueError, match="not a number with a unit"):
        parse(text)


@pytest.mark.parametrize("parse", ALL)
@pytest.mark.parametrize(
    "unit",
    [
        "furlongs",
        "Mb/s",
        "radian",
        "percent",
        "kg",
        "kat",
        "%",
        "!",
        "s**2",
        "s s",
        "1",
        "() .",
        "..",
        "__a__",
    ],
)
def test_an_unknown_or_unfitting_unit_is_refused(
    parse: Callable[[object], float], unit: str
) -> None:
    with pytest.raises(ValueError, match="allowed: as in '"):
        parse(f"1 {unit}")


@pytest.mark.parametrize("parse", ALL)
@given(text=st.text(max_size=30))
def test_any_text_is_parsed_or_refused_with_what_is_allowed(
    parse: Callable[[object], float], text: str
) -> None:
    for value in (text, f"1 {text}"):
        result, refusal = 0.0, "allowed: as in '"
        try:
            result = parse(value)
        except ValueError as error:
            refusal = str(error)
        assert "allowed: as in '" in refusal
        assert math.isfinite(result)
        assert result >= 0


@pytest.mark.parametrize(("parse", "units"), [*PARSERS, (parse_size, SIZES)])
def test_units_of_other_quantities_are_refused(
    parse: Callable[[object], float], units: dict[str, float]
) -> None:
    others = {*DURATIONS, *FREQUENCIES, *RATES, *SIZES} - set(units)
    assert len(others) > 10
    for unit in others:
        with pytest.raises(ValueError, match="unknown or unfitting unit"):
            parse(f"1 {unit}")


@pytest.mark.parametrize(("parse", "unit"), [*zip(ALL, ["s", "Hz", "B/s", "B"], strict=True)])
@pytest.mark.parametrize("number", ["-1", "-0.001", "-1e-300", "1e400", "-1e400"])
def test_a_negative_or_infinite_quantity_is_refused(
    parse: Callable[[object], float], unit: str, number: str
) -> None:
    with pytest.raises(ValueError, match="allowed: as in '"):
        parse(f"{number} {unit}")


@pytest.mark.parametrize("parse", ALL)
@pytest.mark.parametrize("text", ["nan s", "inf s", "1_000 s", "1,5 s", "0x10 s", "1e s", "s 1"])
def test_other_ways_to_write_numbers_are_refused(
    parse: Callable[[object], float], text: str
) -> None:
    with pytest.raises(ValueError, match="allowed: as in '"):
        parse(text)


def test_a_model_holds_base_units() -> None:
    model = Everything.model_validate(
        {
            "duration": "1.2 us",
            "frequency": "33 MHz",
            "rate": "100 Mbit/s",
            "size": "64 KiB",
            "share": 0.5,
            "count": 3,
        }
    )
    assert model.duration == pytest.approx(1.2e-6, rel=1e-15)
    assert model.frequency == 33e6
    assert model.rate == 12.5e6
    assert model.size == 65536
    assert (model.share, model.count) == (0.5, 3)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("share", 1.0001),
        ("share", -0.0001),
        ("share", math.nan),
        ("count", -1),
        ("count", 1.5),
        ("count", "many"),
        ("duration", 1.0),
        ("size", "-1 B"),
    ],
)
def test_a_model_refuses_a_bad_value_in_its_field(field: str, value: object) -> None:
    good = {
        "duration": "1 s",
        "frequency": "1 Hz",
        "rate": "1 B/s",
        "size": "1 B",
        "share": 1,
        "count": 0,
    }
    Everything.model_validate(good)
    with pytest.raises(ValidationError) as failure:
        Everything.model_validate({**good, field: value})
    assert [error["loc"] for error in failure.value.errors()] == [(field,)]


@pytest.mark.parametrize("parse", ALL)
@pytest.mark.parametrize("digits", ["\u0663", "\uff13", "1\u0663", "1e\u0663"])
def test_digits_are_those_of_ascii(parse: Callable[[object], float], digits: str) -> None:
    for unit in ("s", "Hz", "B/s", "B"):
        with pytest.raises(ValueError, match=r"not a number|unknown or unfitting unit"):
            parse(f"{digits} {unit}")
