"""What the README shows is what happens."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
from pathlib import Path

import pytest

from simaccess.cli import main
from tests.docs.pages import ROOT, page, run, shown

README = page("README.md")

pytestmark = pytest.mark.usefixtures("fresh")


def test_the_command_prints_what_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    command, output = shown(README, "golden: compare", "console").split("\n", 1)
    words = shlex.split(command.removeprefix("$ "))
    assert words[0] == "simaccess"
    assert main(words[1:]) == 0
    printed = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert printed == [line.rstrip() for line in output.splitlines()]


def test_ten_lines_of_python_compare_the_methods() -> None:
    code = shown(README, "run", "python")
    assert len([line for line in code.splitlines() if line]) <= 10
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        run(code)
    lines = printed.getvalue().splitlines()
    assert [line.split()[0] for line in lines] == [
        "zero-copy",
        "copy-once",
        "hybrid",
        "prefetch",
    ]


def test_an_unmodified_reader_runs_on_a_real_and_on_a_simulated_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    run(shown(README, "run: file", "python"))
    real, simulated = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"file:some\.zip: 0\.\d{4} s, \d+ round trips", real)
    found = re.fullmatch(r"sim:wan-20ms-100mbit.*: (0\.\d{4}) s, \d+ round trips", simulated)
    assert found is not None
    assert float(found.group(1)) > 0.08  # the handshake, the archive's directory, the member


def test_links_lead_somewhere() -> None:
    for each in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)", each.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (each.parent / target).exists(), f"{each.name}: {target}"


def test_make_targets_exist() -> None:
    makefile = page("Makefile")
    targets = re.findall(r"(?:^    |`)make ([a-z]+)", README, re.MULTILINE)
    assert {"demo", "test", "bench"} <= set(targets)
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
