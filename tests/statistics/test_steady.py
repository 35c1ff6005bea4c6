"""One long simulated run, held against the closed form of the queue that it is."""

import math

import pytest

from simaccess.model import load_model
from simaccess.scenario import ProducerParameters, Scenario
from simaccess.simulate import latencies
from simaccess.statistics.steady import steady_mean
from simaccess.workload.registry import workload


def queue(rho: float, records: int, seed: int) -> Scenario:
    """Return a consumer that reads each record in 2 us, and Poisson arrivals of a given load."""
    link = load_model("example-link").with_values({"link.rate": "1 GB/s", "link.latency": "1 us"})
    settings = {"size": f"{records * 1000} B", "block": "1000 B", "length": "1000 B"}
    producer = {"arrivals": "poisson", "rate": f"{rho / 2e-6!r} Hz", "ring": "100 MB"}
    return Scenario(
        link,
        workload("sequential", settings),
        "zero-copy",
        seed=seed,
        producer=ProducerParameters.model_validate(producer),
    )


def test_the_interval_holds_the_latency_of_a_queue_with_fixed_service() -> None:
    """M/D/1: Wq = rho s / (2 (1 - rho)), and the service itself."""
    rho, service, runs, held = 0.6, 2e-6, 12, 0
    exact = service + rho * service / (2 * (1 - rho))
    for seed in range(runs):
        series = latencies(queue(rho, 6000, seed))
        assert len(series) == 6000
        assert series.min() == pytest.approx(service)
        found = steady_mean(series)
        assert found.warm_up.ended
        assert found.means.mean == pytest.approx(exact, rel=0.2)
        low, high = found.means.interval
        held += low <= exact <= high
    # Of 12 intervals of 95 %, fewer than 9 hold the truth once in 4,000 such tests.
    assert held >= 9
    assert math.isclose(exact, 3.5e-6)
