"""Writes through a shadow: into it or in place, and brought back from it in bulk.

What is written is kept by the slots of a `Directory` of blocks, by whose rules these go.
"""

from __future__ import annotations

from collections.abc import Iterable

from simaccess.methods.blocks import Part
from simaccess.methods.directory import Directory
from simaccess.methods.slot import NOTHING, Slot, Steps, unpin
from simaccess.operations import STORE

__all__ = ["release", "sync", "write"]


def write(
    shadow: Directory, parts: Iterable[Part], limit: int, behind: bool = False
) -> Steps[None]:
    """Write parts into the shadow, or in place those that `Directory.start` would reach there.

    With `behind` a block's copy back is started once its end has been written.
    """
    for number, start, stop, low in parts:
        if start < low:
            yield STORE, start, stop - start
            continue
        slot = shadow.claim(number) or (yield from shadow.enter(number))
        if slot is None:
            yield from _store(shadow, number, start, stop)
            continue
        try:
            while slot.started > slot.ended or slot.apart(start, stop):
                if slot.started == slot.ended:
                    yield from slot.fetch(low, limit)
                yield from slot.arrive()
            shadow.touch(slot)
            begun, high = slot.begin(start, stop), slot.high
            if shadow.alone:
                yield slot.local(start, stop)
            else:
                slot.writing = start, stop
                try:
                    yield slot.local(start, stop)
                finally:
                    slot.writing = NOTHING
            slot.end(begun, high)
            slot.soil(start, stop)
            if behind and stop == min(slot.stop, limit):
                yield from slot.write_back()
        finally:
            slot.pins -= 1


def _store(shadow: Directory, number: int, start: int, stop: int) -> Steps[None]:
    """Write in place, and keep the block from being copied meanwhile."""
    shadow.in_place = shadow.in_place or {}  # one of its own
    shadow.in_place[number] = shadow.in_place.get(number, 0) + 1
    try:
        yield STORE, start, stop - start
    finally:
        shadow.in_place[number] -= 1
        if not shadow.in_place[number]:
            del shadow.in_place[number]


def release(shadow: Directory, end: int) -> Steps[None]:
    """Bring back what was written before `end`, and forget the blocks that end there."""
    held = shadow.held
    first, last = shadow.past, max(shadow.past, shadow.blocks.find(end))
    if last - first < len(held):
        past = [number for number in range(first, last) if number in held]
    else:
        past = [number for number in held if number < last]
    slots = [held[number] for number in past]
    split = held.get(last)  # the block in which `end` lies
    if split is not None and (split.dirty < end or split.flushed > split.ended):
        slots.append(split)
    yield from sync(shadow, slots)
    for number in past:
        slot = shadow.held.get(number)
        if slot is not None:
            shadow.drop(slot)
    shadow.past = max(shadow.past, last)
    shadow.floor = max(shadow.floor, end)


def sync(shadow: Directory, slots: Iterable[Slot] | None = None) -> Steps[None]:
    """Bring written blocks back, all of them unless told which, and wait for that."""
    slots = shadow.held.values() if slots is None else slots
    chosen = [slot for slot in slots if slot.written()]
    while chosen:
        before = [(slot, slot.failed) for slot in chosen]
        yield from _bring_back(chosen)
        # What failed meanwhile, in another call that was told, may have been the copy back.
        chosen = [slot for slot, failed in before if slot.failed > failed and slot.written()]


def _bring_back(slots: list[Slot]) -> Steps[None]:
    """Bring back what was written into several slots, and wait for that."""
    pinned: list[Slot | None] = [*slots]
    for slot in slots:
        slot.pins += 1
    try:
        for slot in slots:
            yield from slot.write_back()
        for slot in slots:
            yield from slot.arrive()
            slot.pins -= 1
            del pinned[0]
    finally:
        unpin(pinned)
