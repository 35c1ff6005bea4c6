"""One consumer's link to an export of a Network Block Device server.

Requests go out when they are issued and any number of them are under way; replies come in any
order, and their payload goes from the socket straight into the shadow. The consumer's own thread
sends and receives: at each call it takes what has arrived, and between calls the server's side
and the kernel's socket buffers go on alone.
"""

from __future__ import annotations

import select
from collections.abc import Sequence
from contextlib import suppress
from time import perf_counter, perf_counter_ns
from typing import ClassVar

from pydantic import Field

from simaccess.errors import InputError, LinkError
from simaccess.quantities import Duration, Size
from simaccess.real.link import RealLink
from simaccess.real.looking import Looking
from simaccess.real.nbd_connection import Address, Broken, Connection
from simaccess.real.nbd_handshake import Export, NoExportError
from simaccess.real.nbd_request import FLUSH, WRITE, ProtocolError, Request
from simaccess.real.nbd_segment import NbdSegment
from simaccess.real.urls import LinkOptions

__all__ = ["NbdLink", "NbdOptions"]

_BUFFERED = 1 << 16  # bytes that any socket's buffers have room for
_LARGE = 1 << 17


class NbdOptions(LinkOptions):
    """Options of an NBD link.

    Attributes
    ----------
    connections : int
        Connections to the server; a request goes where the fewest are under way.
    offset : int
        Where in the export the segment begins.
    size : int, optional
        Bytes of the segment; by default all up to the end of the export.
    socket : str, optional
        Path of the server's unix socket, for ``nbd+unix:``.
    timeout : float
        As for every link, but a millisecond at least, which is what waiting is exact to.
    """

    timeout: Duration = Field(default=30.0, ge=1e-3)
    connections: int = Field(default=1, ge=1, le=64)
    offset: Size = 0
    size: Size | None = None
    socket: str | None = None


class NbdLink(RealLink):
    """One consumer's link to an export.

    Parameters
    ----------
    url : str
        For errors.
    address : tuple or str
        Where the server listens.
    name : str
        The export.
    asked : NbdOptions
        The options.

    Raises
    ------
    InputError
        If there is no such export, or it has not got what the options ask for.
    LinkError
        If the server does not answer as it should.
    """

    MEANING: ClassVar = {
        "load": "a read request and its reply: a round trip, and a copy out of the socket",
        "fetch": "a read request, sent at once; its reply goes from the socket straight into the"
        " shadow, at whichever call of the link comes after it has arrived",
        "clock": "the monotonic clock; receiving at the issue of another request counts as copying,"
        " since the consumer's processor does it, and while waiting as a part of the wait, which"
        " may begin with 100 us of looking",
        "overlap": "the server and the network work beside the consumer until the socket buffers"
        " are full, which on Linux was seen at 214 KiB on a unix socket, 125 KiB on a fresh TCP"
        " connection and 8 MiB on one that has carried much; copying out of them, about a quarter"
        " of a millisecond for 3 MiB, is the consumer's own work and is never hidden",
    }

    def __init__(self, url: str, address: Address, name: str, asked: NbdOptions) -> None:
        super().__init__(url, 0, asked.timeout)
        self._address = address
        self._name = name
        self._asked = asked
        self._connections: list[Connection] = []
        self._by_number: dict[int, Connection] = {}
        self._poller = select.poll()
        self._looking = Looking()
        self._writes: list[Request] = []  # under way
        self._only: Connection | None = None  # the one connection, if there is just one
        self._untaken = 0  # bytes asked for since anything was received
        self._problem = ""  # why nothing can be asked any more
        self.export = self._open()
        self.writable = self.export.writable
        first, most = asked.offset, self.export.size
        if first > most or (asked.size is not None and first + asked.size > most):
            self.close()
            raise InputError(
                "the segment is not all within the export",
                key="offset, size",
                value=(first, asked.size),
                allowed=f"within its {most} bytes",
            )
        self.size = most - first if asked.size is None else asked.size

    def attach(self) -> NbdSegment:
        """Return the consumer's access to the segment."""
        return NbdSegment(self, self._asked.offset)

    def cool(self) -> bool:
        """Open fresh connections; what was being written ends before, what was being read fails."""
        if not self._problem:
            with suppress(LinkError):  # a server that does not answer is left
                self._wait(self._writes)
        self._close("the link was opened anew meanwhile")
        export = self._open()
        if (export.size, export.writable) != (self.export.size, self.export.writable):
            self._close("the export has changed")
            raise LinkError(f"the export had {self.export.size} bytes, now {export.size}", self.url)
        self.export = export
        return True

    def sync(self) -> None:
        """Have the server bring what was written to its storage.

        Raises
        ------
        LinkError
            If it cannot, or does not offer that.
        """
        if not self.export.flushes:
            raise LinkError("the server does not offer to flush what was written", self.url)
        self._wait(self._writes)
        request = Request(FLUSH, 0, 0)
        self.issue(request)
        self.finish((request,))

    def close(self) -> None:
        """Take leave of the server."""
        self._close("the link is closed")

    # -- requests ------------------------------------------------------------------------------

    def issue(self, request: Request, payload: memoryview | None = None) -> None:
        """Take what has arrived, and send a request once nothing being written overlaps it."""
        if self._problem:
            raise LinkError(self._problem, self.url)
        if self._writes:
            self._await_writes(request)
        self._untaken += request.length
        if self._untaken > _BUFFERED:
            self.take()
        connection = self._only or min(self._connections, key=_load)
        try:
            if request.command == WRITE:
                self._writes.append(request)
            connection.issue(request, payload)
            if connection.queue:
                self._look_for_room(connection)
            elif request.length > _LARGE:
                self.take()  # once more, while some of it may be there
        except BaseException as error:
            request.over = request.over or not request.cookie  # nobody need wait for it then
            self._recover(error)
            raise

    def take(self) -> None:
        """Receive what has arrived and send what there is room for, without waiting."""
        begin = perf_counter_ns()
        self._untaken = 0
        try:
            for connection in self._connections:
                if connection.replies.under_way:
                    connection.receive()
                if connection.queue:
                    connection.send_queued()
                    self._look_for_room(connection)
        except BaseException as error:
            self._recover(error)
            raise
        finally:
            self.clock.copy += perf_counter_ns() - begin

    def finish(self, requests: Sequence[Request]) -> None:
        """Wait until requests are over.

        Raises
        ------
        LinkError
            If that takes longer than the timeout, or one of them failed.
        """
        for request in requests:
            if not request.over:
                try:
                    self._wait(requests)
                except BaseException:
                    self.withdraw(requests)
                    raise
            if request.problem:
                raise LinkError(request.problem, self.url)

    def withdraw(self, requests: Sequence[Request]) -> bool:
        """See to it that requests no longer touch the shadow; say whether none was ever sent."""
        unsent = True
        for request in requests:
            if not request.over:
                for connection in self._connections:
                    if connection.replies.under_way.get(request.cookie) is request:
                        unsent &= connection.withdraw(request)
                        break
        return unsent

    def let_go(self, requests: Sequence[Request]) -> None:
        """Withdraw requests from within a destructor, which may run in the middle of any call."""
        if all(connection.whole for connection in self._connections):
            self.withdraw(requests)
        for request in requests:
            request.view = None

    def _wait(self, requests: Sequence[Request]) -> None:
        """Wait until requests are over, well or not."""
        begin = perf_counter_ns()
        waited = False
        try:
            for request in requests:
                while not request.over:
                    left = self.timeout
                    if waited:
                        left -= (perf_counter_ns() - begin) * 1e-9
                    waited = True
                    self._go_on(request, left)
        except BaseException as error:
            self._recover(error)
            raise
        finally:
            if waited:
                self._untaken = 0
                self.clock.wait += perf_counter_ns() - begin

    def _go_on(self, request: Request, left: float) -> None:
        """Wait for something to happen, and take part in it."""
        only = self._only
        if only is not None and not only.queue and left > only.patience:
            only.receive(request)
            return
        ready = self._ready(left)
        if not ready:
            raise LinkError(
                f"the {request.describe()} got no answer within {self.timeout:g} s", self.url
            )
        for number, event in ready:
            connection = self._by_number[number]
            if event & select.POLLOUT:
                connection.send_queued()
                self._look_for_room(connection)
            if event & ~select.POLLOUT:
                if not connection.replies.under_way:
                    raise Broken("the server ended a connection, or sent what nobody asked for")
                connection.receive()

    def _ready(self, left: float) -> Sequence[tuple[int, int]]:
        """Return which connections can go on, and how; look for that a while before sleeping."""
        ready = self._poller.poll(0)
        if ready or left <= 0:
            return ready
        end = min(self._looking.until(), perf_counter() + left)
        if perf_counter() < end:
            while not ready and perf_counter() < end:
                ready = self._poller.poll(0)
            self._looking.ended(bool(ready))
        return ready or self._poller.poll(left * 1000)

    def _await_writes(self, request: Request) -> None:
        """Wait for what is being written where a request reads or writes: nobody orders them."""
        self._writes = [write for write in self._writes if not write.over]
        begin, end = request.offset, request.offset + request.length
        self._wait(
            [
                write
                for write in self._writes
                if write.offset < end and begin < write.offset + write.length
            ]
        )

    def _look_for_room(self, connection: Connection) -> None:
        """Have the poller tell when a connection can send, if it has something to send."""
        room = select.POLLOUT if connection.queue else 0
        self._poller.modify(connection.socket, select.POLLIN | room)

    # -- connections ---------------------------------------------------------------------------

    def _open(self) -> Export:
        try:
            for _ in range(self._asked.connections):
                opened = Connection(self._address, self._name, self.timeout)
                self._by_number[opened.socket.fileno()] = opened
                self._poller.register(opened.socket, select.POLLIN)
                self._connections.append(opened)
                export = self._connections[0].export
                self._compare(opened.export, export)
        except NoExportError as error:
            self._close(str(error))
            raise InputError(str(error), key="URL", value=self.url) from None
        except (Broken, ProtocolError) as error:
            self._close(str(error))
            raise LinkError(str(error), self.url) from None
        except BaseException:
            self._close("it could not be opened")
            raise
        self._problem = ""
        self._only = self._connections[0] if len(self._connections) == 1 else None
        return export

    def _compare(self, export: Export, first: Export) -> None:
        """Refuse connections that do not see the same bytes."""
        if export != first:
            raise Broken("the export differs from connection to connection")
        if export.writable and not export.coherent and self._asked.connections > 1:
            raise InputError(
                "the server does not promise that connections see each other's writes",
                key="connections",
                value=self._asked.connections,
                allowed="1, unless the export is read-only",
            )

    def _recover(self, error: BaseException) -> None:
        """See what an exception leaves usable; raise the user's error in place of `Broken`."""
        if isinstance(error, Broken):
            self._close(str(error))
            raise LinkError(str(error), self.url) from None
        if not all(connection.whole for connection in self._connections):
            self._close("interrupted in the middle of a transfer")

    def _close(self, problem: str) -> None:
        """End all connections, and with them what is under way."""
        self._problem = problem
        for connection in self._connections:
            self._poller.unregister(connection.socket)
            connection.close()
            for request in connection.replies.under_way.values():
                request.view = None
                request.fail(f"the {request.describe()} did not end: {problem}")
                request.over = True
        self._connections.clear()
        self._only = None
        self._by_number.clear()
        self._writes.clear()


def _load(connection: Connection) -> int:
    return len(connection.replies.under_way)
