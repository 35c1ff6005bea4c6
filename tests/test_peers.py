"""The works of docs/performance.md mean the same in every simulator, and their figures are kept."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from simulators.child import Child, SimulatorError
from simulators.page import ratios
from simulators.race import Field, race
from simulators.registry import REFERENCE, Simulator, by_key, ours, peers
from simulators.simpy_model import arithmetic, resources
from simulators.state import State
from simulators.works import WORKS, Bus, Engines, Work, shrunk

ROOT = Path(__file__).parents[1]
SMALL: list[Work] = [Bus(1, 40), Bus(8, 10), Engines(8, 5), Engines(3, 4)]


def final_time(work: Work) -> int:
    """Return when a work ends whose station is never idle between the first access and the last."""
    accesses = work.clients * work.accesses
    if isinstance(work, Bus):
        return accesses * work.service
    return work.start + accesses * work.service + work.local


@pytest.mark.parametrize(
    "simulator", [pytest.param(each, id=each.key) for each in ours() + peers()]
)
def test_a_simulator_does_the_works(simulator: Simulator) -> None:
    lack = simulator.missing()
    if lack is not None:
        pytest.skip(lack)
    with Child(simulator) as child:
        for work in SMALL:
            if simulator.reason(work) is not None:
                continue
            answer = child.run(work)
            expected = resources(work)
            count, total = expected.latencies()
            assert answer["end"] == expected.end
            assert answer["count"] == count == work.clients * work.accesses
            assert answer["total"] == pytest.approx(total, rel=1e-12)
            assert answer["seconds"] > 0


@pytest.mark.parametrize("work", SMALL[:3], ids=["one reader", "FIFO bus", "engines"])
def test_plain_simpy_ends_when_the_closed_form_says(work: Work) -> None:
    assert resources(work).end == arithmetic(work).end == final_time(work)


def test_a_model_that_does_something_else_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Child.run

    def later(self: Child, work: Work, repeats: int = 1) -> dict[str, Any]:
        answer = run(self, work, repeats)
        if self.simulator.key == "simpy-arithmetic":
            answer["total"] += 1
        return answer

    monkeypatch.setattr(Child, "run", later)
    field = Field([by_key(REFERENCE), by_key("simpy-arithmetic")])
    state = State(tmp_path / "state.json", "")
    try:
        with pytest.raises(SystemExit, match=r"bus: SimPy, busy-until arithmetic, ends at"):
            race("bus", Bus(2, 20), field, rounds=1, state=state, report=lambda _: None)
    finally:
        field.close()
    assert state.steps == {}


def test_a_simulator_that_fails_is_left_out_and_the_others_race(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Child.run

    def fail(self: Child, work: Work, repeats: int = 1) -> dict[str, Any]:
        if self.simulator.key == "simpy-arithmetic":
            raise SimulatorError("out of luck")
        return run(self, work, repeats)

    monkeypatch.setattr(Child, "run", fail)
    field = Field([by_key(REFERENCE), by_key("simpy-arithmetic"), *ours()])
    state = State(tmp_path / "state.json", "")
    try:
        race("bus", Bus(2, 20), field, rounds=2, state=state, report=lambda _: None)
    finally:
        field.close()
    assert state.steps["bus: first"]["simpy-arithmetic"] == {"failed": "out of luck"}
    assert len(ratios(state.steps, "bus", ours()[0].key)) == 2


def test_a_process_that_dies_says_why() -> None:
    with Child(by_key(REFERENCE)) as child, pytest.raises(SimulatorError, match="TypeError"):
        child.run(Bus(2, "many"))  # type: ignore[arg-type]


def command(folder: Path, *more: str) -> list[str]:
    files = ["--state", str(folder / "state.json"), "--page", str(folder / "page.md"), "--write"]
    sizes = ["--accesses", "20", "--rounds", "2", "--most", "1000", "--only", "simaccess-simpy"]
    return [sys.executable, str(ROOT / "bench" / "peers.py"), *files, *sizes, *more]


@pytest.mark.slow
def test_a_run_that_was_killed_goes_on_and_writes_the_page(tmp_path: Path) -> None:
    with subprocess.Popen(command(tmp_path), stderr=subprocess.PIPE, text=True) as killed:
        assert killed.stderr is not None
        for line in killed.stderr:
            if line.startswith("[1/"):
                break
        killed.kill()
    first = "one reader without contention: round 0"
    kept = json.loads((tmp_path / "state.json").read_text(encoding="utf-8"))["steps"][first]
    done = subprocess.run(
        command(tmp_path), capture_output=True, text=True, timeout=300, check=True
    )
    assert "going on with the run of" in done.stderr
    steps = json.loads((tmp_path / "state.json").read_text(encoding="utf-8"))["steps"]
    assert steps[first] == kept
    page = (tmp_path / "page.md").read_text(encoding="utf-8")
    for name in WORKS:
        assert name in page
        assert len(ratios(steps, name, "simaccess-simpy")) == 2
    assert "These are not the sizes of the standard run" in " ".join(page.split())
    assert "| 1,000 |" in page
    assert "times as fast as plain SimPy" in done.stdout


def test_an_unknown_simulator_is_refused_in_one_line(tmp_path: Path) -> None:
    done = subprocess.run(
        command(tmp_path, "--only", "arena"),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("bench/peers.py: --only arena: allowed: simaccess-simpy, ")


def test_works_shrink() -> None:
    assert shrunk(Engines(8, 4_000), 10) == Engines(8, 10)
