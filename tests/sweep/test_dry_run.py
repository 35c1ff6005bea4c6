"""A dry run knows what starting takes, and what replay saves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from simaccess.replay.choice import PAYS
from simaccess.replay.compiled import have_compiler
from simaccess.sweep import replay_ahead
from simaccess.sweep.dry_run import Plan, plan
from simaccess.sweep.estimate import Estimate
from simaccess.sweep.replay_ahead import Replay, Timed, on, replayed
from simaccess.sweep.task import ModelRef, Run, Search, WorkloadRef
from tests.sweep.small import AXES, BASE, loaded

WORK = WorkloadRef("random", (("requests", 500),))


def test_starting_is_counted_once_alone_and_twice_with_others() -> None:
    made = Plan(10, 0, False, 0, 5, 8.0, Replay(), 1.5)
    assert made.seconds(1) == 1.5 + 8.0
    assert made.seconds(2) == 2 * 1.5 + 4.0
    assert Plan(10, 0, False, 10, 5, 0.0, Replay(), 1.5).seconds(2) == 0


def test_a_plan_has_the_time_that_starting_took(tmp_path: Path) -> None:
    made = plan(loaded(tmp_path, BASE + AXES), None, 1.5)
    assert made.start_s == 1.5
    assert made.replay == Replay()  # a few points are not worth a trial
    assert made.seconds(1) > made.work_s


@pytest.mark.parametrize(("parallel", "share"), [(1, 0.9), (4, 0.6), (10, 0.0), (20, 0.0)])
def test_replay_saves_after_so_many_accesses_of_each_process(parallel: int, share: float) -> None:
    kind = replay_ahead._Kind(10 * PAYS, 100.0, 1.0)
    saved = Replay(0.0, {"fifo-link": kind}).saved_s(parallel)
    assert saved == pytest.approx(share * 99)
    loading = Replay(2.0, {"fifo-link": kind}).saved_s(parallel)
    assert loading == pytest.approx(max(0.0, saved - 2.0 * parallel))


def test_a_trial_replays_what_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    if not have_compiler():
        pytest.skip("numba is not installed")
    monkeypatch.setattr(replay_ahead, "WORTH_S", 0.0)
    estimate = Estimate()
    timed = []
    issuer = ModelRef("example-link", (("dma.mover", "issuer"),))
    for model, method in ((ModelRef("example-link"), "copy-once"), (issuer, "zero-copy")):
        run = Run(model, WORK, method)
        timed.append(Timed(method, run, 0.5, 1))
        estimate.expect(method, 100)
        estimate.did(method, 0.5)
    found = replayed(timed, estimate, 0.5)
    kind = found.kinds["fifo-link"]  # of the first: whose processor copies is not replayed
    assert kind.simpy_s == pytest.approx(25)
    assert kind.accesses == pytest.approx(50 * 500)
    assert 0 < kind.replay_s < 25
    asked = [Timed("copy-once", on(timed[0].task, "simpy"), 0.5, 1)]
    assert replayed(asked, estimate) == Replay()  # who asked for SimPy gets it


def test_accesses_in_shared_memory_count_more() -> None:
    task = Run(ModelRef("shared-memory-ddr4"), WORK, "zero-copy")
    assert replay_ahead._accesses(Timed("any", task, 0.5, 2)) == 2 * 5 * 500


def test_a_search_is_put_on_an_engine_too() -> None:
    run = Run(ModelRef("example-link"), WORK, "copy-once")
    there = replace(run, engine="replay")
    assert on(run, "replay") == there
    assert on(Search(run, "throughput"), "replay") == Search(there, "throughput")
    assert on(on(run, "simpy"), "replay") == on(run, "simpy")
