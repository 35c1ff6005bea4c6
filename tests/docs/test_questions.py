"""What docs/questions.md shows is what happens."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import tomllib
from pathlib import Path

import pytest

from simaccess.analytic import hybrid_beats_copy_once
from simaccess.cli import main
from simaccess.conditions import conditions
from simaccess.model import load_model
from simaccess.questions.case import Case
from simaccess.questions.mix import read_mix
from simaccess.workload.registry import workload
from tests.docs.pages import page, run, shown

PAGE = page("docs/questions.md")
GOLDEN = re.findall(r"<!-- golden -->\n```console\n\$ (.*?)\n(.*?)```", PAGE, re.DOTALL)

pytestmark = pytest.mark.usefixtures("fresh")


@pytest.mark.slow
@pytest.mark.parametrize(("command", "output"), GOLDEN, ids=[each[0].split()[1] for each in GOLDEN])
def test_a_command_prints_what_is_shown(
    command: str, output: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = shlex.split(command)
    assert words[0] == "simaccess"
    assert main([*words[1:], "--jobs", "1"]) == 0
    out, err = capsys.readouterr()
    assert err + out == output  # what is said before comes first


def test_each_command_has_an_example() -> None:
    commands = [shlex.split(command)[1] for command, _ in GOLDEN]
    assert commands == ["compare", "crossover", "crossover", "optimum", "sensitivity"]


def test_the_crossover_that_is_shown_holds_the_border_of_the_closed_form() -> None:
    (_, output), _ = [each for each in GOLDEN if " crossover " in each[0]]
    found = re.search(r"At \S+ \(95 %: (\S+) to (\S+), ", output)
    assert found is not None
    seen = conditions(load_model("pci-64-66"), workload("header-payload", {"requests": "100"}))
    border = hybrid_beats_copy_once(t=seen.t, T=seen.T, T_payload=seen.T_payload, n_h=seen.n_h)
    assert float(found.group(1)) < border < float(found.group(2))
    told = re.search(r"has the border at (\S+) with", PAGE)
    assert told is not None
    assert told.group(1) == f"{border:.3f}"


def test_the_filters_fields_end_where_the_page_says() -> None:
    asked = workload("filter")
    reads = asked.accesses(0)
    begins = [asked.blocks.bounds(asked.blocks.find(int(at)))[0] for at in reads.offset]
    last = max(reads.offset + reads.length - begins)
    assert f"end\nat {last} bytes at most" in PAGE
    ((_, output),) = [each for each in GOLDEN if " optimum " in each[0]]
    assert re.search(rf"within 1 % from +{last} B$", output, re.MULTILINE)


def test_the_run_prints_what_is_shown() -> None:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        run(shown(PAGE, "run", "python"))
    assert printed.getvalue() == shown(PAGE, "printed", "text")
    found = re.search(r"95 %: (\S+) to (\S+) us", printed.getvalue())
    assert found is not None
    assert float(found.group(1)) < 3.5 < float(found.group(2))


def test_the_mix_is_accepted(tmp_path: Path) -> None:
    file = tmp_path / "mix.toml"
    file.write_text(shown(PAGE, "mix", "toml"), encoding="utf-8")
    tomllib.loads(file.read_text(encoding="utf-8"))
    mix = read_mix(file, lambda name: Case("example-link", name))
    assert [each.weight for each in mix] == [0.8, 0.2]
    assert [each.case.workload for each in mix] == ["sequential", "random"]
