"""What one client of a shadow has copied in bulk: transfers started, awaited and given up."""

from __future__ import annotations

from collections.abc import Awaitable, Generator, Iterable
from typing import Any

from simaccess.buffer.shadow import Flight, Shadow
from simaccess.counters import Counters
from simaccess.operations import AWAIT, FETCH, LOAD, STORE, AccessMethod, Operation, Operations
from simaccess.segment import Clock, Segment, Transfer

__all__ = ["FAILURES", "Bulk"]

FAILURES = (Exception, KeyboardInterrupt)
"""What a call may end in that leaves the shadow to be used again."""


class Bulk:
    """One client's transfers between a segment and a shadow; its parts are that client's.

    Parameters
    ----------
    shadow : Shadow
        The shadow.
    method : AccessMethod
        Who decides for this client.
    segment, clock, counters
        The client's.
    """

    __slots__ = ("clock", "counters", "method", "segment", "shadow")

    def __init__(
        self,
        shadow: Shadow,
        method: AccessMethod,
        segment: Segment,
        clock: Clock,
        counters: Counters,
    ) -> None:
        self.shadow = shadow
        self.method = method
        self.segment = segment
        self.clock = clock
        self.counters = counters

    async def start(self, operation: Operation) -> None:
        """Start a transfer."""
        shadow = self.shadow
        flights = shadow.under_way[operation[1]]
        if not shadow.shared:
            flights.append(await self._issue(operation))
            return
        flight = Flight(self, self.clock.gate())
        flights.append(flight)
        try:
            flight.transfer = await self._issue(operation)
        except FAILURES:
            flights.remove(flight)
            raise
        finally:
            flight.open()

    def _issue(self, operation: Operation) -> Awaitable[Transfer]:
        """Ask the segment for a transfer."""
        shadow, counters = self.shadow, self.counters
        kind, slot, offset, length, at = operation
        counters.bulk += length
        if kind is FETCH:
            counters.fetches += 1
            shadow.unread.add(slot, at, length)
            return self.segment.fetch(offset, length, shadow.memory, at)
        counters.flushes += 1
        counters.used += shadow.unflushed.take(slot, at, length)
        return self.segment.flush(offset, length, shadow.memory, at)

    async def settle(self, flights: list[Transfer | Flight]) -> bool:
        """Wait for the transfers and writes of a slot that are under way by now."""
        before = self.clock.waited()
        for flight in flights[:]:
            await flight
            if flight in flights:
                flights.remove(flight)
        waited = self.clock.waited() > before
        self.counters.waits += waited
        return waited

    async def perform(self, operation: Operation) -> bool:
        """Start a transfer or wait for a slot's; return whether there was a wait."""
        if operation[0] is AWAIT:
            return await self.settle(self.shadow.under_way[operation[1]])
        await self.start(operation)
        return False

    async def fail(
        self, failure: BaseException, operations: Operations, operation: Operation
    ) -> None:
        """End a call that failed in one of its operations.

        What its client has under way is withdrawn, and what that would have brought forgotten.
        Other clients' calls go on: what they miss from then on they ask for again. An interrupt,
        which may have struck their transfers as well, ends all.
        """
        if isinstance(operations, Generator):
            operations.close()  # which lets go of the slots that it had pinned
        slots = operation[1:2] if operation and operation[0] not in (LOAD, STORE) else ()
        if not self.shadow.shared or not isinstance(failure, Exception):
            await self.abandon(slots)
            return
        for slot in slots:  # before anybody else goes on
            self._forget(slot)
        for slot, flights in [*self.shadow.under_way.items()]:
            for flight in flights[:]:
                if not isinstance(flight, Flight) or flight.lost or flight.owner is self:
                    await self._withdraw(slot, flight)

    async def abandon(self, slots: Iterable[int] = ()) -> None:
        """Withdraw all that is under way, and forget what it would have brought to any slot."""
        flights = self.shadow.under_way
        doubtful = {*slots, *(slot for slot, under_way in flights.items() if under_way)}
        for slot in doubtful:
            for flight in flights[slot]:
                await flight.cancel()
            flights[slot].clear()
            self.shadow.unread.clear(slot)
        self.method.abandon(doubtful)

    async def _withdraw(self, slot: int, flight: Transfer | Flight) -> None:
        """Withdraw what was issued, or outlive it; forget what it then does not bring."""
        if isinstance(flight, Flight) and flight.transfer is None:
            return  # another call's, which goes on
        lost = await flight.cancel() or (isinstance(flight, Flight) and flight.lost)
        if not lost:
            try:
                await flight
            except Exception:  # noqa: BLE001  # the call has failed already
                lost = True
        flights = self.shadow.under_way[slot]
        if flight in flights:
            flights.remove(flight)
        if lost:
            if isinstance(flight, Flight):
                flight.lost = True
            self._forget(slot)

    def _forget(self, slot: int) -> None:
        self.shadow.unread.clear(slot)
        self.method.abandon([slot])

    def answered(self, operations: Operations) -> Iterable[Operation]:
        """Return the operations; a timed method's are answered with the ticks that each took."""
        if not self.method.timed:
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
