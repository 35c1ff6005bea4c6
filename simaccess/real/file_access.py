"""The ways to reach a file's bytes: through the page cache, mapped, or past the page cache.

Each reads and writes at once and blocks. A view from `load` holds until the next `load`.
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
from collections.abc import Callable
from typing import Protocol

from simaccess.errors import InputError, LinkError

__all__ = ["Access", "Buffered", "Direct", "Mapped", "OpenFile"]

PAGE = mmap.PAGESIZE


class OpenFile:
    """An open file, whose size was taken when it was opened.

    Parameters
    ----------
    url : str
        What errors name.
    descriptor : int
        The file.
    size : int
        Bytes.
    writable : bool
        Whether it can be written.
    """

    def __init__(self, url: str, descriptor: int, size: int, writable: bool) -> None:
        self.url = url
        self.descriptor = descriptor
        self.size = size
        self.writable = writable

    def read(self, offset: int, into: memoryview) -> None:
        """Read all of `into`, past a short read if need be.

        Raises
        ------
        LinkError
            If the file ends before, or the system reports an error.
        """
        done = self._move(os.preadv, offset, into)
        if done < len(into):
            raise self.shrunk()

    def read_up_to(self, offset: int, into: memoryview) -> int:
        """Read as much of `into` as the file has; return how much."""
        return self._move(os.preadv, offset, into)

    def write(self, offset: int, source: memoryview) -> None:
        """Write all of `source`.

        Raises
        ------
        LinkError
            If the system reports an error.
        """
        if self._move(os.pwritev, offset, source) < len(source):
            raise LinkError("not all was written", self.url)

    def end(self) -> int:
        """Return the bytes of the file as it is now."""
        return os.lseek(self.descriptor, 0, os.SEEK_END)

    def shrunk(self) -> LinkError:
        """Return the error of a file that has become shorter."""
        problem = f"ends at {self.end()}, but had {self.size} bytes when it was opened"
        return LinkError(problem, self.url)

    def sync(self) -> None:
        """Bring what was written to the device."""
        if self.writable:
            os.fdatasync(self.descriptor)

    def _move(
        self, call: Callable[[int, list[memoryview], int], int], offset: int, memory: memoryview
    ) -> int:
        done = 0
        try:
            while done < len(memory):
                step = call(self.descriptor, [memory[done:] if done else memory], offset + done)
                if not step:
                    break
                done += step
        except OSError as error:
            # Past the page cache, what follows a short read is no whole block.
            if not (done and error.errno == errno.EINVAL):
                raise LinkError(error.strerror or str(error), self.url) from None
        return done


class Pool:
    """Page-aligned memory that grows to what is asked for and is used again each time."""

    def __init__(self) -> None:
        self._memory = memoryview(b"")

    def take(self, size: int) -> memoryview:
        """Return `size` bytes, touched."""
        if size > len(self._memory):
            whole = -(-size // PAGE) * PAGE
            self._memory = memoryview(mmap.mmap(-1, whole))
            self._memory[::PAGE] = bytes(whole // PAGE)
        return self._memory[:size]


class Access(Protocol):
    """How a file is reached."""

    def load(self, offset: int, length: int) -> memoryview:
        """Return bytes, valid until the next load."""

    def store(self, offset: int, data: memoryview) -> None:
        """Write."""

    def read(self, offset: int, into: memoryview) -> None:
        """Read into memory."""

    def write(self, offset: int, source: memoryview) -> None:
        """Write from memory."""

    def straight(self, offset: int, length: int, at: int) -> bool:
        """Say whether a copy between the file and page-aligned memory needs no detour."""

    def cool(self) -> None:
        """Let nothing of the file be near."""


class Buffered:
    """Through the page cache.

    Parameters
    ----------
    file : OpenFile
        The file.
    """

    def __init__(self, file: OpenFile) -> None:
        self._file = file
        self._pool = Pool()
        self.read = file.read
        self.write = self.store = file.write

    def load(self, offset: int, length: int) -> memoryview:
        """Read into memory that is used again each time."""
        view = self._pool.take(length)
        self._file.read(offset, view)
        return view

    def straight(self, offset: int, length: int, at: int) -> bool:  # noqa: ARG002
        """Say yes: the page cache takes any range."""
        return True

    def cool(self) -> None:
        """Drop the file's pages from the cache, dirty ones after writing them."""
        self._file.sync()
        os.posix_fadvise(self._file.descriptor, 0, 0, os.POSIX_FADV_DONTNEED)


class Mapped:
    """Mapped: loads are views. Bulk copies go through the page cache by calls, which fault nothing.

    A page beyond the end of a file that has become shorter kills whoever touches it. So each load
    asks for the file's size, and touches its pages itself right after. A file that shrinks while
    a client still looks at a view is beyond what a process can catch.

    Parameters
    ----------
    file : OpenFile
        The file.
    """

    def __init__(self, file: OpenFile) -> None:
        self._file = file
        access = mmap.ACCESS_WRITE if file.writable else mmap.ACCESS_READ
        self._map = mmap.mmap(file.descriptor, file.size, access=access)
        self._view = memoryview(self._map)
        self._through = Buffered(file)
        self.read = file.read
        self.write = file.write

    def load(self, offset: int, length: int) -> memoryview:
        """Return a view whose pages are mapped."""
        view = self._whole(offset, length)
        bytes(view[::PAGE])
        _ = view[-1]
        return view

    def store(self, offset: int, data: memoryview) -> None:
        """Write into the mapping."""
        self._whole(offset, len(data))[:] = data

    def straight(self, offset: int, length: int, at: int) -> bool:  # noqa: ARG002
        """Say yes: the page cache takes any range."""
        return True

    def cool(self) -> None:
        """Unmap the pages, which holds them in the cache, and drop them from it."""
        self._file.sync()
        self._map.madvise(mmap.MADV_DONTNEED)
        self._through.cool()

    def _whole(self, offset: int, length: int) -> memoryview:
        if offset + length > self._file.end():
            raise self._file.shrunk()
        return self._view[offset : offset + length]


class Direct:
    """Past the page cache (O_DIRECT), in whole blocks of the device.

    An aligned request goes straight between the device and its memory. Any other is widened to
    whole blocks through an aligned pool; when writing, what surrounds it is read first. What the
    file has beyond its last whole block is written through the page cache, since O_DIRECT would
    make the file longer; the kernel keeps the two in step.

    Parameters
    ----------
    file : OpenFile
        The file, opened with O_DIRECT.
    cached : OpenFile
        The same file, opened without.

    Raises
    ------
    InputError
        If the file system does not do that.
    """

    def __init__(self, file: OpenFile, cached: OpenFile) -> None:
        self._file = file
        self._cached = cached
        self._pool = Pool()
        self.block = self._find_block()
        self._whole = file.size // self.block * self.block  # bytes in whole blocks

    def load(self, offset: int, length: int) -> memoryview:
        """Read whole blocks into the pool."""
        low = offset // self.block * self.block
        wide = -(-(offset + length) // self.block) * self.block
        pool = self._pool.take(wide - low)
        there = self._file.read_up_to(low, pool)
        if low + there < offset + length:
            raise self._file.shrunk()
        return pool[offset - low : offset - low + length]

    def store(self, offset: int, data: memoryview) -> None:
        """Write whole blocks around `data`."""
        end = offset + len(data)
        middle = min(end, self._whole)
        if middle > offset:
            low = offset // self.block * self.block
            high = -(-middle // self.block) * self.block
            pool = self.load(low, high - low)
            pool[offset - low : middle - low] = data[: middle - offset]
            self._file.write(low, pool)
        if end > self._whole:
            begin = max(offset, self._whole)
            self._cached.write(begin, data[begin - offset :])
            self._cached.sync()

    def read(self, offset: int, into: memoryview) -> None:
        """Read, straight where `straight` would say so of a page-aligned `into`."""
        if self._aligned(offset, into):
            self._file.read(offset, into)
        else:
            into[:] = self.load(offset, len(into))

    def write(self, offset: int, source: memoryview) -> None:
        """Write, straight where possible."""
        if self._aligned(offset, source):
            self._file.write(offset, source)
        else:
            self.store(offset, source)

    def straight(self, offset: int, length: int, at: int) -> bool:
        """Say whether all of it is in whole blocks."""
        return not (offset % self.block or length % self.block or at % self.block)

    def cool(self) -> None:
        """Drop what the end of the file, or somebody else, has brought into the cache."""
        self._cached.sync()
        os.posix_fadvise(self._cached.descriptor, 0, 0, os.POSIX_FADV_DONTNEED)

    def _aligned(self, offset: int, memory: memoryview) -> bool:
        return self.straight(offset, len(memory), _address(memory))

    def _find_block(self) -> int:
        """Return the smallest size of block that the file system reads."""
        pool = self._pool.take(PAGE)
        for block in (512, PAGE):
            # The address is off by as much as the file offset will be.
            memory = pool[PAGE - block :]
            try:
                os.preadv(self._file.descriptor, [memory], 0)
            except OSError:
                continue
            return block
        raise self.refusal()

    @staticmethod
    def refusal() -> InputError:
        """Return the error of a file system that has no direct access."""
        return InputError(
            "the file system has no direct access",
            key="mode",
            value="direct",
            allowed="buffered, mapped",
        )


def _address(memory: memoryview) -> int:
    """Return where memory lies; 1, which is aligned to nothing, for what may not be written."""
    if memory.readonly:
        return 1
    return ctypes.addressof(ctypes.c_char.from_buffer(memory))
