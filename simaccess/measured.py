"""Measured sets: what was timed on a link, cell by cell, and the file that holds it.

A *cell* is what is timed: an operation of a size in a state of the link, or an access method on a
workload. A *measured set* has one row a repetition of a cell. Its file is a header, lines that
begin with ``#`` and hold TOML, and a CSV table with the columns `COLUMNS`.
"""

from __future__ import annotations

import csv
import hashlib
import os
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tomlkit
from numpy.typing import NDArray
from scipy.stats import binom

from simaccess.cell import (
    CELL_COLUMNS,
    OPERATIONS,
    PATTERNS,
    SIZE_CLASSES,
    STATES,
    Cell,
    CellClass,
    assignments,
    held_out,
    values_of,
)
from simaccess.errors import InputError
from simaccess.quantities import parse_duration, parse_rate, parse_size
from simaccess.whole_file import writing

__all__ = [
    "COLUMNS",
    "OPERATIONS",
    "PATTERNS",
    "SIZE_CLASSES",
    "STATES",
    "Cell",
    "CellClass",
    "MeasuredSet",
    "assignments",
    "held_out",
    "interval",
    "parsed_facts",
]

COLUMNS = (*CELL_COLUMNS, "repetition", "seconds", "threshold", "discarded")
"""The columns of a measured set: the fields of `Cell`, and of each repetition its number, the
seconds that all its requests took, 1 on a loss threshold (else 0), and why it was discarded."""

_TEXTS = ("operation", "state", "pattern", "workload", "method", "settings", "discarded")

_KINDS: Mapping[str, type] = dict.fromkeys(COLUMNS, int) | {
    **dict.fromkeys(_TEXTS, str),
    **dict.fromkeys(("idle_s", "seconds"), float),
}

_LIMITS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "repetition": (lambda value: value >= 0, "0 or more"),
    "seconds": (lambda value: 0 < value < float("inf"), "seconds, more than 0"),
    "threshold": (lambda value: value in (0, 1), "0 or 1"),
}


def _parse_loss(value: object) -> float:
    text = str(value).strip()
    try:
        share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        share = -1.0
    if not 0 <= share < 1:
        raise ValueError("no share of the packets; allowed: 0 up to below 1, or a percentage")
    return share


_FACTS: Mapping[str, Callable[[object], float]] = {
    "rate": parse_rate,
    "rtt": parse_duration,
    "buffer": parse_size,
    "loss": _parse_loss,
}


def parsed_facts(
    facts: Mapping[str, object], file: Path | None = None, place: str = "facts."
) -> dict[str, float]:
    """Return the quantities among what is known of a link, those named rate, rtt, buffer and loss.

    Parameters
    ----------
    facts : mapping
        What is known.
    file : Path, optional
        Where it stands.
    place : str
        What stands there before the keys.

    Raises
    ------
    InputError
        If one of them is no such quantity.
    """
    found: dict[str, float] = {}
    for key, parse in _FACTS.items():
        if key in facts:
            try:
                found[key] = parse(facts[key])
            except ValueError as error:
                problem, _, allowed = str(error).partition("; allowed: ")
                raise InputError(problem, file, place + key, facts[key], allowed or None) from None
    return found


@dataclass(frozen=True, eq=False)
class MeasuredSet:
    """What was measured on a link.

    Attributes
    ----------
    header : mapping
        What is known of the measurement, as TOML holds it: ``link``, ``date``, ``machine`` and
        more; ``segment`` is the segment's bytes.
    frame : DataFrame
        The columns `COLUMNS`, one row a repetition; not to be changed.
    """

    header: Mapping[str, Any]
    frame: pd.DataFrame = field(repr=False)

    @classmethod
    def of(
        cls, header: Mapping[str, Any], rows: Iterable[tuple[Cell, int, float, bool, str]]
    ) -> MeasuredSet:
        """Make a set of rows: cell, repetition, seconds, on a threshold or not, why discarded."""
        table = [
            (*values_of(cell), number, seconds, int(on), " ".join(why.split()))
            for cell, number, seconds, on, why in rows
        ]
        frame = pd.DataFrame(table, columns=list(COLUMNS))
        return cls(header, frame.astype({name: _dtype(kind) for name, kind in _KINDS.items()}))

    @property
    def segment(self) -> int | None:
        """Bytes of the segment, where the header tells them."""
        size = self.header.get("segment")
        return size if isinstance(size, int) else None

    @property
    def doubts(self) -> tuple[str, ...]:
        """What of the header contradicts itself, a sentence each."""
        key = "congestion_control"
        own, told = self.header.get(key), self.header.get("facts", {}).get(key)
        if own is None or told is None or own == told:
            return ()
        said = f"the header's {key} is {own!r}, this side's default, and the fact {told!r} holds"
        return (said,)

    @cached_property
    def digest(self) -> str:
        """What its rows stand for, whatever file holds them: equal ones have equal digests."""
        table = self.frame.to_csv(index=False, lineterminator="\n").encode()
        return hashlib.blake2b(table, digest_size=8).hexdigest()

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        """The cells in the order in which they came first."""
        return tuple(self._rows)

    def seconds(self, cell: Cell) -> NDArray[np.float64]:
        """Return what the repetitions of a cell took, discarded ones left out."""
        rows = self._rows[cell]
        used = rows[self._kept[rows]]
        seconds: NDArray[np.float64] = self.frame["seconds"].to_numpy(np.float64)[used]
        return seconds

    def repetitions(self, cell: Cell) -> NDArray[np.int64]:
        """Return the numbers of the repetitions that `seconds` returns."""
        rows = self._rows[cell]
        used = rows[self._kept[rows]]
        numbers: NDArray[np.int64] = self.frame["repetition"].to_numpy(np.int64)[used]
        return numbers

    def discarded(self, cell: Cell) -> int:
        """Return how many repetitions of a cell were discarded."""
        rows = self._rows[cell]
        return int(len(rows) - self._kept[rows].sum())

    def on_threshold(self, cell: Cell) -> bool:
        """Say whether a cell lies on a loss threshold (`simaccess.threshold`)."""
        return bool(self.frame["threshold"].to_numpy()[self._rows[cell]].any())

    @cached_property
    def _rows(self) -> dict[Cell, NDArray[np.intp]]:
        groups: dict[Cell, list[int]] = {}
        known: dict[tuple[Any, ...], Cell] = {}
        columns = (self.frame[name].tolist() for name in CELL_COLUMNS)
        for row, values in enumerate(zip(*columns, strict=True)):
            if values not in known:
                known[values] = Cell(*values)
            groups.setdefault(known[values], []).append(row)
        return {cell: np.array(rows, np.intp) for cell, rows in groups.items()}

    @cached_property
    def _kept(self) -> NDArray[np.bool_]:
        kept: NDArray[np.bool_] = (self.frame["discarded"] == "").to_numpy(np.bool_)
        return kept

    # -- the file ------------------------------------------------------------------------------

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the set into a file, by the rule of `simaccess.whole_file`.

        Raises
        ------
        InputError
            If it cannot be written.
        """
        lines = tomlkit.dumps(dict(self.header)).removesuffix("\n").split("\n")
        head = "".join(f"# {line}".rstrip() + "\n" for line in lines)
        with writing(path) as whole:
            table = self.frame.to_csv(index=False, lineterminator="\n")
            whole.write_text(head + table, encoding="utf-8")

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> MeasuredSet:
        """Read a set from its file.

        Raises
        ------
        InputError
            If it cannot be read, or anything in it is wrong; the line and column are named.
        """
        path = Path(path)
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as error:
            raise InputError(f"cannot be read: {error.strerror}", file=path) from None
        except UnicodeDecodeError:
            raise InputError("not a measured set: no text in UTF-8", file=path) from None
        lines = text.removesuffix("\n").split("\n")
        head = [line[1:].removeprefix(" ") for line in takewhile(_is_header, lines)]
        try:
            header = tomllib.loads("\n".join(head))
        except tomllib.TOMLDecodeError as error:
            raise InputError(f"the header is no TOML: {error}", file=path) from None
        _check_header(header, path)
        return cls(header, _table(path, lines, len(head)))


def _check_header(header: Mapping[str, Any], path: Path) -> None:
    """Refuse figures of a header that are none."""
    segment = header.get("segment", 1)
    if not isinstance(segment, int) or segment < 1:
        raise InputError("not a size", path, "segment", segment, "a whole number of bytes")
    facts = header.get("facts", {})
    if not isinstance(facts, dict):
        raise InputError("no table", path, "facts", facts, "a table [facts]")
    texts = {key: value for key, value in header.items() if isinstance(value, str)}
    parsed_facts(texts, path, "")
    parsed_facts(facts, path)


def _is_header(line: str) -> bool:
    return line.startswith("#")


def _dtype(kind: type) -> str:
    return {int: "int64", float: "float64", str: "object"}[kind]


def _table(path: Path, lines: Sequence[str], skip: int) -> pd.DataFrame:
    """Read and check the table that begins after `skip` lines."""
    columns: dict[str, list[Any]] = {name: [] for name in COLUMNS}
    cells: set[tuple[Any, ...]] = set()
    for number, row in _records(path, lines, skip):
        values = [_value(path, number, *entry) for entry in zip(COLUMNS, row, strict=True)]
        cell = tuple(values[: len(CELL_COLUMNS)])
        if cell not in cells:
            try:
                Cell(*cell)
            except InputError as error:
                raise InputError(
                    error.problem, path, f"line {number}: {error.key}", error.value, error.allowed
                ) from None
            cells.add(cell)
        for name, value in zip(COLUMNS, values, strict=True):
            columns[name].append(value)
    return pd.DataFrame(
        {name: pd.Series(values, dtype=_dtype(_KINDS[name])) for name, values in columns.items()}
    )


def _records(path: Path, lines: Sequence[str], skip: int) -> Iterator[tuple[int, list[str]]]:
    """Yield the number and the fields of each line of the table."""
    heading = ",".join(COLUMNS)
    found = lines[skip] if skip < len(lines) else ""
    if found != heading:
        raise InputError("no such table", path, f"line {skip + 1}", found, f"the columns {heading}")
    for number, row in enumerate(csv.reader(lines[skip + 1 :]), skip + 2):
        if len(row) != len(COLUMNS):
            problem = f"has {len(row)} columns"
            raise InputError(problem, path, f"line {number}", allowed=f"{len(COLUMNS)} columns")
        yield number, row


def _value(path: Path, number: int, name: str, text: str) -> Any:
    """Return the value of a field."""
    value: Any
    try:
        value = _KINDS[name](text)
    except ValueError:
        allowed = "a number" if _KINDS[name] is float else "a whole number"
        raise InputError("refused", path, f"line {number}: {name}", text, allowed) from None
    for column, (fits, allowed) in _LIMITS.items():
        if name == column and not fits(value):
            raise InputError("refused", path, f"line {number}: {name}", text, allowed)
    return value


def interval(seconds: Sequence[float] | NDArray[np.float64]) -> tuple[float, float]:
    """Return the 95 % interval of the median, from the order of the values alone.

    It is infinite for fewer than six values, whose least and largest may both lie on one side.
    """
    rank = _rank(len(seconds))
    if not rank:
        return -np.inf, np.inf
    ordered = np.sort(np.asarray(seconds))
    return float(ordered[rank - 1]), float(ordered[-rank])


@cache
def _rank(count: int) -> int:
    """Return the highest rank from 1 that is above the median in at most 2.5 % of samples."""
    return int(binom.ppf(0.025, count, 0.5))
