"""Choices by a model: pairs of methods in order, and what a choice costs."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from numpy.typing import NDArray

from simaccess.choices import Choice, choices, undecided
from simaccess.fitting.points import Point
from simaccess.measured import Cell

WORK = "sequential size=256 KiB length=4 KiB"


def point(method: str, seconds: object, block: int = 8) -> Point:
    settings = "" if method == "zero-copy" else f"block={block} KiB"
    cell = Cell("method", 0, workload=WORK, method=method, settings=settings, count=64)
    return Point(cell, np.asarray(seconds, float), threshold=False)


def around(middle: float, share: float, count: int = 30, seed: int = 1) -> NDArray[np.float64]:
    factors = np.random.default_rng(seed).normal(0, share, count)
    seconds: NDArray[np.float64] = middle * np.exp(factors)
    return seconds


def choice(measured: Mapping[str, object], predicted: Mapping[str, float]) -> Choice:
    (found,) = choices((point(name, measured[name]), predicted[name]) for name in measured)
    return found


def test_sure_medians_in_the_predicted_order_agree_in_each_pair() -> None:
    names = ("zero-copy", "copy-once", "hybrid", "prefetch")
    measured = {name: around(1.0 + n, 0.01, seed=n) for n, name in enumerate(names)}
    found = choice(measured, dict(zip(names, (1.1, 1.9, 3.2, 4.0), strict=True)))
    assert (found.pairs, found.agreeing) == (6, 6)
    assert (found.best, found.chosen, found.regret) == ("zero-copy", "zero-copy", 0)
    assert found.regret_interval == (0, 0)


def test_a_wrong_choice_costs_what_its_medians_are_apart() -> None:
    measured = {"copy-once": around(1.0, 0.05), "hybrid": around(1.2, 0.05, seed=2)}
    found = choice(measured, {"copy-once": 1.3, "hybrid": 1.2})
    assert (found.pairs, found.agreeing) == (1, 0)
    assert (found.best, found.chosen) == ("copy-once", "hybrid")
    low, high = found.regret_interval
    assert 0.1 < low < found.regret < high < 0.3


@pytest.mark.parametrize("apart", [1.0, 1.015, 1.05])
def test_what_the_repetitions_do_not_tell_apart_is_too_close_to_call(apart: float) -> None:
    """Less than 2 %, whatever the repetitions say, or more than that among wide ones."""
    share = 0.001 if apart < 1.02 else 0.4
    measured = {"copy-once": around(1.0, share), "hybrid": around(apart, share, seed=2)}
    for predicted in (1.0, 2.0):
        assert choice(measured, {"copy-once": 1.5, "hybrid": predicted}).pairs == 0


def test_a_cell_of_two_courses_is_as_unsure_as_their_shares() -> None:
    """Ten repetitions, four slow here and six there: the same cell may have given either.

    Their quartiles are as far apart as the courses, and a standard error made of them as if they
    were of a normal distribution is smaller than what sets the two medians apart.
    """
    quick, slow = 1.937, 2.078
    one = [quick] * 6 + [slow] * 4
    other = [quick] * 4 + [slow] * 6
    found = choice({"copy-once": one, "prefetch": other}, {"copy-once": 1.935, "prefetch": 1.934})
    assert found.pairs == 0
    assert found.regret == pytest.approx(slow / quick - 1)
    low, high = found.regret_interval
    assert low == 0
    assert high == pytest.approx(slow / quick - 1)


def test_of_a_methods_parameters_the_model_takes_its_own_best() -> None:
    points = [
        (point("copy-once", around(1.0, 0.01, seed=1), 8), 2.0),
        (point("copy-once", around(1.5, 0.01, seed=2), 64), 1.0),
        (point("zero-copy", around(3.0, 0.01, seed=3)), 3.0),
    ]
    (found,) = choices(points)
    assert found.best == found.chosen == "copy-once"
    assert found.regret == pytest.approx(0.5, rel=0.05)
    assert found.regret_interval[0] > 0.45


@pytest.mark.parametrize("count", [10, 30])
def test_the_interval_of_a_regret_holds_the_true_one_about_as_often_as_it_says(count: int) -> None:
    """Ratios of medians drawn from two lognormal distributions 20 % apart, 100 times."""
    inside = 0
    for seed in range(100):
        measured = {
            "copy-once": around(1.0, 0.1, count, seed=2 * seed),
            "hybrid": around(1.2, 0.1, count, seed=2 * seed + 1),
        }
        low, high = choice(measured, {"copy-once": 1.0, "hybrid": 0.9}).regret_interval
        inside += low <= 0.2 <= high
    assert inside / 100 >= 0.9


def test_methods_that_few_draws_leave_in_doubt_need_more() -> None:
    """Not those that are out of the question, nor those that are sure, however close."""
    wide, narrow = 0.5, 0.0005
    draws = [
        (point("copy-once", [1.0], 8), around(1.0, wide, 200, seed=1)),  # in doubt
        (point("copy-once", [1.0], 64), around(1.02, wide, 200, seed=2)),  # with this one
        (point("copy-once", [1.0], 256), around(9.0, wide, 200, seed=3)),  # not its method's best
        (point("hybrid", [1.0], 8), around(1.01, wide, 200, seed=4)),  # as good as copy-once
        (point("prefetch", [1.0], 8), around(3.0, narrow, 200, seed=5)),  # sure
        (point("zero-copy", [1.0]), around(3.0, narrow, 200, seed=6)),  # and sure
    ]
    assert undecided(draws) == [0, 1, 3]
    assert undecided([draws[0], draws[4], draws[5]]) == []


def test_methods_of_other_workloads_are_no_rivals() -> None:
    elsewhere = Cell("method", 0, workload="random", method="hybrid", settings="block=8 B")
    draws = around(1.0, 0.5, 200)
    alone = [
        (point("copy-once", [1.0]), draws),
        (Point(elsewhere, np.ones(1), threshold=False), draws),
    ]
    assert undecided(alone) == []
