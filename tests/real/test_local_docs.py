"""What docs/real-links.md shows of links within the machine runs as it stands."""

from __future__ import annotations

import platform
import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "real-links.md"
SECTIONS = dict(
    re.findall(r"^##+ (.+?)\n(.*?)(?=^##|\Z)", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
)


@pytest.mark.parametrize("section", ["Shared memory", "Rings", "Files"])
def test_examples_run(section: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if section == "Rings" and platform.machine() != "x86_64":
        pytest.skip("rings rely on x86's order of stores")
    monkeypatch.chdir(tmp_path)
    examples = re.findall(r"```python\n(.*?)```", SECTIONS[section], re.DOTALL)
    assert examples
    for example in examples:
        exec(compile(example, PAGE, "exec"), {})
