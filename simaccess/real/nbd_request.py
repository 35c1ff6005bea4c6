"""A request of the NBD protocol, and what has come of it."""

from __future__ import annotations

from bisect import bisect_right
from struct import Struct

__all__ = ["DISCONNECT", "FLUSH", "READ", "WRITE", "ProtocolError", "Request"]

READ, WRITE, DISCONNECT, FLUSH = range(4)
"""Commands."""

_NAMES = {READ: "read", WRITE: "write", DISCONNECT: "disconnect", FLUSH: "flush"}

_REQUEST = Struct(">IHHQQI")  # magic, flags, command, cookie, offset, length
_REQUEST_MAGIC = 0x25609513

_NO_PARTS: list[int] = []


class ProtocolError(Exception):
    """The far end sent what the protocol does not allow."""


class Request:
    """A request, and what has come of it.

    Parameters
    ----------
    command : int
        `READ`, `WRITE` or `FLUSH`.
    offset, length : int
        The bytes of the export that it is about.
    view : memoryview, optional
        Where a read's bytes go. None: nobody wants them any more.
    at : int, optional
        Where in the export the view begins: bytes outside of it are not wanted.

    Attributes
    ----------
    cookie : int
        What tells it from the others on its connection.
    over : bool
        Whether the whole reply has come.
    problem : str
        What went wrong; empty for success.
    """

    __slots__ = (
        "_begins",
        "_chunks",
        "_ends",
        "at",
        "command",
        "cookie",
        "left",
        "length",
        "offset",
        "over",
        "problem",
        "view",
    )

    def __init__(
        self,
        command: int,
        offset: int,
        length: int,
        view: memoryview | None = None,
        at: int | None = None,
    ) -> None:
        self.command = command
        self.offset = offset
        self.length = length
        self.view = view
        self.at = offset if at is None else at
        self.cookie = 0
        self.over = False
        self.problem = ""
        self.left = length if command == READ else 0  # bytes not yet announced
        self._chunks = 0
        # Of the parts that were announced, in order, merged; none for a reply in one part.
        self._begins: list[int] = _NO_PARTS
        self._ends: list[int] = _NO_PARTS

    def header(self) -> bytes:
        """Return what is sent to ask for it, less a write's payload."""
        return _REQUEST.pack(_REQUEST_MAGIC, 0, self.command, self.cookie, self.offset, self.length)

    def describe(self) -> str:
        """Return a phrase for errors."""
        name = _NAMES[self.command]
        return name if self.command == FLUSH else f"{name} of {self.length} bytes at {self.offset}"

    def fail(self, problem: str) -> None:
        """Note what went wrong, if it is the first thing that did."""
        self.problem = self.problem or problem

    def count(self) -> None:
        """Count a chunk of its reply: one for every 64 bytes is more than any server needs."""
        self._chunks += 1
        if self._chunks > 16 + self.length // 64:
            raise ProtocolError(
                f"the {self.describe()} is answered in more than {self._chunks} parts"
            )

    def announce(self, begin: int, length: int) -> None:
        """Note that the reply has these bytes."""
        end = begin + length
        if self.command != READ:
            raise ProtocolError(f"the {self.describe()} is answered with data")
        if not length or begin < self.offset or end > self.offset + self.length:
            raise ProtocolError(f"the {self.describe()} is answered with {length} bytes at {begin}")
        if length > self.left:
            raise ProtocolError(f"bytes at {begin} come twice for the {self.describe()}")
        self.left -= length
        if length == self.length:  # by far the usual case
            return
        if self._begins is _NO_PARTS:
            self._begins, self._ends = [], []
        place = bisect_right(self._begins, begin)
        if (place and self._ends[place - 1] > begin) or (
            place < len(self._begins) and self._begins[place] < end
        ):
            raise ProtocolError(f"bytes at {begin} come twice for the {self.describe()}")
        after = place < len(self._begins) and self._begins[place] == end
        if place and self._ends[place - 1] == begin:
            self._ends[place - 1] = self._ends.pop(place) if after else end
            if after:
                del self._begins[place]
        elif after:
            self._begins[place] = begin
        else:
            self._begins.insert(place, begin)
            self._ends.insert(place, end)
