"""What is simulated for a question: once, with the same seeds for all, and drawn or not."""

import math

import numpy as np
import pytest

from simaccess.objective import figure
from simaccess.pool import Pool
from simaccess.progress import Count
from simaccess.questions.case import Case, pairs
from simaccess.questions.judgement import judge
from simaccess.questions.log_times import Spot, log_time
from simaccess.simulate import simulate
from simaccess.statistics.seeds import replication_seeds
from tests.questions.analytic_times import ENGINE, free_link, simulated

BOTH = ("zero-copy", "hybrid")


def case(workload: str = "header-payload", model: str = "example-link", **settings: str) -> Case:
    given = {f"workload.{key}": value for key, value in settings.items()}
    return Case(model, workload, BOTH, pairs(given))


def test_a_time_is_that_of_the_scenario_with_the_replications_seed() -> None:
    asked = case(requests="20", payload_probability="0.5")
    spot = Spot(asked, "hybrid", (("link.latency", "3 us"),))
    times = simulated(seed=4)
    found = times.of(spot, 3)
    for number, seed in enumerate(replication_seeds(4, 3)):
        result = simulate(asked.scenario("hybrid", spot.values, seed))
        assert result.seed == seed
        assert found[number] == -math.log(result.throughput_bytes_per_s)
    assert times.simulations == 3
    times.of(spot, 2)
    times.require([spot, spot], 3)
    assert times.simulations == 3
    assert log_time(2.0, "latency") == -log_time(2.0, "throughput") == math.log(2)
    assert figure(result, "latency") == result.latency_s.p50


def test_common_random_numbers_take_noise_out_of_a_difference() -> None:
    asked = case(requests="40", payload_probability="0.5", record="200 B")
    times = simulated()
    one, other = (times.of(Spot(asked, method), 40) for method in BOTH)
    paired = np.var(one - other, ddof=1)
    apart = np.var(one, ddof=1) + np.var(other, ddof=1)
    # Each goes with the number of payloads by a factor of its own: (a - b)^2 against a^2 + b^2.
    assert np.corrcoef(one, other)[0, 1] > 0.95
    assert paired < 0.7 * apart


def test_all_methods_see_the_same_losses_and_background() -> None:
    """Methods that do the same take exactly as long, whatever is drawn."""
    lossy = {"path.loss": "0.02", "path.jitter": "1 ms", "method.threshold": "0 B"}
    wan = Case("wan-20ms-100mbit", "random", ("copy-once", "hybrid"), pairs(lossy))
    times = simulated()
    spots = [Spot(wan, method, (("workload.requests", "20"),)) for method in wan.methods]
    one, other = (times.of(spot, 4) for spot in spots)
    assert np.ptp(one) > 0
    assert one.tolist() == other.tolist()


def test_what_is_drawn_is_told_from_what_is_not() -> None:
    times = simulated()
    assert not times.drawn([Spot(case("sequential", size="64 KiB"), "zero-copy")])
    assert not times.drawn([Spot(case("sequential", "pci-64-66", size="16 KiB"), "hybrid")])
    assert times.drawn([Spot(case(requests="20", payload_probability="0.5"), "hybrid")])
    assert not times.drawn([Spot(case(requests="20", payload_probability="1"), "hybrid")])


def test_two_seeds_that_happen_to_take_as_long_do_not_hide_that_something_is_drawn() -> None:
    asked = case(requests="300", payload_probability="0.1")
    times = simulated()
    spot = Spot(asked, "zero-copy")
    first, second = times.of(spot, 2)
    assert first == second  # both read as many payloads, but not the same ones
    assert times.drawn([spot])


def test_poisson_arrivals_are_drawn_though_a_slow_link_may_hide_them() -> None:
    arriving = {"producer.arrivals": "poisson", "producer.rate": "1 GHz", "workload.size": "32 KiB"}
    asked = Case(
        "example-link", "sequential", BOTH, pairs({"workload.length": "4 KiB", **arriving})
    )
    assert simulated().drawn([Spot(asked, "zero-copy")])


def test_the_probability_that_a_method_wins_is_that_of_the_range_in_which_it_does() -> None:
    """Z = 2 l, C = l + ENGINE, and l is drawn from 0.5 to 20 us by its logarithm.

    Zero-copy is best or level, less than 2 % behind, where 2 l < 1.02 (l + ENGINE).
    """
    whole = free_link(
        "header-payload",
        ("zero-copy", "copy-once"),
        workload__requests="5",
        workload__payload_probability="1",
    )
    settings = tuple(each for each in whole.settings if each[0] != "link.latency")
    asked = Case(whole.model, whole.workload, whole.methods, settings)
    count = Count(lambda *_: None)
    found = judge(
        [asked.scenario(method) for method in asked.methods],
        Pool(None, count.did),
        count,
        replications=2,
        draws=200,
    )
    exact = math.log(1.02 * ENGINE / 0.98 / 0.5e-6) / math.log(40)
    low, high = found.intervals["zero-copy"]
    assert low < exact < high
    assert high - low < 0.15
    assert (found.draws, found.replications) == (200, 2)
    assert found.best == "zero-copy"  # at 2 us
    assert found.lead == pytest.approx(4.5 / 4 - 1)
    assert count.done == count.total == 2 * 202


def test_what_is_asked_for_by_name_is_the_scenario_itself() -> None:
    """A store's key is of the run by names, its result that of the scenario."""
    settings = {
        "link.latency": "3 us",
        "model.dma.channels": "2",
        "workload.requests": "10",
        "method.block": "4 KiB",
        "producer.arrivals": "constant",
        "producer.rate": "1 MHz",
    }
    asked = Case("example-link", "sequential", ("copy-once",), pairs(settings), consumers=2)
    values = (("dma.start", "2 us"),)
    run = asked.run("copy-once", values, 7)
    assert run.scenario() == asked.scenario("copy-once", values, 7)
    behind = Case("pci-64-66", "random", ("hybrid",), memory="shared-memory-ddr4", shared=True)
    assert behind.run("hybrid").scenario() == behind.scenario("hybrid")
