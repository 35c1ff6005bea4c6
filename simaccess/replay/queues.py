"""What deques, lists, sets and dicts do, in compiled code; and a few built-in functions.

`simaccess.replay.translation` puts these functions where the classes have a method, an index, or a
question whether something is there.

This module needs numba.
"""

# ruff: noqa: SLF001  # fields are their classes'
from __future__ import annotations

from typing import Any, Final

from numba.core import types
from numba.extending import overload

from simaccess.replay.arena import enlarge
from simaccess.replay.compiled import compiled
from simaccess.replay.layout import NOTHING
from simaccess.replay.objects import Object, Queue, Table, element, native, put_element, width_of
from simaccess.replay.tables import (
    drop_first,
    drop_key,
    first_item,
    first_key,
    get,
    has,
    move_to_end,
    put,
    take,
    value_of,
)
from simaccess.sim.station import whole_ticks

__all__ = [
    "absent",
    "add",
    "append",
    "at",
    "bit_count",
    "bit_length",
    "clear",
    "contains",
    "draw",
    "drop",
    "drop_first",
    "first_item",
    "first_key",
    "get",
    "insert_by_original",
    "item",
    "least",
    "length",
    "move_to_end",
    "pop",
    "popleft",
    "put",
    "quotient",
    "remove",
    "take",
    "true",
    "whole",
]

_INNER: Final[Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
"""Options of what nobody calls from Python or C."""

_LATE: Final = 1 << 61
_ticks = compiled(whole_ticks)


@compiled
def place_of(queue: Any, number: int) -> int:
    """Return the address of an item."""
    ring = (queue.head + number) & (queue.capacity - 1)
    return int(queue.storage + 8 * width_of(queue) * ring)


@compiled
def at(queue: Any, number: int) -> Any:
    """Return an item; negative numbers count from the end."""
    if number < 0:
        number += queue.count
    return element(queue, place_of(queue, number))


@compiled
def append(queue: Any, value: Any) -> None:
    """Put an item at the end."""
    if queue.count == queue.capacity:
        enlarge(queue)
    put_element(queue, place_of(queue, queue.count), value)
    queue.count += 1


@compiled
def popleft(queue: Any) -> Any:
    """Take the first item out."""
    first = element(queue, place_of(queue, 0))
    queue.head = (queue.head + 1) & (queue.capacity - 1)
    queue.count -= 1
    return first


@compiled
def drop_head(queue: Any) -> None:
    """Take the first item out."""
    queue.head = (queue.head + 1) & (queue.capacity - 1)
    queue.count -= 1


@compiled
def pop(queue: Any) -> Any:
    """Take the last item out."""
    queue.count -= 1
    return element(queue, place_of(queue, queue.count))


@compiled
def clear(queue: Any) -> None:
    """Take everything out."""
    queue.count = 0


@compiled
def holds(queue: Any, value: int) -> bool:
    """Say whether an int is among the items."""
    for number in range(queue.count):  # noqa: SIM110  # numba has no generators here
        if at(queue, number) == value:
            return True
    return False


@compiled
def remove(queue: Any, value: int) -> None:
    """Take the first of the ints that is so out, if there is one."""
    for number in range(queue.count):
        if at(queue, number) == value:
            for later in range(number + 1, queue.count):
                put_element(queue, place_of(queue, later - 1), at(queue, later))
            queue.count -= 1
            return


@compiled
def add_to_queue(queue: Any, value: int) -> None:
    """Put an int among the items if it is not."""
    if not holds(queue, value):
        append(queue, value)


@compiled
def least(queue: Any) -> Any:
    """Return the least item."""
    found = at(queue, 0)
    for number in range(1, queue.count):
        found = min(found, at(queue, number))
    return found


@compiled
def insert_by_original(queue: Any, hole: Any) -> None:
    """Put an object behind those whose ``original`` is not greater; see `bisect.insort`."""
    append(queue, hole)
    number = queue.count - 1
    while number and at(queue, number - 1).original > hole.original:
        put_element(queue, place_of(queue, number), at(queue, number - 1))
        number -= 1
    put_element(queue, place_of(queue, number), hole)


@compiled
def draw(queue: Any) -> int:
    """Take a number that was drawn; when there is none, the arena's ``short`` says so."""
    if not queue.count:
        queue.arena.short = 1
        return _LATE
    return popleft(queue)  # type: ignore[no-any-return]


def _quotient(dividend: int, divisor: int) -> float:
    """Divide ints as Python does, 0 or more by 1 or more: to the nearest float, ties to even."""
    exact = 1 << 53
    if not dividend or (dividend < exact and divisor < exact):
        return float(dividend) / float(divisor)
    whole, rest = dividend // divisor, dividend % divisor
    power = 0
    while whole < 2 * exact:  # two bits more than a float has
        rest *= 2
        whole *= 2
        if rest >= divisor:
            rest -= divisor
            whole += 1
        power -= 1
    while whole >= 4 * exact:
        rest = 1 if rest or whole & 1 else 0
        whole >>= 1
        power += 1
    low = whole & 3
    whole >>= 2
    if low == 3 or (low == 2 and (rest or whole & 1)):
        whole += 1
    return float(whole) * 2.0 ** (power + 2)


_exactly = compiled(_quotient, inline=False)


# -- what depends on the type ----------------------------------------------------------------------


def item(of: Any, index: Any) -> Any:
    """Return ``of[index]``."""
    raise NotImplementedError


@overload(item, jit_options=_INNER)
def _item(of, index):  # type: ignore[no-untyped-def]  # noqa: ARG001  # numba looks at names
    if isinstance(of, Queue):
        return lambda of, index: at(of, index)  # noqa: PLW0108  # numba looks at names
    if isinstance(of, Table):
        return lambda of, index: value_of(of, index)  # noqa: PLW0108  # as above
    if isinstance(of, Object):  # Durations
        return lambda of, index: _ticks(index, of._ticks) + of._fixed
    return lambda of, index: of[index]


def contains(of: Any, value: int) -> bool:
    """Say whether an int is among the items, or a key."""
    raise NotImplementedError


@overload(contains, jit_options=_INNER)
def _contains(of, value):  # type: ignore[no-untyped-def]  # noqa: ARG001  # as above
    if isinstance(of, Table):
        return lambda of, value: has(of, value)  # noqa: PLW0108  # as above
    return lambda of, value: holds(of, value)  # noqa: PLW0108  # as above


def add(of: Any, value: int) -> None:
    """Put an int among the items, or the keys, if it is not."""
    raise NotImplementedError


@overload(add, jit_options=_INNER)
def _add(of, value):  # type: ignore[no-untyped-def]  # noqa: ARG001  # as above
    if isinstance(of, Table):
        return lambda of, value: put(of, value, 0)
    return lambda of, value: add_to_queue(of, value)  # noqa: PLW0108  # as above


def drop(of: Any, index: int) -> None:
    """Take an item out by its key, or the first one of a queue."""
    raise NotImplementedError


@overload(drop, jit_options=_INNER)
def _drop(of, index):  # type: ignore[no-untyped-def]  # noqa: ARG001  # as above
    if isinstance(of, Table):
        return lambda of, index: drop_key(of, index)  # noqa: PLW0108  # as above
    return lambda of, index: drop_head(of)  # noqa: ARG005  # as above


@native
def bit_count(_context: Any, bits: Any) -> Any:  # noqa: ARG001  # as above
    """Return how many bits of a word are set."""

    def count(_: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.int64(types.int64), count


@native
def bit_length(_context: Any, bits: Any) -> Any:  # noqa: ARG001  # as above
    """Return the bits of an int that is not negative."""

    def count(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        zeros = builder.ctlz(arguments[0], context.get_constant(types.boolean, 0))
        return builder.sub(context.get_constant(types.int64, 64), zeros)

    return types.int64(types.int64), count


@native
def length(_context: Any, of: Any) -> Any:
    """Return ``len(of)``."""

    def count(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        if isinstance(of, types.BaseTuple):
            return context.get_constant(types.int64, len(of))
        return context.get_getattr(of, "count")(context, builder, of, arguments[0], "count")

    return types.int64(of), count


def _differs(context: Any, builder: Any, of: Any, value: Any, constant: int) -> Any:
    """Return whether a value differs from a constant."""
    if isinstance(of, Queue | Table):
        value = context.get_getattr(of, "count")(context, builder, of, value, "count")
        return builder.icmp_signed("!=", value, value.type(constant))
    if isinstance(of, types.Boolean):
        return context.cast(builder, value, of, types.boolean)
    if isinstance(of, types.Float):
        return builder.fcmp_unordered("!=", value, value.type(constant))
    return builder.icmp_signed("!=", value, value.type(constant))


@native
def absent(_context: Any, of: Any) -> Any:
    """Say whether something is None."""

    def nothing(_: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        constant = 0 if isinstance(of, Object) else NOTHING
        return builder.icmp_signed("==", arguments[0], arguments[0].type(constant))

    return types.boolean(of), nothing


@native
def true(_context: Any, of: Any) -> Any:
    """Say whether something counts as true."""

    def counts(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return _differs(context, builder, of, arguments[0], 0)

    return types.boolean(of), counts


@native
def whole(_context: Any, of: Any) -> Any:
    """Return an int of which the compiler makes no case of its own."""

    def cast(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return context.cast(builder, arguments[0], of, types.int64)

    return types.int64(of), cast


def quotient(one: Any, other: Any) -> Any:
    """Return ``one / other``."""
    raise NotImplementedError


@overload(quotient, jit_options=_INNER)
def _divided(one, other):  # type: ignore[no-untyped-def]  # as above
    if isinstance(one, types.Integer) and isinstance(other, types.Integer):
        return lambda one, other: _exactly(one, other)  # noqa: PLW0108  # as above
    return lambda one, other: one / other
