"""What a module imports is read from its source, and a name that is a module is one."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from simaccess.imports import file_of, imported, is_module

SOURCE = '''"""An example, which imports nothing::

    from simaccess.model import load_model
"""
from __future__ import annotations
import json
import faraway.second
from typing import TYPE_CHECKING
from simaccess.methods import blocks, Nothing
from simaccess.sim.station import FifoStation
if TYPE_CHECKING:
    from simaccess.result import Result
try:
    import simaccess.errors
except ImportError:
    from simaccess import refusal


@property
def late():
    with open("") as file:
        from faraway import third
'''


@pytest.fixture
def faraway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    package = tmp_path / "faraway"
    package.mkdir()
    for name in ("__init__", "second", "third"):
        (package / f"{name}.py").touch()
    (package / "first.py").write_text(SOURCE, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    imported.cache_clear()
    is_module.cache_clear()
    yield "faraway.first"
    imported.cache_clear()
    is_module.cache_clear()
    sys.modules.pop("faraway", None)  # looking for what is in it has imported it


def test_imports_of_its_package_and_of_simaccess_are_found_anywhere(faraway: str) -> None:
    head = (
        "faraway.second",
        "simaccess.methods.blocks",
        "simaccess.methods",
        "simaccess.sim.station",
        "simaccess.result",
        "simaccess.errors",
        "simaccess.refusal",
    )
    assert imported(faraway) == (*head, "faraway.third")
    assert imported(faraway, anywhere=False) == head
    assert imported("math") == ()
    assert file_of(faraway).name == "first.py"


def test_what_is_no_module_has_no_file() -> None:
    assert not is_module("simaccess.errors.InputError")
    assert not is_module("no.such.package")
    with pytest.raises(ModuleNotFoundError, match=r"simaccess\.nothing"):
        file_of("simaccess.nothing")
