"""The time left counts each sort of task with its own pace."""

from __future__ import annotations

from itertools import pairwise

from simaccess.sweep.estimate import Estimate, SearchOf
from simaccess.sweep.grid import fair


def test_each_sort_has_its_own_mean() -> None:
    estimate = Estimate()
    estimate.expect("slow", 10)
    estimate.expect("fast", 1000)
    assert estimate.left_s(2) is None
    estimate.did("slow", 8.0, 4)
    estimate.expect("slow", -4)
    estimate.did("fast", 0.01)
    estimate.expect("fast", -1)
    assert estimate.left_s(2) == (6 * 2.0 + 999 * 0.01) / 2


def test_what_is_unseen_takes_its_hint_or_the_mean_of_its_like() -> None:
    estimate = Estimate()
    for name in ("a", "b"):
        estimate.expect(name, 10)
        estimate.expect(SearchOf(name), 1)
    estimate.did(SearchOf("a"), 30.0)
    estimate.expect(SearchOf("a"), -1)
    estimate.hint("a", 1.0)
    # The other search takes as long, and its points as those that are hinted at.
    assert estimate.left_s(1) == 30.0 + 10 * 1.0 + 10 * 1.0
    estimate.did("b", 4.0, 2)
    assert estimate.left_s(1) == 30.0 + 10 * 1.0 + 10 * 2.0
    estimate.expect("b", -12)
    assert estimate.left_s(1) == 30.0 + 10 * 1.0 - 2 * 2.0


def test_a_sort_takes_what_the_one_that_it_is_like_takes_until_one_is_done() -> None:
    estimate = Estimate()
    estimate.alike("drawn", "base")
    estimate.expect("drawn", 10)
    estimate.did("other", 100.0)
    assert estimate.left_s(1) == 10 * 100.0
    estimate.hint("base", 2.0)
    assert estimate.left_s(1) == 10 * 2.0
    estimate.did("drawn", 5.0)
    assert estimate.left_s(1) == 10 * 5.0


def test_a_fair_order_has_every_number_once_and_spreads_early() -> None:
    for size in (1, 2, 3, 10, 97, 100, 1000):
        assert sorted(fair(size)) == list(range(size))
    first = sorted(number for number, _ in zip(fair(1000), range(20), strict=False))
    gaps = [after - before for before, after in pairwise(first)]
    assert max(gaps) <= 3 * 1000 // 20
