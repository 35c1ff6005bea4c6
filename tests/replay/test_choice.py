"""Which engine serves."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from simaccess.cli import main
from simaccess.model import load_model
from simaccess.replay.choice import Choice
from simaccess.replay.shelf import Shelf
from simaccess.scenario import Scenario
from simaccess.workload.registry import workload


def test_simpy_serves_until_loading_the_compiler_would_have_paid(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(__import__("sys").modules, "simaccess.replay.fifo_link", raising=False)
    monkeypatch.delitem(__import__("sys").modules, "simaccess.replay.wan_link", raising=False)
    choice = Choice(pays=100)
    asked = [choice.replays("fifo-link", 40) for _ in range(4)]
    assert asked == [False, False, True, True]
    assert not choice.replays("wan-link", 40)  # it has code of its own
    assert Choice(pays=100).replays("fifo-link", 1000)


def test_on_a_memory_bus_lines_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(__import__("sys").modules, "simaccess.replay.memory_bus", raising=False)
    choice = Choice(pays=1000)
    assert not choice.replays("memory-bus", 100)
    choice.copied("memory-bus", 128 * 64)
    assert not choice.replays("memory-bus", 40)
    assert choice.replays("memory-bus", 10)
    choice.copied("fifo-link", 1 << 30)  # its copies are an event or two
    monkeypatch.delitem(__import__("sys").modules, "simaccess.replay.fifo_link", raising=False)
    assert not choice.replays("fifo-link", 900)


def test_a_shelf_keeps_records_of_what_differs_in_links_only() -> None:
    scenario = Scenario(
        load_model("example-link"), workload("random", {"requests": "50"}), "copy-once"
    )
    shelf = Shelf(room=1)
    record = shelf.record(scenario)
    other = load_model("example-link", {"link.latency": "1 ms"})
    assert shelf.record(replace(scenario, model=other)) is record
    assert replace(scenario, model=other) in shelf
    for changed in ({"seed": 1}, {"consumers": 2}, {"settings": {"slots": "2"}}):
        assert replace(scenario, **changed) not in shelf
    shelf.record(replace(scenario, seed=1))
    assert scenario not in shelf  # it had to make room


def test_compare_says_which_engine_served(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("numba")
    asked = ["compare", "--model", "example-link", "--workload", "header-only"]
    asked += ["--set", "workload.size=16 KiB", "--engine"]
    documents = []
    for engine in ("simpy", "replay"):
        main([*asked, engine, "--json"])
        documents.append(json.loads(capsys.readouterr().out))
    assert documents[0] == documents[1]
    main([*asked, "replay"])
    assert "4 simulations; engine: replay." in capsys.readouterr().out
