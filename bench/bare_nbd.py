"""NBD clients without the library: the best that we could write, for `real_nbd.py`.

They take the replies' form for granted and check nothing, but they do read in sequence: a block is
handed on only after the one before it, whatever the order in which a server with several threads
answers, and no place is asked into again before its block has been handed on.
"""

from __future__ import annotations

import mmap
import socket
import struct
from collections.abc import Callable, Iterator, Sequence

__all__ = ["Address", "Bare", "Stream", "huge_pages", "touched"]

Address = str | tuple[str, int]
"""Path of a unix socket, or host and port."""

Stream = Callable[[memoryview, int, int, int], Iterator[memoryview]]
"""Of memory, bytes in all, of a block, and how many requests are under way: the blocks in order."""

_REQUEST = struct.Struct(">IHHQQI")
_CHUNK = struct.Struct(">IHHQIQ")  # a chunk with data: its header, and where the data belong

_PAGE = 4096
_LOOKS = 50  # of about a microsecond each, before a client that looks first goes to sleep
_STAGED = 1 << 18  # bytes that are received by one call before they are looked at


def touched(size: int) -> memoryview:
    """Return memory that has been used before."""
    return memoryview(bytearray(b"touched!" * (size // 8)))


def huge_pages(size: int) -> memoryview:
    """Return memory in huge pages, as far as the system has them, each touched."""
    pages = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        pages.madvise(mmap.MADV_HUGEPAGE)
    view = memoryview(pages)
    view[::_PAGE] = bytes(len(view[::_PAGE]))
    return view


def _asked(number: int, block: int) -> bytes:
    return _REQUEST.pack(0x25609513, 0, 0, number, number * block, block)


class Bare:
    """A connection."""

    def __init__(self, address: Address) -> None:
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.connect(address)
        if family == socket.AF_INET:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.header = memoryview(bytearray(_CHUNK.size))
        self._shake_hands()

    def _shake_hands(self) -> None:
        def take(count: int) -> bytes:
            return self.socket.recv(count, socket.MSG_WAITALL)

        take(18)
        self.socket.sendall(struct.pack(">I8sII", 3, b"IHAVEOPT", 8, 0))
        take(20)
        self.socket.sendall(struct.pack(">8sII", b"IHAVEOPT", 1, 0))
        take(10)

    def close(self) -> None:
        """Close."""
        self.socket.close()

    def load(self, offset: int, into: memoryview) -> None:
        """Read in place."""
        self.socket.sendall(_REQUEST.pack(0x25609513, 0, 0, 1, offset, len(into)))
        self.socket.recvmsg_into((self.header, into), 0, socket.MSG_WAITALL)

    def apart(self, memory: memoryview, size: int, block: int, depth: int) -> Iterator[memoryview]:
        """Receive each header and each payload by a call of its own that waits for all of it."""
        places = [memory[i * block : (i + 1) * block] for i in range(depth + 1)]
        slots, blocks, arrived = depth + 1, size // block, set()
        send, receive, flag = self.socket.sendall, self.socket.recv_into, socket.MSG_WAITALL
        header, unpack = self.header, _CHUNK.unpack
        for number in range(min(depth, blocks)):
            send(_asked(number, block))
        for number in range(blocks):
            while number not in arrived:
                receive(header, 0, flag)
                come = unpack(header)[3]
                receive(places[come % slots], 0, flag)
                arrived.add(come)
            arrived.remove(number)
            if number + depth < blocks:
                send(_asked(number + depth, block))
            yield places[number % slots]

    def together(
        self, memory: memoryview, size: int, block: int, depth: int
    ) -> Iterator[memoryview]:
        """Receive the end of a payload and the next header by one call."""
        receive = self.socket.recvmsg_into
        return self._together(memory, size, block, depth, lambda targets: receive(targets)[0])

    def looking(
        self, memory: memoryview, size: int, block: int, depth: int
    ) -> Iterator[memoryview]:
        """Do the same, but look for a while before sleeping."""
        receive, at_once = self.socket.recvmsg_into, socket.MSG_DONTWAIT

        def soon(targets: Sequence[memoryview]) -> int:
            for _ in range(_LOOKS):
                try:
                    return receive(targets, 0, at_once)[0]
                except BlockingIOError:
                    pass
            return receive(targets)[0]

        return self._together(memory, size, block, depth, soon)

    def _together(
        self,
        memory: memoryview,
        size: int,
        block: int,
        depth: int,
        receive: Callable[[Sequence[memoryview]], int],
    ) -> Iterator[memoryview]:
        places = [memory[i * block : (i + 1) * block] for i in range(depth + 1)]
        slots, blocks, arrived = depth + 1, size // block, set()
        send, header, unpack = self.socket.sendall, self.header, _CHUNK.unpack
        asked = min(depth, blocks)
        for number in range(asked):
            send(_asked(number, block))
        left = blocks  # replies
        part = 0  # bytes of the next header that have come
        for number in range(blocks):
            while number not in arrived:
                while part < len(header):
                    part += receive((header[part:],))
                come = unpack(header)[3]
                rest = places[come % slots]
                left -= 1
                targets = (rest, header) if left > blocks - asked else (rest,)
                while (count := receive(targets)) < len(rest):
                    rest = rest[count:]
                    targets = (rest, *targets[1:])
                part = count - len(rest)
                arrived.add(come)
            arrived.remove(number)
            if asked < blocks:
                send(_asked(asked, block))
                asked += 1
            yield places[number % slots]

    def staged(self, memory: memoryview, size: int, block: int, depth: int) -> Iterator[memoryview]:
        """Receive whatever has come by one call, hand it on where it lies, and ask by one call."""
        blocks, whole = size // block, _CHUNK.size + block
        staging = memory[: max(_STAGED, 2 * whole)]
        send, receive, unpack = self.socket.sendall, self.socket.recv_into, _CHUNK.unpack_from
        asked = min(depth, blocks)
        send(b"".join([_asked(number, block) for number in range(asked)]))
        early: dict[int, memoryview] = {}
        begin = end = number = 0
        while number < blocks:
            if end - begin < whole:
                staging[: end - begin] = bytes(staging[begin:end])
                begin, end = 0, end - begin
                end += receive(staging[end:])
            while end - begin >= whole:
                come = unpack(staging, begin)[3]
                view = staging[begin + _CHUNK.size : begin + whole]
                begin += whole
                early[come] = view if come == number else memoryview(bytes(view))
                while number in early:
                    yield early.pop(number)
                    number += 1
            further = min(number + depth, blocks)
            if further > asked:
                send(b"".join([_asked(each, block) for each in range(asked, further)]))
                asked = further
