"""What the readers of tables have in common: what they found, and how they say what is wrong."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from simaccess.errors import InputError
from simaccess.measured import Cell, MeasuredSet

__all__ = ["Found", "number", "options", "text_of"]


@dataclass
class Found:
    """Cells that a table holds figures for.

    A table holds summaries: a cell has one row for each summary of it, and no more. So the set
    does not hold the spread of the measurement.

    Attributes
    ----------
    statistic : str
        What a row's seconds are.
    segment : int
        Bytes that the accesses went over, where the table tells them, else as many as should do.
    facts : dict
        What else the table tells, for the header.
    """

    statistic: str
    segment: int = 1 << 28
    facts: dict[str, Any] = field(default_factory=dict)
    rows: list[tuple[Cell, float]] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)

    def add(self, cell: Cell, seconds: float) -> None:
        """Add what a cell took."""
        self.rows.append((cell, seconds))

    def skip(self, what: str) -> None:
        """Count a line for which there is no cell."""
        self.skipped[what] += 1

    def measured(self, source: str, path: Path) -> MeasuredSet:
        """Return the set.

        Raises
        ------
        InputError
            If nothing was found.
        """
        if not self.rows:
            why = ", ".join(self.skipped) or "no table"
            raise InputError(f"holds nothing that could be used: {why}", file=path)
        header = {
            "link": f"{source}:{path.name}",
            "source": source,
            "statistic": self.statistic,
            "segment": self.segment,
            **self.facts,
        }
        if self.skipped:
            header["skipped"] = dict(self.skipped)
        seen: Counter[Cell] = Counter()
        rows = []
        for cell, seconds in self.rows:
            rows.append((cell, seen[cell], seconds, False, ""))
            seen[cell] += 1
        return MeasuredSet.of(header, rows)


def text_of(path: Path) -> str:
    """Return the text of a file.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=path) from None
    except UnicodeDecodeError:
        raise InputError("no text in UTF-8", file=path) from None


def number(text: str, file: str | os.PathLike[str], key: str, low: float = 0.0) -> float:
    """Return a finite number above `low`.

    Raises
    ------
    InputError
        If the text is none.
    """
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not low < value < float("inf"):
        raise InputError("refused", file, key, text, f"a number above {low:g}")
    return value


def options(given: dict[str, str], known: Iterable[str]) -> None:
    """Check that no option is unknown.

    Raises
    ------
    InputError
        If one is.
    """
    for key, value in given.items():
        if key not in known:
            problem = "no such option of this format"
            raise InputError(problem, key=key, value=value, allowed=list(known) or "none")
