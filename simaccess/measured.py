"""Measured sets: what was timed on a link, cell by cell, and the file that holds it.

A *cell* is what is timed: an operation of a size in a state of the link, or an access method on a
workload. A *measured set* has one row a repetition of a cell. Its file is a header, lines that
begin with ``#`` and hold TOML, and a CSV table with the columns `COLUMNS`.
"""

from __future__ import annotations

import csv
import hashlib
import os
import re
import tempfile
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from itertools import takewhile
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import pandas as pd
import tomlkit
from numpy.typing import NDArray

from simaccess.errors import InputError

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
]

Operation: TypeAlias = Literal["load", "store", "fetch", "flush", "method"]
State: TypeAlias = Literal["cold", "warm", "idle", "steady"]
Pattern: TypeAlias = Literal["sequential", "random"]

OPERATIONS: tuple[Operation, ...] = get_args(Operation)
STATES: tuple[State, ...] = get_args(State)
PATTERNS: tuple[Pattern, ...] = get_args(Pattern)

SIZE_CLASSES = MappingProxyType({"<= 4 KiB": 1 << 12, "<= 64 KiB": 1 << 16, "<= 1 MiB": 1 << 20})
"""The classes of sizes in reports, with the most bytes of each; above them is ``larger``."""

CellClass: TypeAlias = tuple[str, str, str]
"""A class of cells in reports: operation, size class and state."""

_SETTING = re.compile(r"\s+(?=[A-Za-z_]\w*=)")


@dataclass(frozen=True, slots=True)
class Cell:
    """What is timed.

    Attributes
    ----------
    operation : str
        ``load``, ``store`` (in place), ``fetch``, ``flush`` (bulk), or ``method``: an access method
        on a workload.
    size : int
        Bytes of each request; of a method, bytes of its blocks, or 0 where it has none of its own.
    depth : int
        Requests in flight. For more than one, as many are issued, and the end of each issues the
        next. Loads and stores, and methods, have 1.
    state : str
        ``cold``: a fresh connection or a cold cache, with one tiny request done. ``warm``: after
        `warm` requests on a fresh one. ``idle``: warm, then `idle_s` of silence. ``steady``: no
        state that matters; the link is used as it is, after `warm` requests.
    warm : int
        Untimed requests before, of the same operation, size and places; for a method, untimed
        passes over its workload.
    idle_s : float
        Seconds of silence before.
    pattern : str
        Where successive requests go: ``sequential`` from the segment's start, or ``random``, drawn
        for each repetition.
    consumers : int
        How many do this at once, each on its own connection.
    workload : str
        Of a method: the name of a workload and its parameters, such as
        ``sequential size=1 MiB length=4 KiB``.
    method : str
        Of a method: its name.
    settings : str
        Of a method: its parameters, such as ``block=64 KiB depth=8``.
    count : int
        Requests timed together, by each consumer; of a method, those of its workload, which the
        consumers share.

    Raises
    ------
    InputError
        If a value is none of those allowed.
    """

    operation: Operation
    size: int
    depth: int = 1
    state: State = "steady"
    warm: int = 0
    idle_s: float = 0.0
    pattern: Pattern = "sequential"
    consumers: int = 1
    workload: str = ""
    method: str = ""
    settings: str = ""
    count: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "idle_s", float(self.idle_s))  # it counts in `share`, as text
        for name, names in (("operation", OPERATIONS), ("state", STATES), ("pattern", PATTERNS)):
            self._require(name, getattr(self, name) in names, ", ".join(names))
        method = self.operation == "method"
        self._require("size", self.size >= (0 if method else 1), "bytes, at least 1")
        bulk = self.operation in ("fetch", "flush")
        self._require("depth", self.depth >= 1, "1 or more")
        self._require("depth", bulk or self.depth == 1, "1 but for fetch and flush")
        self._require("warm", self.warm >= (self.state in ("warm", "idle")), "1 or more when warm")
        self._require("warm", self.state != "cold" or not self.warm, "0 when cold")
        self._require("idle_s", 0 <= self.idle_s < float("inf"), "seconds, 0 or more")
        idle = self.state == "idle"
        self._require("idle_s", (self.idle_s > 0) == idle, "more than 0 when idle, and 0 else")
        for name in ("consumers", "count"):
            self._require(name, getattr(self, name) >= 1, "1 or more")
        for name in ("workload", "method"):
            given = bool(getattr(self, name))
            self._require(name, given == method, "a name for the operation method, and only there")
        self._require("settings", method or not self.settings, "none but for a method")

    def _require(self, name: str, fine: bool, allowed: str) -> None:
        if not fine:
            raise InputError("refused", key=name, value=getattr(self, name), allowed=allowed)

    @property
    def size_class(self) -> str:
        """The class of its size in reports."""
        fitting = (name for name, most in SIZE_CLASSES.items() if self.size <= most)
        return next(fitting, "larger")

    @property
    def kind(self) -> CellClass:
        """Its class in reports: operation, size class and state."""
        return self.operation, self.size_class, self.state

    @property
    def share(self) -> float:
        """A number in [0, 1) that its fields stand for, `count` apart, evenly spread over cells.

        The number of requests in a batch depends on the machine's speed on the day; the same cell
        measured again has the same share.
        """
        values = _fields(self)[:-1]  # `count` is the last one
        digest = hashlib.blake2b("\0".join(map(str, values)).encode(), digest_size=8).digest()
        return int.from_bytes(digest) / 2**64


CELL_COLUMNS = tuple(each.name for each in fields(Cell))


def _fields(cell: Cell) -> tuple[Any, ...]:
    return tuple(getattr(cell, name) for name in CELL_COLUMNS)


COLUMNS = (*CELL_COLUMNS, "repetition", "seconds", "threshold", "discarded")
"""The columns of a measured set: the fields of `Cell`, and of each repetition its number, the
seconds that all its requests took, 1 on a loss threshold (else 0), and why it was discarded."""

_KINDS: Mapping[str, type] = {
    name: float
    if name in ("idle_s", "seconds")
    else str
    if name in ("operation", "state", "pattern", "workload", "method", "settings", "discarded")
    else int
    for name in COLUMNS
}

_LIMITS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "repetition": (lambda value: value >= 0, "0 or more"),
    "seconds": (lambda value: 0 < value < float("inf"), "seconds, more than 0"),
    "threshold": (lambda value: value in (0, 1), "0 or 1"),
}


def assignments(text: str) -> tuple[str, dict[str, str]]:
    """Take ``name key=value key=value`` apart; values may hold spaces, as in ``block=64 KiB``.

    Returns
    -------
    str
        What comes before the first key; empty if the text begins with a key.
    dict of str to str
        The values by key.

    Raises
    ------
    InputError
        If a key comes twice.
    """
    name, *parts = _SETTING.split(f" {text.strip()}")
    found: dict[str, str] = {}
    for part in parts:
        key, _, value = part.partition("=")
        if key in found:
            raise InputError("given twice", key=key, value=text, allowed="one value a key")
        found[key] = value.strip()
    return name.strip(), found


def held_out(cells: Iterable[Cell], fraction: float) -> frozenset[Cell]:
    """Return the cells that a fit must not see.

    Which they are follows from the cells' fields (`Cell.share`), not from their order or a draw.
    Where that would put all cells of a class (operation, size class, state) on one side, and there
    are two or more, the one nearest to the limit changes sides.

    Parameters
    ----------
    cells : iterable of Cell
        All cells of a measured set.
    fraction : float
        Which share of them, from 0 to 1. With 0 none is held out, with 1 all are.

    Raises
    ------
    InputError
        If the fraction is not one.
    """
    if not 0 <= fraction <= 1:
        raise InputError("no share", key="fraction", value=fraction, allowed="0 to 1")
    classes: dict[CellClass, list[Cell]] = {}
    for cell in dict.fromkeys(cells):
        classes.setdefault(cell.kind, []).append(cell)
    chosen: set[Cell] = set()
    for members in classes.values():
        members.sort(key=lambda cell: cell.share)
        count = sum(cell.share < fraction for cell in members)
        if 0 < fraction < 1 and len(members) > 1:
            count = min(max(count, 1), len(members) - 1)
        chosen.update(members[:count])
    return frozenset(chosen)


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
            (*_fields(cell), number, seconds, int(on), " ".join(why.split()))
            for cell, number, seconds, on, why in rows
        ]
        frame = pd.DataFrame(table, columns=list(COLUMNS))
        return cls(header, frame.astype({name: _dtype(kind) for name, kind in _KINDS.items()}))

    @property
    def segment(self) -> int | None:
        """Bytes of the segment, where the header tells them."""
        size = self.header.get("segment")
        return size if isinstance(size, int) else None

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
        """Write the set into a file: whole, or if that cannot be, not at all.

        Raises
        ------
        InputError
            If it cannot be written.
        """
        path = Path(path)
        lines = tomlkit.dumps(dict(self.header)).removesuffix("\n").split("\n")
        head = "".join(f"# {line}".rstrip() + "\n" for line in lines)
        try:
            # Beside its place, so that moving it there is one step.
            with tempfile.TemporaryDirectory(prefix=".writing-", dir=path.parent) as scratch:
                whole = Path(scratch) / path.name
                table = self.frame.to_csv(index=False, lineterminator="\n")
                whole.write_text(head + table, encoding="utf-8")
                whole.replace(path)
        except OSError as error:
            raise InputError(f"cannot be written: {error.strerror}", file=path) from None

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
        return cls(header, _table(path, lines, len(head)))


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
