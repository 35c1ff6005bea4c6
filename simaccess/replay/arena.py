"""The memory from which new objects come in compiled code, and to which they go back.

Nothing counts references: who removes an object says so, and its block is used again, at once or
after the event.

This module needs numba.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from numba.core import types

from simaccess.replay.compiled import compiled
from simaccess.replay.layout import EXACT, FREE
from simaccess.replay.objects import (
    address_of,
    element,
    fields_of,
    put_element,
    put_word,
    seen_as,
    width_of,
    word,
)

__all__ = ["allocate", "discard", "enlarge", "give_back", "maker", "recycle", "retire"]

_types: Any = types  # of which numba tells too little

_CHUNK: Final = 1 << 16  # words

_malloc = _types.ExternalFunction("malloc", types.int64(types.int64))
_free = _types.ExternalFunction("free", types.void(types.int64))


@compiled
def _rank(words: int) -> int:
    """Return the place of the chain of free blocks of a size."""
    if words <= EXACT:
        return words
    rank = EXACT
    size = 1
    while size < words:
        size *= 2
        rank += 1
    return rank


def _allocate(arena: Any, words: int) -> int:
    """Return a block of zeros."""
    rank = _rank(words)
    head = address_of(arena) + 8 * (FREE + rank)
    block = word(head)
    if block:
        put_word(head, word(block))
    else:
        size = words if words <= EXACT else 1 << (rank - EXACT)
        if arena.place + 8 * size > arena.limit:
            room = 8 * (max(size, _CHUNK) + 1)
            chunk = _malloc(room)
            if not chunk:
                raise MemoryError
            put_word(chunk, arena.chunks)
            arena.chunks = chunk
            arena.place = chunk + 8
            arena.limit = chunk + room
        block = arena.place
        arena.place += 8 * size
    for place in range(words):
        put_word(block + 8 * place, 0)
    return int(block)


allocate = compiled(_allocate, inline=False)


@compiled
def give_back(arena: Any, block: int, words: int) -> None:
    """Use a block again."""
    head = address_of(arena) + 8 * (FREE + _rank(words))
    put_word(block, word(head))
    put_word(head, block)


def _enlarge(queue: Any) -> None:
    """Double a queue's room."""
    width = width_of(queue)
    old, capacity = queue.storage, queue.capacity
    new = allocate(queue.arena, 2 * capacity * width)
    for number in range(queue.count):
        place = (queue.head + number) & (capacity - 1)
        for part in range(width):
            put_word(new + 8 * (number * width + part), word(old + 8 * (place * width + part)))
    queue.storage = new
    queue.capacity = 2 * capacity
    queue.head = 0
    give_back(queue.arena, old, capacity * width)


enlarge = compiled(_enlarge, inline=False)


def _retire(arena: Any, block: int, words: int) -> None:
    """Use a block again after this event."""
    retired = arena.retired
    if retired.count == retired.capacity:
        enlarge(retired)
    place = (retired.head + retired.count) & (retired.capacity - 1)
    put_element(retired, retired.storage + 16 * place, (block, words))
    retired.count += 1


retire = compiled(_retire, inline=False)


@compiled
def recycle(arena: Any) -> None:
    """Use again whatever was retired."""
    retired = arena.retired
    for number in range(retired.count):
        place = (retired.head + number) & (retired.capacity - 1)
        block, words = element(retired, retired.storage + 16 * place)
        give_back(arena, block, words)
    retired.count = 0


@compiled
def discard(arena: Any) -> None:
    """Give all memory back."""
    chunk = arena.chunks
    while chunk:
        following = word(chunk)
        _free(chunk)
        chunk = following
    arena.chunks = 0
    arena.place = 0
    arena.limit = 0


def maker(cls: str) -> Callable[[Any], Any]:
    """Return the compiled function that makes an object of a class, all of it 0."""
    see, words = seen_as(cls), len(fields_of(cls))

    def make(arena: Any) -> Any:
        return see(allocate(arena, words))

    return compiled(make, inline=False)
