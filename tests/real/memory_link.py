"""The plainest real link: a segment in the process's own memory, whose calls fail when told to."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any

from simaccess.errors import LinkError
from simaccess.real.link import RealLink
from simaccess.segment import Data, Local, Transfer

__all__ = ["MemoryLink", "memory_link"]

URL = "memory:"


class MemoryLink(RealLink):
    """A segment in memory; each call and each transfer asks `fails` whether to fail."""

    MEANING = dict.fromkeys(("load", "fetch", "clock", "overlap"), "as for a slice")

    def __init__(self, data: bytearray, fails: Callable[[], bool] = lambda: False) -> None:
        super().__init__(URL, len(data), timeout=1.0)
        self.data = memoryview(data)
        self.fails = fails
        self.moved = 0
        self.posted = True
        self.under_way = 0

    def attach(self) -> MemoryLink:
        return self

    def close(self) -> None:
        pass

    def check(self) -> None:
        if self.fails():
            raise LinkError("told to fail", self.url)

    async def load(self, offset: int, length: int) -> Data:
        self.check()
        self.moved += length
        return self.data[offset : offset + length]

    async def store(self, offset: int, length: int, data: Data) -> None:
        self.check()
        assert data is not None
        self.moved += length
        self.data[offset : offset + length] = data

    async def fetch(self, offset: int, length: int, into: Local, at: int) -> Transfer:
        self.check()
        view = into.view(at, length)
        assert view is not None
        view[:] = bytes(b ^ 0xFF for b in view)  # garbage, until the bytes have arrived
        self.moved += length
        return Late(self, view, self.data[offset : offset + length])

    async def flush(self, offset: int, length: int, source: Local, at: int) -> Transfer:
        self.check()
        view = source.view(at, length)
        assert view is not None
        self.moved += length
        return Late(self, self.data[offset : offset + length], view)


class Late:
    """A transfer that moves its bytes when it is awaited, as late as can be."""

    def __init__(self, link: MemoryLink, into: memoryview, source: memoryview) -> None:
        self.link, self.into, self.source = link, into, source
        self.over = False
        link.under_way += 1

    def __await__(self) -> Generator[Any, Any, None]:
        if not self.over:
            self.end()
            self.link.check()
            self.link.clock.wait += 1
            self.into[:] = self.source
        yield from ()

    def end(self) -> None:
        self.over = True
        self.link.under_way -= 1

    async def poll(self) -> bool:
        return self.over

    async def cancel(self) -> bool:
        if self.over:
            return False
        self.end()
        return True


@contextmanager
def memory_link(content: bytes) -> Iterator[tuple[RealLink, Callable[[], bytes]]]:
    data = bytearray(content)
    with MemoryLink(data) as link:
        yield link, lambda: bytes(data)
