"""Pages of the documentation, and what stands in them."""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["ROOT", "page", "run", "section", "shown"]

ROOT = Path(__file__).parents[2]


def page(name: str) -> str:
    """Return the text of a page by its path from the root of the repository."""
    return (ROOT / name).read_text(encoding="utf-8")


def shown(text: str, mark: str, language: str) -> str:
    """Return the block behind an HTML comment."""
    found = re.search(rf"<!-- {mark} -->\n```{language}\n(.*?)```", text, re.DOTALL)
    assert found is not None, mark
    return found.group(1)


def section(text: str, heading: str) -> str:
    """Return what stands between a heading and the next one."""
    pattern = rf"^##+ {re.escape(heading)}\n(.*?)(?=^##|\Z)"
    found = re.findall(pattern, text, re.DOTALL | re.MULTILINE)
    assert len(found) == 1, heading
    return str(found[0])


def run(code: str) -> None:
    """Run code that a page shows."""
    exec(compile(code, "a page", "exec"), {})
