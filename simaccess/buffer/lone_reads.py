"""Reads of a lone client of a shadow whose operations are known all at once.

They do what `simaccess.buffer.Buffer` does with the same operations one by one, in as few steps
as possible: nobody else uses the shadow meanwhile.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from simaccess.buffer.bulk import FAILURES, Bulk
from simaccess.buffer.shadow import Shadow
from simaccess.buffer.strides import strides
from simaccess.counters import Counters
from simaccess.operations import Operation
from simaccess.segment import Clock, Data, Local, Segment

__all__ = ["LoneReads"]


class LoneReads:
    """A client's reads that start one copy each: of what they miss, or of what comes later.

    Parameters
    ----------
    shadow : Shadow
        The shadow.
    segment, clock, counters
        The client's.
    bulk : Bulk
        Its transfers.
    """

    def __init__(
        self, shadow: Shadow, segment: Segment, clock: Clock, counters: Counters, bulk: Bulk
    ) -> None:
        self._shadow = shadow
        self._segment = segment
        self._clock = clock
        self._counters = counters
        self._bulk = bulk
        # Where a segment knows how to copy and wait in one; see `Segment`.
        self._fetched: Callable[[int, int, Local, int], Awaitable[object]] | None = getattr(
            segment, "fetched", None
        )

    async def miss(self, fetch: Operation, local: Operation) -> Data:
        """Fetch, wait and serve for a lone client."""
        shadow, counters, clock = self._shadow, self._counters, self._clock
        memory = shadow.memory
        _, slot, offset, length, at = fetch
        counters.fetches += 1
        counters.bulk += length
        try:
            if self._fetched is None:
                transfer = await self._segment.fetch(offset, length, memory, at)
                before = clock.wait
                await transfer
            else:
                before = clock.wait
                await self._fetched(offset, length, memory, at)
        except FAILURES:
            await self._bulk.abandon([slot])
            raise
        if clock.wait > before:
            counters.waits += 1
        else:
            counters.hits += 1
        _, _, place, size = local
        counters.shadow += size
        counters.used += size
        shadow.unread.renew(slot, at, length, place, size)
        return await memory.load(place, size)

    def step(self, arrival: Operation, fetch: Operation, local: Operation) -> Awaitable[Data]:
        """Wait for a copy, start the next one ahead and serve, for a lone client."""
        # Made when it is first needed: most clients never take a step.
        self.step = step = strides(  # type: ignore[assignment,method-assign]
            self._shadow, self._segment, self._clock, self._counters, self._bulk
        )
        return step(arrival, fetch, local)
