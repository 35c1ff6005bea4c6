"""Pages show what a command prints in a process of its own."""

from __future__ import annotations

import sys

import pytest

from simaccess.replay.allowed import KINDS
from simaccess.replay.choice import Choice


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing have paid yet for loading the compiler."""
    monkeypatch.setattr("simaccess.simulate._CHOICE", Choice())
    for kind in KINDS:
        code = f"simaccess.replay.{kind.replace('-', '_')}"
        monkeypatch.delitem(sys.modules, code, raising=False)
