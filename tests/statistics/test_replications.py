import math
from collections.abc import Sequence

import numpy as np
import pytest

from simaccess.statistics.intervals import mean_interval
from simaccess.statistics.seeds import replication_seeds
from simaccess.statistics.stopping import StopRule, replicate


def test_seeds_are_spawned_from_the_experiments_own() -> None:
    seeds = replication_seeds(7, 5)
    assert seeds[0] == 7
    children = np.random.SeedSequence(7).spawn(4)
    assert seeds[1:] == [int(each.generate_state(1, np.uint64)[0]) >> 11 for each in children]
    assert replication_seeds(7, 3) == seeds[:3]
    assert replication_seeds(7, 0) == []
    assert all(float(seed) == seed < 2**53 for seed in seeds)


def test_experiments_with_neighbouring_seeds_share_no_replication() -> None:
    every = [seed for first in range(50) for seed in replication_seeds(first, 100)]
    assert len(set(every)) == len(every)


def test_spawned_streams_are_not_correlated() -> None:
    draws = np.array([np.random.default_rng(s).random(400) for s in replication_seeds(0, 40)])
    apart = np.corrcoef(draws)[np.triu_indices(40, 1)]
    # 780 correlations of 400 pairs each: none beyond five standard deviations.
    assert np.abs(apart).max() < 5 / math.sqrt(400)


def test_a_rule_asks_for_what_the_width_needs() -> None:
    rule = StopRule(0.1, first=10, most=100)
    assert rule.after(0, math.inf) == 10
    assert rule.after(10, 0.1) == 10
    assert rule.after(10, 0.12) == 15  # 10 x 1.2^2 = 14.4
    assert rule.after(10, 0.5) == 20  # no more than twice as many at a time
    assert rule.after(10, math.inf) == 20
    assert rule.after(80, 0.2) == 100
    assert rule.after(100, 0.2) == 100
    assert rule.after(10, 0.1000001) == 11
    with pytest.raises(ValueError, match="2 <= first <= most"):
        StopRule(0.1, first=1)


class Normal:
    """Figures of replications by their numbers: mean 1, deviation `sigma`."""

    def __init__(self, sigma: float, seed: int) -> None:
        self._draws = np.random.default_rng(seed)
        self._sigma = sigma
        self.asked: list[int] = []

    def __call__(self, numbers: Sequence[int]) -> list[float]:
        self.asked += numbers
        return list(self._draws.normal(1, self._sigma, len(numbers)))


def test_replication_stops_when_the_interval_is_narrow_enough_and_not_before() -> None:
    """From n = (z sigma / (target mean))^2 on."""
    rule = StopRule(0.05, first=10, most=2000)
    counts = []
    for seed in range(100):
        measured = Normal(0.5, seed)
        figures = replicate(measured, rule)
        assert measured.asked == list(range(len(figures)))
        low, high = mean_interval(figures) or (0, 0)
        assert (high - low) / 2 <= 0.05 * np.mean(figures)
        counts.append(len(figures))
    assert np.mean(counts) == pytest.approx((1.96 * 0.5 / 0.05) ** 2, rel=0.1)


def test_a_stopped_interval_holds_the_truth_nearly_as_often_as_it_says() -> None:
    """Stopping by luck costs a little; the first look at ten keeps it to a percent or so."""
    runs = 2000
    held = 0
    for seed in range(runs):
        low, high = mean_interval(replicate(Normal(0.3, seed), StopRule(0.1, most=500))) or (0, 0)
        held += low <= 1 <= high
    # Four standard deviations of a binomial count below 94 of 100.
    assert held / runs >= 0.94 - 4 * math.sqrt(0.94 * 0.06 / runs)


def test_what_does_not_vary_and_what_never_ends() -> None:
    assert len(replicate(lambda numbers: [2.0] * len(numbers), StopRule(0.01))) == 10
    assert len(replicate(lambda numbers: [0.0] * len(numbers), StopRule(0.01))) == 10
    noisy = replicate(Normal(1e6, 1), StopRule(0.01, first=5, most=30))
    assert len(noisy) == 30
