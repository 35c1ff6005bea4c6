"""What docs/real-links.md shows of links within the machine runs as it stands."""

from __future__ import annotations

import platform
import re
from pathlib import Path

import pytest

from tests.docs.pages import page, run, section

PAGE = page("docs/real-links.md")


@pytest.mark.parametrize("heading", ["Shared memory", "Rings", "Files"])
def test_examples_run(heading: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if heading == "Rings" and platform.machine() != "x86_64":
        pytest.skip("rings rely on x86's order of stores")
    monkeypatch.chdir(tmp_path)
    examples = re.findall(r"```python\n(.*?)```", section(PAGE, heading), re.DOTALL)
    assert examples
    for example in examples:
        run(example)
