"""The two engines give the same bits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings

from simaccess.compare import final
from simaccess.compare import scenarios as compared
from simaccess.model import model_names
from simaccess.replay.allowed import can_replay
from simaccess.scenario import Scenario
from simaccess.simulate import simulate
from tests.replay.scenes import fifo_links, memory_buses, pci_buses, scenarios, wan_links

pytest.importorskip("numba")

WORKLOADS: Mapping[str, Mapping[str, str]] = {
    "sequential": {"workload.size": "64 KiB"},
    "strided": {"workload.size": "256 KiB"},
    "skip": {"workload.size": "256 KiB"},
    "random": {"workload.requests": "500", "workload.writes": "0.2"},
    "zipf": {"workload.requests": "500"},
    "header-only": {"workload.size": "64 KiB"},
    "header-payload": {"workload.size": "64 KiB", "workload.work_per_byte": "1 ns"},
    "filter": {},
}


def require_agreement(scenario: Scenario) -> None:
    """Compare all figures of a result: times, counters, percentiles, and use of stations."""
    simulated = simulate(replace(scenario, engine="simpy"))
    replayed = simulate(replace(scenario, engine="replay"))
    assert (simulated.engine, replayed.engine) == ("simpy", "replay")
    assert simulated == replayed


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(scenarios(fifo_links()))
def test_random_scenarios_with_ties(scenario: Scenario) -> None:
    require_agreement(scenario)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(scenarios(pci_buses()))
def test_random_scenarios_on_a_shared_bus(scenario: Scenario) -> None:
    require_agreement(scenario)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(scenarios(wan_links()))
def test_random_scenarios_over_tcp(scenario: Scenario) -> None:
    require_agreement(scenario)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(scenarios(memory_buses()))
def test_random_scenarios_in_shared_memory(scenario: Scenario) -> None:
    require_agreement(scenario)


@pytest.mark.parametrize("method", ["zero-copy", "copy-once"])
def test_more_cores_than_a_word_has_bits(method: str) -> None:
    # Few lines, so that most sectors are held by many cores, and written by some of them.
    asked = {"workload.requests": "2000", "workload.size": "64 KiB", "workload.writes": "0.2"}
    (scenario,) = compared("shared-memory-ddr4", "random", [method], settings=asked)
    require_agreement(replace(scenario, consumers=200))


def test_others_are_drawn_as_they_are_needed() -> None:
    asked = {"workload.requests": "200", "background.rate": "20 GB/s", "workload.writes": "0.5"}
    for method in ("zero-copy", "copy-once"):
        (scenario,) = compared("shared-memory-ddr3", "random", [method], settings=asked)
        require_agreement(replace(scenario, consumers=3))


@pytest.mark.parametrize("workload", WORKLOADS)
@pytest.mark.parametrize("model", model_names())
def test_what_ships(model: str, workload: str) -> None:
    for consumers in (1, 3):
        for scenario in compared(
            model, workload, settings=WORKLOADS[workload], consumers=consumers
        ):
            if can_replay(scenario) is None:
                require_agreement(final(scenario))
