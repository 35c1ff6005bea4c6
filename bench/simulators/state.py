"""What has been measured so far, in a file that every finished step replaces."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

__all__ = ["State", "fingerprint"]


def fingerprint(settings: dict[str, Any], code: Iterable[Path]) -> str:
    """Return what decides whether earlier figures still hold: settings, versions, and code."""
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for path in sorted(code):
        digest.update(path.read_bytes())
    return digest.hexdigest()


class State:
    """Steps that are done, by name.

    Parameters
    ----------
    path : Path
        The file; made with its folder if it is not there.
    key : str
        A `fingerprint`. A file of another one starts anew.

    Attributes
    ----------
    steps : dict
        What each finished step gave.
    """

    def __init__(self, path: Path, key: str) -> None:
        self._path = path
        self._key = key
        self.steps: dict[str, Any] = {}
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except (FileNotFoundError, json.JSONDecodeError):
            return
        if isinstance(found, dict) and found.get("key") == key:
            self.steps = found["steps"]

    def keep(self, name: str, result: Any) -> None:
        """Note what a step gave, at once and whole."""
        self.steps[name] = result
        self._path.parent.mkdir(parents=True, exist_ok=True)
        whole = self._path.with_suffix(".new")
        content = json.dumps({"key": self._key, "steps": self.steps}, indent=1)
        whole.write_text(content, encoding="utf-8")
        whole.replace(self._path)
