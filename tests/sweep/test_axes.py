"""Axes have the values that are asked for, and constraints hold of them as Python has it."""

from __future__ import annotations

import ast
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simaccess.errors import InputError
from simaccess.sweep.axis import Axis, AxisEntry, Sample, axis, sampled
from simaccess.sweep.expression import constraint
from simaccess.sweep.quantity import Quantity, number_of, shown


def made(key: str = "some.key", **entry: Any) -> Axis:
    return axis(key, AxisEntry.model_validate(entry))


def test_a_list_keeps_its_text_and_tells_its_numbers() -> None:
    found = axis("workload.length", AxisEntry.model_validate(["64 B", "4 KiB"]))
    assert found.values == ("64 B", "4 KiB")
    assert (found.numbers, found.unit) == ((64, 4096), "B")
    assert axis("bus.clock", AxisEntry(values=["33 MHz"])).unit == "Hz"
    text = axis("method.eviction", AxisEntry(values=["lru", "fifo"]))
    assert (text.numbers, text.unit, text.shown(1)) == (None, None, "fifo")
    assert axis("shared", AxisEntry(values=[True, False])).numbers is None


def test_values_are_shown_and_written_as_a_user_would() -> None:
    log = made(low="100 ns", high="100 us", points=7, scale="log")
    assert log.numbers is not None
    assert (log.numbers[0], log.values[0]) == (1e-7, "100 ns")
    assert log.values[1] == "316.227766016838 ns"
    assert [number_of(value) for value in log.values] == [Quantity(n, "s") for n in log.numbers]
    assert shown(1e-7, "s") == "100 ns"
    assert [shown(size, "B") for size in (54, 65536, 100_000)] == ["54 B", "64 KiB", "100000 B"]
    assert [shown(each, unit) for each, unit in ((0.5, "1"), ("lru", None), (True, None))] == [
        "0.5",
        "lru",
        "True",
    ]


def test_ranges_are_linear_or_logarithmic_with_exact_ends() -> None:
    assert made(low="10 ms", high="40 ms", points=4).numbers == pytest.approx(
        [0.01, 0.02, 0.03, 0.04]
    )
    log = made(low="1 us", high="1 ms", points=4, scale="log")
    assert log.numbers == pytest.approx([1e-6, 1e-5, 1e-4, 1e-3])
    assert log.numbers is not None
    assert (log.numbers[0], log.numbers[-1]) == (1e-6, 1e-3)
    assert made(low="64 B", high="1 KiB", points=5, scale="log").values == tuple(
        f"{64 << power} B" for power in range(5)
    )
    assert made(low=1, high=4, points=10).values == (1, 2, 3, 4)  # whole, each once
    assert made(low=0.0, high=1.0, points=3).values == (0.0, 0.5, 1.0)
    rounded = made(low="4 KiB", high="100 kB", points=3, multiple="4 KiB")
    assert [number % 4096 for number in rounded.numbers or ()] == [0, 0, 0]


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"values": ["1 ms", "1 KiB"]}, "values of several sorts"),
        ({"values": ["1 ms", 3]}, "values of several sorts"),
        ({"values": ["1 ms", "fast"]}, "values of several sorts"),
        ({"values": ["1 us", "nan us"]}, "several sorts, since 'nan us' is no number; allowed: on"),
        ({"values": ["1 KiB", "1024 B"]}, "comes twice"),
        ({"low": "1 ms", "high": "1 KiB", "points": 3}, "ends of two sorts"),
        ({"low": "2 ms", "high": "1 ms", "points": 3}, "low below high"),
        ({"low": 0.0, "high": 1.0, "points": 3, "scale": "log"}, "above 0 on a log scale"),
        ({"low": "a", "high": "b", "points": 3}, "not a number"),
        ({"low": "1 KiB", "high": "8 KiB", "points": 3, "multiple": "2 KiB"}, "at most low"),
    ],
)
def test_what_is_no_axis_is_refused(entry: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said) as raised:
        made(**entry)
    assert "some.key" in str(raised.value)


@pytest.mark.parametrize("kind", ["sobol", "latin-hypercube"])
def test_a_sample_fills_each_range_evenly_and_repeats(kind: Any) -> None:
    entries = {
        "a": AxisEntry(low="1 us", high="1 s", scale="log"),
        "b": AxisEntry(low=0.0, high=2.0),
        "c": AxisEntry(low="64 B", high="640 B", multiple="64 B"),
    }
    sample = Sample(kind=kind, points=64, seed=3)
    first, second, sizes = sampled(entries, sample)
    assert sampled(entries, sample) == (first, second, sizes)
    assert sampled(entries, Sample(kind=kind, points=64, seed=4)) != (first, second, sizes)
    assert first.numbers is not None
    assert second.numbers is not None
    # One in each of 64 equal parts, of the logarithm where that is the scale.
    parts = (np.log(first.numbers) - np.log(1e-6)) / np.log(1e6) * 64
    assert sorted(parts.astype(int)) == list(range(64))
    assert sorted((np.array(second.numbers) * 32).astype(int)) == list(range(64))
    assert set(sizes.numbers or ()) <= {64 * number for number in range(1, 11)}
    assert len(sizes.values) == 64


def test_a_sobol_sequence_is_balanced() -> None:
    with pytest.raises(ValueError, match="a power of two"):
        Sample(points=48)
    assert Sample(kind="latin-hypercube", points=48).points == 48


NAMES = ["a", "b.c", "model"]


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("a < b.c", True),
        ("a + 1 < b.c <= 3", False),
        ("b.c == 2 * a + 2 or model == 'WAN'", True),
        ("model in ('WAN', 'LAN') and not a > 1", True),
        ("model not in ['WAN']", False),
        ("a < '2 B' and b.c % 2 == 0", True),
        ("min(a, b.c) == 1 and max(a, b.c) == 4 and abs(-a) == 1", True),
        ("b.c // 3 == 1 and b.c / 2 == 2 and +a == 1", True),
    ],
)
def test_constraints_hold_or_not(text: str, holds: bool) -> None:
    made = constraint(text, NAMES)
    assert made({"a": 1, "b.c": 4, "model": "WAN"}) is holds


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "a.__class__",
        "(lambda: 1)()",
        "[x for x in a]",
        "a ** 9 ** 9",
        "f'{a}'",
        "a[0]",
        "(a := 1)",
        "a if a else 1",
        "min(a, key=1)",
        "print(a)",
        "a is 1",
        "a <",
        "1; 2",
        "b",
        "{}",
        "~a",
        "a @ a",
        "'x' * ",
        "a",
        "a - b.c",
        "'4 KiB'",
        "a < 1 and b.c",
        "not a",
        "min(a, b.c)",
        "model",
        "(" * 500 + "a" + ")" * 500,
    ],
)
def test_whatever_else_python_has_is_refused(text: str) -> None:
    with pytest.raises(InputError) as raised:
        constraint(text, NAMES)
    assert str(raised.value).startswith("constraints = ")


def test_a_truth_needs_no_comparison_and_a_number_does() -> None:
    assert constraint("shared or not shared and a > 1", ["shared", "a"], {"shared"})(
        {"shared": False, "a": 2}
    )
    said = r"shared is neither true nor false; allowed: a comparison, as in"
    with pytest.raises(InputError, match=said):
        constraint("a > 1 or not shared", ["shared", "a"])


def test_a_constraint_that_cannot_be_told_names_its_values() -> None:
    with pytest.raises(InputError, match=r"cannot be told .*zero.* of a = 0"):
        constraint("1 / a > 2", NAMES)({"a": 0})
    for text in ("1/0 > 1", "max() > 1", "abs(1, 2) > 1"):
        with pytest.raises(InputError, match=r"cannot be told \([^=]*\); allowed: what"):
            constraint(text, NAMES)({})
    with pytest.raises(InputError, match="cannot be told"):
        constraint("model < a", NAMES)({"a": 0, "model": "x"})


NUMBERS = st.recursive(
    st.sampled_from(["a", "b", "0", "3", "2.5"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*"), inner).map(" ".join).map("({})".format),
        st.tuples(inner, inner).map("min({0[0]}, {0[1]})".format),
    ),
    max_leaves=6,
)
CONDITIONS = st.recursive(
    st.tuples(NUMBERS, st.sampled_from(["<", "<=", "==", "!=", ">"]), NUMBERS).map(" ".join),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(" ".join).map("({})".format),
        inner.map("(not {})".format),
    ),
    max_leaves=4,
)


@given(text=CONDITIONS, a=st.integers(-4, 4), b=st.floats(-3, 3))
def test_a_constraint_means_what_it_means_in_python(text: str, a: int, b: float) -> None:
    tree = compile(ast.parse(text, mode="eval"), "", "eval")
    expected = eval(tree, {"__builtins__": {}, "min": min}, {"a": a, "b": b})
    assert constraint(text, ["a", "b"])({"a": a, "b": b}) is expected
