"""The caches, cores and channel of a replayed ``memory-bus``, compiled.

The methods are those of `simaccess.sim.caches`, `memory_core`, `channel`, `memory_bus` and
`memory_moves`, translated (`simaccess.replay.translation`). Here is what they reach beside that.

This module needs numba.
"""

# ruff: noqa: SLF001  # fields are their classes'
from __future__ import annotations

from typing import Any, Final

from simaccess.replay import queues
from simaccess.replay.arena import allocate, maker
from simaccess.replay.compiled import compiled
from simaccess.replay.memory_layout import CLASSES, LAYOUTS
from simaccess.replay.objects import register, seen_as, word
from simaccess.replay.translation import translated

__all__ = ["METHODS"]

register(LAYOUTS)

_QUEUE: Final = 5
_ROOM: Final = 8
_BATCH: Final = 4

_stream_room = maker("Stream")
_shared_room = maker("_Shared")
_batches_at = seen_as("[batch]")
_numbers_at = seen_as("[int]")
core_at = seen_as("Core")


@compiled
def renew(core: Any, page: int) -> None:
    """Note that a translation has been used."""
    queues.move_to_end(core._tlb, page)


@compiled
def stay_prepared(core: Any) -> None:
    """Keep translations as they are kept: any table finds its oldest entry at once."""


@compiled
def no_core() -> Any:
    """Return a core in place of None."""
    return core_at(0)


def _room_for_stream(arena: Any) -> Any:
    """Return the room of a stream, with an empty queue."""
    stream = _stream_room(arena)
    batches = _batches_at(allocate(arena, _QUEUE))
    batches.arena = arena
    batches.capacity = _ROOM
    batches.storage = allocate(arena, _BATCH * _ROOM)
    stream.under_way = batches
    return stream


def _room_for_shared(arena: Any) -> Any:
    """Return the room of a sector, with an empty queue."""
    shared = _shared_room(arena)
    numbers = _numbers_at(allocate(arena, _QUEUE))
    numbers.arena = arena
    numbers.capacity = _ROOM
    numbers.storage = allocate(arena, _ROOM)
    shared.holders = numbers
    return shared


def _catching_up(serve_other: Any) -> Any:
    """Return what serves other masters; of whose arrivals more are drawn than come by `now`."""

    def catch_up(channel: Any, now: int) -> None:
        while channel._next <= now:
            serve_other(channel, channel._next, channel._other_service, channel._other_request)
            channel._index += 1
            channel._next = word(channel._arrivals + 8 * channel._index)

    return compiled(catch_up, inline=False)


def _methods() -> dict[str, Any]:
    """Return the compiled functions by their names, ``Class__method`` and those above."""
    names: dict[str, Any] = {f"queues__{name}": getattr(queues, name) for name in queues.__all__}
    names |= {
        "Stream__room": compiled(_room_for_stream, inline=False),
        "_Shared__room": compiled(_room_for_shared, inline=False),
        "no_PrivateCaches": no_core,
        "renew": renew,
        "stay_prepared": stay_prepared,
    }
    functions = {each.name: each.function() for each in translated(CLASSES)}
    names |= {name: compiled(function, inline=False) for name, function in functions.items()}
    names["catch_up"] = _catching_up(names["FifoStation__serve_other"])
    for function in functions.values():
        function.__globals__.update(names)
    return names


METHODS: Final = _methods()
"""The compiled functions by their names, ``Class__method``."""
