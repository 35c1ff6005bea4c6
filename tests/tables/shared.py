"""Public measurements beside the repository, where they are present."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def shared_data(name: str) -> Path:
    """Return a file of the shared data, or skip the test.

    The folder is that of SIMACCESS_SHARED_DATA, else ../shared/data beside the repository.
    """
    folder = Path(os.environ.get("SIMACCESS_SHARED_DATA", ROOT.parent / "shared" / "data"))
    path = folder / name
    if not path.exists():
        pytest.skip(f"no {name} in {folder}; SIMACCESS_SHARED_DATA may name another folder")
    return path
