"""What docs/engine.md shows runs, one piece after another."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from simaccess.cli import main
from simaccess.replay.allowed import KINDS

PAGE = (Path(__file__).parents[2] / "docs" / "engine.md").read_text(encoding="utf-8")


def test_its_code_runs(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("numba")
    pieces = re.findall(r"\n\n((?:    (?:from|import) .*\n)(?:(?:    .*)?\n)*?)(?=\S)", PAGE)
    assert len(pieces) == 2
    names: dict[str, Any] = {}
    for piece in pieces:
        lines = [line[4:] for line in piece.splitlines()]
        exec("\n".join(lines), names)
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
