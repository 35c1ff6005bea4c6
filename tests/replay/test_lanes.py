"""Many links at once give what each gives alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simaccess.errors import InputError
from simaccess.model import Model, load_model
from simaccess.replay import engine, replayed
from simaccess.replay.engine import replay, replay_lanes
from simaccess.replay.fifo_figures import figures_along, figures_of
from simaccess.replay.histogram import BUCKETS, bucket, middles, percentiles
from simaccess.replay.numpy_lanes import is_uncontended, play
from simaccess.replay.shelf import record
from simaccess.scenario import Scenario
from simaccess.workload.registry import workload
from tests.replay.scenes import fifo_links, scenarios

pytest.importorskip("numba")


@settings(max_examples=60, deadline=None)
@given(scenarios(fifo_links()), st.lists(fifo_links(), min_size=1, max_size=4))
def test_each_lane_is_a_replay_of_its_own(scenario: Scenario, models: list[Model]) -> None:
    made = record(scenario, charged=True)
    figures = np.concatenate([figures_of(model.parameters) for model in models])  # type: ignore[arg-type]
    lanes = replay_lanes(made, figures, (50.0,))
    plain = replay_lanes(made, figures)
    for lane, model in enumerate(models):
        alone = replay(made, model.parameters)
        for name in ("time", "wait", "waits", "missed", "issue"):
            assert lanes.agents[name][lane].tolist() == alone.agents[name].tolist()
            assert plain.agents[name][lane].tolist() == alone.agents[name].tolist()
        assert lanes.use(lane) == alone.links["link"]
        assert lanes.elapsed[lane] == alone.agents["time"].max()
        latencies = np.concatenate(alone.latencies)
        exact = np.percentile(latencies, 50, method="lower")
        assert lanes.latencies is not None
        assert lanes.latencies[lane, 0] == pytest.approx(exact, rel=1 / 256)


@settings(max_examples=60, deadline=None)
@given(scenarios(fifo_links()), st.lists(fifo_links(), min_size=1, max_size=4))
def test_numpy_gives_the_same_where_nothing_is_contended(
    scenario: Scenario, models: list[Model]
) -> None:
    made = record(replace(scenario, consumers=1), charged=True)
    if not is_uncontended(made):
        return
    figures = np.concatenate([figures_of(model.parameters) for model in models])  # type: ignore[arg-type]
    compiled = replay_lanes(made, figures)
    agents, links = play(made, figures)
    for name in ("time", "wait", "waits", "missed", "issue"):
        assert agents[name].tolist() == compiled.agents[name].tolist()
    for name in ("free", "busy", "waited", "bytes"):
        assert links[name].tolist() == compiled.links[name].tolist()


def test_numpy_serves_without_numba(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (engine, replayed):
        monkeypatch.setattr(module, "have_compiler", lambda: False)
    model = load_model("example-link")
    scenario = Scenario(model, workload("sequential", {"size": "64 KiB"}), "copy-once")
    figures = figures_along(model.parameters, {"link.latency": [1e-6, 2e-6]})  # type: ignore[arg-type]
    lanes = replay_lanes(record(scenario), figures)
    assert lanes.elapsed[1] - lanes.elapsed[0] == 16 * 10**6  # 16 blocks: 16 copies
    contended = record(replace(scenario, consumers=2))
    with pytest.raises(InputError, match="numba"):
        replay_lanes(contended, figures)


@pytest.mark.parametrize(
    ("key", "values", "problem"),
    [
        ("link.speed", [1.0], "link.speed: no axis"),
        ("link.rate", [1e9, 0.0], "link.rate = 0.0: no such value"),
        ("dma.channels", [1, 1.5], "dma.channels = 1.5: no such value"),
        ("link.latency", [-1.0, 0.0], "link.latency = -1.0: no such value"),
    ],
)
def test_axes_are_checked(key: str, values: list[float], problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        figures_along(load_model("example-link").parameters, {key: values})  # type: ignore[arg-type]


def test_axes_of_different_lengths_are_refused() -> None:
    axes = {"link.rate": [1e9, 2e9], "link.latency": [1e-6]}
    with pytest.raises(InputError, match=r"link\.latency"):
        figures_along(load_model("example-link").parameters, axes)  # type: ignore[arg-type]


@given(st.integers(0, (1 << 62) - 1))
def test_a_bucket_is_near_its_latency(latency: int) -> None:
    place = bucket(latency)
    assert 0 <= place < BUCKETS
    assert middles()[place] == pytest.approx(latency, rel=1 / 256)


def test_percentiles_of_a_histogram() -> None:
    latencies = np.random.default_rng(3).lognormal(15, 2, 10_000).astype(np.int64)
    counts = np.bincount([bucket(int(each)) for each in latencies], minlength=BUCKETS)
    shares = (0.0, 50.0, 99.0, 100.0)
    found = percentiles(np.stack([counts, 0 * counts]), shares)
    assert found[0] == pytest.approx(np.percentile(latencies, shares, method="lower"), rel=1 / 256)
    assert np.isnan(found[1]).all()
