"""What is kept of predictions is what simulating everything would give."""

from __future__ import annotations

import numpy as np
import pytest

from simaccess.fitting.influence import Predictions
from simaccess.fitting.points import Point
from simaccess.fitting.sampling import sample
from simaccess.measured import Cell
from simaccess.model import load_model
from simaccess.pool import Pool
from simaccess.predict import predict

SEGMENT = 1 << 20
HERE = Pool(None, lambda: None)
MODEL = load_model("example-link")
KEYS = ("link.latency", "link.rate", "dma.start", "local.rate")
START = {key: float(MODEL.value(key) or 0) for key in KEYS}
METHOD = Cell(
    "method", 8192, workload="random size=1 MiB length=64 B requests=64", method="copy-once",
    settings="block=8 KiB shadow=64 KiB", count=64,
)  # fmt: skip
CELLS = (Cell("load", 64), Cell("load", 4096), Cell("fetch", 4096), Cell("fetch", 65536))


def made(*cells: Cell, error: float = 0.01) -> Predictions:
    return Predictions(MODEL, points(*cells, error=error), HERE, SEGMENT, KEYS)


def points(*cells: Cell, error: float = 0.01) -> list[Point]:
    spread = np.exp(error * 8 * np.sin(np.arange(20)))
    return [Point(cell, spread, threshold=False) for cell in cells]


def learnt(predictions: Predictions) -> set[str]:
    return predictions.learn(START, {key: (value / 99, value * 99) for key, value in START.items()})


def test_only_what_is_moved_is_simulated_and_the_rest_is_as_if() -> None:
    predictions = made(*CELLS)
    assert learnt(predictions) == {"link.latency", "link.rate", "dma.start"}
    predictions.times(START)
    for values, cost in [
        (START, 0),
        (START | {"dma.start": 3e-6}, 2),
        (START | {"local.rate": 1e9}, 0),
        (START | {"dma.start": 3e-6, "link.latency": 1e-6}, 4),
        (START | {"link.latency": 1e-6}, 2),
    ]:
        before = predictions.simulations
        times = predictions.times(values)
        assert predictions.simulations - before == cost
        model = MODEL.with_values(MODEL.written(values))
        assert times.tolist() == [predict(model, cell, segment=SEGMENT) for cell in CELLS]


def test_what_was_wrongly_left_out_is_found() -> None:
    """While a copy waits for the link itself, its start hides; elsewhere it does not."""
    predictions = made(*CELLS)
    predictions.learn(START, {"dma.start": (START["dma.start"],)})  # learns that it moves nothing
    aside = {"dma.start": 2 * START["dma.start"]}
    assert predictions.times(START | aside).tolist() == predictions.times(START).tolist()
    assert not predictions.verify(START, aside)
    assert predictions.times(START | aside).tolist() != predictions.times(START).tolist()
    assert predictions.verify(START, aside)


@pytest.mark.parametrize("error", [0.01, 0.3])
def test_draws_are_as_many_as_the_points_error_asks_for(error: float) -> None:
    sampling, _ = sample(MODEL, points(CELLS[0], METHOD, error=error), HERE, SEGMENT)
    one, some = sampling.draws
    assert one == 1
    assert some == 5 if error > 0.1 else some >= 5
