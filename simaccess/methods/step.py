"""A lone sequential reader's step from one block into the next: all operations at once.

A reader that prefetch follows at its full depth does the same with each block: it waits for its
copy, has one more block copied ahead, and reads. As generators that hand on each other's
operations this costs several times what it does.
"""

from __future__ import annotations

from simaccess.methods.directory import Directory
from simaccess.methods.slot import Slot
from simaccess.operations import FETCH, LOCAL, Operation

__all__ = ["step"]


def step(
    shadow: Directory, number: int, ahead: int, offset: int, length: int, *, limit: int
) -> tuple[Operation, Operation, Operation] | None:
    """Return a lone reader's step into a block whose copy is under way: all operations at once.

    They are those of `start`, `fetch` of block `ahead`, `arrive` and `serve`, for a reader
    behind whom everything up to `ahead` has been asked for; None where they would be others.
    """
    if not shadow.alone:
        return None
    held = shadow.held
    slot = held.get(number)
    before = held.get(ahead - 1)
    if slot is None or before is None or slot.started == slot.ended:
        return None
    begin, stop = shadow.blocks.bounds(ahead)
    high = stop if stop < limit else limit  # noqa: FURB136  # min() costs a call
    if (
        begin >= high
        or offset + length > slot.high
        or not shadow.floor <= slot.origin == slot.low
        or slot.high < slot.stop
        or before.low != before.origin
        or before.high < before.stop
        or ahead in held
    ):
        return None
    full = len(held) >= shadow.slots
    asked = _replace(shadow, number, ahead) if full else shadow.assign(ahead)
    if asked is None:
        return None
    asked.origin = asked.low = asked.ready = begin
    asked.high = high
    asked.stop = stop
    asked.started += 1
    slot.ended = slot.started
    slot.ready = slot.high
    shadow.touch(slot)
    return (
        slot.arrival,
        (FETCH, asked.index, begin, high - begin, asked.base),
        (LOCAL, slot.index, slot.base + offset - slot.origin, length),
    )


def _replace(shadow: Directory, first: int, last: int) -> Slot | None:
    """Give block `last` the slot of the impatient victim, if that needs no operation.

    It is known that the shadow is full, and that blocks from `first` up to `last` are kept.
    """
    held = shadow.held
    if last in shadow.in_place:
        return None
    for number in held:
        if first <= number < last:
            continue
        slot = held[number]
        if slot.pins or slot.flushed > slot.ended:
            continue
        if shadow.keep is not None and shadow.keep(number):
            continue
        if slot.clean or slot.started > slot.ended:
            return None
        del held[number]
        held[last] = slot
        slot.number = last
        return slot
    return None
