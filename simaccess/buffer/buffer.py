"""The buffer: joins an access method, a segment and a shadow for one client.

The client reads and writes; the buffer asks the method what that takes and calls the segment and
the shadow accordingly. It is a segment again, so buffers stack. Clients of one shadow each have
a buffer of their own (`Buffer.share`).
"""

from __future__ import annotations

from collections.abc import Awaitable

from simaccess.buffer.bulk import FAILURES, Bulk
from simaccess.buffer.child import Child
from simaccess.buffer.lone_reads import LoneReads
from simaccess.buffer.shadow import Flight, Shadow
from simaccess.buffer.shared_reads import read_in_turn
from simaccess.buffer.slices import slices
from simaccess.counters import Counters
from simaccess.errors import InputError
from simaccess.operations import (
    AWAIT,
    FETCH,
    LOAD,
    LOCAL,
    STORE,
    Operation,
    Operations,
)
from simaccess.segment import Clock, Data, Local, Segment, Transfer

__all__ = ["Buffer", "Shadow"]


class Buffer:
    """One client's reads and writes of a segment.

    Parameters
    ----------
    shadow : Shadow
        The method and its shadow.
    segment : Segment
        This client's access to the segment.
    clock : Clock
        This client's clock.

    Attributes
    ----------
    counters : Counters
        What this client has done so far.
    released, limit : int
        The client may reach [released, limit). `limit` is set by whoever learns that more of a
        ring has been published, `released` by `release`.
    posted : bool
        Whether writes return before the segment has them.
    """

    def __init__(self, shadow: Shadow, segment: Segment, clock: Clock) -> None:
        self.shadow = shadow
        self.segment = segment
        self.clock = clock
        self.counters = Counters()
        self.counters.copies = getattr(segment, "copies", False)
        self.released = 0
        self.moved = 0
        self.posted = segment.posted or shadow.method.slots > 0
        self._limit = segment.size
        self._below = segment if isinstance(segment, Buffer) else None
        # What deciding takes is a simulated link's to say; a real one's client spends it itself.
        self.client = getattr(segment, "client", None)
        self._method = shadow.method if self.client is None else self.client(shadow.method)
        resident = getattr(segment, "resident", None)
        if resident is not None and getattr(shadow.method, "in_place", False):
            self.segment = here = resident(self.counters)
            # A read is a slice, so one call is all that stands between it and the client.
            self.read = slices(self, here.memory)  # type: ignore[method-assign,assignment]
        self._bulk = Bulk(shadow, self._method, self.segment, clock, self.counters)
        self._lone = LoneReads(shadow, self.segment, clock, self.counters, self._bulk)
        shadow.clients.append(self)
        if shadow.shared:
            self.take_turns()

    @property
    def size(self) -> int:
        """Bytes of the segment."""
        return self.segment.size

    @property
    def limit(self) -> int:
        """End of what can be read."""
        return self._limit

    @limit.setter
    def limit(self, end: int) -> None:
        self._limit = end
        if self._below is not None:
            self._below.limit = end

    def share(self, segment: Segment, clock: Clock) -> Buffer:
        """Return a buffer of another client over the same shadow.

        What the clients read from a shared shadow is copied for them, and counted as copying,
        since another client may evict the block before they have done with it.
        """
        self.shadow.share()
        return Buffer(self.shadow, segment, clock)

    # -- the client's face ---------------------------------------------------------------------

    def read(self, offset: int, length: int) -> Awaitable[Data]:
        """Read `length` bytes at `offset`.

        Returns
        -------
        awaitable of memoryview or None
            The bytes, valid until this client's next call; None in timing-only mode.

        Raises
        ------
        InputError
            If the range is not all within [released, limit).
        """
        if offset < self.released or offset + length > self._limit or length < 1:
            raise self._outside("read", offset, length)
        counters = self.counters
        counters.requested += length
        operations = self._method.read(offset, length, self._limit)
        if operations.__class__ is tuple:
            operation: Operation = operations[0]
            if operation[0] is LOAD:
                counters.loads += 1
                return self.segment.load(offset, length)
            if operation[0] is FETCH:
                return self._lone.miss(operation, operations[2])
            if operation[0] is AWAIT:
                return self._lone.step(*operations)
            _, slot, at, _ = operation
            counters.hits += 1
            counters.shadow += length
            counters.used += self.shadow.unread.take(slot, at, length)
            return self.shadow.memory.load(at, length)
        return self._read(operations, length)

    def take_turns(self) -> None:
        """Prepare for a shadow that others use, too: each of its decisions waits for its turn."""
        if self.shadow.method.slots:
            self.read = self._read_in_turn  # type: ignore[method-assign]

    def write(self, offset: int, length: int, data: Data = None) -> Awaitable[None]:
        """Write `length` bytes at `offset`; without `data` only time passes.

        Raises
        ------
        InputError
            If the range is not all within [released, limit), or `data` is of another length.
        """
        if offset < self.released or offset + length > self._limit or length < 1:
            raise self._outside("write", offset, length)
        if data is not None and len(data) != length:
            raise InputError(
                "data of another length", key="data", value=len(data), allowed=f"{length} bytes"
            )
        self.counters.requested += length
        return self._write(self._method.write(offset, length, self._limit), data)

    async def release(self, end: int) -> None:
        """Give back what lies before `end`: its writes are brought back, its copies forgotten.

        Clients of one shadow keep a copy until each of them has given it back.
        """
        if end <= self.released:
            return
        self.released = end
        clients = self.shadow.clients
        if len(clients) > 1:
            oldest = min([client.released for client in clients])
            if oldest < end:
                await self._run(self._method.sync())
            end = oldest
        await self._run(self._method.release(end))
        if self._below is not None:
            await self._below.forget(end)

    async def forget(self, end: int) -> None:
        """Bring back the writes before `end` and forget the copies, but let it still be read."""
        await self._run(self._method.release(end))
        if self._below is not None:
            await self._below.forget(end)

    async def sync(self) -> None:
        """Bring back everything that was written, through all buffers below, and wait for that."""
        await self._run(self._method.sync())
        if self._below is not None:
            await self._below.sync()

    # -- the face of a segment, for a buffer stacked on this one -------------------------------

    def load(self, offset: int, length: int) -> Awaitable[Data]:
        """Read in place: through this buffer."""
        loaded = self.read(offset, length)
        self.moved += length
        return loaded

    def store(self, offset: int, length: int, data: Data) -> Awaitable[None]:
        """Write in place: through this buffer."""
        stored = self.write(offset, length, data)
        self.moved += length
        return stored

    def overlap(self) -> None:
        """Prepare for several calls under way at once, here and in all buffers below."""
        self.shadow.share()
        if self._below is not None:
            self._below.overlap()

    async def fetch(self, offset: int, length: int, into: Local, at: int) -> Transfer:
        """Read beside the caller, into its shadow."""

        async def copy() -> None:
            await self.clock.instant()
            await self._copy(self._method.read(offset, length, self._limit), into, at)

        if offset < 0 or offset + length > self._limit:
            raise self._outside("fetch", offset, length)
        self.overlap()
        self.counters.requested += length
        self.moved += length
        return Child(self.clock, copy)

    async def flush(self, offset: int, length: int, source: Local, at: int) -> Transfer:
        """Write beside the caller, from its shadow."""

        async def copy() -> None:
            await source.gather(length)
            await self.write(offset, length, source.view(at, length))

        self.overlap()
        self.moved += length
        return Child(self.clock, copy)

    # -- operations ------------------------------------------------------------------------------

    async def _read(self, operations: Operations, length: int) -> Data:
        """Read through a shadow of this client alone."""
        shadow, counters, bulk = self.shadow, self.counters, self._bulk
        served: list[memoryview | bytes | None] = []
        waited = False
        operation: Operation = ()
        try:
            for operation in bulk.answered(operations):
                if served and served[-1] is not None:
                    served[-1] = bytes(served[-1])  # the next operation may end the view
                kind = operation[0]
                if kind is LOCAL:
                    _, slot, at, size = operation
                    counters.hits += not waited
                    counters.shadow += size
                    counters.used += shadow.unread.take(slot, at, size)
                    served.append(await shadow.memory.load(at, size))
                    waited = False
                elif kind is LOAD:
                    counters.loads += 1
                    served.append(await self.segment.load(operation[1], operation[2]))
                elif kind is AWAIT:
                    flights = shadow.under_way[operation[1]]
                    if len(flights) == 1:  # bulk.settle without a coroutine
                        before = self.clock.waited()
                        await flights.pop()
                        if self.clock.waited() > before:
                            counters.waits += 1
                            waited = True
                    else:
                        waited |= await bulk.settle(flights)
                elif kind is FETCH:  # bulk.start without a coroutine
                    _, slot, offset, size, at = operation
                    counters.fetches += 1
                    counters.bulk += size
                    shadow.unread.add(slot, at, size)
                    transfer = await self.segment.fetch(offset, size, shadow.memory, at)
                    shadow.under_way[slot].append(transfer)
                else:
                    await bulk.start(operation)
        except FAILURES as failure:
            await bulk.fail(failure, operations, operation)
            raise
        view = served[0]
        if len(served) > 1:
            view = None if view is None else b"".join(part for part in served if part is not None)
            await shadow.memory.gather(length)
        return None if view is None else memoryview(view)

    def _read_in_turn(self, offset: int, length: int) -> Awaitable[Data]:
        """Read as `read` says, through a shadow that others use, too."""
        if offset < self.released or offset + length > self._limit or length < 1:
            raise self._outside("read", offset, length)
        self.counters.requested += length
        return read_in_turn(self._bulk, offset, length, self._limit)

    async def _copy(self, operations: Operations, into: Local, at: int) -> None:
        """Read into another memory; the processor copies what is in the shadow once."""
        shadow, counters, bulk = self.shadow, self.counters, self._bulk
        waited = False
        operation: Operation = ()
        try:
            for operation in bulk.answered(operations):
                kind = operation[0]
                if kind is LOAD:
                    counters.loads += 1
                    data = await self.segment.load(operation[1], operation[2])
                elif kind is LOCAL:
                    _, slot, place, size = operation
                    counters.hits += not waited
                    counters.shadow += size
                    counters.used += shadow.unread.take(slot, place, size)
                    data = shadow.memory.view(place, size)
                    waited = False
                else:
                    waited |= await bulk.perform(operation)
                    await self.clock.instant()
                    continue
                size = operation[-1]
                view = into.view(at, size)
                if data is not None and view is not None:
                    view[:] = data
                await into.gather(size)
                at += size
                await self.clock.instant()
        except FAILURES as failure:
            await bulk.fail(failure, operations, operation)
            raise

    async def _write(self, operations: Operations, data: Data) -> None:
        shadow, counters, bulk = self.shadow, self.counters, self._bulk
        done = 0
        waited = False
        operation: Operation = ()
        if shadow.shared:
            await self.clock.instant()
        try:
            for operation in bulk.answered(operations):
                kind = operation[0]
                if kind is STORE:
                    size = operation[2]
                    counters.stores += 1
                    counters.answered += not self.segment.posted
                    part = None if data is None else data[done : done + size]
                    await self.segment.store(operation[1], size, part)
                    done += size
                elif kind is LOCAL:
                    _, slot, at, size = operation
                    counters.hits += not waited
                    counters.shadow += size
                    shadow.unread.take(slot, at, size)
                    shadow.unflushed.add(slot, at, size)
                    part = None if data is None else data[done : done + size]
                    if shadow.shared:
                        flight = Flight(bulk, self.clock.gate())
                        shadow.under_way[slot].append(flight)
                        try:
                            await shadow.memory.store(at, size, part)
                            await self.clock.instant()
                        finally:
                            shadow.under_way[slot].remove(flight)
                            flight.open()
                    else:
                        await shadow.memory.store(at, size, part)
                    done += size
                    waited = False
                else:
                    waited |= await bulk.perform(operation)
                if shadow.shared:
                    await self.clock.instant()
        except FAILURES as failure:
            await bulk.fail(failure, operations, operation)
            raise

    async def _run(self, operations: Operations) -> None:
        shadow, bulk = self.shadow, self._bulk
        operation: Operation = ()
        if shadow.shared:
            await self.clock.instant()
        try:
            for operation in bulk.answered(operations):
                await bulk.perform(operation)
                if shadow.shared:
                    await self.clock.instant()
        except FAILURES as failure:
            await bulk.fail(failure, operations, operation)
            raise

    def _outside(self, what: str, offset: int, length: int) -> InputError:
        return InputError(
            f"{what} outside of the segment",
            key="offset, length",
            value=(offset, length),
            allowed=f"at least 1 byte within [{self.released}, {self._limit})",
        )
