"""The report of the benchmark of real links: which aims are met, and which were not measured."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[1] / "bench" / "real.py"


def ran(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, BENCH, *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, **more},
    )


def test_help_says_what_it_does() -> None:
    done = ran("--help")
    assert done.returncode == 0
    for word in ("aims are met", "--part {memory,nbd,http}", "--rounds", "--json"):
        assert word in done.stdout


@pytest.mark.slow
def test_aims_are_held_against_their_limits() -> None:
    done = ran("--part", "memory", "--rounds", "3", "--json")
    assert done.returncode == 0
    document = json.loads(done.stdout)
    assert document["missing"] == []
    assert [each["limit"] for each in document["rows"]] == [3.0, 1.1]
    for each in document["rows"]:
        assert each["met"] == (each["ratio"] <= each["limit"])


def test_what_is_missing_is_said() -> None:
    done = ran("--part", "nbd", "--rounds", "2", PATH="/nonexistent")
    assert done.returncode == 1
    assert "0 of 0 aims are met" in done.stdout
    assert "not measured: nbd" in done.stdout
    assert "nbdkit" in done.stderr
