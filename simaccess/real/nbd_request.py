"""A request of the NBD protocol, and what has come of it."""

from __future__ import annotations

import os
from bisect import bisect_right
from struct import Struct

__all__ = ["DISCONNECT", "FLUSH", "HEADER", "READ", "WRITE", "ProtocolError", "Request"]

READ, WRITE, DISCONNECT, FLUSH = range(4)
"""Commands."""

_NAMES = {READ: "read", WRITE: "write", DISCONNECT: "disconnect", FLUSH: "flush"}

# The protocol's numbers, whatever the system's are.
_ERRORS = {1: "EPERM", 5: "EIO", 12: "ENOMEM", 22: "EINVAL", 28: "ENOSPC", 75: "EOVERFLOW"}
_ERRORS |= {95: "ENOTSUP", 108: "ESHUTDOWN"}

_REQUEST = Struct(">IHHQQI")  # magic, flags, command, cookie, offset, length
_REQUEST_MAGIC = 0x25609513

HEADER = _REQUEST.size
"""Bytes that are sent to ask, less a write's payload."""


class ProtocolError(Exception):
    """The far end sent what the protocol does not allow."""


class Parts:
    """The parts of a reply that were announced, in order, merged; and how many there were."""

    __slots__ = ("begins", "count", "ends")

    def __init__(self) -> None:
        self.count = 0
        self.begins: list[int] = []
        self.ends: list[int] = []

    def add(self, begin: int, end: int) -> bool:
        """Add a part; say whether no byte of it was there."""
        begins, ends = self.begins, self.ends
        place = bisect_right(begins, begin)
        if (place and ends[place - 1] > begin) or (place < len(begins) and begins[place] < end):
            return False
        after = place < len(begins) and begins[place] == end
        if place and ends[place - 1] == begin:
            ends[place - 1] = ends.pop(place) if after else end
            if after:
                del begins[place]
        elif after:
            begins[place] = begin
        else:
            begins.insert(place, begin)
            ends.insert(place, end)
        return True


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
        "_parts",
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
        self.left = 0 if command else length  # bytes not yet announced; `READ` is 0
        self._parts: Parts | None = None  # of a reply that is not one part

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

    def refuse(self, error: int, text: str = "") -> None:
        """Note the server's error, and its text if there was one."""
        name = _ERRORS.get(error, f"error {error}")
        reason = text or (os.strerror(error) if error in _ERRORS else "")
        shown = "".join(letter if letter.isprintable() else "?" for letter in reason)
        self.fail(f"the server refused the {self.describe()}: {name}" + (shown and f", {shown}"))

    def count(self) -> None:
        """Count a chunk of its reply: one for every 64 bytes is more than any server needs."""
        if self._parts is None:
            self._parts = Parts()
        self._parts.count += 1
        if self._parts.count > 16 + self.length // 64:
            raise ProtocolError(
                f"the {self.describe()} is answered in more than {self._parts.count} parts"
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
        if length == self.length:
            return
        if self._parts is None:
            self._parts = Parts()
        if not self._parts.add(begin, end):
            raise ProtocolError(f"bytes at {begin} come twice for the {self.describe()}")
