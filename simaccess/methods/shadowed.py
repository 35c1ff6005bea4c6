"""What the methods that keep a shadow have in common: what their directory does for each of them.

They differ in what they read and write through it, and in what they copy.
"""

from __future__ import annotations

from collections.abc import Iterable

from simaccess.methods import writes
from simaccess.methods.directory import Directory
from simaccess.operations import Operations

__all__ = ["Shadowed"]


class Shadowed:
    """A method with a shadow.

    Parameters
    ----------
    shadow : Directory
        Which blocks the shadow holds.
    """

    __slots__ = ("shadow", "slot_bytes", "slots")

    timed = False

    def __init__(self, shadow: Directory) -> None:
        self.shadow = shadow
        self.slots = shadow.slots
        self.slot_bytes = shadow.slot_bytes

    def share(self) -> None:
        """Prepare for several calls under way at once."""
        self.shadow.share()

    def release(self, end: int) -> Operations:
        """Yield the copies back of what was written in blocks before `end`."""
        return writes.release(self.shadow, end)

    def abandon(self, slots: Iterable[int]) -> None:
        """Forget what a call that failed left under way in these slots."""
        self.shadow.abandon(slots)

    def sync(self) -> Operations:
        """Yield the copies back of all that was written."""
        return writes.sync(self.shadow)
