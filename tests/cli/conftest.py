"""The command, run in the process of the tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import pytest

from simaccess import cli

__all__ = ["SMALL", "Run"]

SMALL = """
question = "Small?"
methods = ["zero-copy"]
[[models]]
model = "example-link"
[[workloads]]
workload = "random"
set = { requests = 40 }
"""
"""An experiment that is answered at once."""

Run: TypeAlias = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command with some arguments; return its exit code, output and errors."""

    def ran(*arguments: str) -> tuple[int, str, str]:
        code = cli.main(arguments)
        out, err = capsys.readouterr()
        return code, out, err

    return ran
