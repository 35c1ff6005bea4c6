import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from rich.console import Console, RenderableType

from simaccess import present
from simaccess.errors import InputError
from simaccess.pool import WorkerDied, local_workers, processes
from simaccess.quantities import parse_size
from simaccess.statistics.seeds import replication_seeds
from simaccess.sweep.answer import answer
from simaccess.sweep.experiment import Experiment
from simaccess.sweep.files import write
from simaccess.sweep.outcome import Outcome
from simaccess.sweep.runner import Runner
from simaccess.sweep.store import NAME, Store
from simaccess.sweep.table import WIDTH, as_text, table, verdict_shown
from simaccess.sweep.task import ModelRef, WorkloadRef, is_drawn
from simaccess.sweep.uncertainty import FAR
from simaccess.verdict import verdict


@pytest.fixture(scope="module")
def runner() -> Runner:
    return Runner()


@pytest.fixture(scope="module")
def outcome(small: Experiment, runner: Runner) -> Outcome:
    return answer(small, runner)


def test_engines_and_searches_add_up_to_all_simulations(outcome: Outcome, runner: Runner) -> None:
    served = runner.served
    assert served.searched + sum(served.engines.values()) == outcome.simulations
    assert served.line().startswith(f"{served.searched} in searches; ")


def test_results_do_not_depend_on_the_number_of_jobs(small: Experiment, outcome: Outcome) -> None:
    with local_workers(2, preload="simaccess.sweep.task") as workers:
        shared = answer(small, Runner(workers, width=lambda: 2))
    assert json.dumps(shared.to_dict()) == json.dumps(outcome.to_dict())


def test_every_cell_has_all_its_replications_and_draws(outcome: Outcome) -> None:
    steady, filtering = outcome.cells
    assert not steady.seeded
    assert filtering.seeded
    assert {len(each) for each in steady.replications.values()} == {1}
    assert {len(each) for each in filtering.replications.values()} == {3}
    assert {len(each) for cell in outcome.cells for each in cell.draws.values()} <= {0, 2}
    assert all(cell.draws[cell.verdicts["throughput"].best] for cell in outcome.cells)
    assert [result.seed for result in filtering.replications["hybrid"]] == replication_seeds(0, 3)
    for cell in outcome.cells:
        for method, tuning in cell.tunings.items():
            assert cell.replications[method][0].throughput_bytes_per_s == tuning.figure
            assert cell.replications[method][0].settings == tuning.settings
    frame = outcome.frame()
    drawn = sum(len(each) for cell in outcome.cells for each in cell.draws.values())
    assert len(frame) == 4 * 1 + 4 * 3 + drawn
    tried = sum(len(tuning.tried) for cell in outcome.cells for tuning in cell.tunings.values())
    points = sum(len(panel.points) for panel in outcome.panels)
    assert outcome.simulations == tried + len(frame) + 3 * points


def test_only_methods_far_behind_in_all_respects_are_left_out(outcome: Outcome) -> None:
    for cell in outcome.cells:
        rates = {method: cell.mean(method, "throughput") for method in cell.replications}
        times = {method: cell.mean(method, "latency") for method in cell.replications}
        for method, draws in cell.draws.items():
            far = max(rates.values()) >= FAR * rates[method]
            assert bool(draws) != (far and times[method] >= FAR * min(times.values()))


def test_draws_differ_between_models_and_agree_between_methods(outcome: Outcome) -> None:
    cell = outcome.cells[0]
    by_draw = [{cell.draws[method][draw].model for method in cell.draws} for draw in range(2)]
    assert all(len(models) == 1 for models in by_draw)
    first, second = cell.draws["copy-once"]
    assert first.elapsed_s != second.elapsed_s
    assert first.elapsed_s != cell.replications["copy-once"][0].elapsed_s


def test_progress_counts_one_by_one_to_a_total_that_never_shrinks(small: Experiment) -> None:
    seen: list[tuple[int, int]] = []
    answer(small, Runner(watch=lambda state: seen.append((state.done, state.total))))
    assert sorted(seen) == seen
    assert [total for _, total in seen] == sorted(total for _, total in seen)
    assert {done for done, _ in seen} == set(range(seen[-1][1] + 1))


def test_progress_counts_a_search_as_its_simulations(small: Experiment, outcome: Outcome) -> None:
    seen: list[int] = []
    answer(small, Runner(watch=lambda state: seen.append(state.total)))
    # Beside all simulations: what measures conditions, and the draws that are left out.
    cells = len(outcome.cells)
    left_out = sum(
        small.draws - len(each) for cell in outcome.cells for each in cell.draws.values()
    )
    assert small.figure is not None
    measured = cells + len(outcome.panels) * (1 + len(small.figure.ratios))
    assert seen[-1] == outcome.simulations + measured + left_out


@pytest.mark.parametrize("columns", [80, WIDTH])
def test_the_text_has_every_cell_and_fits(columns: int, outcome: Outcome) -> None:
    text = as_text(outcome, columns)
    lines = text.splitlines()
    assert max(map(len, lines)) <= columns
    assert lines == [line.rstrip() for line in lines]
    # No cell is split over lines.
    for label in ("throughput", "latency p50", "latency p99", "block x depth", "shadow"):
        rows = [line for line in lines if line.startswith(f"  {label} ")]
        assert len(rows) == len(outcome.cells)
        expected = 4 if label in {"block x depth", "shadow"} else 8
        assert all(len(_words(row[15:])) == expected for row in rows), rows
    for cell in outcome.cells:
        forms = "".join(f" +{present.seconds(time)}" for time in cell.conditions.times().values())
        assert re.search(rf"{forms}$", text, re.MULTILINE)
        for method in ("copy-once", "hybrid"):
            result = cell.replications[method][0]
            if "block" not in result.settings:  # its records
                assert method not in cell.conditions.copies
                continue
            shown = (parse_size(result.settings["block"]), cell.conditions.copies[method])
            copied = rf"{present.size(shown[0])} +{present.seconds(shown[1])} "
            assert re.search(copied, text), copied
    for said in (
        "a link",
        "sequential",
        "filtering",
        "throughput",
        "n_h",
        "T'",
        "seeds",
        "Too close",
    ):
        assert said in text
    assert "…" not in text
    for cell in outcome.cells:
        assert cell.verdicts["throughput"].best in text


def _words(row: str) -> list[str]:
    """Return a row's words; blocks and depths, such as ``16 KiB x 8``, as one a cell."""
    return re.sub(r"(\d+) ([KM]?i?B\b)(?!/)(?: x (\d+))?", r"\1\2x\3", row).split()


@pytest.mark.parametrize(
    ("figures", "draws", "said"),
    [
        # In the unit of the headline.
        (
            {"a": [2.4, 2.6], "b": [1.0, 1.0]},
            [],
            "a: 2.5 times that of b (95 %: 1.229 to 3.771 times, 2 seeds)",
        ),
        (
            {"a": [1.49, 1.51], "b": [1.0, 1.0]},
            [],
            "a: 50.0 % over b (95 %: 37.3 to 62.7 %, 2 seeds)",
        ),
        ({"a": [1.5, 1.5], "b": [1.0, 1.0]}, [], "a: 50.0 % over b (nothing is drawn)"),
        ({"a": [1.5], "b": [1.0]}, [], "a: 50.0 % over b (nothing is drawn)"),
        # A lead of less than 2 % is none.
        (
            {"a": [1.5], "b": [1.0]},
            [{"a": 1.0, "b": 1.01}, {"a": 1.0, "b": 1.0}],
            "a: 50.0 % over b (nothing is drawn), best or level in 100 % of 2 draws",
        ),
        # Who is best in most draws has a name.
        (
            {"a": [1.5], "b": [1.0]},
            [{"a": 1.0, "b": 1.03}, {"a": 1.0, "b": 2.0}, {"a": 2.0, "b": 1.0}],
            (
                "too close to call (parameters): a, b; a 50.0 % over b (nothing is drawn), "
                "best or level in 33 % of 3 draws (b: 67 %)"
            ),
        ),
    ],
)
def test_a_verdict_in_a_line(
    figures: dict[str, list[float]], draws: list[dict[str, float]], said: str
) -> None:
    assert verdict_shown(verdict(figures, draws=draws), seeded=False) == said


def test_the_legend_tells_of_what_is_there(outcome: Outcome) -> None:
    def shown(answer: RenderableType, **settings: object) -> str:
        console = Console(file=io.StringIO(), width=WIDTH, **settings)  # type: ignore[arg-type]
        with console.capture() as capture:
            console.print(answer)
        return " ".join(capture.get().split())

    plain = " ".join(as_text(outcome).split())
    assert "Bold" not in plain
    assert " Draws: models drawn " in plain
    styled = shown(table(outcome), force_terminal=True, color_system="standard")
    assert "Bold: best mean." in styled
    cells = tuple(replace(cell, draws=dict.fromkeys(cell.draws, ())) for cell in outcome.cells)
    assert "Draws:" not in as_text(replace(outcome, cells=cells))


def test_files_appear_whole_and_are_replaced(outcome: Outcome, tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "results"

    def draw(path: Path) -> None:
        path.write_text("drawn")

    written = write(outcome, folder, draw)
    assert sorted(path.name for path in written) == sorted(path.name for path in folder.iterdir())
    assert json.loads((folder / "results.json").read_text())["question"] == outcome.question
    before = (folder / "results.csv").read_bytes()
    assert before.count(b"\n") == 1 + len(outcome.frame())
    write(outcome, folder)
    assert (folder / "results.csv").read_bytes() == before


def test_nothing_half_written_stays(outcome: Outcome, tmp_path: Path) -> None:
    def fails(path: Path) -> None:
        path.write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(InputError, match="No space left"):
        write(outcome, tmp_path, fails)
    assert list(tmp_path.iterdir()) == []


def test_a_target_that_is_a_folder_leaves_the_others_as_they_were(
    outcome: Outcome, tmp_path: Path
) -> None:
    (tmp_path / "table.txt").mkdir()
    (tmp_path / "results.csv").write_text("before")
    with pytest.raises(InputError, match=r"table\.txt is a folder"):
        write(outcome, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["results.csv", "table.txt"]
    assert (tmp_path / "results.csv").read_text() == "before"


@pytest.mark.parametrize("jobs", [0, -1])
def test_there_is_a_process_at_least(jobs: int) -> None:
    with (
        pytest.raises(InputError, match=r"jobs = .*1 or more"),
        local_workers(jobs, preload="simaccess.sweep.task"),
    ):
        pass


@dataclass(frozen=True)
class Dies:
    """A task that ends its process as an out-of-memory killer would."""

    def __call__(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True)
class Refuses:
    """A task that refuses its input."""

    def __call__(self) -> None:
        raise InputError("not good", key="some.key", value=3, allowed="4")


def test_a_task_that_ends_its_workers_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    with pytest.raises(WorkerDied), processes(2, preload="simaccess.sweep.task") as pool:
        pool.run([Dies()] * 4)


def test_a_workers_refusal_keeps_its_parts() -> None:
    with pytest.raises(InputError) as raised, processes(2, preload="simaccess.sweep.task") as pool:
        pool.run([Refuses()] * 4)
    assert str(raised.value) == "some.key = 3: not good; allowed: 4"


def _results(path: Path) -> int:
    """Return how many results a sweep has stored so far."""
    try:
        with Store(path, reading=True) as store:
            return len(store)
    except InputError:  # not there yet
        return 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code", "word"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")],
)
@pytest.mark.parametrize("group", [True, False], ids=["group", "process"])
def test_an_interrupt_ends_cleanly(  # noqa: PLR0917  # pytest names them
    number: signal.Signals, code: int, word: str, group: bool, small_file: Path, tmp_path: Path
) -> None:
    text = small_file.read_text(encoding="utf-8").replace("draws = 2", "draws = 20000")
    file = tmp_path / "long.toml"
    file.write_text(text, encoding="utf-8")
    out = tmp_path / "out"
    command = [
        sys.executable,
        "-m",
        "simaccess",
        "sweep",
        str(file),
        "--out",
        str(out),
        "--jobs",
        "2",
    ]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    end = time.monotonic() + 60
    while not _results(out / NAME) and time.monotonic() < end:
        time.sleep(0.02)
    assert process.poll() is None
    (os.killpg if group else os.kill)(process.pid, number)
    said, failed = process.communicate(timeout=60)
    assert process.returncode == code
    assert said == ""
    kept = f"{_results(out / NAME):,} results are in {out / NAME}"
    assert failed == f"simaccess: {word}; {kept}, and the same command goes on from there\n"
    assert [path.name for path in out.iterdir()] == [NAME]
    # Whoever served the workers sees that they are gone, and goes too.
    for _ in range(600):
        time.sleep(0.1)
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            break
    else:
        pytest.fail("a process stayed behind")


def test_what_is_drawn_is_known_without_a_simulation() -> None:
    link = ModelRef("example-link")
    steady = WorkloadRef("sequential", (("size", "64 KiB"),))
    assert not is_drawn(link, steady, range(2))
    assert is_drawn(link, WorkloadRef("random", (("requests", 10),)), range(2))
    writes = WorkloadRef("sequential", (("size", "64 KiB"), ("writes", 0.5)))
    assert is_drawn(link, writes, range(2))
