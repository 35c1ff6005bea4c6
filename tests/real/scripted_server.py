"""An NBD server in a thread that does to each connection what a script says."""

from __future__ import annotations

import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from struct import pack, unpack
from typing import TypeAlias

from tests.real.nbd_far_end import (
    DONE,
    NONE,
    SEGMENT,
    chunk,
    data_chunk,
    error_chunk,
    greeting,
    option_reply,
    simple,
)
from tests.real.nbd_servers import unix_url

__all__ = ["READ", "WRITE", "FarEnd", "Got", "Script", "scripted"]

READ, WRITE, DISCONNECT = range(3)


@dataclass(frozen=True)
class Got:
    """A request as it came."""

    command: int
    cookie: int
    offset: int
    length: int
    data: bytes = b""


class FarEnd:
    """The server's end of a connection, after the handshake."""

    def __init__(self, connection: socket.socket, number: int, structured: bool) -> None:
        self.socket = connection
        self.number = number  # of the connection, from 0 on
        self.structured = structured

    def take(self, count: int) -> bytes:
        taken = b""
        while len(taken) < count:
            part = self.socket.recv(count - len(taken))
            if not part:
                raise EOFError
            taken += part
        return taken

    def send(self, *parts: bytes) -> None:
        self.socket.sendall(b"".join(parts))

    def request(self) -> Got:
        magic, _, command, cookie, offset, length = unpack(">IHHQQI", self.take(28))
        assert magic == 0x25609513
        if command == DISCONNECT:
            raise EOFError
        return Got(command, cookie, offset, length, self.take(length) if command == WRITE else b"")

    def answer(self, got: Got, error: int = 0) -> bytes:
        """Return the right reply to a request, or an error."""
        data = SEGMENT[got.offset : got.offset + got.length] if got.command == READ else b""
        if not self.structured:
            return simple(got.cookie, error, b"" if error else data)
        if error:
            return error_chunk(got.cookie, error, b"told to fail", DONE)
        if got.command == READ:
            return data_chunk(got.cookie, got.offset, data, DONE)
        return chunk(got.cookie, NONE, flags=DONE)

    def serve(self) -> None:
        """Answer everything as one should."""
        while True:
            self.send(self.answer(self.request()))

    def shake_hands(self, size: int, flags: int) -> None:
        self.send(greeting())
        self.take(4)
        while True:
            _, option, length = unpack(">8sII", self.take(16))
            self.take(length)
            if option == 8:
                self.send(option_reply(8, 1 if self.structured else 2**31 + 1))
            elif option == 7:
                self.send(option_reply(7, 3, pack(">HQH", 0, size, flags)), option_reply(7, 1))
                return
            else:
                raise EOFError


Script: TypeAlias = Callable[[FarEnd], None]


@contextmanager
def scripted(
    script: Script,
    *,
    structured: bool = True,
    size: int = len(SEGMENT),
    flags: int = 0x101,
    shakes_hands: bool = True,
    tcp: bool = False,
    **options: str | int,
) -> Iterator[str]:
    """Serve connections by a script each, and yield the URL."""

    def converse(connection: socket.socket, number: int) -> None:
        with connection, suppress(EOFError, OSError):
            end = FarEnd(connection, number, structured)
            if shakes_hands:
                end.shake_hands(size, flags)
            script(end)

    def listen() -> None:
        number = 0
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                connections.append(connection)
                thread = threading.Thread(target=converse, args=(connection, number), daemon=True)
                threads.append(thread)
                thread.start()
                number += 1

    connections: list[socket.socket] = []
    threads: list[threading.Thread] = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "socket"
        listener = socket.socket(socket.AF_INET if tcp else socket.AF_UNIX)
        listener.bind(("127.0.0.1", 0) if tcp else str(path))
        listener.listen()
        options = {"timeout": "10 s", **options}
        url = unix_url(path, "", **options)
        if tcp:
            query = "&".join(f"{key}={value}".replace(" ", "%20") for key, value in options.items())
            url = f"nbd://127.0.0.1:{listener.getsockname()[1]}/?{query}"
        threads.append(threading.Thread(target=listen, daemon=True))
        threads[0].start()
        try:
            yield url
        finally:
            for each in (listener, *connections):
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
                each.close()
            for thread in threads:
                thread.join(timeout=10)
                assert not thread.is_alive()
