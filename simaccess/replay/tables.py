"""What dicts and sets of ints do, for tables in compiled code.

A table keeps its entries in the order in which their keys came, as dicts do, and finds them by
chains of a hash. It owns the objects in it, and they their queues: what is dropped is used again at
once. What is taken out by `take` lives on.

This module needs numba.
"""

from __future__ import annotations

from typing import Any, Final

from numba.core import types
from numba.extending import overload

from simaccess.replay.arena import allocate, give_back
from simaccess.replay.compiled import compiled
from simaccess.replay.layout import NOTHING, QUEUE, WIDTHS
from simaccess.replay.objects import Object, address_of, fields_of, native, put_word, type_of, word

__all__ = [
    "drop_first",
    "drop_key",
    "first_item",
    "first_key",
    "get",
    "has",
    "move_to_end",
    "put",
    "take",
    "value_of",
]

# The words of an entry: its key and value, the entries before and after it, and the next one of
# the same hash.
_VALUE: Final = 8
_BEFORE: Final = 16
_AFTER: Final = 24
_CHAIN: Final = 32
_ENTRY: Final = 5

_SPREAD: Final = -7046029254386353131
"""2**64 over the golden ratio, as a signed word: multiples of it spread well."""

_INNER: Final[Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}


@native
def value_as(_context: Any, table: Any, _value: Any) -> Any:
    """Return a word as a value of a table."""

    def see(_: Any, _builder: Any, _signature: Any, arguments: Any) -> Any:
        return arguments[1]

    return type_of(table.item)(table, types.int64), see


@native
def word_of(_context: Any, table: Any, value: Any) -> Any:
    """Return a value of a table as a word."""

    def see(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        if isinstance(value, Object):
            return arguments[1]
        return context.cast(builder, arguments[1], value, types.int64)

    return types.int64(table, value), see


@compiled
def _chain(table: Any, key: int) -> int:
    """Return the address of the head of a key's chain."""
    return int(table.storage + 8 * (((key * _SPREAD) >> 32) & (table.capacity - 1)))


def _find(table: Any, key: int) -> int:
    """Return the entry of a key; 0 if there is none."""
    entry = word(_chain(table, key))
    while entry and word(entry) != key:
        entry = word(entry + _CHAIN)
    return int(entry)


find = compiled(_find, inline=False)


def _grow(table: Any) -> None:
    """Double a table's chains."""
    give_back(table.arena, table.storage, table.capacity)
    table.capacity *= 2
    table.storage = allocate(table.arena, table.capacity)
    entry = table.first
    while entry:
        head = _chain(table, word(entry))
        put_word(entry + _CHAIN, word(head))
        put_word(head, entry)
        entry = word(entry + _AFTER)


grow = compiled(_grow, inline=False)


@compiled
def _link(table: Any, entry: int) -> None:
    """Put an entry at the end of the order."""
    last = table.last
    put_word(entry + _BEFORE, last)
    put_word(entry + _AFTER, 0)
    if last:
        put_word(last + _AFTER, entry)
    else:
        table.first = entry
    table.last = entry


@compiled
def _unlink(table: Any, entry: int) -> None:
    """Take an entry out of the order."""
    before, after = word(entry + _BEFORE), word(entry + _AFTER)
    if before:
        put_word(before + _AFTER, after)
    else:
        table.first = after
    if after:
        put_word(after + _BEFORE, before)
    else:
        table.last = before


def _insert(table: Any, key: int, value: int) -> None:
    """Put a key that is not there at the end."""
    if table.count == table.capacity:
        grow(table)
    entry = allocate(table.arena, _ENTRY)
    head = _chain(table, key)
    put_word(entry, key)
    put_word(entry + _VALUE, value)
    put_word(entry + _CHAIN, word(head))
    put_word(head, entry)
    _link(table, entry)
    table.count += 1


insert = compiled(_insert, inline=False)


def _remove(table: Any, key: int) -> int:
    """Take an entry out; return its value."""
    place = _chain(table, key)
    entry = word(place)
    while word(entry) != key:
        place = entry + _CHAIN
        entry = word(place)
    put_word(place, word(entry + _CHAIN))
    _unlink(table, entry)
    value = word(entry + _VALUE)
    give_back(table.arena, entry, _ENTRY)
    table.count -= 1
    return int(value)


remove = compiled(_remove, inline=False)


@compiled
def has(table: Any, key: int) -> bool:
    """Say whether there is a key."""
    return find(table, key) != 0


@compiled
def value_of(table: Any, key: int) -> Any:
    """Return the value of a key that is there."""
    return value_as(table, word(find(table, key) + _VALUE))


@native
def nothing_in(_context: Any, table: Any) -> Any:
    """Return what stands for None among the values of a table, as a word."""
    nothing = 0 if isinstance(type_of(table.item), Object) else NOTHING

    def constant(context: Any, _builder: Any, _signature: Any, _arguments: Any) -> Any:
        return context.get_constant(types.int64, nothing)

    return types.int64(table), constant


@compiled
def _value_or(table: Any, key: int, other: int) -> Any:
    entry = find(table, key)
    return value_as(table, word(entry + _VALUE) if entry else other)


def get(table: Any, key: int, default: int = 0) -> Any:
    """Return the value of a key; without it the default, which is None where none is given."""
    raise NotImplementedError


@overload(get, jit_options=_INNER)
def _get(table, key, default=None):  # type: ignore[no-untyped-def]  # noqa: ARG001  # as numba looks
    if default is None:
        return lambda table, key, default=None: _value_or(table, key, nothing_in(table))  # noqa: ARG005
    return lambda table, key, default=None: _value_or(table, key, default)


@compiled
def take(table: Any, key: int) -> Any:
    """Take a key out and return its value; None if it is not there."""
    if not find(table, key):
        return value_as(table, nothing_in(table))
    return value_as(table, remove(table, key))


@compiled
def move_to_end(table: Any, key: int) -> None:
    """Put a key that is there at the end of the order."""
    entry = find(table, key)
    if entry != table.last:
        _unlink(table, entry)
        _link(table, entry)


@compiled
def first_key(table: Any) -> int:
    """Return the first key."""
    return int(word(table.first))


@compiled
def first_item(table: Any) -> Any:
    """Return the first key and its value."""
    return word(table.first), value_as(table, word(table.first + _VALUE))


def release(arena: Any, thing: Any) -> None:
    """Give back the memory of an object and of its queues; a number has none."""
    raise NotImplementedError


@overload(release, jit_options=_INNER)
def _release(arena, thing):  # type: ignore[no-untyped-def]  # noqa: ARG001  # numba looks at names
    if not isinstance(thing, Object):
        return lambda arena, thing: None  # noqa: ARG005
    fields = fields_of(thing.cls)
    words = len(fields)
    queues = tuple(
        (8 * place, WIDTHS.get(kind[1:-1], 1)) for place, kind in fields.values() if kind[0] == "["
    )
    header = len(QUEUE)

    def alone(arena, thing):  # type: ignore[no-untyped-def]  # as above
        give_back(arena, address_of(thing), words)

    def with_queues(arena, thing):  # type: ignore[no-untyped-def]  # as above
        for place, width in queues:
            queue = word(address_of(thing) + place)
            give_back(arena, word(queue), width * word(queue + 8))
            give_back(arena, queue, header)
        give_back(arena, address_of(thing), words)

    return with_queues if queues else alone


@compiled
def put(table: Any, key: int, value: Any) -> None:
    """Put a value under a key: in place of another, which is given back, or at the end."""
    new = word_of(table, value)
    entry = find(table, key)
    if not entry:
        insert(table, key, new)
    elif word(entry + _VALUE) != new:
        release(table.arena, value_as(table, word(entry + _VALUE)))
        put_word(entry + _VALUE, new)


@compiled
def drop_key(table: Any, key: int) -> None:
    """Take a key that is there out, and give back what it stood for."""
    release(table.arena, value_as(table, remove(table, key)))


@compiled
def drop_first(table: Any) -> None:
    """Take the first key out, and give back what it stood for."""
    drop_key(table, first_key(table))
