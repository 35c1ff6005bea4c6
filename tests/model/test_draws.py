"""Draws of models from the ranges of their figures."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from simaccess.errors import InputError
from simaccess.model import Model, load_model
from tests.model.sample import Document, SampleParameters, changed, number


def test_draws_lie_in_their_ranges_and_in_all_of_them(sample: Model) -> None:
    count = 400
    models = list(sample.draws(count, seed=1))
    assert len(models) == count
    bounds = sample.bounds()
    assert set(bounds) == {"bus.clock", "bus.shortest", "bus.longest", "near.cache.size"}
    for key, (low, high) in bounds.items():
        values = [model.value(key) for model in models]
        assert all(isinstance(value, int | float) and low <= value <= high for value in values)
        assert all(model.provenance[key].status == "drawn" for model in models)
        assert all(model.provenance[key].range == sample.provenance[key].range for model in models)
    for key in set(sample.provenance) - set(bounds):
        assert all(model.provenance[key] == sample.provenance[key] for model in models)
    clocks = np.array([model.value("bus.clock") for model in models], dtype=float)
    # Uniform: the mean of n draws has the deviation (high - low) / sqrt(12 n).
    assert abs(clocks.mean() - 35e6) < 4 * 10e6 / math.sqrt(12 * count)
    assert len(set(clocks)) == count
    # The range of sizes spans a factor of 256: as many below the geometric mean as above, and
    # in multiples of 16 KiB, which divides 16 KiB, 64 KiB and 4 MiB.
    sizes = np.array([model.value("near.cache.size") for model in models], dtype=float)
    assert abs(np.mean(np.log(sizes / 16384)) - math.log(256) / 2) < 0.7
    assert all(sizes % 16384 == 0)
    # Independent: a correlation has a deviation of 1 / sqrt(n).
    correlation = np.corrcoef(clocks, np.log(sizes))[0, 1]
    assert abs(correlation) < 4 / math.sqrt(count)
    # A refused combination is drawn again: every model that is drawn is a valid one.
    for model in models:
        parameters = model.parameters
        assert isinstance(parameters, SampleParameters)
        assert parameters.bus.shortest <= parameters.bus.longest


def test_draws_follow_from_the_seed_alone(sample: Model) -> None:
    ten = list(sample.draws(10, seed=7))
    assert list(sample.draws(10, seed=7)) == ten
    assert list(sample.draws(3, seed=7)) == ten[:3]
    clocks = {model.value("bus.clock") for model in [*ten, *sample.draws(10, seed=8)]}
    assert len(clocks) == 20


def test_the_draw_of_one_parameter_does_not_move_another(sample: Model) -> None:
    fewer = sample.with_values({"near.cache.size": "1 MiB"})
    for one, other in zip(sample.draws(20, 3), fewer.draws(20, 3), strict=True):
        assert one.value("bus.clock") == other.value("bus.clock")
        assert other.value("near.cache.size") == 2**20


def test_ends_of_a_range_of_whole_numbers_are_drawn_as_often(
    write: Callable[[Document], Path],
) -> None:
    model = load_model(write(changed("near/cache/ways", number(2, 1, 4))))
    ways = [drawn.value("near.cache.ways") for drawn in model.draws(400, 0)]
    counts = [ways.count(value) for value in range(1, 5)]
    assert sum(counts) == 400
    assert all(abs(count - 100) < 4 * math.sqrt(400 * 0.25 * 0.75) for count in counts)


def test_ranges_without_an_accepted_combination_end_in_one_line(sample: Model) -> None:
    impossible = sample.with_values({"bus.longest": "1 us", "bus.shortest": "1 us"})
    figures = dict(impossible.provenance)
    figures["bus.shortest"] = sample.provenance["bus.longest"]
    stuck = Model("x", "x", "sample", impossible.parameters, figures, sample.file)
    with pytest.raises(InputError, match="no accepted combination"):
        next(stuck.draws(1, 0))
