"""An HTTP server whose answers a test writes itself, byte for byte."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["Request", "ScriptedServer", "answer_206", "scripted"]

_RANGE = re.compile(rb"range: bytes=(\d+)-(\d+)", re.IGNORECASE)


class Request:
    """One request: which of the server's it is, from 0, and the range that it asks for."""

    def __init__(self, number: int, head: bytes) -> None:
        self.number = number
        found = _RANGE.search(head)
        assert found is not None, head
        self.first, self.last = int(found[1]), int(found[2])


Script = Callable[["ScriptedServer", Request, socket.socket], bool]
"""Answers a request; false closes the connection."""


class ScriptedServer:
    """Serves `content` as `script` says; a thread for each connection."""

    def __init__(self, content: bytes, script: Script) -> None:
        self.content = content
        self.script = script
        self.closing = threading.Event()
        self.requests = 0
        self.connections = 0
        self.under_way = self.most = 0
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._listen)]
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/file"
        self._threads[0].start()

    def _listen(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self.connections += 1
                self._sockets.append(peer)
                self._threads.append(threading.Thread(target=self._serve, args=(peer,)))
                self._threads[-1].start()

    def _serve(self, peer: socket.socket) -> None:
        with peer:
            try:
                while (head := _head(peer)) is not None:
                    with self._lock:
                        request = Request(self.requests, head)
                        self.requests += 1
                        self.under_way += 1
                        self.most = max(self.most, self.under_way)
                    try:
                        if not self.script(self, request, peer):
                            return
                    finally:
                        with self._lock:
                            self.under_way -= 1
            except OSError:
                return

    def close(self) -> None:
        self.closing.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for peer in self._sockets:
            try:
                peer.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive()


def _head(peer: socket.socket) -> bytes | None:
    head = b""
    while b"\r\n\r\n" not in head:
        part = peer.recv(65536)
        if not part:
            return None
        head += part
    return head


def answer_206(
    server: ScriptedServer,
    request: Request,
    peer: socket.socket,
    *,
    told: str | None = None,
    status: str = "206 Partial Content",
    headers: str = "",
    body: bytes | None = None,
    length: int | None = None,
) -> bool:
    """Answer with the range, or with what a test says instead of a part of that answer."""
    if body is None:
        body = server.content[request.first : request.last + 1]
    if told is None:
        told = f"bytes {request.first}-{request.last}/{len(server.content)}"
    length = len(body) if length is None else length
    ranged = f"Content-Range: {told}\r\n" if told else ""
    head = f"HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{ranged}{headers}\r\n"
    peer.sendall(head.encode() + body)
    return length == len(body)


@contextmanager
def scripted(content: bytes, script: Script) -> Iterator[ScriptedServer]:
    server = ScriptedServer(content, script)
    try:
        yield server
    finally:
        server.close()
