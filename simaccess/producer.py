"""The process that fills a ring: records arrive, find room, are written, published, signalled."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from simaccess.ring import ProducersRing
from simaccess.segment import Clock, Segment

__all__ = ["produce"]


async def produce(
    clock: Clock,
    ring: ProducersRing,
    segment: Segment,
    arrivals: Sequence[int] | None,
    content: memoryview | None,
    *,
    drop: bool,
) -> None:
    """Pass a stream of records through a ring.

    Parameters
    ----------
    clock : Clock
        The producer's clock.
    ring : ProducersRing
        The ring and its stream.
    segment : Segment
        The producer's access to the ring, as a stream.
    arrivals : sequence of int or None
        When each record arrives, in ticks; None: as fast as the ring takes them.
    content : memoryview or None
        The stream's bytes, repeated lap after lap; None in timing-only mode.
    drop : bool
        Whether a record that finds no room is dropped; else it waits until there is some.
    """
    begin = 0
    watching = False

    async def watch(child: Clock, patience: int) -> None:
        """Signal what has waited for its batch to fill for as long as the timeout."""
        nonlocal watching
        while (oldest := ring.oldest) is not None:
            await child.sleep_until(oldest + patience)
            await child.instant()
            if ring.oldest == oldest:
                ring.signal(child)
                await child.handle(ring.signals.cost)
                await child.instant()
        watching = False

    for record, end in enumerate(ring.ends):
        if arrivals is not None:
            await clock.sleep_until(arrivals[record])
        await clock.instant()
        fits = ring.fits(record)
        if not fits and ring.signal(clock):  # consumers must know of what they have to release
            await clock.handle(ring.signals.cost)
            await clock.instant()
            fits = ring.fits(record)
        while not fits and not drop:
            await ring.waiting_for_room(clock)
            await clock.instant()
            fits = ring.fits(record)
        ring.arrived[record] = clock.time if arrivals is None else arrivals[record]
        if fits:
            length = end - begin
            data = None
            if content is not None:
                place = begin % len(content)
                data = content[place : place + length]
            await segment.store(begin, length, data)
            await clock.instant()
        if ring.publish(clock, record, not fits):
            ring.signal(clock)
            await clock.handle(ring.signals.cost)
        elif ring.signals.timeout is not None and not watching:
            watching = True
            clock.spawn(partial(watch, patience=ring.signals.timeout))
        begin = end
