"""The search for a sign change, on differences whose place is known."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from simaccess.statistics.crossing import crossing, limits
from simaccess.statistics.span import Span

LOG = Span(1, 1000, logarithmic=True)


def falling(root: float) -> Callable[[float], list[float]]:
    return lambda place: [math.log(root / place)]


@settings(deadline=None)
@given(st.floats(1.01, 990))
def test_a_place_without_noise_is_found_to_the_tolerance(root: float) -> None:
    found = crossing(falling(root), LOG, 1, 1000, tolerance=1e-3)
    assert found.low <= found.place <= found.high
    assert found.low <= root <= found.high
    assert found.high / found.low <= math.exp(1e-3) * (1 + 1e-12)


@settings(deadline=None)
@given(st.integers(1, 999), st.booleans())
def test_whole_numbers_end_next_to_each_other(last: int, logarithmic: bool) -> None:
    span = Span(1, 1000, logarithmic, whole=True)
    asked: list[float] = []

    def difference(place: float) -> list[float]:
        assert place == int(place)
        asked.append(place)
        return [1.0 if place <= last else -5.0]

    found = crossing(difference, span, 1, 1000, tolerance=1e-9)
    assert (found.low, found.high, found.place) == (last, last + 1, last + 1)
    assert len(asked) == len(set(asked)) <= 40


@settings(deadline=None)
@given(st.floats(5, 20), st.floats(1.1, 10))
def test_a_stretch_of_equality_is_the_interval(begin: float, ratio: float) -> None:
    end = begin * ratio

    def difference(place: float) -> list[float]:
        return [1.0 if place < begin else -0.01 if place > end else 0.0]

    found = crossing(difference, LOG, 1, 1000, tolerance=1e-3)
    assert found.low == pytest.approx(begin, rel=2e-3)
    assert found.high == pytest.approx(end, rel=2e-3)
    assert found.low < begin
    assert found.high > end
    assert begin <= found.place <= end


def test_few_places_are_looked_at() -> None:
    asked = []

    def difference(place: float) -> list[float]:
        asked.append(place)
        return [math.log(50 / place) + 0.1 * (50 - place) / 50]

    crossing(difference, LOG, 1, 1000, tolerance=1e-3)
    assert len(asked) <= 12  # halving would take 13


def noisy(draws: NDArray[np.float64], root: float) -> Callable[[float], NDArray[np.float64]]:
    """Return differences whose mean is 0 at the root, with noise in height and in slope."""

    def differences(place: float) -> NDArray[np.float64]:
        u = math.log(place / root)
        return np.asarray(-u * (1 + 0.3 * draws[0]) + 0.2 * draws[1], np.float64)

    return differences


def test_the_interval_holds_the_place_in_95_of_100_experiments() -> None:
    runs, root, held = 600, 30.0, 0
    every = np.random.default_rng(11)
    for _ in range(runs):
        found = crossing(noisy(every.normal(size=(2, 6)), root), LOG, 1, 1000, tolerance=1e-4)
        assert found.low <= found.place <= found.high
        held += found.low <= root <= found.high
    # Four standard deviations of a binomial count; the tolerance adds next to nothing.
    assert abs(held / runs - 0.95) < 4 * math.sqrt(0.95 * 0.05 / runs)


def test_the_interval_is_that_of_the_delta_method_where_the_slope_is_known() -> None:
    draws = np.random.default_rng(2).normal(size=(2, 8)) * [[0.0], [1.0]]
    found = crossing(noisy(draws, 30.0), LOG, 1, 1000, tolerance=1e-6)
    low, mean, high = limits(0.2 * draws[1])  # the slope is 1
    expected = [30 * math.exp(each) for each in (low, mean, high)]
    assert (found.low, found.place, found.high) == pytest.approx(expected, rel=1e-5)


def test_a_difference_that_changes_back_gives_one_of_its_changes() -> None:
    def difference(place: float) -> list[float]:
        return [math.cos(5 * math.pi * LOG.at(place) / LOG.at(1000))]

    found = crossing(difference, LOG, 1, 1000, tolerance=1e-4)
    phase = 5 * LOG.at(found.place) / LOG.at(1000)
    assert min(abs(phase - each) for each in (0.5, 2.5, 4.5)) < 1e-2


def test_ends_of_equal_sign_are_refused() -> None:
    with pytest.raises(ValueError, match="no change of sign"):
        crossing(lambda _: [1.0], LOG, 1, 1000, tolerance=1e-3)


def test_places_go_from_end_to_end_in_equal_steps() -> None:
    assert Span(1, 100, logarithmic=True).places(3) == pytest.approx([1, 10, 100])
    assert Span(0, 8).places(5) == [0, 2, 4, 6, 8]
    assert Span(1, 3, whole=True).places(9) == [1, 2, 3]
    assert Span(0.1, 0.3).places(2) == [0.1, 0.3]
