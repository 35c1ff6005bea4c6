from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simaccess.errors import InputError
from simaccess.model import Model, load_model
from simaccess.quantities import parse_size
from simaccess.result import Result
from simaccess.scenario import Scenario
from simaccess.simulate import simulate
from simaccess.tune import (
    CAPACITY,
    DEPTHS,
    SIMULATIONS,
    axes,
    equipped,
    most,
    shown_settings,
    tune,
)
from simaccess.workload.registry import workload


@pytest.fixture(scope="module")
def model() -> Model:
    return load_model("example-link")


@pytest.fixture(scope="module")
def sequential(model: Model) -> Scenario:
    return Scenario(model, workload("sequential", {"size": "256 KiB"}), "prefetch")


def made_up(result: Result, peak: tuple[int, int]) -> Result:
    """Return a result whose throughput falls off from a block size and a depth in powers."""
    block = parse_size(result.settings["block"]).bit_length() // 2
    depth = int(result.settings["depth"]).bit_length()
    return replace(
        result, throughput_bytes_per_s=100.0 - abs(block - peak[0]) - abs(depth - peak[1])
    )


@settings(max_examples=20, deadline=None)
@given(st.integers(4, 8), st.integers(1, 6))
def test_a_single_peak_is_found_with_few_simulations(block: int, depth: int) -> None:
    scenario = Scenario(
        load_model("example-link"), workload("sequential", {"size": "256 KiB"}), "prefetch"
    )
    base = simulate(scenario)

    def run(asked: Scenario) -> Result:
        return made_up(replace(base, settings=asked.settings), (block, depth))

    found = tune(scenario, run=run)
    assert found.figure == 100
    assert found.settings["block"] == f"{4**block} B"
    assert int(found.settings["depth"]).bit_length() == depth
    assert len(found.tried) <= SIMULATIONS
    assert len({tuple(point.settings.items()) for point in found.tried}) == len(found.tried)


def test_the_search_beats_all_that_it_tried_and_stops_at_its_limit(sequential: Scenario) -> None:
    found = tune(sequential)
    assert found.figure == max(point.figure for point in found.tried)
    assert (
        simulate(replace(sequential, settings=found.settings)).throughput_bytes_per_s
        == found.figure
    )
    assert found == tune(sequential)
    few = tune(sequential, limit=2)
    assert len(few.tried) == 2
    assert few.figure == max(point.figure for point in few.tried)
    with pytest.raises(ValueError, match="at least 1"):
        tune(sequential, limit=0)


def test_latency_may_be_the_objective(model: Model) -> None:
    scenario = Scenario(model, workload("random", {"size": "1 MiB", "requests": 100}), "copy-once")
    found = tune(scenario, "latency")
    assert found.figure == min(point.figure for point in found.tried)
    assert found.figure == simulate(replace(scenario, settings=found.settings)).latency_s.p50


def test_every_method_that_has_a_shadow_has_the_same(model: Model) -> None:
    asked = workload("header-payload", {"requests": 20})
    for method in ("copy-once", "hybrid", "prefetch"):
        found = tune(Scenario(model, asked, method))
        assert parse_size(found.settings["shadow"]) == CAPACITY
    assert tune(Scenario(model, asked, "zero-copy")).settings == {}


def test_what_is_set_is_not_searched(sequential: Scenario) -> None:
    found = tune(replace(sequential, settings={"block": "1 KiB", "slots": "8"}))
    assert {point.settings["block"] for point in found.tried} == {"1 KiB"}
    assert "shadow" not in found.settings
    assert {point.settings["depth"] for point in found.tried} <= {str(depth) for depth in DEPTHS}


@pytest.mark.parametrize(
    ("given", "key", "least"),
    [({"shadow": "1 KiB"}, "block", "1024 B"), ({"initial": "16"}, "depth", "16")],
)
def test_a_search_begins_where_the_method_allows_it(
    sequential: Scenario, given: dict[str, str], key: str, least: str
) -> None:
    """A shadow of 1 KiB holds none of the block first tried, nor may 16 be more than the depth."""
    found = tune(replace(sequential, settings=given))
    assert found.tried[0].settings[key] == least
    for name, value in given.items():
        assert {point.settings[name] for point in found.tried} == {value}


def test_a_search_without_any_allowed_place_says_what_is_wrong(sequential: Scenario) -> None:
    with pytest.raises(InputError, match=r"method\.shadow = 100: smaller than a block"):
        tune(replace(sequential, settings={"shadow": "100 B"}))


def test_hybrid_starts_with_the_records_and_keeps_their_header() -> None:
    packets = workload("header-payload", {"header": "60 B"})
    (blocks,) = axes("hybrid", packets)
    assert (blocks.values[0], blocks.start) == ("own", 0)
    assert equipped("hybrid", packets)["threshold"] == "60 B"
    plain = workload("sequential")
    assert [axis.key for axis in axes("hybrid", plain)] == ["block"]
    assert "threshold" not in equipped("hybrid", plain)


@given(st.integers(1, 1 << 24))
def test_blocks_fit_the_segment_and_the_shadow(size: int) -> None:
    asked = workload("sequential", {"size": f"{size} B", "length": "1 B"})
    for axis in axes("prefetch", asked):
        assert 0 <= axis.start < len(axis.values)
        if axis.key == "block":
            sizes = [parse_size(value) for value in axis.values]
            assert sizes == sorted(sizes)
            assert max(sizes) <= min(size, CAPACITY)


def test_settings_are_shown_short(sequential: Scenario) -> None:
    chosen = {"block": "65536 B", "depth": "4", "shadow": "4 MiB"}
    assert shown_settings(simulate(replace(sequential, settings=chosen))) == "64 KiB x 4"
    assert shown_settings(simulate(replace(sequential, method="zero-copy"))) == "-"


def test_a_smaller_shadow_is_found_where_it_stays_in_the_cache() -> None:
    """Copies into a reused, cache-resident shadow write no memory."""
    bulk = workload("sequential", {"size": "1 MiB"})
    scenario = Scenario(load_model("shared-memory-ddr4"), bulk, "copy-once")
    found = tune(scenario)
    assert parse_size(found.settings["shadow"]) <= 256 << 10
    large = simulate(replace(scenario, settings={**found.settings, "shadow": "4 MiB"}))
    assert found.figure > 1.5 * large.throughput_bytes_per_s
    assert shown_settings(simulate(replace(scenario, settings=found.settings))).endswith("KiB")
    kept = replace(scenario, settings={"shadow": "1 MiB"})
    assert tune(kept).settings["shadow"] == "1 MiB"


def test_a_shadow_told_in_blocks_is_not_searched_in_a_cache_either() -> None:
    bulk = workload("sequential", {"size": "64 KiB"})
    scenario = Scenario(load_model("shared-memory-ddr4"), bulk, "copy-once", {"slots": "4"})
    found = tune(scenario)
    assert {key for point in found.tried for key in point.settings} == {"slots", "block"}


def test_the_search_goes_over_a_dip(model: Model) -> None:
    scenario = Scenario(model, workload("sequential", {"size": "4 MiB"}), "copy-once")
    base = simulate(scenario)
    figures = {"4096 B": 10.0, "16384 B": 9.0, "65536 B": 11.0, "262144 B": 8.0, "1048576 B": 7.0}

    def run(asked: Scenario) -> Result:
        figure = figures.get(asked.settings["block"], 1.0)
        return replace(base, settings=asked.settings, throughput_bytes_per_s=figure)

    assert tune(scenario, run=run).settings["block"] == "65536 B"


@pytest.mark.parametrize(
    ("method", "settings", "expected"),
    [
        ("zero-copy", {}, 1),
        ("copy-once", {}, 5),  # 256 B to 64 KiB
        ("prefetch", {}, 5 * len(DEPTHS)),
        ("prefetch", {"block": "4 KiB"}, len(DEPTHS)),
        ("prefetch", {"block": "4 KiB", "depth": "2"}, 1),
    ],
)
def test_what_a_search_takes_at_most_is_known(
    sequential: Scenario, method: str, settings: dict[str, str], expected: int
) -> None:
    scenario = replace(sequential, method=method, settings=settings)
    assert most(scenario) == expected
    assert most(scenario, 3) == min(3, expected)
    assert len(tune(scenario).tried) <= expected
