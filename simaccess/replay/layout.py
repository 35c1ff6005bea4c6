"""How objects of plain classes lie in memory, for compiled code: a field is 64 bits.

A field is an ``int`` (a truth value, a time, and in place of None `NOTHING`), a ``float``, the
address of an object of a named class, that of a queue, ``[name]``, of such, or that of a table,
``{name}``, of such by ints. `Image` lays out a graph of live objects as its classes' layouts say.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "ARENA",
    "EXACT",
    "FREE",
    "NOTHING",
    "QUEUE",
    "TABLE",
    "WIDTHS",
    "Field",
    "Image",
    "Layout",
    "Own",
    "layout",
    "slots_of",
]

NOTHING: Final = -(1 << 62)
"""An int in place of None."""

Field: TypeAlias = str
"""A kind of field, as above."""

Layout: TypeAlias = Mapping[str, tuple[int, Field]]
"""Place and kind of each field, by name."""

WIDTHS: Final[Mapping[str, int]] = {"pair": 2, "rate": 2, "batch": 4}
"""Words of an item of a queue, where it is not one: two ints, an int and a float, four ints."""

QUEUE: Final = ("storage", "capacity", "head", "count", "arena")
"""The fields of a queue: a ring of a power of two of items, and where more room comes from."""

TABLE: Final = ("storage", "capacity", "count", "first", "last", "arena")
"""The fields of a table: chains of entries by a power of two of hashes, and their order."""

_ROOM: Final = 8


def layout(ints: Iterable[str], **others: Field) -> Layout:
    """Return the layout of fields: those that are ints, and the kinds of the others."""
    kinds = dict.fromkeys(ints, "int") | others
    return {name: (place, kind) for place, (name, kind) in enumerate(kinds.items())}


def slots_of(*classes: type, **others: Field) -> Layout:
    """Return the layout of what has the slots of some classes, all ints but the others."""
    slots = [name for cls in classes for name in vars(cls)["__slots__"] if name != "__dict__"]
    return layout([name for name in slots if name not in others], **others)


EXACT: Final = 48
"""Blocks up to that many words are kept by their size, larger ones by the power of two."""

_RANKS: Final = EXACT + 64
FREE: Final = 4

ARENA: Final = layout(
    ("chunks", "place", "limit", "short", *(f"free_{rank}" for rank in range(_RANKS))),
    retired="[pair]",
)
"""Where new objects come from: chunks of memory, and chains of free blocks, by their size."""


@dataclass(frozen=True, eq=False, slots=True)
class Own:
    """Something that no class stands for, to be laid out beside live objects.

    Attributes
    ----------
    name : str
        Its layout's name.
    values : mapping of str to object
        Its fields; those that are not there are 0.
    """

    name: str
    values: Mapping[str, Any]


class Image:
    """Live objects, laid out in memory.

    Parameters
    ----------
    layouts : mapping of str to Layout
        By class.
    names : callable
        The class of an object in these terms, of all but `Own`.
    value : callable
        ``value(object, field)``, of all but `Own`, too.
    tags : mapping of str to int
        The numbers that stand for strings.
    """

    def __init__(
        self,
        layouts: Mapping[str, Layout],
        names: Callable[[Any], str],
        value: Callable[[Any, str], Any],
        tags: Mapping[str, int],
    ) -> None:
        self._layouts = layouts
        self._names = names
        self._value = value
        self._tags = tags
        self._words: list[int] = []
        self._references: list[int] = []  # words that hold places
        self._places: dict[int, int] = {}
        self._kept: list[Any] = []  # so that no identity is used twice
        self._arena: Any = None

    def put(self, thing: Any, arena: Any = None) -> int:
        """Lay out an object and whatever it refers to; return its place in words.

        Parameters
        ----------
        thing : object
            The object.
        arena : object
            What gives room to queues.
        """
        if arena is not None:
            self._arena = arena
        if id(thing) in self._places:
            return self._places[id(thing)]
        own = isinstance(thing, Own)
        fields = self._layouts[thing.name if own else self._names(thing)]
        place = self._take(thing, len(fields))
        for field, (offset, kind) in fields.items():
            value = thing.values.get(field, 0) if own else self._value(thing, field)
            self._write(place + offset, kind, value)
        return place

    def memory(self) -> NDArray[np.int64]:
        """Return the memory, in which places have become addresses."""
        memory = np.array(self._words, np.int64)
        memory[self._references] = memory.ctypes.data + 8 * memory[self._references]
        return memory

    def _take(self, thing: Any, words: int) -> int:
        place = len(self._words)
        self._words += [0] * words
        self._places[id(thing)] = place
        self._kept.append(thing)
        return place

    def _write(self, place: int, kind: Field, value: Any) -> None:
        if kind == "int":
            if isinstance(value, str):
                value = self._tags[value]
            self._words[place] = NOTHING if value is None else int(value)
        elif kind == "float":
            self._words[place] = struct.unpack("q", struct.pack("d", value))[0]
        elif value is not None:
            if kind[0] == "[":
                self._words[place] = self._queue(kind, value)
            elif kind[0] == "{":
                self._words[place] = self._table(value)
            else:
                self._words[place] = self.put(value)
            self._references.append(place)

    def _queue(self, kind: Field, items: Any) -> int:
        if id(items) in self._places:
            return self._places[id(items)]
        place = self._take(items, len(QUEUE))
        item = kind[1:-1]
        width = WIDTHS.get(item, 1)
        listed = list(items)
        capacity = max(_ROOM, 1 << len(listed).bit_length())
        storage = len(self._words)
        self._words += [0] * (width * capacity)
        for number, each in enumerate(listed):
            self._write(storage + number, item, each)
        self._words[place : place + 4] = [storage, capacity, 0, len(listed)]
        self._words[place + 4] = self.put(self._arena)
        self._references += [place, place + 4]
        return place

    def _table(self, entries: Any) -> int:
        if entries:
            raise NotImplementedError("a table that has entries")
        if id(entries) in self._places:
            return self._places[id(entries)]
        place = self._take(entries, len(TABLE))
        storage = len(self._words)
        self._words += [0] * _ROOM
        self._words[place : place + 2] = [storage, _ROOM]
        self._words[place + 5] = self.put(self._arena)
        self._references += [place, place + 5]
        return place
