"""A terminal is shown how far a command has got; a pipe or a file is not."""

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from simaccess import cli
from simaccess.compare import METHODS

Run = Callable[..., tuple[str, str]]

TUNED = (
    *("compare", "--model", "example-link", "--workload", "sequential", "--tune"),
    *("--set", "workload.size=64 KiB"),
)
SMALL = """
question = "Small?"
methods = ["zero-copy"]
[[models]]
model = "example-link"
[[workloads]]
workload = "random"
set = { requests = 40 }
"""


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command in this process; return what it printed and its errors."""

    def ran(*arguments: str) -> tuple[str, str]:
        assert cli.main(arguments) == 0
        out, err = capsys.readouterr()
        return out, err

    return ran


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Return what makes the standard error a terminal that is wide enough."""

    def made() -> None:
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setenv("COLUMNS", "120")
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True)

    return made


def counts(shown: str, unit: str) -> list[tuple[int, int]]:
    """Return what a bar of some unit showed: done, and of how many."""
    assert unit in shown
    return [(int(done), int(total)) for done, total in re.findall(r"(\d+)/(\d+)", shown)]


def test_compare_shows_its_simulations_and_those_of_the_tuning(
    run: Run, terminal: Callable[[], None]
) -> None:
    silent, nothing = run(*TUNED)
    assert nothing == ""
    terminal()
    out, err = run(*TUNED)
    assert out == silent
    done, total = counts(err, "simulations")[-1]
    assert done == total
    assert f"\n{done} simulations" in out  # and perhaps which engine
    assert done > 2 * len(METHODS)


def test_a_sweep_shows_its_points(run: Run, terminal: Callable[[], None], tmp_path: Path) -> None:
    file = tmp_path / "small.toml"
    file.write_text(SMALL, encoding="utf-8")
    silent, nothing = run("sweep", str(file), "--jobs", "1")
    assert nothing == ""
    terminal()
    out, err = run("sweep", str(file), "--jobs", "1")
    assert out == silent
    done, total = counts(err, "points")[-1]
    assert done == total
