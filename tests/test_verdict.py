import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from simaccess.verdict import LEAD, LEGEND, SHARE, verdict


def test_a_deterministic_cell_has_no_interval_and_is_decided_by_its_lead() -> None:
    found = verdict({"a": [100.0], "b": [103.0]})
    assert found.best == "b"
    assert found.lead == pytest.approx(0.03)
    assert found.decided
    assert found.rivals[0].interval is None
    assert found.share is None
    assert verdict({"a": [100.0], "b": [101.9]}).rivals[0].close == ("lead",)


def test_common_noise_does_not_hide_a_difference_but_own_noise_does() -> None:
    noise = np.array([0.0, 30.0, -20.0, 15.0, -25.0])
    together = verdict({"a": list(100 + noise), "b": list(110 + noise)})
    assert together.decided
    assert together.rivals[0].interval == pytest.approx((0.1, 0.1))
    apart = verdict({"a": list(100 + noise), "b": list(110 - noise)})
    assert apart.rivals[0].close == ("seeds",)


@pytest.mark.parametrize(("wins", "decided"), [(8, True), (7, False)])
def test_the_leader_must_hold_in_most_draws(wins: int, decided: bool) -> None:
    draws = [{"a": 3.0, "b": 2.0, "c": 1.0}] * wins + [{"a": 2.0, "b": 3.0, "c": 1.0}] * (10 - wins)
    found = verdict({"a": [2.0], "b": [1.5], "c": [1.0]}, draws=draws)
    assert found.best == "a"
    assert found.share == wins / 10
    low = stats.beta.ppf(0.025, wins, 11 - wins)
    high = stats.beta.ppf(0.975, wins + 1, 10 - wins)
    assert found.intervals["a"] == pytest.approx((low, high))  # Clopper and Pearson
    assert (found.share >= SHARE) == decided == found.decided
    # Only who wins somewhere is a rival.
    assert found.close == (() if decided else ("b",))


def test_level_with_the_best_is_less_than_2_percent_behind() -> None:
    draws = [{"a": 1.0, "b": 1.019}, {"a": 1.0, "b": 1.021}, {"a": 3.0, "b": 1.0}]
    found = verdict({"a": [2.0], "b": [1.0]}, draws=draws)
    assert found.shares == {"a": 2 / 3, "b": 2 / 3}
    assert found.share == 2 / 3
    assert found.rivals[0].close == ("parameters",)
    level = verdict({"a": [2.0], "b": [1.0]}, draws=[draws[0]] * 10)
    assert (level.share, level.close) == (1.0, ())


def test_methods_that_do_the_same_are_too_close() -> None:
    found = verdict(
        {"a": [2.0, 3.0], "b": [2.0, 3.0], "c": [1.0, 2.0]}, draws=[{"a": 1, "b": 1, "c": 0}]
    )
    assert found.close == ("b",)
    assert set(found.rivals[0].close) == {"seeds", "lead"}
    assert found.share == 1.0


@given(
    st.dictionaries(st.sampled_from("abcd"), st.floats(1e-9, 1e9), min_size=2),
    st.floats(1e-3, 1e3),
)
def test_latency_is_judged_as_its_inverse_and_units_do_not_matter(
    figures: dict[str, float], unit: float
) -> None:
    rates = verdict({method: [1 / x] for method, x in figures.items()})
    times = verdict({method: [x * unit] for method, x in figures.items()}, "latency")
    assert times.lead == pytest.approx(rates.lead, rel=1e-6, abs=1e-9)
    assert (times.best == rates.best) or times.rivals[0].lead < 1e-9


def test_what_cannot_be_paired_is_refused() -> None:
    with pytest.raises(ValueError, match="as many figures"):
        verdict({"a": [1.0], "b": [1.0, 2.0]})
    with pytest.raises(ValueError, match="as many figures"):
        verdict({})


def test_the_legend_states_the_rule() -> None:
    for number in (f"{100 * LEAD:.0f} %", f"{100 * SHARE:.0f} %", "95 %"):
        assert number in LEGEND
