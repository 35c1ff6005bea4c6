import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from simaccess.statistics.intervals import mean_interval, paired_interval, share_interval

# Rounded: of figures that differ in the last bit alone, the oracle warns that it loses precision.
figures = st.lists(
    st.floats(1.0, 1e9).map(lambda figure: round(figure, 3)), min_size=2, max_size=12
)


@settings(deadline=None)
@given(figures)
def test_the_interval_is_that_of_a_t_test(sample: list[float]) -> None:
    interval = mean_interval(sample)
    assert interval is not None
    if len(set(sample)) > 1:
        expected = stats.ttest_1samp(sample, 0).confidence_interval(0.95)
        assert interval == pytest.approx((expected.low, expected.high), rel=1e-9, abs=1e-6)
    else:
        assert interval == pytest.approx((sample[0], sample[0]))


def test_two_replications_by_hand() -> None:
    # mean 2, s = sqrt(2), t(0.975; 1) = 12.706: 2 ± 12.706
    assert mean_interval([1.0, 3.0]) == pytest.approx((-10.706, 14.706), abs=1e-3)
    assert mean_interval([1.0]) is None


def test_the_interval_covers_the_truth_in_95_of_100_experiments() -> None:
    draws = np.random.default_rng(7).normal(1.0, 3.0, (2000, 5))
    covered = sum(low <= 1.0 <= high for low, high in map(_interval, draws))
    # Four standard deviations of a binomial count.
    assert abs(covered / 2000 - 0.95) < 4 * math.sqrt(0.95 * 0.05 / 2000)


def _interval(row: Sequence[float]) -> tuple[float, float]:
    interval = mean_interval(row)
    assert interval is not None
    return interval


def test_common_noise_leaves_a_paired_difference() -> None:
    noise = np.random.default_rng(1).normal(0, 100, 8)
    assert paired_interval(noise + 3, noise) == pytest.approx((3, 3))
    with pytest.raises(ValueError, match="cannot be paired"):
        paired_interval([1.0, 2.0], [1.0])


@pytest.mark.parametrize("of", [5, 16, 40])
def test_the_interval_of_a_share_holds_it_at_least_as_often_as_it_says(of: int) -> None:
    """Exactly, by the binomial law, and not by drawing."""
    intervals = [share_interval(count, of) for count in range(of + 1)]
    for p in np.linspace(0, 1, 101):
        law = stats.binom.pmf(np.arange(of + 1), of, p)
        held = sum(law[count] for count, (low, high) in enumerate(intervals) if low <= p <= high)
        assert held >= 0.95 - 1e-12, p


def test_a_share_of_none_has_the_interval_of_the_closed_form() -> None:
    # Nothing in n draws: (1 - p)^n = 0.025 at the upper end.
    low, high = share_interval(0, 16)
    assert [low, high] == pytest.approx([0, 1 - 0.025 ** (1 / 16)])
    assert list(share_interval(16, 16)) == pytest.approx([1 - high, 1])
