"""What docs/sweeps.md shows is what happens."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from simaccess import cli
from simaccess.sweep.experiment_file import load_experiment
from tests.docs.pages import page, run, shown

PAGE = page("docs/sweeps.md")


def timeless(text: str) -> str:
    """Return text without times, and without which engine served, which hangs on what is there."""
    text = re.sub(r"about \S+ s on", "about T s on", text)
    return re.sub(r"^all by .*", "all by either", text, flags=re.MULTILINE)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "latency.toml").write_text(
        shown(PAGE, "experiment: sweep", "toml"), encoding="utf-8"
    )
    return tmp_path


def test_the_commands_print_what_is_shown(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for part in shown(PAGE, "golden: sweep", "console").split("$ ")[1:]:
        command, output = part.split("\n", 1)
        words = shlex.split(command)
        assert words[0] == "simaccess"
        assert cli.main(words[1:]) == 0
        assert timeless(capsys.readouterr().out) == timeless(output)
    assert (folder / "results" / "figure-1.png").exists()


def test_the_script_runs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("xarray")
    run(shown(PAGE, "run", "python"))
    units, ahead = capsys.readouterr().out.split("\n", 1)
    assert units == "s B/s"
    assert len(re.findall(r"\d+\.\d*", ahead)) == 7
    assert (folder / "results").is_dir()


def test_runs_need_no_file(capsys: pytest.CaptureFixture[str]) -> None:
    run(shown(PAGE, "run: points", "python"))
    assert len(set(re.findall(r"'(0\.\d{6})'", capsys.readouterr().out))) >= 1


def test_the_example_constraints_are_read(folder: Path) -> None:
    text = re.search(r"    constraints = \[.*?\n    \]\n", PAGE, re.DOTALL)
    assert text is not None
    file = folder / "latency.toml"
    file.write_text(
        re.sub(r"constraints = .*\n", text.group(), file.read_text(encoding="utf-8"), count=1)
        .replace("workload.length = [", 'method.threshold = ["54 B"]\nworkload.length = [')
        .partition("[[figures]]")[0],
        encoding="utf-8",
    )
    assert len(load_experiment(file).constraints) == 3


def test_the_script_of_a_batch_system_is_one() -> None:
    found = re.search(r"    #!/bin/sh\n.*?SUBMIT_DIR\"\n", PAGE, re.DOTALL)
    assert found is not None
    script = found.group().replace("\n    ", "\n").strip()
    subprocess.run(["sh", "-n"], input=script, text=True, check=True)
