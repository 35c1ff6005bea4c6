"""Running the code of one consumer without any engine, and writing down what it asks of a link.

`Recorder` stands where a buffer and a clock do elsewhere: the consumer's coroutine reads, writes
and works through it, it asks the access method what that takes, and writes rows in place of
driving a link. Nothing here takes time, so nothing ever waits; whoever asks what time it is
cannot be recorded.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NoReturn

from simaccess.buffer.shadow import Shadow
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
from simaccess.replay import rows
from simaccess.replay.delays import ACCESS, COPY, MISS, STEP, DelayTable
from simaccess.replay.delays import LOCAL as SHADOW
from simaccess.replay.tape import Tape
from simaccess.segment import DONE, Data
from simaccess.sim.environment import TICKS_PER_SECOND

__all__ = ["NotReplayableError", "Recorder", "RequestTable"]


class NotReplayableError(InputError):
    """Something cannot be recorded and replayed; the problem says why."""


_NONE: Operation = (-1,)
"""No operation."""


class RequestTable(dict[Any, int]):
    """Numbers a record's requests: by length, or with `places` by length and where they are."""

    def __init__(self, *, places: bool) -> None:
        super().__init__()
        self.places = places

    def __missing__(self, request: object) -> int:
        number = self[request] = len(self)
        return number


class _Nowhere:
    """Local memory of no speed and without bytes: nobody reaches it."""

    base = 0
    size = 0


class Recorder:
    """One consumer's buffer and clock, neither of which takes time.

    Parameters
    ----------
    method : AccessMethod
        Who decides.
    size : int
        Bytes of the segment.
    delays : DelayTable
        Numbers the delays of the record.
    requests : RequestTable
        Numbers its requests.
    content : memoryview, optional
        The segment's bytes, for a consumer that decides by them.
    charged : bool
        Whether to write down where the client's software runs (`simaccess.sim.client`).
    near : bool
        Whether to write down where the shadow is reached, in place of a private delay.

    Attributes
    ----------
    tape : Tape
        What was asked of the link.
    used : int
        See `simaccess.counters.Counters`.
    places : int
        Transfers that were under way at once, at most.
    """

    ticks_per_second = TICKS_PER_SECOND
    time = 0

    def __init__(
        self,
        method: AccessMethod,
        size: int,
        delays: DelayTable,
        requests: RequestTable,
        content: memoryview | None = None,
        *,
        charged: bool = False,
        near: bool = False,
    ) -> None:
        if method.timed:
            raise NotReplayableError("the access method goes by the time that its operations take")
        self.tape = Tape(delays)
        self.used = 0
        self.places = 0
        self._method = method
        self._limit = size
        self._requests = requests
        self._content = content
        self._charged = charged
        self._near = near
        # For what it knows of bytes read and written; the memory itself is not reached.
        shadow = Shadow(method, lambda _: _Nowhere())  # type: ignore[arg-type,return-value]
        self._unread = shadow.unread
        self._unflushed = shadow.unflushed
        self._under_way: dict[int, list[int]] = {}  # places of transfers, by slot
        self._free: list[int] = []

    # -- the face of a buffer --------------------------------------------------------------------

    def read(self, offset: int, length: int) -> Awaitable[Data]:
        """Write down a read; see `simaccess.buffer.Buffer.read`."""
        operations = self._method.read(offset, length, self._limit)
        first = operations[0] if operations.__class__ is tuple else _NONE
        kind = first[0]
        if self._charged:
            self._charge(operations)
        if kind is LOAD:
            self.tape.in_place(rows.LOAD, self._request(length, offset))
        elif kind is LOCAL:
            _, slot, at, _ = first
            self.used += self._unread.take(slot, at, length)
            self._serve(rows.LOAD, at, length)
        elif kind is FETCH:
            self._miss(first, operations[2])  # type: ignore[index]  # it is a tuple
        elif self._follow(operations, self._unread.take) > 1:
            self.tape.local(COPY, length)
        return DONE if self._content is None else self._bytes(offset, length)

    def write(self, offset: int, length: int) -> Awaitable[None]:
        """Write down a write; see `simaccess.buffer.Buffer.write`."""
        operations = self._method.write(offset, length, self._limit)
        if self._charged:
            self._charge(operations)
        self._follow(operations, self._soil)
        return DONE

    def sync(self) -> Awaitable[None]:
        """Write down that all written bytes are brought back."""
        self._follow(self._method.sync(), self._soil)
        return DONE

    # -- the face of a clock ---------------------------------------------------------------------

    def work(self, duration: int) -> Awaitable[None]:
        """Write down work."""
        self.tape.work(duration)
        return DONE

    def sleep_until(self, tick: int) -> Awaitable[None]:
        """Write down a wait for a request that arrives at `tick`."""
        self.tape.until(tick)
        return DONE

    def append(self, _: int) -> None:
        """Write down the end of a request; it stands where its latency is appended."""
        self.tape.mark()

    def mark(self) -> NoReturn:
        """Refuse to tell the time."""
        raise NotReplayableError("the consumer asks what time it is")

    waited = instant = handle = spawn = gate = mark

    # -- operations ------------------------------------------------------------------------------

    def _miss(self, fetch: tuple[int, ...], local: tuple[int, ...]) -> None:
        """Fetch, wait and serve."""
        _, slot, offset, length, at = fetch
        requests = self._requests
        request = requests[length, offset, at] if requests.places else requests[length]
        if not self._free:
            self._free.append(self._place())
        _, _, start, size = local
        self.tape.fetched(request, self._free[-1], None if self._near else size)
        self.used += size
        self._unread.renew(slot, at, length, start, size)
        if self._near:
            self._serve(rows.LOAD, start, size)

    def _serve(self, kind: int, at: int, length: int) -> None:
        """Write down a LOAD or STORE of the shadow."""
        if self._near:
            self.tape.in_place(kind | rows.NEAR, self._requests[length, 0, at])
        else:
            self.tape.local(SHADOW, length)

    def _follow(self, operations: Operations, taken: Callable[[int, int, int], int]) -> int:
        """Write down operations; return how many of them gave bytes to the client."""
        tape = self.tape
        parts = 0
        first = rows.FIRST
        served = True
        access = rows.STORE if taken == self._soil else rows.LOAD
        stepped = self._charged and not isinstance(operations, tuple)
        for operation in operations:
            if stepped:
                tape.local(STEP, 0)
            kind = operation[0]
            if kind is LOCAL:
                _, slot, at, size = operation
                self.used += taken(slot, at, size)
                if not served:
                    tape.served()
                    served = True
                self._serve(access, at, size)
                parts += 1
            elif kind is LOAD or kind is STORE:
                what = rows.LOAD if kind is LOAD else rows.STORE
                tape.in_place(what, self._request(operation[2], operation[1]))
                parts += 1
            elif kind is AWAIT:
                places = self._under_way.get(operation[1])
                if places:
                    for place in places[:-1]:
                        tape.put(rows.AWAIT | first, place, 0)
                        first = 0
                    tape.put(rows.AWAIT | first | rows.SETTLED, places[-1], 0)
                    first = 0
                    served = False
                    self._free += places
                    places.clear()
            else:
                self._start(operation)
        return parts

    def _charge(self, operations: Operations) -> None:
        """Write down that the client's software runs; see `simaccess.sim.client`."""
        self.tape.local(ACCESS, 0)
        if isinstance(operations, tuple) and len(operations) > 1:
            self.tape.local(MISS, 0)

    def _start(self, operation: tuple[int, ...]) -> None:
        """Write down the start of a transfer."""
        kind, slot, offset, length, at = operation
        if kind is FETCH:
            what = rows.FETCH
            self._unread.add(slot, at, length)
        else:
            what = rows.FLUSH
            self.used += self._unflushed.take(slot, at, length)
        place = self._place()
        self.tape.put(what, self._request(length, offset, at), place)
        self._under_way.setdefault(slot, []).append(place)

    def _request(self, length: int, offset: int, at: int = 0) -> int:
        requests = self._requests
        return requests[length, offset, at] if requests.places else requests[length]

    def _place(self) -> int:
        if self._free:
            return self._free.pop()
        self.places += 1
        return self.places - 1

    def _soil(self, slot: int, at: int, length: int) -> int:
        self._unread.take(slot, at, length)
        self._unflushed.add(slot, at, length)
        return 0

    async def _bytes(self, offset: int, length: int) -> Data:
        assert self._content is not None
        return self._content[offset : offset + length]
