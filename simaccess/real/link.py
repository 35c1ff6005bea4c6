"""What every real link offers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar, Literal, TypeAlias

from simaccess.closing import Closing
from simaccess.real.clock import RealClock
from simaccess.real.memory import RealMemory
from simaccess.segment import Segment

__all__ = ["Mover", "RealLink"]

Mover: TypeAlias = Literal["engine", "issuer", "waiter"]
"""Who moves the bytes of a bulk copy: somebody beside the consumer, the consumer when it issues the
copy, or the consumer when it awaits it."""


class RealLink(Closing):
    """One consumer's link to a data segment.

    Parameters
    ----------
    url : str
        What it was opened by.
    size : int
        Bytes of the segment.
    timeout : float
        Seconds after which an operation that gets no answer fails.

    Attributes
    ----------
    clock : RealClock
        The clock of its one consumer, whom its segments charge.
    writable : bool
        Whether the segment can be written.
    overlaps : bool
        Whether a bulk copy goes on while the consumer works.
    views : bool
        Whether `load` returns a view of bytes that have not been read yet: the time in which they
        come is then spent by whoever reads them.
    MEANING : mapping of str to str
        What `load`, `fetch`, `clock` and `overlap` mean here, a sentence each.
    """

    MEANING: ClassVar[Mapping[str, str]]

    writable = True
    overlaps = True
    views = False

    def __init__(self, url: str, size: int, timeout: float) -> None:
        self.url = url
        self.size = size
        self.timeout = timeout
        self.clock = RealClock()

    @abstractmethod
    def attach(self) -> Segment:
        """Return the consumer's access to the segment."""

    def local(self, size: int) -> RealMemory:
        """Return `size` bytes of memory beside the consumer, for a shadow."""
        return RealMemory(size)

    def cool(self) -> bool:
        """Undo what earlier operations have warmed up; say whether anything can be."""
        return False
