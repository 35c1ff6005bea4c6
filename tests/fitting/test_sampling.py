"""What chance does to medians, and what a calibration makes of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from simaccess.calibrate import calibrate
from simaccess.figures import Scalar
from simaccess.fitting.points import FLOOR, points
from simaccess.fitting.sampling import median_spread, sample
from simaccess.fitting.uncertainty import asides, spread, unexplained
from simaccess.measured import Cell, MeasuredSet
from simaccess.model import Model, load_model
from simaccess.pool import Pool
from simaccess.predict import predict
from simaccess.validate import validate

SEGMENT = 8 << 20
HERE = Pool(None, lambda: None)
KIB = 1 << 10

LOSSY = {"path.loss": "0.01", "path.rate": "50 Mbit/s", "request.service": "300 us"}
CELLS = [
    *(Cell("load", size * KIB, state="cold") for size in (1, 4, 16, 64)),
    *(Cell("fetch", size * KIB, state="cold") for size in (2, 8, 32, 128)),
    *(Cell("fetch", size * KIB, state="warm", warm=2) for size in (4, 64)),
    *(Cell("load", size * KIB, state="warm", warm=2) for size in (1, 32)),
]


def measure(truth: Model, count: int, noise: float, seed: int) -> MeasuredSet:
    """Measure cells, each with losses and noise of its own."""
    generator = np.random.default_rng(seed)
    rows = []
    for number, cell in enumerate(CELLS):
        for repetition in range(count):
            losses = 10_000 * (seed + 1) + 100 * number + repetition
            seconds = predict(truth, cell, repetition, segment=SEGMENT, seed=losses)
            factor = float(np.exp(noise * generator.standard_normal()))
            rows.append((cell, repetition, seconds * factor, False, ""))
    return MeasuredSet.of({"link": "simulated", "segment": SEGMENT}, rows)


def test_the_median_of_values_of_two_sorts_is_of_either() -> None:
    """With as many of each, the median of 15 is a fair draw: its spread is half of the gap."""
    draws = np.repeat([0.046, 0.064], 100)
    assert median_spread(draws, 15) == pytest.approx(np.log(64 / 46) / 2, rel=0.02)
    rare = np.repeat([0.046, 0.064], [180, 20])
    assert median_spread(rare, 15) < 1e-3


def test_the_median_of_normal_values_has_its_textbook_error() -> None:
    draws = np.exp(0.05 * np.random.default_rng(0).standard_normal(20_000))
    assert median_spread(draws, 101) == pytest.approx(1.2533 * 0.05 / np.sqrt(101), rel=0.15)


def test_cells_in_which_a_loss_decides_count_less() -> None:
    truth = load_model("wan-20ms-100mbit", LOSSY)
    measured = points(measure(truth, 15, 0.0, seed=1))
    sampling, _ = sample(truth, measured, HERE, SEGMENT)
    errors = dict(zip([point.cell for point in measured], sampling.errors, strict=True))
    assert errors[CELLS[0]] == FLOOR
    assert sampling.drawn == list(range(len(CELLS)))  # a loss may strike any of them
    large = Cell("fetch", 128 * KIB, state="cold")
    assert errors[large] > 5 * FLOOR
    assert sampling.draws[0] < sampling.draws[CELLS.index(large)]


def test_what_is_left_is_what_chance_does_not_explain() -> None:
    generator = np.random.default_rng(5)
    chance = np.repeat([0.001, 0.03], 500)
    for left in (0.02, 0.1):
        off = generator.standard_normal(1000) * np.hypot(chance, left)
        assert unexplained(off.tolist(), chance.tolist(), 3) == pytest.approx(left, rel=0.15)
        off[:100] = 3.0  # what is far off does not decide
        assert unexplained(off.tolist(), chance.tolist(), 3) == pytest.approx(left, rel=0.35)
    off = generator.standard_normal(1000) * chance
    assert unexplained(off.tolist(), chance.tolist(), 3) == FLOOR


def test_parameters_that_go_with_each_other_widen_a_prediction_by_less() -> None:
    model = load_model("wan-20ms-100mbit")
    keys = ["path.rtt", "request.service"]

    def widened(**changes: float) -> float:
        told: dict[str, Scalar] = {"fitted": ", ".join(keys), "unexplained": 0.0, **changes}
        changed = replace(model, calibration=told)
        assert [aside.key for aside in asides(changed)] == keys
        return spread(changed, keys, np.array([0.03, 0.04]))

    assert widened() == pytest.approx(0.05)
    tied = {"correlation of path.rtt and request.service": -1.0}
    assert widened(**tied) == pytest.approx(0.01)
    assert widened(unexplained=0.05) == pytest.approx(0.05 * np.sqrt(2))


@pytest.mark.slow
def test_a_lossy_link_is_found_again_and_medians_lie_in_its_interval() -> None:
    """Single requests tell the round trip and the server's time together: the one is given.

    Of 24 medians in two later sets, fewer than 18 are inside an interval of 90 % once in 50 tests.
    """
    truth = load_model("wan-20ms-100mbit", LOSSY)
    typical = load_model("wan-20ms-100mbit")
    given = {"path.loss": "0.01", "path.rate": "70 Mbit/s", "path.rtt": "20 ms"}
    vary = ["path.rate", "path.rtt", "request.service"]
    start = typical.with_values(given, "given")
    fit = calibrate(measure(truth, 15, 0.003, seed=0), start, HERE, vary=vary)
    found = {one.key: one for one in fit.fitted}

    assert fit.untold == ("path.rtt",)
    assert any("path.rtt keeps its first guess, 20 ms" in each for each in fit.warnings)
    assert fit.model.value("path.rtt") == pytest.approx(0.020)
    assert fit.model.provenance["path.rtt"].source == "given; not told by measured points"
    assert fit.model.calibration["untold"] == "path.rtt"
    assert found["request.service"].value == pytest.approx(300e-6, abs=120e-6)
    low, high = found["path.rate"].interval
    assert low < 6.25e6 < high < 3 * low

    inside = 0
    for seed in (1, 2):
        checked = validate(measure(truth, 15, 0.003, seed), fit.model, HERE)
        for one in checked.verified:
            assert one.interval is not None
            if one.point.cell.size <= 4 * KIB:  # where no loss touches the median, it is sharp
                assert one.interval[1] / one.interval[0] < 1.06
            inside += one.interval[0] <= one.point.median <= one.interval[1]
        assert len(checked.verified) == len(CELLS)
    assert inside >= 18
