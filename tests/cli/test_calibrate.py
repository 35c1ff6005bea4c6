"""The commands ``calibrate`` and ``validate``, on links whose truth is known."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from simaccess.calibrate import calibrate
from simaccess.cli import main
from simaccess.measured import Cell, MeasuredSet, held_out
from simaccess.model import load_model
from simaccess.pool import Pool
from simaccess.predict import predict
from simaccess.probe import task
from simaccess.validate import validate
from tests.fitting.known_truth import (
    HERE,
    METHODS,
    PIPED,
    SEGMENT,
    SINGLE,
    TRUTH,
    Impatient,
    measure,
)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    truth = load_model("example-link", TRUTH)
    file = tmp_path / "measured.csv"
    measure(truth, [*SINGLE, *PIPED, *METHODS], noise=0.01).write(file)
    return file


@pytest.mark.slow
def test_the_commands_agree_about_what_was_held_out(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = tmp_path / "mine.toml"
    command = ["calibrate", str(data), "--kind", "fifo-link", "--out", str(mine), "--jobs", "1"]
    assert main([*command, "--hold-out", "0.4", "--vary", "link.rate", "--vary", "dma.start"]) == 0
    printed = capsys.readouterr().out
    assert "link.rate" in printed
    assert "held out" in printed
    model = load_model(mine)
    assert model.calibration["hold_out"] == 0.4
    assert model.provenance["link.rate"].status == "derived"
    assert main(["validate", str(data), "--model", str(mine), "--jobs", "1", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    for key in (
        *("median_error", "p95_error", "baseline_median_error", "baseline_p95_error"),
        *("split_half_p95", "rank_agreement", "regret", "classes"),
    ):
        assert key in document, key
    held = sum(each["points"] for each in document["classes"])
    assert held == model.calibration["held_out"]


def test_what_a_file_takes_from_its_disk_is_left_out_and_said_to_be(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    truth = load_model("example-link", TRUTH | {"dma.mover": "waiter"})
    rows = []
    for state in ("cold", "warm"):
        cells = [
            Cell(each.operation, each.size, state=state, warm=state == "warm") for each in SINGLE
        ]
        slow = 100 if state == "cold" else 1
        rows += [
            (each, 0, slow * predict(truth, each, segment=SEGMENT), False, "") for each in cells
        ]
    file, mine = tmp_path / "measured.csv", tmp_path / "mine.toml"
    MeasuredSet.of({"link": "file:/data/x", "segment": SEGMENT}, rows).write(file)
    command = ["calibrate", str(file), "--kind", "fifo-link", "--out", str(mine), "--jobs", "1"]
    command += ["--hold-out", "0.5", "--set", "dma.issue=4 us", "--set", "dma.issue_rate=0 B/s"]
    assert main([*command, "--vary", "link.rate", "--vary", "link.latency"]) == 0
    printed = capsys.readouterr().out
    assert "dma.mover=waiter" in printed
    assert f"left out: {len(SINGLE)} cold and idle points" in printed
    assert main(["validate", str(file), "--model", str(mine), "--jobs", "1", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["left_out"] == len(SINGLE)
    assert {each["state"] for each in document["classes"]} == {"warm"}
    assert main(["validate", str(file), "--model", str(mine), "--jobs", "1"]) == 0
    assert f"left out, as the fit did: {len(SINGLE)} points" in capsys.readouterr().out


def test_what_was_fitted_is_known_by_its_rows_and_not_by_its_name(tmp_path: Path) -> None:
    truth = load_model("example-link", TRUTH)
    cells = [*SINGLE, *PIPED]
    measured = measure(truth, cells, noise=0.01)
    vary = ["link.rate", "link.latency"]
    model = calibrate(measured, truth, HERE, vary=vary, hold_out=0.5).model
    measured.write(tmp_path / "renamed.csv")
    again = MeasuredSet.read(tmp_path / "renamed.csv")
    assert len(validate(again, model, HERE).verified) == len(held_out(cells, 0.5))
    other = measure(truth, cells, noise=0.01, seed=8)
    assert len(validate(other, model, HERE).verified) == len(cells)


def test_a_large_error_ends_with_1(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figure = tmp_path / "off.png"
    command = ["validate", str(data), "--model", "example-link", "--jobs", "1"]
    assert main([*command, "--max-error", "0.05", "--figure", str(figure)]) == 1
    assert "is above 5.00 %" in capsys.readouterr().err
    assert figure.stat().st_size > 10_000
    assert main([*command, "--max-error", "1e9"]) == 0


def test_mistakes_end_in_one_line(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "mine.toml")
    for command, problem in [
        (["calibrate", str(data), "--out", out], "--kind, --model"),
        (["calibrate", str(data), "--out", out, "--kind", "fifo"], "no such kind"),
        (["calibrate", "none.csv", "--out", out, "--kind", "fifo-link"], "none.csv"),
        (["calibrate", str(data), "--out", "mine.txt", "--kind", "fifo-link"], "no model file"),
        (
            ["calibrate", str(data), "--out", out, "--kind", "fifo-link", "--hold-out", "2"],
            "0 to 1",
        ),
        (
            [
                "calibrate",
                str(data),
                "--out",
                out,
                "--kind",
                "fifo-link",
                "--vary",
                "link.rate",
                "--set",
                "link.rate=1 GB/s",
            ],
            "--vary, --set = 'link.rate': both to be fitted and set",
        ),
        (["validate", str(data), "--model", "none"], "no such model"),
        (["validate", str(data), "--model", "example-link", "--max-error", "-1"], "0 or more"),
        (["validate", str(data), "--model", "example-link", "--max-error", "foo"], "= 'foo': not"),
        (["validate", str(data), "--model", "example-link", "--figure", "a.xyz"], "no format"),
        (["validate", str(data), "--model", "example-link", "--figure", "no/a.png"], "--figure"),
    ]:
        assert main([*command, "--jobs", "1"]) == 2
        error = capsys.readouterr().err
        assert problem in error
        assert error.count("\n") == 1
    assert not Path(out).exists()


def test_tasks_of_methods_are_as_the_cells_say() -> None:
    for cell in METHODS:
        assert task(cell, SEGMENT).cell == cell


def test_an_interrupted_command_keeps_the_best_try(
    data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mine = tmp_path / "mine.toml"
    command = ["calibrate", str(data), "--kind", "fifo-link", "--out", str(mine), "--verbose"]
    patience = 40

    @contextmanager
    def impatient(*_: object, **__: object) -> Iterator[Pool]:
        yield Impatient(patience)

    monkeypatch.setattr("simaccess.pool.processes", impatient)
    assert main(command) == 130
    *lines, last = capsys.readouterr().err.splitlines()
    assert last.startswith(f"simaccess: interrupted; {mine} holds the best try so far, ")
    assert lines[0].startswith("0 s, about 0 %: looking around; no try yet, 0 tries, ")
    assert load_model(mine).calibration["interrupted"] is True
    patience = 1
    mine.unlink()
    assert main(command) == 130
    assert not mine.exists()


def test_the_file_says_what_the_fit_found(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = tmp_path / "mine.toml"
    command = ["calibrate", str(data), "--kind", "fifo-link", "--out", str(mine), "--jobs", "1"]
    assert main([*command, "--vary", "link.rate", "--vary", "dma.start", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    model = load_model(mine)
    for one in document["parameters"]:
        low, high = one["interval"]
        assert model.value(one["key"]) == pytest.approx(one["value"], abs=(high - low) / 200)
        text = str(model.provenance[one["key"]].value)
        assert len(text.split(maxsplit=1)[0].replace(".", "").strip("0")) <= 7


def test_what_is_set_is_known_and_not_fitted(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = tmp_path / "mine.toml"
    command = ["calibrate", str(data), "--kind", "fifo-link", "--out", str(mine), "--jobs", "1"]
    assert main([*command, "--set", "link.rate=1 GB/s", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    fitted = [one["key"] for one in found["parameters"]]
    assert fitted
    assert "link.rate" not in fitted
    assert load_model(mine).value("link.rate") == 1e9


@pytest.mark.slow
def test_what_a_kind_fits_is_found_in_a_measured_wan(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An emulated path of 100 Mbit/s, 20 ms and 250 kB."""
    data = Path(__file__).parents[2] / "notebooks" / "measured" / "wan-20ms-100mbit-cubic.csv"
    mine = tmp_path / "mine.toml"
    command = ["calibrate", str(data), "--kind", "wan-link", "--out", str(mine), "--jobs", "2"]
    assert main([*command, "--hold-out", "0.5", "--json"]) == 0
    capsys.readouterr()
    model = load_model(mine)
    assert model.value("path.rate") == pytest.approx(12.5e6, rel=0.05)
    assert model.value("path.rtt") == pytest.approx(0.020, rel=0.05)
    assert model.value("path.buffer") == pytest.approx(250e3, rel=0.1)
