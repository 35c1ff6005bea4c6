"""A sweep goes through its points as often as is asked for, and on drawn models."""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd
import pytest

from simaccess.compare import compare
from simaccess.model import load_model
from simaccess.statistics.seeds import replication_seeds
from simaccess.statistics.stopping import relative_half_width
from simaccess.sweep.answer import answer
from simaccess.sweep.judged import verdicts
from simaccess.sweep.runner import Runner
from simaccess.sweep.store import Store
from simaccess.sweep.tabulate import frame
from simaccess.sweep.walk import rule_of
from tests.sweep.small import BASE, loaded, walked


def test_replications_go_on_where_seeds_matter(tmp_path: Path, store: Store) -> None:
    text = "seeds = 4\nseed = 10\n" + BASE
    axes = '[axes]\nmodel.link.latency = ["1 us"]\n'
    done = walked(loaded(tmp_path, text + axes), store)
    seeds = frame(store).groupby(["workload", "method"])["seed"].agg(list)
    assert seeds["random", "copy-once"] == replication_seeds(10, 4)
    assert seeds["sequential", "copy-once"] == replication_seeds(10, 2)  # the second gives the same
    assert done.points == sum(map(len, seeds))


def test_replications_go_on_until_every_interval_of_a_cell_is_narrow(
    tmp_path: Path, store: Store
) -> None:
    text = "interval = 0.02\nmost_seeds = 200\n" + BASE.replace("requests = 60", "requests = 30")
    axes = '[axes]\nmodel.link.latency = ["1 us"]\nworkload.length = ["64 B", "1 KiB"]\n'
    experiment = loaded(tmp_path, text.replace("1 MiB", "64 KiB") + axes)
    walked(experiment, store)
    rows = frame(store)
    rule, order = rule_of(experiment), replication_seeds(0, 200)
    assert rule is not None
    counts = []
    for _, cell in rows[rows["workload"] == "random"].groupby("workload.length"):
        made = [
            [each.set_index("seed")["throughput_bytes_per_s"][seed] for seed in order[: len(each)]]
            for _, each in cell.groupby("method")
        ]
        (count,) = {len(each) for each in made}  # as many of each method: they are pairs
        seen = rule.after(0, math.inf)
        while seen < count:
            seen = rule.after(seen, max(relative_half_width(each[:seen]) for each in made))
        assert seen == count
        assert max(map(relative_half_width, made)) <= 0.02
        counts.append(count)
    assert max(counts) > rule.first
    assert set(
        rows[rows["workload"] == "sequential"].groupby(["workload.length", "method"]).size()
    ) == {2}


def test_a_table_is_replicated_as_the_places_of_a_sweep_are(tmp_path: Path, store: Store) -> None:
    text = "interval = 0.02\nmost_seeds = 200\n" + BASE.replace("requests = 60", "requests = 30")
    text = text.replace("1 MiB", "64 KiB")
    walked(loaded(tmp_path, text + "[axes]\nconsumers = [1]\n"), store)
    swept = frame(store).groupby(["workload", "method"]).size()
    experiment = loaded(tmp_path, text)
    rule = rule_of(experiment)
    assert rule is not None
    with Store() as other:
        table = answer(experiment, Runner(store=other))
        noted = frame(other).groupby(["workload", "method"]).size()
    for cell in table.cells:
        for method, made in cell.replications.items():
            assert len(made) == noted[cell.workload, method]
            # Whether anything is drawn is seen before there, and after two replications here.
            assert len(made) == (swept[cell.workload, method] if cell.seeded else 1)
    assert max(swept) > rule.first


def test_models_are_drawn_in_every_cell_but_for_what_is_far_behind(
    tmp_path: Path, store: Store
) -> None:
    text = "draws = 5\nseeds = 2\nseed = 3\n" + BASE.partition('[[workloads]]\nworkload = "seq')[0]
    text = text.replace("1 MiB", "64 MiB")
    axes = '[axes]\nmodel.link.latency = ["100 ns", "10 us"]\nmethod.block = ["4 KiB", "64 KiB"]\n'
    done = walked(loaded(tmp_path, text + axes), store)
    rows = frame(store)
    assert (done.points, done.failed) == (len(rows), [])
    assert set(rows["draw"]) == {-1, 0, 1, 2, 3, 4}
    assert set(rows[rows["draw"] >= 0]["seed"]) == {3}
    model = load_model("example-link").with_values({"link.latency": "10 us"})
    (alone,) = compare(
        list(model.draws(5, 3))[4],
        "random",
        ["copy-once"],
        settings={"workload.requests": 60, "workload.size": "64 MiB", "method.block": "4 KiB"},
        seed=3,
    )
    here = rows[(rows["draw"] == 4) & (rows["method"] == "copy-once")]
    here = here[(here["model.link.latency"] == 1e-5) & (here["method.block"] == 4096)]
    assert here["elapsed_s"].to_list() == [alone.elapsed_s]
    # Bulk copies of 64 KiB for reads of a few bytes are more than ten times behind.
    far = rows[(rows["model.link.latency"] == 1e-7) & (rows["method.block"] == 65536)]
    assert set(far[far["draw"] >= 0]["method"]) == {"zero-copy"}
    judged = verdicts(store)
    assert judged["best"].to_list() == [True, False, False] * 2
    for row in judged.to_dict("records"):
        # Zero-copy has no blocks, and its points along them are alike.
        block = 4096 if row["method"] == "zero-copy" else row["method.block"]
        assert (row["method"] == "zero-copy") == pd.isna(row["method.block"])
        mine = rows[(rows["method"] == row["method"]) & (rows["method.block"] == block)]
        mine = mine[mine["model.link.latency"] == row["model.link.latency"]]
        stands = mine[mine["draw"] < 0]["throughput_bytes_per_s"]
        assert row["mean"] == pytest.approx(stands.mean())
        assert (row["draws"], row["replications"]) == (5, 2)
        assert row["probability_low"] <= row["probability"] <= row["probability_high"]
        assert row["probability"] == 0 or len(mine[mine["draw"] >= 0]) == 5


def test_verdicts_of_a_table_are_those_of_its_answer(tmp_path: Path, store: Store) -> None:
    experiment = loaded(tmp_path, "draws = 6\nseeds = 3\n" + BASE)
    outcome = answer(experiment, Runner(store=store))
    found = verdicts(store)
    for cell in outcome.cells:
        verdict = cell.verdicts["throughput"]
        rows = found[found["workload"] == cell.workload]
        assert rows["method"].to_list() == [verdict.best, *(each.method for each in verdict.rivals)]
        assert rows["behind"].to_list()[1:] == [each.lead for each in verdict.rivals]
        assert rows["behind_low"].to_list()[1:] == pytest.approx(
            [math.nan if each.interval is None else each.interval[0] for each in verdict.rivals],
            nan_ok=True,
        )
        assert dict(zip(rows["method"], rows["probability"], strict=True)) == verdict.shares
