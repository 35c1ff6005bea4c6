"""What an access method may ask for: the operations that its generators yield.

An operation is a plain tuple whose first item is its `Kind`; the rest are integers::

    (LOAD, offset, length)               read in place; its bytes go to the client
    (STORE, offset, length)              write the client's next bytes in place
    (FETCH, slot, offset, length, at)    start a bulk copy of the segment into the shadow
    (FLUSH, slot, offset, length, at)    start a bulk copy of the shadow into the segment
    (AWAIT, slot)                        wait for the transfers and writes of a shadow slot
    (LOCAL, slot, at, length)            read or write the shadow, for the client

``offset`` counts bytes from the start of the segment (of the stream, for a ring), ``at`` bytes
from the start of the shadow. LOAD, STORE and LOCAL serve the client's bytes in the order in
which they are yielded. FETCH and FLUSH only start a transfer. Tuples, not objects, because a
simulation yields millions of them and a recorder stores them as rows of integers.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import Final, Protocol, TypeAlias

__all__ = [
    "AWAIT",
    "FETCH",
    "FLUSH",
    "LOAD",
    "LOCAL",
    "STORE",
    "AccessMethod",
    "Kind",
    "Operation",
    "Operations",
]


class Kind(IntEnum):
    """The kinds of operations."""

    LOAD = 0
    STORE = 1
    FETCH = 2
    FLUSH = 3
    AWAIT = 4
    LOCAL = 5


LOAD: Final = Kind.LOAD
STORE: Final = Kind.STORE
FETCH: Final = Kind.FETCH
FLUSH: Final = Kind.FLUSH
AWAIT: Final = Kind.AWAIT
LOCAL: Final = Kind.LOCAL

Operation: TypeAlias = tuple[int, ...]
Operations: TypeAlias = Iterable[Operation]


class AccessMethod(Protocol):
    """Decides how a client's reads and writes are served; never waits and never sees a byte.

    The operations of one call are executed in order, each before the next is asked for, and
    other clients' calls may run in between. ``limit`` is the offset at which the readable bytes
    end (the size of a plain segment, the published part of a ring): nothing is copied beyond it.
    """

    @property
    def timed(self) -> bool:
        """Whether each ``yield`` is to be answered with the ticks that the operation took."""

    @property
    def slots(self) -> int:
        """Blocks that the shadow holds; 0 for a method without one."""

    @property
    def slot_bytes(self) -> int:
        """Size of each shadow slot in bytes."""

    def share(self) -> None:
        """Prepare for several calls under way at once."""

    def read(self, offset: int, length: int, limit: int) -> Operations:
        """Yield what serves a read of `length` bytes at `offset`."""

    def write(self, offset: int, length: int, limit: int) -> Operations:
        """Yield what serves a write of `length` bytes at `offset`."""

    def release(self, end: int) -> Operations:
        """Yield what must happen before the client gives back what lies before `end`."""

    def abandon(self, slots: Iterable[int]) -> None:
        """Forget what a call that failed left under way.

        The bytes that `slots` hold are not to be trusted any more, but for those that were written
        and have not been brought back. A call may have ended anywhere among its operations, and its
        generator has been closed. Other clients' calls go on, and ask again for what they miss.
        """

    def sync(self) -> Operations:
        """Yield what brings every written byte back to the segment, and waits for that."""
