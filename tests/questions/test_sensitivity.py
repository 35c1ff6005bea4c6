"""Sobol indices, against those that are known in closed form."""

import math

import numpy as np
import pytest

from simaccess.errors import InputError
from simaccess.model import load_model
from simaccess.quantities import parse_duration, parse_rate, parse_size
from simaccess.questions.case import Case, pairs
from simaccess.questions.log_times import Spot
from simaccess.questions.sensitivity import (
    _design,
    _indices,
    check,
    points,
    sensitivity,
    uncertain,
)
from tests.questions.analytic_times import Analytic

TWO = ("zero-copy", "copy-once")


def test_the_indices_of_ishigamis_function_are_those_of_the_literature() -> None:
    """f = sin x + 7 sin^2 y + 0.1 z^4 sin x over (-pi, pi): T. Ishigami, T. Homma, 1990."""
    design, _ = _design(3, 1024, 0)
    x, y, z = (2 * design.T - 1) * math.pi
    figure = np.sin(x) + 7 * np.sin(y) ** 2 + 0.1 * z**4 * np.sin(x)
    found = {each.key: each for each in _indices("f", figure, "xyz", 1024, 0).parameters}
    exact = {"x": (0.3139, 0.5576), "y": (0.4424, 0.4424), "z": (0.0, 0.2437)}
    for key, (first, total) in exact.items():
        assert found[key].first == pytest.approx(first, abs=0.05)
        assert found[key].total == pytest.approx(total, abs=0.05)
        for (low, high), value in (
            (found[key].first_interval, first),
            (found[key].total_interval, total),
        ):
            assert low - 0.01 <= value <= high + 0.01


def test_one_parameter_by_itself_decides_everything() -> None:
    design, _ = _design(1, 256, 0)
    (only,) = _indices("f", np.sin(6 * design[:, 0]), "x", 256, 0).parameters
    assert only.first == pytest.approx(1, abs=0.05)
    assert only.total == pytest.approx(1, abs=0.05)


def test_the_design_changes_one_parameter_at_a_time() -> None:
    flat, redrawn = _design(2, 4, 1)
    assert redrawn == 0
    design = flat.reshape(4, 4, 2)
    one, other, first, second = design
    assert (first[:, 0] == other[:, 0]).all()
    assert (first[:, 1] == one[:, 1]).all()
    assert (second[:, 0] == one[:, 0]).all()
    assert (second[:, 1] == other[:, 1]).all()
    assert points(4, 2) == 16
    assert not np.array_equal(_design(2, 4, 2)[0], flat)


def test_rows_with_a_point_that_is_refused_give_way_to_the_next_ones() -> None:
    whole, _ = _design(2, 64, 1)
    kept = whole.reshape(4, 64, 2)
    small = (kept.sum(axis=2) < 1.5).all(axis=0)  # all four points of a row
    design, redrawn = _design(2, 32, 1, lambda point: point.sum() < 1.5)
    assert (design.sum(axis=1) < 1.5).all()
    assert np.array_equal(
        design.reshape(4, 32, 2)[:, : small[:32].sum()], kept[:, :32][:, small[:32]]
    )
    assert redrawn > 0
    with pytest.raises(InputError, match="that the model refuses"):
        _design(2, 4, 1, lambda _point: False)


def test_a_model_that_refuses_combinations_is_answered_all_the_same() -> None:
    """Requests over a WAN are longer than a TCP header, whose range ends above theirs."""
    case = Case("wan-20ms-100mbit", "random", TWO)
    keys = ["tcp.header", "request.size"]

    def formula(spot: Spot, _number: int) -> float:
        header, request = (parse_size(dict(spot.values)[key]) for key in keys)
        assert request > header
        return header + request if spot.method == "copy-once" else 0.0

    found = sensitivity(case, Analytic(formula), keys=keys, samples=256)
    assert found.redrawn > 0
    assert found.ratio.parameters[0].key == "request.size"


def ratio(spot: Spot, _number: int) -> float:
    """Copy-once: 0. Zero-copy: twice the log of the latency, and the rate over 1 GB/s."""
    if spot.method == "copy-once":
        return 2 * math.log(2e-6)
    values = dict(spot.values)
    latency = parse_duration(values["link.latency"])
    return 2 * math.log(latency) + parse_rate(values["link.rate"]) / 1e9


def test_an_additive_ratio_has_the_indices_of_its_parts() -> None:
    """Latency: 0.5 to 20 us by its logarithm, rate: 0.5 to 2 GB/s uniformly."""
    case = Case("example-link", "random", TWO)
    found = sensitivity(
        case, Analytic(ratio), keys=["model.link.latency", "link.rate"], samples=256
    )
    parts = {"link.latency": 4 * math.log(40) ** 2 / 12, "link.rate": 1.5**2 / 12}
    whole = sum(parts.values())
    assert [each.key for each in found.ratio.parameters] == ["link.latency", "link.rate"]
    for each in found.ratio.parameters:
        assert each.first == pytest.approx(parts[each.key] / whole, abs=0.03)
        assert each.total == pytest.approx(parts[each.key] / whole, abs=0.03)
        assert each.total_interval[0] <= each.total <= each.total_interval[1]
    assert found.ratio.spread == pytest.approx(math.sqrt(whole), rel=0.02)
    # Copy-once does not vary at all.
    assert [(each.figure, each.spread) for each in found.times[1:]] == [("time of copy-once", 0)]
    assert found.times[1].parameters == ()
    # Zero-copy wins where latency < 2 us exp(-rate / 2), at every rate from 0.5 to 2.
    rates = np.linspace(0.5, 2, 2001)
    p = np.mean((math.log(4) - rates / 2) / math.log(40))
    assert found.wins["zero-copy"] == pytest.approx(p, abs=0.01)
    assert found.intervals["zero-copy"][0] < p < found.intervals["zero-copy"][1]
    assert found.pair == ("copy-once", "zero-copy")
    assert (found.samples, found.points) == (256, 1024)


def test_the_same_seed_gives_the_same_bits() -> None:
    case = Case("example-link", "random", TWO)
    keys = ["link.latency", "link.rate"]

    def found(seed: int) -> object:
        return sensitivity(case, Analytic(ratio), keys=keys, samples=16, seed=seed)

    assert found(3) == found(3)
    assert found(3) != found(4)


def test_what_varies_is_what_has_a_range() -> None:
    case = Case("example-link", "random", TWO, pairs({"model.link.rate": "1 GB/s"}))
    keys = uncertain(case)
    assert "link.rate" not in keys
    assert set(keys) | {"link.rate"} == set(load_model("example-link").bounds())
    with pytest.raises(InputError, match=r"link\.rate.*has no range"):
        uncertain(case, ["link.rate"])
    with pytest.raises(InputError, match=r"did you mean 'link\.latency'"):
        uncertain(case, ["link.latenci"])


@pytest.mark.parametrize("samples", [0, 1, 3, 100])
def test_rows_are_a_power_of_two(samples: int) -> None:
    with pytest.raises(InputError, match="a power of two"):
        check(Case("example-link", "random"), samples)


def test_one_method_alone_has_no_winner_to_decide() -> None:
    with pytest.raises(InputError, match="two methods or more"):
        check(Case("example-link", "random", ("hybrid",)), 16)
