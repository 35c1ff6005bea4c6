"""Cells: what is timed on a link, and which of them a fit must not see."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import Any, Literal, TypeAlias, get_args

from simaccess.errors import InputError

__all__ = [
    "CELL_COLUMNS",
    "OPERATIONS",
    "PATTERNS",
    "SIZE_CLASSES",
    "STATES",
    "Cell",
    "CellClass",
    "assignments",
    "held_out",
    "values_of",
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
        """A number in [0, 1) that its fields stand for, evenly spread over cells.

        How many requests a batch has, and a steady link's untimed ones with it, depends on the
        machine's speed on the day; so the same cell measured again has the same share.
        """
        warm = min(self.warm, 1) if self.state == "steady" else self.warm
        cell = replace(self, count=1, warm=warm)
        text = "\0".join(map(str, values_of(cell)))
        return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest()) / 2**64


CELL_COLUMNS = tuple(each.name for each in fields(Cell))
"""The names of a cell's fields."""


def values_of(cell: Cell) -> tuple[Any, ...]:
    """Return the values of a cell's fields, in the order of `CELL_COLUMNS`."""
    return tuple(getattr(cell, name) for name in CELL_COLUMNS)


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
        # Cells that differ in their batches alone have one share.
        members.sort(key=lambda cell: (cell.share, values_of(cell)))
        count = sum(cell.share < fraction for cell in members)
        if 0 < fraction < 1 and len(members) > 1:
            count = min(max(count, 1), len(members) - 1)
        chosen.update(members[:count])
    return frozenset(chosen)
