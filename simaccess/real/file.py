"""Files as links: ``file:PATH?mode=buffered|mapped|direct``."""

from __future__ import annotations

import os
import stat
from collections.abc import Generator
from pathlib import Path
from time import perf_counter_ns, thread_time_ns
from typing import Any, ClassVar, Literal
from urllib.parse import unquote, urlsplit

from simaccess.errors import InputError
from simaccess.real.clock import Done, RealClock
from simaccess.real.copier import Copier
from simaccess.real.file_access import Access, Buffered, Direct, Mapped, OpenFile
from simaccess.real.link import Mover, RealLink
from simaccess.real.memory import RealMemory
from simaccess.real.urls import LinkOptions, options
from simaccess.segment import Data, Local, Segment, Transfer

__all__ = ["FileLink", "FileOptions", "FileSegment", "open_link"]


class FileOptions(LinkOptions):
    """Options of ``file:PATH``.

    Attributes
    ----------
    mode : {'buffered', 'mapped', 'direct'}
        Through the page cache, mapped, or past the page cache.
    copier : {'inline', 'process'}, optional
        Who makes bulk copies: the consumer itself, after advice to read ahead, or a helper process
        beside it. By default a helper where nothing else can overlap: for ``direct``.
    """

    mode: Literal["buffered", "mapped", "direct"] = "buffered"
    copier: Literal["inline", "process"] | None = None

    @property
    def helped(self) -> bool:
        """Whether a helper process copies."""
        return (self.copier or ("process" if self.mode == "direct" else "inline")) == "process"

    @property
    def mover(self) -> Mover:
        """Who moves the bytes of a bulk copy, and when: the reader, once it awaits them."""
        if self.helped:
            return "engine"
        return "issuer" if self.mode == "direct" else "waiter"


class FileLink(RealLink):
    """A consumer's link to a file.

    Parameters
    ----------
    url : str
        What it was opened by.
    path : Path
        The file.
    chosen : FileOptions
        The options.

    Raises
    ------
    InputError
        If there is no such file, it is none, it is empty, or may not be read.
    """

    MEANING: ClassVar = {
        "load": "buffered: a read into memory of the link, used again each time; mapped: a view"
        " whose pages are brought in first; direct: a read of whole blocks past the page cache."
        " All of it is charged as stall",
        "fetch": "advice to read ahead when it is issued and the read itself when it is awaited, of"
        " which the processor's share is charged as copy (copier=inline, the default but for direct,"
        " which reads when it is issued); or a read by a helper process (copier=process)",
        "clock": "CLOCK_MONOTONIC",
        "overlap": "copier=inline: what the device takes to fill the page cache, but not the copy"
        " out of it, and nothing when direct; copier=process: both, as far as there is another"
        " processor, but for requests of a direct file that are not whole blocks",
    }

    def __init__(self, url: str, path: Path, chosen: FileOptions) -> None:
        self._descriptors: list[int] = []
        self._copier: Copier | None = None
        try:
            file = self._open(url, path)
            super().__init__(url, file.size, chosen.timeout)
            self.writable = file.writable
            self._access: Access
            if chosen.mode == "direct":
                direct = OpenFile(url, self._open_direct(path, file), file.size, file.writable)
                self._access = Direct(direct, file)
                file = direct
            else:
                self._access = (Mapped if chosen.mode == "mapped" else Buffered)(file)
            self._file = file
            self._posted = chosen.mode != "direct"
            if chosen.helped:
                self._copier = Copier(url, file.descriptor, self.clock, chosen.timeout)
        except BaseException:
            self.close()
            raise
        self.views = chosen.mode == "mapped"
        self.overlaps = self._posted or self._copier is not None

    def attach(self) -> Segment:
        """Return the consumer's access to the segment."""
        return FileSegment(self._file, self._access, self.clock, self._copier, self._posted)

    def local(self, size: int) -> RealMemory:
        """Return memory for a shadow: where the helper process reaches it, if there is one."""
        return super().local(size) if self._copier is None else self._copier.memory(size)

    def cool(self) -> bool:
        """Drop the file's pages from the page cache, after writing dirty ones.

        Pages that another process maps stay. A file in memory (tmpfs) is never cold.
        """
        self._access.cool()
        return not _in_memory(self._file.descriptor)

    def close(self) -> None:
        """End the helper process and close the file. Views of a mapped file remain."""
        if self._copier is not None:
            self._copier.close()
        while self._descriptors:
            os.close(self._descriptors.pop())

    def _open(self, url: str, path: Path) -> OpenFile:
        writable = True
        try:
            _check(path)
            try:
                descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            except OSError:
                writable = False
                descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise InputError(
                f"cannot be opened ({error.strerror})", key="file", value=str(path)
            ) from None
        self._descriptors.append(descriptor)
        size = os.lseek(descriptor, 0, os.SEEK_END)
        if not size:
            raise InputError("an empty file", key="file", value=str(path))
        return OpenFile(url, descriptor, size, writable)

    def _open_direct(self, path: Path, file: OpenFile) -> int:
        way = os.O_RDWR if file.writable else os.O_RDONLY
        try:
            descriptor = os.open(path, way | os.O_DIRECT | os.O_CLOEXEC)
        except OSError:
            raise Direct.refusal() from None
        self._descriptors.append(descriptor)
        return descriptor


class FileSegment:
    """One consumer's access to a file.

    Parameters
    ----------
    file : OpenFile
        The file.
    access : Access
        How it is reached.
    clock : RealClock
        Whom operations are charged to.
    copier : Copier or None
        Who makes bulk copies; None: the caller.
    posted : bool
        Whether a write returns before the device has it.
    """

    def __init__(
        self,
        file: OpenFile,
        access: Access,
        clock: RealClock,
        copier: Copier | None,
        posted: bool,
    ) -> None:
        self.size = file.size
        self.moved = 0
        self.posted = posted
        self._file = file
        self._access = access
        self._clock = clock
        self._copier = copier

    async def load(self, offset: int, length: int) -> Data:
        """Read."""
        begin = perf_counter_ns()
        view = self._access.load(offset, length)
        self.moved += length
        self._clock.stall += perf_counter_ns() - begin
        return view

    async def store(self, offset: int, length: int, data: Data) -> None:
        """Write."""
        self._check_writable()
        assert data is not None
        begin = perf_counter_ns()
        self._access.store(offset, data)
        self.moved += length
        self._clock.stall += perf_counter_ns() - begin

    async def fetch(self, offset: int, length: int, into: Local, at: int) -> Transfer:
        """Start a copy towards the consumer."""
        self.moved += length
        copier = self._copier
        if copier is not None and copier.reaches(into):
            place = into.base + at
            if self._access.straight(offset, length, place):
                return copier.read(offset, length, place)
        view = into.view(at, length)
        assert view is not None
        read = _Read(self, offset, view)
        if not self.posted:  # there is no page cache to read ahead into
            await read
            return Done()
        begin = perf_counter_ns()
        os.posix_fadvise(self._file.descriptor, offset, length, os.POSIX_FADV_WILLNEED)
        self._clock.issue += perf_counter_ns() - begin
        return read

    async def flush(self, offset: int, length: int, source: Local, at: int) -> Transfer:
        """Start a copy away from the consumer."""
        self._check_writable()
        self.moved += length
        copier = self._copier
        if copier is not None and copier.reaches(source):
            place = source.base + at
            if self._access.straight(offset, length, place):
                return copier.write(offset, length, place)
        view = source.view(at, length)
        assert view is not None
        with _Copying(self._clock):
            self._access.write(offset, view)
        return Done()

    def read(self, offset: int, into: memoryview) -> None:
        """Read at once."""
        with _Copying(self._clock):
            self._access.read(offset, into)

    def _check_writable(self) -> None:
        if not self._file.writable:
            raise InputError("may be read only", key="URL", value=self._file.url)


class _Copying:
    """Charges a call: what the processor works in it as copy, the rest as wait."""

    __slots__ = ("_begin", "_clock", "_worked")

    def __init__(self, clock: RealClock) -> None:
        self._clock = clock

    def __enter__(self) -> None:
        self._begin = perf_counter_ns()
        self._worked = thread_time_ns()

    def __exit__(self, *_: object) -> None:
        worked = thread_time_ns() - self._worked
        elapsed = perf_counter_ns() - self._begin
        copy = min(worked, elapsed)
        self._clock.copy += copy
        self._clock.wait += elapsed - copy


class _Read:
    """A read that is made when it is awaited."""

    __slots__ = ("_into", "_offset", "_over", "_segment")

    def __init__(self, segment: FileSegment, offset: int, into: memoryview) -> None:
        self._segment = segment
        self._offset = offset
        self._into = into
        self._over = False

    def __await__(self) -> Generator[Any, Any, None]:
        if not self._over:
            self._over = True
            self._segment.read(self._offset, self._into)
        yield from ()

    async def poll(self) -> bool:
        """Make the read, and say that it has ended."""
        await self
        return True

    async def cancel(self) -> bool:
        """Withdraw it, unless it was made."""
        withdrawn = not self._over
        self._over = True
        return withdrawn


def _in_memory(descriptor: int) -> bool:
    """Say whether a file's file system lies in memory (proc_pid_mountinfo(5))."""
    device = os.fstat(descriptor).st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    for line in Path("/proc/self/mountinfo").read_text("utf-8").splitlines():
        fields, _, kind = line.partition(" - ")
        if fields.split()[2] == number:
            return kind.split()[0] in {"tmpfs", "ramfs"}
    return False


def _check(path: Path) -> None:
    """Refuse what is no file before opening it, which a pipe would not return from."""
    mode = path.stat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISBLK(mode)):
        raise InputError(
            "a directory" if stat.S_ISDIR(mode) else "not a file",
            key="file",
            value=str(path),
            allowed="a file or a block device",
        )


def open_link(url: str) -> FileLink:
    """Open a file by its URL."""
    _, chosen = options(url, FileOptions)
    parts = urlsplit(url)  # in whose form without options a relative path would be absolute
    path = unquote(parts.path)
    if parts.netloc not in {"", "localhost"} or parts.fragment or not path or "\0" in path:
        raise InputError(
            "not a path",
            key="URL",
            value=url,
            allowed="file:PATH or file:///PATH, with '?', '#' and '%' in it as %3F, %23 and %25",
        )
    return FileLink(url, Path(path), chosen)
