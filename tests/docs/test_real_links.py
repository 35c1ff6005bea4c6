"""What docs/real-links.md shows is what happens."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from simaccess.cli import main
from simaccess.real.remote_file import RemoteOptions
from tests.docs.pages import page, run, shown

PAGE = page("docs/real-links.md")


def test_the_example_runs_and_its_logs_replay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    run(shown(PAGE, "run", "python"))
    took = {}
    for line in capsys.readouterr().out.splitlines():
        method, seconds, trips = re.fullmatch(r"(\S+): (\S+) s, (\d+) round trips", line).groups()  # type: ignore[union-attr]  # it matches
        took[method] = (float(seconds), int(trips))
    assert list(took) == ["zero-copy", "copy-once", "prefetch"]
    assert took["prefetch"] < took["copy-once"] < took["zero-copy"]
    command = re.search(r"    (simaccess compare .*?)\n\n", PAGE, re.DOTALL)
    assert command is not None
    (tmp_path / "prefetch.csv").rename("log.csv")
    assert main(shlex.split(command[1].replace("\\\n", ""))[1:]) == 0
    assert "prefetch" in capsys.readouterr().out


def test_options_of_a_remote_file_are_those_shown() -> None:
    rows = re.findall(r"^\| `(\w+)` \| `([^`]+)` \|", PAGE, re.MULTILINE)
    assert {key for key, _ in rows} >= set(RemoteOptions.model_fields)
    shown = {key: value for key, value in rows if key in RemoteOptions.model_fields}
    given = RemoteOptions.model_validate(shown).model_dump()
    assert given == pytest.approx(RemoteOptions().model_dump())
