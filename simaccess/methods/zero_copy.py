"""Zero-copy: read and write the imported segment where it lies.

Each read is a round trip over the link; a write is posted where the link posts. The
implementation is that of local memory, and nothing is kept, so nothing can be stale.
"""

# ruff: noqa: ARG002  # the interface names what other methods need
from __future__ import annotations

from collections.abc import Iterable

from simaccess.operations import LOAD, STORE, Operations

__all__ = ["ZeroCopy"]


class ZeroCopy:
    """Every access in place."""

    slots = 0
    slot_bytes = 0
    timed = False
    in_place = True
    """That each read is one load, and each write one store, of the same bytes."""

    def share(self) -> None:
        """Do nothing: calls share nothing."""

    def read(self, offset: int, length: int, limit: int) -> Operations:
        """Yield one load."""
        return ((LOAD, offset, length),)

    def write(self, offset: int, length: int, limit: int) -> Operations:
        """Yield one store."""
        return ((STORE, offset, length),)

    def release(self, end: int) -> Operations:
        """Yield nothing: nothing is kept."""
        return ()

    def abandon(self, slots: Iterable[int]) -> None:
        """Do nothing: nothing is kept."""

    def sync(self) -> Operations:
        """Yield nothing: what was written is where it belongs."""
        return ()
