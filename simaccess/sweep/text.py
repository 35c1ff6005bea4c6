"""Results as JSON text, and back, bit for bit: what workers answer, and what a store holds."""

from __future__ import annotations

from functools import cache
from typing import Any

from pydantic import TypeAdapter
from pydantic_core import to_json

from simaccess.analytic import Conditions
from simaccess.result import Result
from simaccess.sweep.task import Measure, Run, Search
from simaccess.tune import Tuning

__all__ = ["Answer", "from_text", "to_text"]

Answer = Result | Tuning | Conditions
"""What a task gives."""

_TYPES: dict[str, type[Answer]] = {
    Run.kind: Result,
    Search.kind: Tuning,
    Measure.kind: Conditions,
}


def to_text(answer: Answer) -> str:
    """Return what a task gave as text; each number is the shortest that reads back the same.

    Which engine served, and why, is no part of it: all give the same.
    """
    exclude = {"engine", "why"} if isinstance(answer, Result) else None
    return to_json(answer, inf_nan_mode="constants", exclude=exclude).decode()


def from_text(kind: str, text: str) -> Any:
    """Return what a kind of task gave, made of its text."""
    return _adapter(kind).validate_json(text)


@cache
def _adapter(kind: str) -> TypeAdapter[Any]:
    return TypeAdapter(_TYPES[kind])
