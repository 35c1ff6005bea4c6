"""A terminal is shown how far a command has got; a pipe or a file is not."""

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from simaccess.compare import METHODS
from tests.cli.conftest import SMALL, Run

TUNED = (
    *("compare", "--model", "example-link", "--workload", "sequential", "--tune"),
    *("--set", "workload.size=64 KiB"),
)


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
    code, silent, nothing = run(*TUNED)
    assert (code, nothing) == (0, "")
    terminal()
    code, out, err = run(*TUNED)
    assert (code, out) == (0, silent)
    done, total = counts(err, "simulations")[-1]
    assert done == total
    assert f"\n{done} simulations" in out  # and perhaps which engine
    assert done > 2 * len(METHODS)


def test_a_sweep_shows_its_points(run: Run, terminal: Callable[[], None], tmp_path: Path) -> None:
    file = tmp_path / "small.toml"
    file.write_text(SMALL, encoding="utf-8")
    code, silent, nothing = run("sweep", str(file), "--jobs", "1")
    assert (code, nothing) == (0, "")
    terminal()
    code, out, err = run("sweep", str(file), "--jobs", "1")
    assert (code, out) == (0, silent)
    done, total = counts(err, "points")[-1]
    assert done == total
