"""Warm-up and batch means, on processes whose figures are known in closed form."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import signal

from simaccess.statistics.batch_means import batch_means
from simaccess.statistics.warm_up import BATCH, warm_up


def autoregressive(phi: float, runs: int, n: int, seed: int) -> NDArray[np.float64]:
    """Return stationary series x_i = phi x_(i-1) + e_i with e of variance 1."""
    draws = np.random.default_rng(seed)
    noise = draws.normal(size=(runs, n))
    noise[:, 0] /= math.sqrt(1 - phi**2)
    return np.asarray(signal.lfilter([1], [1, -phi], noise, axis=1), np.float64)


def waiting(rho: float, runs: int, n: int, seed: int) -> NDArray[np.float64]:
    """Return customers' waiting times in an M/M/1 queue of service rate 1 that starts empty.

    Lindley's recursion W' = max(0, W + S - A), as a walk above its running minimum.
    """
    draws = np.random.default_rng(seed)
    walk = np.cumsum(draws.exponential(1, (runs, n)) - draws.exponential(1 / rho, (runs, n)), 1)
    waits: NDArray[np.float64] = walk - np.minimum(np.minimum.accumulate(walk, axis=1), 0)
    return waits


def test_batch_means_have_the_variance_of_an_autoregressive_mean() -> None:
    """Var(mean) = (1 + 2 sum_k (1 - k/n) phi^k) / (n (1 - phi^2)) = about 1 / (n (1 - phi)^2)."""
    phi, n, runs = 0.6, 4000, 400
    found = [batch_means(series) for series in autoregressive(phi, runs, n, seed=3)]
    quantile = 2.093  # of Student's law, 0.975 with 19 degrees of freedom
    variance = np.mean([((each.interval[1] - each.mean) / quantile) ** 2 for each in found])
    k = np.arange(1, n)
    exact = (1 + 2 * np.sum((1 - k / n) * phi**k)) / (n * (1 - phi**2))
    assert exact == pytest.approx(1 / (n * (1 - phi) ** 2), rel=0.01)
    # A mean of `runs` estimates with 19 degrees of freedom each: four standard deviations.
    assert variance == pytest.approx(exact, rel=4 * math.sqrt(2 / (19 * runs)))


def test_batch_means_hold_the_waiting_time_of_a_queue() -> None:
    """Wq = rho / (mu - lambda), 1 service time at half load."""
    runs = 400
    found = [batch_means(series[500:]) for series in waiting(0.5, runs, 20_500, seed=5)]
    held = sum(low <= 1.0 <= high for low, high in (each.interval for each in found))
    assert held / runs >= 0.95 - 4 * math.sqrt(0.95 * 0.05 / runs)
    assert np.mean([each.mean for each in found]) == pytest.approx(1, rel=0.01)


def test_short_batches_are_seen_by_their_correlation() -> None:
    series = autoregressive(0.99, 1, 4000, seed=1)[0]
    assert batch_means(series, batches=400).correlation > 0.5
    long = [batch_means(each).correlation for each in autoregressive(0.5, 200, 4000, seed=2)]
    assert np.mean(np.abs(long) < 2 / math.sqrt(20)) > 0.9


def test_batches_are_cut_from_the_end() -> None:
    found = batch_means([1000.0, 1.0, 3.0, 5.0, 7.0], batches=2)
    assert (found.mean, found.batches, found.size) == (4, 2, 2)
    assert batch_means([2.0] * 40).interval == (2, 2)
    with pytest.raises(ValueError, match="into 20 batches"):
        batch_means([1.0] * 19)
    with pytest.raises(ValueError, match="into 1 batches"):
        batch_means([1.0] * 19, batches=1)


@settings(deadline=None)
@given(st.lists(st.integers(-50, 50), min_size=20, max_size=120), st.floats(0.5, 100))
def test_the_warm_up_is_where_the_rule_is_least(series: list[int], unit: float) -> None:
    n = len(series) // BATCH
    means = np.reshape(series[: n * BATCH], (n, BATCH)).mean(axis=1)
    rule = [np.sum((means[d:] - means[d:].mean()) ** 2) / (n - d) ** 2 for d in range(n // 2 + 1)]
    found = warm_up(np.array(series) * unit + 7)
    assert found.length % BATCH == 0
    assert rule[found.length // BATCH] == pytest.approx(min(rule), rel=1e-6, abs=1e-9)
    assert found.ended == (found.length // BATCH < n // 2)


def test_a_transient_is_left_out_and_no_more() -> None:
    draws = np.random.default_rng(4)
    biased, mended = [], []
    for _ in range(50):
        series = 20 * np.exp(-np.arange(4000) / 100) + draws.normal(0, 1, 4000)
        found = warm_up(series)
        assert found.ended
        assert 200 <= found.length <= 1000
        biased.append(series.mean())
        mended.append(series[found.length :].mean())
    assert abs(np.mean(mended)) < 0.05 * np.mean(biased)


def test_a_run_without_a_steady_state_says_so() -> None:
    assert not warm_up(np.linspace(0, 1, 400)).ended
    assert warm_up([1.0] * 20) == warm_up([3.0] * 24)
    with pytest.raises(ValueError, match="from 20 on"):
        warm_up([1.0] * 19)
