"""A consumer's loads, stores and bulk copies as requests to an NBD server.

Where a server announces a least block, reads are widened to it and what nobody wanted is
discarded on arrival; the blocks at the edges of a write are read first and written with it.
Where it announces a greatest request, longer ones are split.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from simaccess.errors import InputError
from simaccess.real.nbd_request import READ, WRITE, Request
from simaccess.segment import Data, Local

if TYPE_CHECKING:
    from simaccess.real.nbd_link import NbdLink

__all__ = ["NbdSegment", "NbdTransfer"]


def _nothing() -> Generator[Any, Any, None]:
    yield from ()


_OVER = _nothing()
"""What is left to be awaited when a call has blocked until the end: one for all, it has ended."""
next(_OVER, None)


class NbdTransfer:
    """A bulk copy under way. Once nobody holds it, it no longer touches the shadow."""

    __slots__ = ("_link", "_requests")

    def __init__(self, link: NbdLink, requests: Sequence[Request]) -> None:
        self._link = link
        self._requests = requests

    def __await__(self) -> Generator[Any, Any, None]:
        for request in self._requests:
            if not request.over or request.problem:
                self._link.finish(self._requests)
                break
        return _OVER

    async def poll(self) -> bool:
        """Take what has arrived, and say whether this transfer is over."""
        if not self._over():
            self._link.take()
        return self._over()

    async def cancel(self) -> bool:
        """Let go of the shadow; say whether the far end never heard of it."""
        return self._link.withdraw(self._requests)

    def __del__(self) -> None:
        for request in self._requests:
            if not request.over:
                self._link.let_go(self._requests)
                return

    def _over(self) -> bool:
        return all(request.over for request in self._requests)


class NbdSegment:
    """The segment, for the link's consumer.

    Parameters
    ----------
    link : NbdLink
        The link.
    base : int
        Where in the export the segment begins.

    Attributes
    ----------
    moved : int
        Bytes that were asked for; what a server's block sizes add is not counted.
    posted : bool
        False: a store waits for the server's reply.
    """

    posted = False

    def __init__(self, link: NbdLink, base: int) -> None:
        self.size = link.size
        self.moved = 0
        self._link = link
        self._base = base
        self._loaded = memoryview(bytearray())

    async def load(self, offset: int, length: int) -> Data:
        """Read; the view holds until the next load."""
        if len(self._loaded) < length:
            self._loaded = memoryview(bytearray(length))
        view = self._loaded[:length]
        clock = self._link.clock
        copy, wait, begin = clock.copy, clock.wait, perf_counter_ns()
        try:
            self._link.finish(self._read(offset, length, view))
        finally:
            clock.copy, clock.wait = copy, wait
            clock.stall += perf_counter_ns() - begin
        self.moved += length
        return view

    async def store(self, offset: int, length: int, data: Data) -> None:
        """Write, and wait for the reply."""
        clock = self._link.clock
        copy, wait, begin = clock.copy, clock.wait, perf_counter_ns()
        try:
            self._link.finish(self._write(offset, length, data))
        finally:
            clock.copy, clock.wait = copy, wait
            clock.stall += perf_counter_ns() - begin
        self.moved += length

    async def fetch(self, offset: int, length: int, into: Local, at: int) -> NbdTransfer:
        """Ask for bytes, to be received into the shadow."""
        return self.fetch_now(offset, length, into, at)

    def fetch_now(self, offset: int, length: int, into: Local, at: int) -> NbdTransfer:
        """Do the same, by a plain call."""
        view = into.view(at, length)
        if view is None:
            raise ValueError("a real link needs real memory for its shadow")
        link = self._link
        clock = link.clock
        begin = perf_counter_ns() - clock.copy - clock.wait
        transfer = NbdTransfer(link, self._read(offset, length, view))
        self.moved += length
        clock.issue += perf_counter_ns() - clock.copy - clock.wait - begin
        return transfer

    async def flush(self, offset: int, length: int, source: Local, at: int) -> NbdTransfer:
        """Send bytes of the shadow, which must not change until the transfer is over."""
        clock = self._link.clock
        begin = perf_counter_ns() - clock.copy - clock.wait
        transfer = NbdTransfer(self._link, self._write(offset, length, source.view(at, length)))
        self.moved += length
        clock.issue += perf_counter_ns() - clock.copy - clock.wait - begin
        return transfer

    def _read(self, offset: int, length: int, view: memoryview) -> Sequence[Request]:
        link = self._link
        export = link.export
        at = begin = self._base + offset
        if export.least <= 1 and length <= export.greatest:  # by far the usual case
            request = Request(READ, begin, length, view)
            try:
                link.issue(request)
            except BaseException:
                link.withdraw((request,))
                raise
            return (request,)
        end = begin + length
        if export.least > 1:
            begin -= begin % export.least
            end += -end % export.least
        requests = []
        for place in range(begin, end, export.greatest):
            size = min(export.greatest, end - place)
            requests.append(Request(READ, place, size, view, at))
        self._issue(requests)
        return requests

    def _write(self, offset: int, length: int, data: Data) -> list[Request]:
        if not self._link.writable:
            raise InputError("the export is read-only", key="URL", value=self._link.url)
        if data is None:
            raise ValueError("a real link has no timing-only mode: there must be bytes to write")
        export = self._link.export
        begin = self._base + offset
        if export.least > 1 and (begin % export.least or length % export.least):
            begin, data = self._widen(begin, data)
        requests = []
        parts = []
        for place in range(0, len(data), export.greatest):
            part = data[place : place + export.greatest]
            parts.append(part)
            requests.append(Request(WRITE, begin + place, len(part)))
        self._issue(requests, parts)
        return requests

    def _issue(self, requests: list[Request], payload: list[memoryview] | None = None) -> None:
        link = self._link
        try:
            for index, request in enumerate(requests):
                link.issue(request, None if payload is None else payload[index])
        except BaseException:
            link.withdraw(requests)
            raise

    def _widen(self, at: int, data: memoryview) -> tuple[int, memoryview]:
        """Read the blocks that a write begins and ends in; return what to write where."""
        least = self._link.export.least
        begin = at - at % least
        stop = at + len(data)
        end = stop + -stop % least
        whole = memoryview(bytearray(end - begin))
        edges = set()
        if at != begin:
            edges.add(begin)
        if stop != end:
            edges.add(end - least)
        requests = [
            Request(READ, place, least, whole[place - begin : place - begin + least])
            for place in sorted(edges)
        ]
        self._issue(requests)
        self._link.finish(requests)
        whole[at - begin : stop - begin] = data
        return begin, whole
