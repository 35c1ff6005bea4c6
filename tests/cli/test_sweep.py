"""The commands ``sweep`` and ``results``, as their users see them."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from simaccess import cli
from simaccess.sweep.store import NAME

SWEEP = """
question = "Which is best where?"
methods = ["zero-copy", "hybrid"]
[[models]]
model = "example-link"
[[workloads]]
workload = "random"
set = { requests = 50 }
[axes]
model.link.latency = { low = "1 us", high = "1 ms", points = 4, scale = "log" }
method.threshold = ["0 B", "54 B"]
"""
FIGURES = """
[[figures]]
x = "model.link.latency"
at = { method.threshold = "54 B" }
[[figures]]
kind = "regimes"
x = "model.link.latency"
y = "method.threshold"
"""

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """Run the command in a folder with an experiment; return exit code, output and errors."""
    monkeypatch.chdir(tmp_path)
    Path("sweep.toml").write_text(SWEEP, encoding="utf-8")

    def ran(*arguments: str) -> tuple[int, str, str]:
        code = cli.main(arguments)
        return code, *capsys.readouterr()

    return ran


def test_a_sweep_is_stored_summarised_and_exported(command: Command) -> None:
    Path("sweep.toml").write_text(SWEEP + FIGURES, encoding="utf-8")
    code, out, err = command("sweep", "sweep.toml", "--jobs", "1", "--out", "r")
    assert (code, err) == (0, "")
    assert out.splitlines()[:2] == ["Which is best where?", "16 points, 12 simulated now"]
    assert re.search(r"example-link, random +4 +\d+ % +\d+ %", out)
    assert "wrote r/figure-1.png\nwrote r/figure-2.png\n" in out
    assert sorted(path.name for path in Path("r").iterdir()) == [
        "figure-1.png",
        "figure-2.png",
        NAME,
    ]
    again = command("sweep", "sweep.toml", "--jobs", "1", "--out", "r")
    assert out.splitlines()[2].startswith("all by ")
    without = re.sub("^(all by [^:\n]*).*", r"\1", out, flags=re.MULTILINE)
    assert again == (0, without.replace("12 simulated now", "0 simulated now"), "")

    code, table, err = command("results", "r")
    assert (code, err) == (0, "")
    heading, *rows = table.splitlines()
    assert heading.startswith("model,workload,model.link.latency,method.threshold,method,seed,")
    assert len(rows) == 16
    for name in ("a.csv", "a.json", "a.parquet", "a.nc"):
        assert command("results", "r", "--out", name) == (0, f"wrote {name}\n", "")
    assert Path("a.csv").read_text(encoding="utf-8") == table
    _, said, _ = command("results", "r", "--units")
    columns = dict(line.split(",") for line in said.splitlines())
    assert list(columns) == ["column", *heading.split(",")]
    units = {"model.link.latency": "s", "method": "", "latency_s.p50": "s", "loads": "1"}
    assert units.items() <= columns.items()
    _, said, _ = command("results", "r", "--units", "--verdicts")
    assert {"mean,B/s", "behind,1", "close,"} <= set(said.splitlines())
    assert command("results", "r", "--units", "--out", "a.csv")[0] == 2
    _, text, _ = command("results", "r/" + NAME, "--format", "json")
    assert text == Path("a.json").read_text(encoding="utf-8")


def test_a_store_without_tables_is_told(command: Command) -> None:
    Path(NAME).touch()
    code, out, err = command("results", NAME)
    assert (code, out) == (2, "")
    assert f"{NAME}: holds no results yet; 'simaccess sweep --out' writes them" in err
    assert command("sweep", "sweep.toml", "--jobs", "1", "--dry-run", "--out", ".")[0] == 0
    assert command("sweep", "sweep.toml", "--jobs", "1", "--out", ".")[0] == 0


def test_verdicts_show_a_method_no_parameter_that_it_lacks(command: Command) -> None:
    assert command("sweep", "sweep.toml", "--jobs", "1", "--out", "r")[0] == 0
    text = command("results", "r", "--verdicts")[1].splitlines()
    names = text[0].split(",")
    rows = [dict(zip(names, line.split(","), strict=True)) for line in text[1:]]
    shown = {row["method"]: row["method.threshold"] for row in rows}
    assert shown["zero-copy"] == ""
    assert shown["hybrid"] in {"0", "54"}
    document = json.loads(command("results", "r", "--verdicts", "--format", "json")[1])
    for row in document["results"]:
        assert row["method.threshold"] in ([None] if row["method"] == "zero-copy" else [0, 54])


def test_json_has_the_summary_and_the_failures(command: Command) -> None:
    text = SWEEP.replace('"54 B"', '"54 B"]\nmethod.slots = [4]\nmethod.shadow = ["1 MiB"')
    Path("sweep.toml").write_text(text, encoding="utf-8")
    code, out, err = command("sweep", "sweep.toml", "--jobs", "1", "--json")
    assert code == 2
    assert "method.shadow" in err  # the first cell tells already
    Path("sweep.toml").write_text(
        SWEEP.replace("random", "sequential")
        .replace("requests = 50", 'size = "4 KiB"')
        .replace("method.threshold =", 'workload.length = ["64 B", "8 KiB"]\nmethod.threshold ='),
        encoding="utf-8",
    )
    code, out, err = command("sweep", "sweep.toml", "--jobs", "1", "--json")
    document = json.loads(out)
    assert code == 1
    assert (document["points"], len(document["failed"])) == (16, 16)
    assert err.startswith("simaccess: error: 16 of 32 points failed, among them ")
    assert err.endswith("more than the segment has (workload.size); allowed: at most 4096 bytes\n")


def test_a_dry_run_counts_and_times_and_writes_nothing(command: Command) -> None:
    code, out, err = command("sweep", "sweep.toml", "--dry-run", "--jobs", "2", "--out", "r")
    assert (code, err) == (0, "")
    points, took = out.splitlines()
    assert points == "16 points"
    assert re.fullmatch(r"about [\d.e-]+ s on 2 processes \(16 tasks timed\)", took)
    assert not Path("r").exists()
    command("sweep", "sweep.toml", "--jobs", "1", "--out", "r")
    _, out, _ = command("sweep", "sweep.toml", "--dry-run", "--jobs", "1", "--out", "r")
    assert out.splitlines()[0] == "16 points, 16 points of them stored"
    assert out.splitlines()[1].startswith("about 0 s on 1 process (")


def test_a_table_has_a_dry_run_and_results_too(command: Command) -> None:
    text = SWEEP[: SWEEP.index("[axes]")].replace("[[models]]", "draws = 2\n[[models]]", 1)
    Path("table.toml").write_text(text, encoding="utf-8")
    code, out, _ = command("sweep", "table.toml", "--dry-run", "--jobs", "1")
    assert code == 0
    assert out.splitlines()[0] == "at most 6 points"
    assert command("sweep", "table.toml", "--jobs", "1", "--out", "r")[0] == 0
    code, out, _ = command("results", "r")
    assert code == 0
    assert {line.split(",")[4] for line in out.splitlines()[1:]} <= {"-1", "0", "1"}
    assert command("results", "r", "--out", "a.nc")[0] == 0


def test_a_log_has_a_line_a_point(command: Command) -> None:
    assert command("sweep", "sweep.toml", "--jobs", "1", "--log", "some.log")[2] == ""
    lines = Path("some.log").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 16
    assert sum("simpy, " in line or "replay, " in line for line in lines) == 12
    assert sum(line.endswith("stored") for line in lines) == 4  # as alike ones are
    _, _, err = command("sweep", "sweep.toml", "--jobs", "1", "--verbose")
    assert len(err.splitlines()) == 16


def test_a_terminal_sees_points_rate_time_left_and_the_best(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "140")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    _, _, err = command("sweep", "sweep.toml", "--jobs", "1")
    err = re.sub(r"\x1b\[[?\d;]*[A-Za-z]", "", err)
    assert re.search(
        r"16/16 \d+\.\d points/s \d:\d\d:\d\d left 0:00 \S+ best at \d of 4 places", err
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("results", "none"), "none: has no results of a sweep"),
        (("results", "."), "the folder that 'simaccess sweep --out' was given: here are r\n"),
        (("results", "r", "--verdicts", "--out", "a.nc"), "--format = 'netcdf': not for verdicts"),
        (("sweep", "sweep.toml", "--jobs", "many"), "--jobs = 'many': not allowed"),
        (("results", "r", "--format", "xls"), "--format = 'xls': no such format"),
        (("results", "r", "--format", "netcdf"), "--format = 'netcdf': not text"),
        (("results", "r", "--out", "a.xls"), "--out = 'a.xls': no format"),
        (("results", "r", "--out", "none/a.csv"), "none/a.csv: cannot be written"),
        (("sweep", "sweep.toml", "--jobs", "2", "--scheduler", "tcp://x"), "together with"),
        (("sweep", "sweep.toml", "--log", "none/a.log"), "--log = 'none/a.log': cannot be written"),
        (("sweep", "sweep.toml", "--out", "sweep.toml"), "sweep.toml is not a folder"),
    ],
)
def test_a_mistake_ends_in_a_line(arguments: tuple[str, ...], said: str, command: Command) -> None:
    command("sweep", "sweep.toml", "--jobs", "1", "--out", "r")
    code, out, err = command(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith("simaccess: error: ")
    assert said in err
    assert err.count("\n") == 1


def test_draws_and_a_sample_are_drawn_and_exported(command: Command) -> None:
    text = SWEEP.replace("[[models]]", "draws = 3\nseeds = 2\n[[models]]")
    Path("sweep.toml").write_text(text + FIGURES, encoding="utf-8")
    assert command("sweep", "sweep.toml", "--jobs", "1", "--out", "r")[0] == 0
    assert Path("r/figure-2.png").exists()
    _, table, _ = command("results", "r", "--verdicts")
    heading, *rows = table.splitlines()
    assert heading.startswith("model,workload,model.link.latency,method,method.threshold,best,mean")
    assert len(rows) == 4 * 2
    assert command("results", "r", "--verdicts", "--out", "a.json")[0] == 0
    document = json.loads(Path("a.json").read_text(encoding="utf-8"))
    assert document["units"]["mean"] == "B/s"
    assert [row["draws"] for row in document["results"]] == [3] * 8

    sampled = SWEEP.replace("points = 4, ", "").replace("[axes]", "[sample]\npoints = 4\n[axes]")
    figures = FIGURES.replace("[[figures]]\nx", '[[figures]]\nkind = "points"\nx')
    Path("sweep.toml").write_text(sampled + figures, encoding="utf-8")
    code, out, err = command("sweep", "sweep.toml", "--jobs", "1", "--out", "s")
    assert (code, err) == (0, "")
    assert "wrote s/figure-1.png\nwrote s/figure-2.png\n" in out


REGIMES = """[axes]
workload.size = ["64 KiB", "1 MiB"]
workload.length = ["64 B", "1 KiB"]
[[figures]]
kind = "regimes"
x = "workload.size"
y = "workload.length"
"""


def test_a_map_with_holes_is_refused_before_anything_is_simulated(command: Command) -> None:
    """Constraints leave no full grid for it, or one row of values."""
    begin = SWEEP.partition("[axes]")[0]
    for constraint, count in (
        ("workload.size >= 1024 * workload.length", "3 points of example-link, random"),
        ("workload.length == '64 B'", "2 points of example-link, random"),
        ("method == 'prefetch'", "0 points of example-link, random"),
    ):
        text = begin.replace("[[models]]", f'constraints = ["{constraint}"]\n[[models]]')
        Path("sweep.toml").write_text(text + REGIMES, encoding="utf-8")
        code, out, err = command("sweep", "sweep.toml", "--jobs", "1", "--out", "r")
        assert (code, out) == (2, "")
        assert count in err
        assert err.count("\n") == 1
        assert not Path("r").exists()
    text = begin + REGIMES.replace('["64 B", "1 KiB"]', '["64 B"]')
    Path("sweep.toml").write_text(text, encoding="utf-8")
    assert "do not fill a grid of 2 by 1" in command("sweep", "sweep.toml", "--jobs", "1")[2]


def test_a_figure_that_cannot_be_drawn_leaves_the_results(command: Command) -> None:
    """A point fails, and with it a cell of the map."""
    text = SWEEP.partition("[axes]")[0] + REGIMES.replace('"1 KiB"]', '"512 KiB"]')
    Path("sweep.toml").write_text(text, encoding="utf-8")
    code, out, err = command("sweep", "sweep.toml", "--jobs", "1", "--out", "r")
    assert code == 2
    assert "points do not fill a grid" in err
    assert out.endswith("stored in r/sweep.sqlite; 'simaccess results r' shows and exports it\n")
    assert command("results", "r")[1].count("\n") == 1 + 3 * 2


def test_what_failed_is_told_as_it_was_written(command: Command) -> None:
    text = SWEEP.replace('threshold = ["0 B", "54 B"]', 'block = ["4 KiB"]')
    text = text.replace('low = "1 us"', 'low = "100 ns"').replace(
        "[axes]", '[axes]\nworkload.length = ["64 B", "1 GiB"]'
    )
    Path("sweep.toml").write_text(text.replace("points = 4", "points = 2"), encoding="utf-8")
    code, _, err = command("sweep", "sweep.toml", "--jobs", "1")
    assert code == 1
    assert re.search(
        r"length = 1 GiB, model.link.latency = (100 ns|1 ms), method.block = 4 KiB", err
    )


@pytest.mark.parametrize(("form", "needs"), [("parquet", "pyarrow"), ("netcdf", "xarray")])
def test_a_missing_extra_is_named(
    form: str, needs: str, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("simaccess.sweep.export.find_spec", lambda _name: None)
    code, _, err = command("results", "r", "--format", form, "--out", "a")
    assert code == 2
    assert f"needs {needs}" in err
    assert "install simaccess[results]" in err
