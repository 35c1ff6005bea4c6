"""The benchmark of real links still runs."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_the_ratios_are_printed() -> None:
    if shutil.which("nbdkit") is None:
        pytest.skip("nbdkit is missing: install Debian's package nbdkit")
    script = Path(__file__).parents[2] / "bench" / "real_nbd.py"
    done = subprocess.run(
        [sys.executable, script, "--rounds", "2", "--size", "8", "--json"],
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    ratios = [json.loads(line) for line in done.stdout.splitlines()]
    assert sum("prefetch" in each["name"] for each in ratios) == 14
    assert sum("each at its best" in each["name"] for each in ratios) == 2
    assert all(each["ratio"] > 0 and each["processor"] > 0 for each in ratios)
