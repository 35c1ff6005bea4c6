"""A real link over a socket: a segment in a thread of the test, answered request by request."""

from __future__ import annotations

import socket
import socketserver
import struct
import threading
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar
from urllib.parse import urlsplit

from simaccess.errors import LinkError
from simaccess.real.link import RealLink
from simaccess.segment import Data, Local, Transfer

__all__ = ["SocketLink", "open_link", "serving"]

REQUEST = struct.Struct("!BQI")
READ, WRITE, SIZE = range(3)


def open_link(url: str) -> SocketLink:
    return SocketLink(url)


class SocketLink(RealLink):
    """Asks the server behind ``socket://HOST:PORT`` for bytes; requests may be pipelined."""

    MEANING = dict.fromkeys(("load", "fetch", "clock", "overlap"), "as for a socket")

    def __init__(self, url: str) -> None:
        super().__init__(url, 0, timeout=5.0)
        self.moved = 0
        self.posted = False
        self.cooled = 0
        self.connect()
        self.ask(SIZE, 0, 8)
        self.size = int.from_bytes(self.receive(8))

    def connect(self) -> None:
        parts = urlsplit(self.url)
        assert parts.hostname is not None
        assert parts.port is not None
        self.under_way: deque[_Late] = deque()
        try:
            self.socket = socket.create_connection((parts.hostname, parts.port), self.timeout)
        except OSError as error:
            raise LinkError(f"no connection: {error}", self.url) from None
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def attach(self) -> SocketLink:
        return self

    def close(self) -> None:
        self.socket.close()

    def cool(self) -> bool:
        self.close()
        self.connect()
        self.cooled += 1
        return True

    def ask(self, kind: int, offset: int, length: int, data: Data = None) -> None:
        try:
            self.socket.sendall(REQUEST.pack(kind, offset, length) + (data or b""))
        except OSError as error:
            raise LinkError(f"the connection broke: {error}", self.url) from None

    def receive(self, length: int) -> bytearray:
        data = bytearray(length)
        view, got = memoryview(data), 0
        while got < length:
            try:
                count = self.socket.recv_into(view[got:])
            except OSError as error:
                raise LinkError(f"the connection broke: {error}", self.url) from None
            if not count:
                raise LinkError("the server closed the connection", self.url)
            got += count
        return data

    async def load(self, offset: int, length: int) -> Data:
        await self.drain()
        begin = self.clock.mark()
        self.ask(READ, offset, length)
        data = self.receive(length)
        self.clock.stall += self.clock.mark() - begin
        self.moved += length
        return memoryview(data)

    async def store(self, offset: int, length: int, data: Data) -> None:
        await self.drain()
        self.ask(WRITE, offset, length, data)
        self.receive(1)
        self.moved += length

    async def fetch(self, offset: int, length: int, into: Local, at: int) -> Transfer:
        self.ask(READ, offset, length)
        self.moved += length
        return _Late(self, into.view(at, length), length)

    async def flush(self, offset: int, length: int, source: Local, at: int) -> Transfer:
        self.ask(WRITE, offset, length, source.view(at, length))
        self.moved += length
        return _Late(self, None, 1)

    async def drain(self) -> None:
        while self.under_way:
            await self.under_way[0]


class _Late:
    """A transfer whose reply is read when it or a later one is awaited."""

    def __init__(self, link: SocketLink, into: Data, length: int) -> None:
        self.link, self.into, self.length, self.over = link, into, length, False
        link.under_way.append(self)

    def __await__(self) -> Generator[Any, Any, None]:
        begin = self.link.clock.mark()
        while not self.over:
            first = self.link.under_way.popleft()
            data = self.link.receive(first.length)
            if first.into is not None:
                first.into[:] = data
            first.over = True
        self.link.clock.wait += self.link.clock.mark() - begin
        yield from ()

    async def poll(self) -> bool:
        return self.over

    async def cancel(self) -> bool:
        return False


class _Handler(socketserver.StreamRequestHandler):
    """Answers requests until the client or `Server.left` ends it."""

    server: Server
    disable_nagle_algorithm: ClassVar[bool] = True

    def handle(self) -> None:
        content = self.server.content
        while head := self.rfile.read(REQUEST.size):
            kind, offset, length = REQUEST.unpack(head)
            if not self.server.spend():
                return
            if kind == WRITE:
                content[offset : offset + length] = self.rfile.read(length)
                self.wfile.write(b"!")
            elif kind == SIZE:
                self.wfile.write(len(content).to_bytes(length))
            else:
                self.wfile.write(content[offset : offset + length])


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, content: bytearray) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.content = content
        self.left = -1
        self.asked = 0

    def spend(self) -> bool:
        """Count a request; say whether it is answered."""
        self.asked += 1
        if self.left > 0:
            self.left -= 1
        return self.left != 0

    def handle_error(self, *_: object) -> None:
        """Say nothing: a client may go at any time."""

    @property
    def url(self) -> str:
        host, port = self.socket.getsockname()
        return f"socket://{host}:{port}"


@contextmanager
def serving(content: bytearray) -> Iterator[Server]:
    with Server(content) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
