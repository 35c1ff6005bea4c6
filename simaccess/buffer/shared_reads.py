"""Reads through a shadow that several clients share: in turn, and copied out of it.

Whatever is decided about a shared shadow's blocks is decided in the order of time, so each
operation of a read waits for its turn before the next is asked for. What it was served is copied
before somebody else has the turn, and may make room of it.
"""

from __future__ import annotations

from simaccess.buffer.bulk import FAILURES, Bulk
from simaccess.buffer.shadow import Shadow
from simaccess.counters import Counters
from simaccess.operations import LOAD, LOCAL, AccessMethod, Operation
from simaccess.segment import Clock, Data, Segment

__all__ = ["SharedReads"]


class SharedReads:
    """One client's reads of a shadow that others use, too.

    Parameters
    ----------
    shadow, segment, clock, counters
        The client's.
    method : AccessMethod
        Who decides for this client.
    bulk : Bulk
        Its transfers.
    """

    __slots__ = ("_bulk", "_clock", "_counters", "_method", "_segment", "_shadow")

    def __init__(  # noqa: PLR0917  # made in one place
        self,
        shadow: Shadow,
        method: AccessMethod,
        segment: Segment,
        clock: Clock,
        counters: Counters,
        bulk: Bulk,
    ) -> None:
        self._shadow = shadow
        self._method = method
        self._segment = segment
        self._clock = clock
        self._counters = counters
        self._bulk = bulk

    async def read(self, offset: int, length: int, limit: int) -> Data:
        """Read bytes that are within the limit."""
        shadow, counters, bulk = self._shadow, self._counters, self._bulk
        served: list[bytes] = []
        waited = False
        copied = False
        operation: Operation = ()
        await self._clock.instant()
        operations = self._method.read(offset, length, limit)
        try:
            for operation in bulk.answered(operations):
                data: Data = None
                if operation[0] is LOCAL:
                    _, slot, at, size = operation
                    counters.hits += not waited
                    counters.shadow += size
                    counters.used += shadow.unread.take(slot, at, size)
                    data = await shadow.memory.load(at, size)
                    waited = False
                    copied = True
                elif operation[0] is LOAD:
                    counters.loads += 1
                    data = await self._segment.load(operation[1], operation[2])
                    copied |= operation[2] < length
                else:
                    waited |= await bulk.perform(operation)
                if data is not None:
                    served.append(bytes(data))
                await self._clock.instant()
        except FAILURES as failure:
            await bulk.fail(failure, operations, operation)
            raise
        if copied:
            await shadow.memory.gather(length)
        return memoryview(b"".join(served)) if served else None
