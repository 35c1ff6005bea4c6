"""Reads through a shadow that several clients share: in turn, and copied out of it.

Whatever is decided about a shared shadow's blocks is decided in the order of time, so each
operation of a read waits for its turn before the next is asked for. What it was served is copied
before somebody else has the turn, and may make room of it.
"""

from __future__ import annotations

from simaccess.buffer.bulk import FAILURES, Bulk
from simaccess.operations import LOAD, LOCAL, Operation
from simaccess.segment import Data

__all__ = ["read_in_turn"]


async def read_in_turn(client: Bulk, offset: int, length: int, limit: int) -> Data:
    """Read bytes for a client of a shadow that others use, too; they are within the limit."""
    shadow, counters, clock = client.shadow, client.counters, client.clock
    served: list[bytes] = []
    waited = False
    copied = False
    operation: Operation = ()
    await clock.instant()
    operations = client.method.read(offset, length, limit)
    try:
        for operation in client.answered(operations):
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
                data = await client.segment.load(operation[1], operation[2])
                copied |= operation[2] < length
            else:
                waited |= await client.perform(operation)
            if data is not None:
                served.append(bytes(data))
            await clock.instant()
    except FAILURES as failure:
        await client.fail(failure, operations, operation)
        raise
    if copied:
        await shadow.memory.gather(length)
    return memoryview(b"".join(served)) if served else None
