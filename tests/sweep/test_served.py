"""A sweep says which engine served, and why SimPy did."""

from __future__ import annotations

from pathlib import Path

import pytest

from simaccess.replay.compiled import have_compiler
from simaccess.sweep.experiment_file import load_experiment
from simaccess.sweep.runner import Runner
from simaccess.sweep.served import Served
from simaccess.sweep.store import Store, Stored
from simaccess.sweep.walk import walk

EXPERIMENT = """
question = "Which engine?"
methods = ["copy-once"]
engine = "{engine}"
[[models]]
model = "example-link"
[[models]]
model = "example-link"
label = "by a processor"
set = {{ "dma.mover" = "issuer" }}
[[workloads]]
workload = "random"
set = {{ requests = 40 }}
[axes]
consumers = [1, 2]
shared = [false, true]
"""


def swept(tmp_path: Path, engine: str, store: Store) -> Served:
    file = tmp_path / "which.toml"
    file.write_text(EXPERIMENT.format(engine=engine), encoding="utf-8")
    runner = Runner(store=store)
    walk(load_experiment(file), runner)
    return runner.served


def test_each_reason_is_told_of_what_was_simulated_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not have_compiler():
        pytest.skip("numba is not installed")
    monkeypatch.setattr("simaccess.simulate._CHOICE.replays", lambda *_: True)
    with Store() as store:
        served = swept(tmp_path, "auto", store)
        assert served.line() == (
            "3 by replay, 5 by SimPy: 4 since a processor makes the copies, and no engine;"
            " 1 since consumers share a shadow, so what each finds there depends on time"
        )
        assert swept(tmp_path, "auto", store).line() == "3 by replay, 5 by SimPy"


def test_one_engine_and_one_reason(tmp_path: Path) -> None:
    with Store() as store:
        assert swept(tmp_path, "simpy", store).line() == "all by SimPy: it was asked for"


def test_of_many_reasons_the_most_frequent_are_told() -> None:
    served = Served()
    for number in range(5):
        for _ in range(number + 1):
            served.saw(Stored("", "simpy", 1.0, why=f"of {number}"), fresh=True)
    said = "all by SimPy: 5 since of 4; 4 since of 3; 3 since of 2; 2 more reasons"
    assert served.line() == said
