"""The tape: where the rows of one consumer are written while its code runs.

Rows that say the same are written once, with how often: a reader in place makes one row of a
thousand loads, and one of a thousand hits in its shadow.
"""

from __future__ import annotations

from array import array

import numpy as np
from numpy.typing import NDArray

from simaccess.replay.delays import LOCAL, DelayTable
from simaccess.replay.rows import (
    AWAIT,
    END,
    FETCH,
    FIRST,
    KIND,
    MARK,
    MARKED,
    ROW,
    SERVED,
    SETTLED,
    UNTIL,
)

__all__ = ["Tape"]

_CHUNK = 4 * 65_536  # words: a mebibyte
_MOST = (1 << 32) - 1

_FETCHED = AWAIT | FIRST | SETTLED | SERVED

_Row = tuple[int, int, int]
"""What, delay and item."""

_NONE: _Row = (-1, 0, 0)


class Tape:
    """Rows, chunk by chunk.

    Parameters
    ----------
    delays : DelayTable
        Numbers the delays, for all tapes of a record.

    Attributes
    ----------
    delay : int
        The private delay since the last row.
    """

    __slots__ = (
        "_again",
        "_await",
        "_awaiting",
        "_chunks",
        "_copy",
        "_delays",
        "_done",
        "_open",
        "_times",
        "_words",
        "delay",
    )

    def __init__(self, delays: DelayTable) -> None:
        self.delay = 0
        self._delays = delays
        self._words = array("I")
        self._chunks: list[NDArray[np.void]] = []
        # Not written yet: a row that ended a request, how often it did, and one since.
        self._done = _NONE
        self._times = 0
        self._open: _Row | None = None
        self._awaiting = False  # whether the last row is an AWAIT, and nothing came since
        self._await = self._words, 0  # where the last AWAIT of `put` is
        # What the last copy that was awaited at once was written after, and of; and its words.
        self._again: tuple[_Row, int, int, int, int] | None = None
        self._copy = array("I")

    def work(self, ticks: int) -> None:
        """Note work of the client."""
        self.delay = self._delays.worked(self.delay, ticks)

    def local(self, kind: int, length: int) -> None:
        """Note an access to local memory."""
        self.delay = self._delays.accessed(self.delay, kind, length)

    def in_place(self, what: int, item: int) -> None:
        """Write a LOAD or STORE."""
        if self._open is not None:
            self._write_open()
        self._open = what, self.delay, item
        self.delay = 0
        self._awaiting = False

    def put(self, what: int, item: int, extra: int) -> None:
        """Write a row of another kind."""
        if self._times or self._open is not None:
            self._write_open()
        self._write(what, self.delay, item, extra)
        self.delay = 0
        self._awaiting = what & KIND == AWAIT
        if self._awaiting:
            self._await = self._words, len(self._words) - 4

    def fetched(self, request: int, place: int, length: int) -> None:
        """Write a FETCH that is awaited at once, and note the access that serves `length` bytes."""
        if self._open is not None:
            self._write_open()
        if len(self._words) >= _CHUNK:
            self._cut()
        words = self._words
        again = self._done, self._times, self.delay, request, place
        if again != self._again:  # a reader of blocks makes the same rows block after block
            fetch = FETCH, self.delay, request, place, _FETCHED, 0, place, 0
            self._copy = array("I", (*self._ended(), *fetch) if self._times else fetch)
            self._again = again
        words.extend(self._copy)
        if self._times:
            self._done = _NONE
            self._times = 0
        self.delay = self._delays.accessed(0, LOCAL, length)
        self._awaiting = True

    def until(self, tick: int) -> None:
        """Write an UNTIL."""
        self.put(UNTIL, tick & _MOST, tick >> 32)

    def served(self) -> None:
        """Note of the last AWAIT that was put that bytes are served after it."""
        words, place = self._await
        words[place] |= SERVED

    def mark(self) -> None:
        """Write a MARK."""
        row = self._open
        if self.delay:
            if row is not None:
                self._write_open()
            row = MARK, self.delay, 0
            self.delay = 0
            self._awaiting = False
        elif row is None:
            if self._awaiting:
                self._words[-4] |= MARKED
                self._awaiting = False
                return
            row = MARK, 0, 0
        self._open = None
        if row == self._done and self._times < _MOST:
            self._times += 1
        else:
            self._write_done()
            self._done = row
            self._times = 1

    def rows(self) -> NDArray[np.void]:
        """End the tape and return all its rows."""
        self.put(END, 0, 0)
        self._cut()
        rows = np.concatenate(self._chunks)
        self._chunks = [rows]
        return rows

    def _write_open(self) -> None:
        self._write_done()
        if self._open is not None:
            self._write(*self._open, 1)
            self._open = None

    def _write_done(self) -> None:
        if self._times:
            self._write(*self._ended())
            self._done = _NONE
            self._times = 0

    def _ended(self) -> tuple[int, int, int, int]:
        """Return the row that ended a request, with how often it did."""
        what, delay, item = self._done
        return what if what == MARK else what | MARKED, delay, item, self._times

    def _write(self, what: int, delay: int, item: int, extra: int) -> None:
        words = self._words
        if len(words) >= _CHUNK:
            self._cut()
            words = self._words
        words.extend((what, delay, item, extra))

    def _cut(self) -> None:
        """Put the words aside as a chunk of rows."""
        self._chunks.append(np.frombuffer(self._words, np.uint32).view(ROW))
        self._words = array("I")
