"""Memory that another process shares, as a link: ``shm:NAME``.

What is called NAME is POSIX shared memory, such as `multiprocessing.shared_memory` makes. On Linux
it is a file below /dev/shm (shm_overview(7)), and is mapped here as one. The class of the standard
library would do that, too, but then belongs to whoever attaches: before Python 3.13 its resource
tracker unlinks at exit what another process owns, and at any version it cannot map for reading
alone, nor be closed while somebody still holds a view.
"""

from __future__ import annotations

import mmap
import os
from pathlib import Path
from time import perf_counter_ns
from typing import ClassVar, Literal
from urllib.parse import unquote

from simaccess.counters import Counters
from simaccess.errors import InputError
from simaccess.real.clock import Done, RealClock
from simaccess.real.copier import Copier
from simaccess.real.link import Mover, RealLink
from simaccess.real.memory import RealMemory
from simaccess.real.resident import Resident
from simaccess.real.urls import LinkOptions, options
from simaccess.refusal import did_you_mean
from simaccess.segment import Data, Local, Segment, Transfer

__all__ = ["SharedMemoryLink", "SharedMemoryOptions", "SharedMemorySegment", "open_link"]

DIRECTORY = Path("/dev/shm")
"""Where Linux shows POSIX shared memory."""


class SharedMemoryOptions(LinkOptions):
    """Options of ``shm:NAME``.

    Attributes
    ----------
    copier : {'inline', 'process'}
        Who makes bulk copies: the consumer itself, or a helper process beside it.
    """

    copier: Literal["inline", "process"] = "inline"

    @property
    def mover(self) -> Mover:
        """Who moves the bytes of a bulk copy, and when."""
        return "engine" if self.copier == "process" else "issuer"


class SharedMemoryLink(RealLink):
    """A consumer's link to shared memory.

    Parameters
    ----------
    url : str
        What it was opened by.
    name : str
        The memory's name.
    chosen : SharedMemoryOptions
        The options.

    Raises
    ------
    InputError
        If there is no such memory, or it may not be read.
    """

    views = True

    MEANING: ClassVar = {
        "load": "a view of the memory itself, without a copy; too short to be timed, so its cache"
        " misses, which come when the client looks at the bytes, count as compute",
        "fetch": "a copy into the shadow: by the consumer, charged as copy (copier=inline), or by"
        " a helper process, where issuing is a write to a pipe (copier=process)",
        "clock": "CLOCK_MONOTONIC, which all processes of the machine share",
        "overlap": "copier=process: whole, as far as there is another processor and memory"
        " bandwidth; copier=inline: none",
    }

    def __init__(self, url: str, name: str, chosen: SharedMemoryOptions) -> None:
        file, self.writable = _open(name)
        try:
            super().__init__(url, os.fstat(file).st_size, chosen.timeout)
            if not self.size:
                raise InputError("shared memory of no bytes", key="URL", value=url)
            access = mmap.ACCESS_WRITE if self.writable else mmap.ACCESS_READ
            self.memory = memoryview(mmap.mmap(file, self.size, access=access))
            self._copier: Copier | None = None
            if chosen.copier == "process":
                self._copier = Copier(url, file, self.clock, chosen.timeout)
        finally:
            os.close(file)
        self.overlaps = self._copier is not None

    def attach(self) -> Segment:
        """Return the consumer's access to the segment."""
        return SharedMemorySegment(self.url, self.memory, self.clock, self._copier)

    def local(self, size: int) -> RealMemory:
        """Return memory for a shadow: where the helper process reaches it, if there is one."""
        return super().local(size) if self._copier is None else self._copier.memory(size)

    def close(self) -> None:
        """End the helper process. The memory stays mapped while somebody holds a view of it."""
        if self._copier is not None:
            self._copier.close()
        self.memory = memoryview(b"")


class SharedMemorySegment:
    """One consumer's access to shared memory.

    Parameters
    ----------
    url : str
        What errors name.
    memory : memoryview
        The segment's bytes.
    clock : RealClock
        Whom bulk copies are charged to.
    copier : Copier or None
        Who makes bulk copies; None: the caller.
    """

    posted = True

    def __init__(
        self, url: str, memory: memoryview, clock: RealClock, copier: Copier | None = None
    ) -> None:
        self.size = len(memory)
        self._moved = 0
        self._in_place: list[Counters] = []
        self._url = url
        self._memory = memory
        self._clock = clock
        self._copier = copier

    @property
    def moved(self) -> int:
        """Bytes moved so far."""
        return self._moved + sum(each.requested for each in self._in_place)

    def resident(self, counters: Counters) -> Resident:
        """Return the bytes themselves, for a buffer that makes every access in place."""
        self._in_place.append(counters)
        return Resident(self._memory, self, self._url)

    async def load(self, offset: int, length: int) -> Data:
        """Return a view."""
        self._moved += length
        return self._memory[offset : offset + length]

    async def store(self, offset: int, length: int, data: Data) -> None:
        """Write."""
        self._check_writable()
        assert data is not None
        self._moved += length
        self._memory[offset : offset + length] = data

    async def fetch(self, offset: int, length: int, into: Local, at: int) -> Transfer:
        """Start a copy towards the consumer."""
        self._moved += length
        copier = self._copier
        if copier is not None and copier.reaches(into):
            return copier.read(offset, length, into.base + at)
        begin = perf_counter_ns()
        view = into.view(at, length)
        assert view is not None
        view[:] = self._memory[offset : offset + length]
        self._clock.copy += perf_counter_ns() - begin
        return Done()

    async def flush(self, offset: int, length: int, source: Local, at: int) -> Transfer:
        """Start a copy away from the consumer."""
        self._check_writable()
        self._moved += length
        copier = self._copier
        if copier is not None and copier.reaches(source):
            return copier.write(offset, length, source.base + at)
        begin = perf_counter_ns()
        view = source.view(at, length)
        assert view is not None
        self._memory[offset : offset + length] = view
        self._clock.copy += perf_counter_ns() - begin
        return Done()

    def _check_writable(self) -> None:
        if self._memory.readonly:
            raise InputError("may be read only", key="URL", value=self._url)


def _open(name: str) -> tuple[int, bool]:
    """Return a descriptor, and whether one may write."""
    there = [path.name for path in DIRECTORY.iterdir()] if DIRECTORY.is_dir() else []
    if name not in there:
        problem = "no such shared memory" + did_you_mean(name, there)
        raise InputError(problem, key="shm", value=name, allowed=f"a name in {DIRECTORY}")
    path = DIRECTORY / name
    if not path.is_file():
        raise InputError("not shared memory", key="shm", value=name, allowed="a segment's name")
    try:
        return os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW), True
    except PermissionError:
        pass
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW), False
    except OSError as error:
        raise InputError(f"cannot be opened ({error.strerror})", key="shm", value=name) from None


def open_link(url: str) -> SharedMemoryLink:
    """Open shared memory by its URL."""
    place, chosen = options(url, SharedMemoryOptions)
    name = unquote(place.partition(":")[2]).removeprefix("/")
    return SharedMemoryLink(url, name, chosen)
