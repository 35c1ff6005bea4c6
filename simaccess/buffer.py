"""The buffer: joins an access method, a segment and a shadow for one client.

The client reads and writes; the buffer asks the method what that takes and calls the segment and
the shadow accordingly. It is a segment again, so buffers stack. Clients of one shadow each have
a buffer of their own (`Buffer.share`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Iterable
from typing import Any

from simaccess.counters import Counters, Coverage
from simaccess.errors import InputError
from simaccess.operations import (
    AWAIT,
    FETCH,
    LOAD,
    LOCAL,
    STORE,
    AccessMethod,
    Operation,
    Operations,
)
from simaccess.segment import Clock, Data, Gate, Local, Segment, Transfer

__all__ = ["Buffer", "Shadow"]


class _Flight:
    """A bulk request of a slot: being issued, then a transfer."""

    __slots__ = ("gate", "transfer")

    def __init__(self) -> None:
        self.transfer: Transfer | None = None
        self.gate: Gate | None = None


class Shadow:
    """A method, the memory of its shadow, and what is in flight: common to a shadow's clients.

    Parameters
    ----------
    method : AccessMethod
        Who decides.
    memory : callable
        ``memory(size)`` returns `size` bytes of local memory.
    """

    def __init__(self, method: AccessMethod, memory: Callable[[int], Local]) -> None:
        self.method = method
        self.memory = memory(method.slots * method.slot_bytes)
        self.flights: dict[int, list[_Flight]] = {}
        self.shared = False
        self.read = Coverage(method.slots, method.slot_bytes)
        self.written = Coverage(method.slots, method.slot_bytes)

    def share(self) -> None:
        """Prepare for several calls under way at once."""
        self.shared = True
        self.method.share()


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
    """

    posted = True

    def __init__(self, shadow: Shadow, segment: Segment, clock: Clock) -> None:
        self.shadow = shadow
        self.segment = segment
        self.clock = clock
        self.counters = Counters()
        self.released = 0
        self.limit = segment.size
        self.moved = 0
        self._method = shadow.method

    @property
    def size(self) -> int:
        """Bytes of the segment."""
        return self.segment.size

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
        if offset < self.released or offset + length > self.limit or length < 1:
            raise self._outside("read", offset, length)
        counters = self.counters
        counters.requested += length
        operations = self._method.read(offset, length, self.limit)
        if operations.__class__ is tuple:
            operation: Operation = operations[0]
            if operation[0] is LOAD:
                counters.loads += 1
                counters.round_trips += 1
                return self.segment.load(offset, length)
            _, slot, at, _ = operation
            counters.hits += 1
            counters.shadow += length
            counters.used += self.shadow.read.touch(slot, at, length)
            return self.shadow.memory.load(at, length)
        return self._read(operations, length)

    def write(self, offset: int, length: int, data: Data = None) -> Awaitable[None]:
        """Write `length` bytes at `offset`; without `data` only time passes.

        Raises
        ------
        InputError
            If the range is not all within [released, limit).
        """
        if offset < self.released or offset + length > self.limit or length < 1:
            raise self._outside("write", offset, length)
        self.counters.requested += length
        return self._write(self._method.write(offset, length, self.limit), data)

    async def release(self, end: int) -> None:
        """Give back what lies before `end`: its writes are brought back, its copies forgotten."""
        await self._run(self._method.release(end))
        self.released = max(self.released, end)

    async def sync(self) -> None:
        """Bring back everything that was written, and wait for that."""
        await self._run(self._method.sync())

    # -- the face of a segment, for a buffer stacked on this one -------------------------------

    def load(self, offset: int, length: int) -> Awaitable[Data]:
        """Read in place: through this buffer."""
        self.moved += length
        return self.read(offset, length)

    def store(self, offset: int, length: int, data: Data) -> Awaitable[None]:
        """Write in place: through this buffer."""
        self.moved += length
        return self.write(offset, length, data)

    async def fetch(self, offset: int, length: int, into: Local, at: int) -> Transfer:
        """Read beside the caller, into its shadow."""

        async def copy(_: Clock) -> None:
            data = await self.read(offset, length)
            view = into.view(at, length)
            if data is not None and view is not None:
                view[:] = data
            await into.gather(length)

        self.shadow.share()  # the copies of several calls overlap
        self.moved += length
        return self.clock.spawn(copy)

    async def flush(self, offset: int, length: int, source: Local, at: int) -> Transfer:
        """Write beside the caller, from its shadow."""

        async def copy(_: Clock) -> None:
            await source.gather(length)
            await self.write(offset, length, source.view(at, length))

        self.shadow.share()  # the copies of several calls overlap
        self.moved += length
        return self.clock.spawn(copy)

    # -- operations ------------------------------------------------------------------------------

    async def _read(self, operations: Operations, length: int) -> Data:
        shadow, counters = self.shadow, self.counters
        served: list[memoryview | bytes | None] = []
        waited = False
        in_place = False
        for operation in self._answered(operations):
            if served and served[-1] is not None:
                served[-1] = bytes(served[-1])  # the next operation may end the view
            kind = operation[0]
            if kind is LOAD:
                counters.loads += 1
                counters.round_trips += 1
                in_place = True
                served.append(await self.segment.load(operation[1], operation[2]))
            elif kind is LOCAL:
                _, slot, at, size = operation
                counters.hits += not waited
                counters.shadow += size
                counters.used += shadow.read.touch(slot, at, size)
                served.append(await shadow.memory.load(at, size))
                waited = False
            else:
                waited |= await self._bulk(operation)
        view = served[0]
        if len(served) > 1 or (shadow.shared and not in_place):
            view = None if view is None else b"".join(part for part in served if part is not None)
            await shadow.memory.gather(length)
        return None if view is None else memoryview(view)

    async def _write(self, operations: Operations, data: Data) -> None:
        shadow, counters = self.shadow, self.counters
        done = 0
        waited = False
        for operation in self._answered(operations):
            kind = operation[0]
            if kind is STORE:
                size = operation[2]
                counters.stores += 1
                counters.round_trips += not self.segment.posted
                part = None if data is None else data[done : done + size]
                await self.segment.store(operation[1], size, part)
                done += size
            elif kind is LOCAL:
                _, slot, at, size = operation
                counters.hits += not waited
                counters.shadow += size
                shadow.written.touch(slot, at, size)
                part = None if data is None else data[done : done + size]
                await shadow.memory.store(at, size, part)
                done += size
                waited = False
            else:
                waited |= await self._bulk(operation)

    async def _run(self, operations: Operations) -> None:
        for operation in self._answered(operations):
            await self._bulk(operation)

    async def _bulk(self, operation: Operation) -> bool:
        """Start a transfer or wait for a slot's; return whether there was a wait."""
        shadow, counters = self.shadow, self.counters
        if operation[0] is AWAIT:
            return await self._await(operation[1])
        kind, slot, offset, length, at = operation
        flight = _Flight()
        shadow.flights.setdefault(slot, []).append(flight)
        counters.bulk += length
        if kind is FETCH:
            counters.fetches += 1
            shadow.read.clear(slot, at, length)
            flight.transfer = await self.segment.fetch(offset, length, shadow.memory, at)
        else:
            counters.flushes += 1
            counters.used += shadow.written.clear(slot, at, length)
            flight.transfer = await self.segment.flush(offset, length, shadow.memory, at)
        if flight.gate is not None:
            flight.gate.open()
        return False

    async def _await(self, slot: int) -> bool:
        flights = self.shadow.flights.get(slot)
        if not flights:
            return False
        before = self.clock.mark()
        for flight in list(flights):
            if flight.transfer is None:
                flight.gate = flight.gate or self.clock.gate()
                await flight.gate
            assert flight.transfer is not None
            await flight.transfer
            if flight in flights:
                flights.remove(flight)
        waited = self.clock.mark() > before
        self.counters.round_trips += waited
        return waited

    def _answered(self, operations: Operations) -> Iterable[Operation]:
        """Return the operations; a timed method's are answered with the ticks that each took."""
        if not self._method.timed:
            return operations
        return self._timed(operations)

    def _timed(self, operations: Any) -> Generator[Operation, None, None]:
        try:
            operation = next(operations)
            while True:
                begin = self.clock.mark()
                yield operation
                operation = operations.send(self.clock.mark() - begin)
        except StopIteration:
            return

    def _outside(self, what: str, offset: int, length: int) -> InputError:
        return InputError(
            f"{what} outside of the segment",
            key="offset, length",
            value=(offset, length),
            allowed=f"at least 1 byte within [{self.released}, {self.limit})",
        )
