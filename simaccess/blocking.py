"""The blocking face: a file object over any access method and link, real or simulated.

import simaccess, zipfile

with simaccess.open("sim:wan-20ms-100mbit?data=big.zip", method="prefetch") as file:
zipfile.ZipFile(file).testzip()
print(file.elapsed_s, file.counters.round_trips)
"""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from simaccess.blocking_calls import Calls, calls
from simaccess.counters import Counters
from simaccess.errors import InputError
from simaccess.segment import Clock
from simaccess.sim.blocking import inside_simulation
from simaccess.workload.log_writer import LogWriter

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

__all__ = ["BlockingFile", "open_file"]

_LINE = 256  # bytes that are read at a time to find the end of a line


def open_file(
    url: str,
    method: str = "prefetch",
    settings: Mapping[str, object] = MappingProxyType({}),
    *,
    mode: Literal["rb", "r+b"] = "rb",
    record: str | os.PathLike[str] | None = None,
) -> BlockingFile:
    """Open a data segment as a file.

    Parameters
    ----------
    url : str
        A link: ``https://…``, ``s3://…``, ``file:PATH``, ``nbd://…``, ``shm:NAME``; or a simulated
        one, ``sim:MODEL?data=PATH``: the model by name or as a file, the bytes those of a local
        file, which writes do not change. ``seed=1``, ``memory=MODEL`` and parameters of the
        model, such as ``link.latency=5 us``, may follow behind ``&``.
    method : str
        The access method that serves it.
    settings : mapping of str to object
        The method's parameters, such as ``{"block": "256 KiB", "depth": 8}``.
    mode : {'rb', 'r+b'}
        Whether it is read only, or written, too, where the link can be written. What is written
        changes the far end.
    record : path-like, optional
        Where to write the accesses as an access log.

    Returns
    -------
    BlockingFile
        Open, at its beginning.

    Raises
    ------
    InputError
        If anything does not exist or is refused.
    LinkError
        If the far end of a real link does not answer as it should.
    RuntimeError
        Inside a running simulation.
    """
    _refuse_inside()
    if not isinstance(url, str):
        raise InputError("not text", key="url", value=url, allowed="a URL, as in 'file:data.bin'")
    if mode not in ("rb", "r+b"):
        raise InputError("no such mode", key="mode", value=mode, allowed=("rb", "r+b"))
    made = calls(url, method, {key: str(value) for key, value in settings.items()})
    try:
        log = None if record is None else LogWriter(record, made.clock.ticks_per_second)
    except BaseException:
        made.close()
        raise
    return BlockingFile(url, made, log, writable=made.writable and mode == "r+b")


class BlockingFile(io.BufferedIOBase):
    """A data segment as a binary file of fixed size, read and written through an access method.

    Each read and write is one access of the method's client, as long as was asked for (`readline`
    and iteration make one for each 256 bytes of a line; wrap the file in an `io.BufferedReader`
    for many lines). On a simulated link each runs the simulation until its end. Not for use by
    several threads.

    Parameters
    ----------
    url : str
        What it was opened by.
    made : Calls
        The client.
    log : LogWriter, optional
        Where its accesses are written.
    writable : bool
        Whether it may be written.

    Attributes
    ----------
    name : str
        The URL.
    """

    def __init__(
        self, url: str, made: Calls, log: LogWriter | None = None, *, writable: bool = False
    ) -> None:
        self.name = url
        self._writable = writable
        self._calls = made
        self._buffer = made.buffer
        self._log = log
        self._at = 0
        self._size = made.buffer.size
        self._elapsed: float | None = None
        self._closing = False

    # -- what it took --------------------------------------------------------------------------

    @property
    def clock(self) -> Clock:
        """The client's clock, and what its time was spent on."""
        return self._calls.clock

    @property
    def elapsed_s(self) -> float:
        """Seconds since it was opened, until it was closed: measured, or simulated.

        Simulated ones are those of its calls and of `work`; what else the program does, and how
        long the simulation itself takes, does not count.
        """
        if self._elapsed is not None:
            return self._elapsed
        clock = self._calls.clock
        return (clock.time - clock.start) / clock.ticks_per_second

    @property
    def counters(self) -> Counters:
        """What its buffer has counted."""
        return self._buffer.counters

    @property
    def moved(self) -> int:
        """Bytes that its accesses have moved over the link."""
        return self._buffer.segment.moved

    @property
    def size(self) -> int:
        """Bytes of the segment."""
        return self._size

    def work(self, seconds: float) -> None:
        """Compute for some time, as a reader does between its accesses."""
        self._require_open()
        clock = self._calls.clock
        ticks = int(seconds * clock.ticks_per_second + 0.5)
        if ticks < 0:
            raise ValueError(f"negative time: {seconds}")
        self._calls.call(lambda: clock.work(ticks))

    # -- reading and writing -------------------------------------------------------------------

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Read into `buffer` until it is full or the segment ends; return how many bytes."""
        self._require_open()
        target = memoryview(buffer).cast("B")
        length = min(len(target), self._left())
        if length:
            target[:length] = self._read(length)
            self._at += length
        return length

    def readinto1(self, buffer: WriteableBuffer, /) -> int:
        """Read as `readinto` does."""
        return self.readinto(buffer)

    def read(self, size: int | None = -1, /) -> bytes:
        """Read up to `size` bytes, fewer only at the end; all that are left without a size."""
        self._require_open()
        length = self._left()
        if size is not None and size >= 0:
            length = min(size, length)
        if not length:
            return b""
        content = bytes(self._read(length))
        self._at += length
        return content

    def read1(self, size: int | None = -1, /) -> bytes:
        """Read as `read` does."""
        return self.read(size)

    def readline(self, size: int | None = -1, /) -> bytes:
        """Read up to the end of a line, and up to `size` bytes."""
        self._require_open()
        most = self._left() if size is None or size < 0 else min(size, self._left())
        line = b""
        while len(line) < most:
            part = bytes(self._read(min(_LINE, most - len(line))))
            end = part.find(b"\n") + 1
            part = part[:end] if end else part
            line += part
            self._at += len(part)
            if end:
                break
        return line

    def write(self, content: ReadableBuffer, /) -> int:
        """Write all of `content`; return how many bytes that is.

        Raises
        ------
        OSError
            If the segment ends before; nothing is written then.
        """
        self._require_open()
        if not self._writable:
            raise io.UnsupportedOperation(f"{self.name}: not writable (mode='r+b' may be)")
        source = memoryview(content).cast("B")
        length = len(source)
        if not length:
            return 0
        if length > self._left():
            raise OSError(errno.ENOSPC, f"the segment ends at {self._size}", self.name)
        offset = self._at
        self._note(offset, length, write=True)
        self._calls.call(lambda: self._buffer.write(offset, length, source))
        self._at += length
        return length

    def flush(self) -> None:
        """Bring everything that was written to the segment, and wait for that."""
        self._require_open()
        if self._closing and not self._calls.usable:
            return  # what was interrupted is not to hide behind what cannot be flushed for it
        self._calls.call(self._buffer.sync)

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Move to a place, which may lie behind the end; return it."""
        self._require_open()
        if whence == io.SEEK_SET:
            if offset < 0:
                raise ValueError(f"negative seek value {offset}")
            self._at = offset
        elif whence in {io.SEEK_CUR, io.SEEK_END}:
            base = self._at if whence == io.SEEK_CUR else self._size
            self._at = max(0, base + offset)
        else:
            raise ValueError(f"invalid whence ({whence}, should be 0, 1 or 2)")
        return self._at

    def tell(self) -> int:
        """Return the place."""
        self._require_open()
        return self._at

    def readable(self) -> bool:
        """Say that it can be read."""
        self._require_open()
        return True

    def writable(self) -> bool:
        """Say whether it can be written."""
        self._require_open()
        return self._writable

    def seekable(self) -> bool:
        """Say that it has places."""
        self._require_open()
        return True

    def close(self) -> None:
        """Flush, and give everything back."""
        if self.closed:
            return
        self._closing = True
        try:
            super().close()  # flushes
        finally:
            self._elapsed = self.elapsed_s
            if self._log is not None:
                self._log.close()
            self._calls.close()

    def _read(self, length: int) -> memoryview:
        offset = self._at
        self._note(offset, length, write=False)
        view = self._calls.call(lambda: self._buffer.read(offset, length))
        assert view is not None
        return view

    def _note(self, offset: int, length: int, *, write: bool) -> None:
        if self._log is not None:
            clock = self._calls.clock
            self._log.write(clock.time - clock.start, offset, length, write=write)

    def _left(self) -> int:
        return max(0, self._size - self._at)

    def _require_open(self) -> None:
        if self.closed:
            raise ValueError("I/O operation on closed file")
        _refuse_inside()


def _refuse_inside() -> None:
    if inside_simulation():
        raise RuntimeError(
            "a simulation is running, in which nothing may block: use a Buffer there, and await it"
        )
