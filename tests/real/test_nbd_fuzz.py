"""The protocol parsers under a coverage-guided fuzzer, where one is installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.fuzz, pytest.mark.slow]


def test_atheris_finds_nothing(tmp_path: Path) -> None:
    pytest.importorskip("atheris", reason="atheris is missing: pip install 'simaccess[fuzz]'")
    command = [sys.executable, "-m", "tests.real.nbd_fuzzing", "-max_total_time=5", "-max_len=500"]
    done = subprocess.run(
        [*command, f"-artifact_prefix={tmp_path}/"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "INITED" in done.stderr
