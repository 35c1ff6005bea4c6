"""What docs/engine.md shows runs, one piece after another."""

from __future__ import annotations

import re
import shlex

import pytest

from simaccess.cli import main
from simaccess.replay.allowed import KINDS
from tests.docs.pages import page, run

PAGE = page("docs/engine.md")


def test_its_code_runs(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("numba")
    pieces = re.findall(r"\n\n((?:    (?:from|import) .*\n)(?:(?:    .*)?\n)*?)(?=\S)", PAGE)
    assert len(pieces) == 2
    run("".join(line[4:] + "\n" for piece in pieces for line in piece.splitlines()))
    rows, ends = capsys.readouterr().out.splitlines()
    assert rows.startswith("[(")
    first, last = map(int, re.findall(r"\d+", ends))
    assert first < last


def test_its_command_runs(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("numba")
    command = re.search(r"    (simaccess compare .*)\n", PAGE)
    assert command is not None
    assert main(shlex.split(command[1])[1:]) == 0
    assert "engine: replay" in capsys.readouterr().out


def test_it_names_the_kinds_that_are_replayed() -> None:
    assert "on a `" + "` or a `".join(KINDS) + "`" in PAGE
