"""What a link must offer to an access method, whatever backend drives it.

A link hands each of its users a `Segment`; the user's code runs on a `Clock`. Simulated and
real backends implement these protocols; methods, buffers, consumers and producers know nothing
else. A call on a segment returns an awaitable; a backend that never suspends returns one that
is already done.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Generator
from types import coroutine
from typing import Any, Protocol, TypeAlias

__all__ = ["DONE", "Clock", "Data", "Gate", "Local", "Segment", "Transfer"]

Data: TypeAlias = memoryview | None
"""Bytes, or None in timing-only mode."""


@coroutine
def _nothing() -> Generator[None, None, None]:
    """Do nothing."""
    yield from ()


# A generator at its end, shared by all: awaiting it makes nothing and runs nothing but C. An
# object with an `__await__` would do, but looking that up and calling it costs 5 % of a load.
DONE: Awaitable[None] = _nothing()
"""What a call returns that has nothing to wait for and nothing to say."""

next(DONE, None)  # type: ignore[call-overload]  # to its end; `coroutine` hides that it can


class Transfer(Protocol):
    """A bulk copy under way. Awaiting it waits for its end."""

    def __await__(self) -> Generator[Any, Any, None]: ...

    async def poll(self) -> bool:
        """Say whether the transfer has ended."""
        ...

    async def cancel(self) -> bool:
        """Withdraw the transfer if it has not begun; say whether that was possible.

        Awaiting one that was not withdrawn still tells whether it has failed.
        """
        ...


class Gate(Protocol):
    """Somewhere to wait until somebody else says go on. Opens once and stays open."""

    def __await__(self) -> Generator[Any, Any, None]: ...

    def open(self) -> None:
        """Let everybody pass who waits now or will."""
        ...


class Clock(Protocol):
    """The time of one consumer, producer or child of one, and what it was spent on.

    Times are seconds on the outside of the library; here they are *ticks*, integers whose length
    the backend chooses (a picosecond in simulation, a nanosecond on a real link). Whoever makes
    time pass says what it was spent on, so that at any moment the five sum to the time since the
    start:

    Attributes
    ----------
    ticks_per_second : int
        Ticks in a second.
    time : int
        The local time.
    start : int
        The local time at which it began.
    compute : int
        Ticks of the client's own work.
    stall : int
        Ticks of loads and stores, those of a shadow too.
    copy : int
        Ticks in which the processor moved bytes itself.
    issue : int
        Ticks of descriptors, doorbells, system calls and interrupts.
    wait : int
        Ticks of waiting for transfers and signals.
    """

    # ruff: noqa: D102  # the properties are described above, each once
    @property
    def ticks_per_second(self) -> int: ...
    @property
    def time(self) -> int: ...
    @property
    def start(self) -> int: ...
    @property
    def compute(self) -> int: ...
    @property
    def stall(self) -> int: ...
    @property
    def copy(self) -> int: ...
    @property
    def issue(self) -> int: ...
    @property
    def wait(self) -> int: ...

    def work(self, duration: int) -> Awaitable[None]:
        """Compute for `duration` ticks."""
        ...

    def handle(self, duration: int) -> Awaitable[None]:
        """Spend `duration` ticks on a signal or the like; charged as issue."""
        ...

    def sleep_until(self, tick: int) -> Awaitable[None]:
        """Wait until `tick`; do nothing if that is past."""
        ...

    def mark(self) -> int:
        """Return the local time of whoever is running, which may be a child."""
        ...

    def waited(self) -> int:
        """Return the ticks that whoever is running, which may be a child, has waited."""
        ...

    def instant(self) -> Awaitable[int]:
        """Return the time, in order with everything shared: the caller depends on time."""
        ...

    def spawn(self, body: Callable[[Any], Coroutine[Any, Any, None]]) -> Transfer:
        """Run ``body(clock)`` beside the caller, from the caller's local time on.

        It is to raise nothing: nobody would be told but whoever runs all of them.
        """
        ...

    def gate(self) -> Gate:
        """Make a closed gate."""
        ...


class Segment(Protocol):
    """One user's access to a data segment across a link.

    Every call may only be awaited at once and once. The user's clock is advanced and charged by
    the segment: a load or store as a stall, issuing as issue, the processor's own copying as
    copy, the wait for a transfer as wait and the handling of its interrupt as issue.

    A segment may offer in addition, for its user's buffer to take where it fits:

    ``fetched(offset, length, into, at)``
        What awaiting `fetch` and then its transfer does, where it can do that faster.
    ``fetch_now(offset, length, into, at)``
        A plain call that returns `fetch`'s transfer, of a real link whose issue never suspends.
    ``resident(counters)``
        The bytes themselves, where they lie in this process: for a method that makes every access
        in place, what to use instead, which has them as ``memory`` and counts by `counters`.
    ``client(method)``
        A method that decides as this one does and charges what the user's software takes for that,
        of a simulated link (`simaccess.sim.client`).
    ``copies``
        True where the user's own processor makes copies towards it, and the link holds it until the
        bytes are there.

    Attributes
    ----------
    size : int
        Bytes of the segment.
    moved : int
        Bytes that this user's operations have moved over the link so far.
    posted : bool
        Whether `store` returns before the far end has the bytes.
    """

    @property
    def size(self) -> int: ...
    @property
    def moved(self) -> int: ...
    @property
    def posted(self) -> bool: ...

    def load(self, offset: int, length: int) -> Awaitable[Data]:
        """Read in place. The view holds until the next operation on this segment."""
        ...

    def store(self, offset: int, length: int, data: Data) -> Awaitable[None]:
        """Write `length` bytes in place; `data` is None in timing-only mode."""
        ...

    def fetch(self, offset: int, length: int, into: Local, at: int) -> Awaitable[Transfer]:
        """Start a bulk copy towards the consumer; returns when the request is issued."""
        ...

    def flush(self, offset: int, length: int, source: Local, at: int) -> Awaitable[Transfer]:
        """Start a bulk copy away from the consumer; returns when the request is issued."""
        ...


class Local(Protocol):
    """Memory beside the consumer, where shadows live. Costs are those of `Segment`.

    It may have an attribute ``here`` that is true: `view` then does all that `load` does.
    """

    @property
    def size(self) -> int:
        """Bytes."""
        ...

    @property
    def base(self) -> int:
        """Where it begins in the memory that it is a part of."""
        ...

    def load(self, offset: int, length: int) -> Awaitable[Data]:
        """Read; charged as a stall."""
        ...

    def store(self, offset: int, length: int, data: Data) -> Awaitable[None]:
        """Write; charged as a stall."""
        ...

    def view(self, at: int, length: int) -> Data:
        """Return a writable view, without cost in time."""
        ...

    def gather(self, length: int) -> Awaitable[None]:
        """Spend the time in which the processor moves `length` bytes within it (a copy)."""
        ...
