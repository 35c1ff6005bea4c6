"""What the README shows is what happens."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import sys
from pathlib import Path

import pytest

from simaccess.cli import main
from simaccess.replay.allowed import KINDS
from simaccess.replay.choice import Choice

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    # As in a process of its own, in which nothing has yet paid for loading the compiler.
    monkeypatch.setattr("simaccess.simulate._CHOICE", Choice())
    for kind in KINDS:
        code = f"simaccess.replay.{kind.replace('-', '_')}"
        monkeypatch.delitem(sys.modules, code, raising=False)


def shown(mark: str, language: str) -> str:
    """Return the block behind an HTML comment."""
    found = re.search(rf"<!-- {mark} -->\n```{language}\n(.*?)```", README, re.DOTALL)
    assert found is not None
    return found.group(1)


def test_the_command_prints_what_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    command, output = shown("golden: compare", "console").split("\n", 1)
    words = shlex.split(command.removeprefix("$ "))
    assert words[0] == "simaccess"
    assert main(words[1:]) == 0
    printed = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert printed == [line.rstrip() for line in output.splitlines()]


def test_ten_lines_of_python_compare_the_methods() -> None:
    code = shown("run", "python")
    assert len([line for line in code.splitlines() if line]) <= 10
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "README.md", "exec"), {})
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
    exec(compile(shown("run: file", "python"), "README.md", "exec"), {})
    real, simulated = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"file:some\.zip: 0\.\d{4} s, \d+ round trips", real)
    found = re.fullmatch(r"sim:wan-20ms-100mbit.*: (0\.\d{4}) s, \d+ round trips", simulated)
    assert found is not None
    assert float(found.group(1)) > 0.08  # the handshake, the archive's directory, the member


def test_links_lead_somewhere() -> None:
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"(?:^    |`)make ([a-z]+)", README, re.MULTILINE)
    assert {"demo", "test", "bench"} <= set(targets)
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
