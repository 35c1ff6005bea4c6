"""The server's side of the NBD protocol, for tests: what it may send, and what it must not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from struct import pack

from simaccess.real.nbd_handshake import handshake
from simaccess.real.nbd_protocol import Replies
from simaccess.real.nbd_request import ProtocolError, Request

__all__ = [
    "DATA",
    "DONE",
    "ERROR",
    "HOLE",
    "NONE",
    "chunk",
    "data_chunk",
    "error_chunk",
    "feed",
    "greeting",
    "hole_chunk",
    "one_handshake",
    "one_input",
    "option_reply",
    "simple",
]

DONE = 1
NONE, DATA, HOLE, ERROR, ERROR_AT = 0, 1, 2, 32769, 32770


def simple(cookie: int, error: int = 0, data: bytes = b"") -> bytes:
    return pack(">IIQ", 0x67446698, error, cookie) + data


def chunk(cookie: int, kind: int, data: bytes = b"", flags: int = 0, length: int = -1) -> bytes:
    length = len(data) if length < 0 else length
    return pack(">IHHQI", 0x668E33EF, flags, kind, cookie, length) + data


def data_chunk(cookie: int, offset: int, data: bytes, flags: int = 0) -> bytes:
    return chunk(cookie, DATA, pack(">Q", offset) + data, flags)


def hole_chunk(cookie: int, offset: int, length: int, flags: int = 0) -> bytes:
    return chunk(cookie, HOLE, pack(">QI", offset, length), flags)


def error_chunk(
    cookie: int, error: int, text: bytes = b"", flags: int = 0, at: int | None = None
) -> bytes:
    place = b"" if at is None else pack(">Q", at)
    kind = ERROR if at is None else ERROR_AT
    return chunk(cookie, kind, pack(">IH", error, len(text)) + text + place, flags)


def greeting(flags: int = 3) -> bytes:
    return b"NBDMAGICIHAVEOPT" + pack(">H", flags)


def option_reply(option: int, kind: int, data: bytes = b"", length: int = -1) -> bytes:
    length = len(data) if length < 0 else length
    return pack(">QIII", 0x0003E889045565A9, option, kind, length) + data


def feed(replies: Replies, stream: bytes, cuts: Iterable[int] = ()) -> int:
    """Give a parser what arrives, as a socket would, in pieces of at most these sizes in turn.

    Returns how many bytes it took: it takes none when nothing is under way.
    """
    sizes = iter(cuts)
    place = 0
    while place < len(stream) and replies.under_way:
        targets = replies.targets()
        assert all(len(target) for target in targets)
        room = sum(map(len, targets))
        count = min(room, len(stream) - place, max(1, next(sizes, room)))
        scatter(targets, stream[place : place + count])
        place += count
        replies.received(count)
    return place


def scatter(targets: Sequence[memoryview], data: bytes) -> None:
    for target in targets:
        part, data = data[: len(target)], data[len(target) :]
        target[: len(part)] = part
    assert not data


# -- one input of a fuzzer: everything about the parser that must hold for any bytes ---------------

SEGMENT = b"".join(bytes(range(1, 100)) + bytes(61) for _ in range(8))
GUARD = b"\xa5" * 16


def one_input(data: bytes) -> None:
    """Feed bytes to the replies of a few reads and writes.

    The first bytes choose the requests. Whatever follows, nothing outside of the asked-for memory
    changes, the parser does not take more than replies can have, and ends in `ProtocolError` if
    it fails.
    """
    if len(data) < 10:
        return
    structured = bool(data[0] & 1)
    replies = Replies(structured, small=0 if data[0] & 64 else 64)  # 0: places are guessed
    memory = bytearray((GUARD + bytes(64)) * 4 + GUARD)
    requests = []
    for number in range(1 + data[0] % 4):
        offset, length = data[1 + 2 * number], 1 + data[2 + 2 * number] % 64
        begin = number * 80 + 16
        view = memoryview(memory)[begin : begin + length]
        request = Request(0, offset, length, view, offset) if number < 3 else Request(1, 0, length)
        replies.expect(request)
        requests.append(request)
    cuts = [1 + byte % 40 for byte in data[10:20]] * 20
    stream = data[10:]
    with suppress(ProtocolError):
        taken = feed(replies, stream, cuts)
        assert taken == len(stream) or not replies.under_way
    for number in range(5):
        assert memory[number * 80 : number * 80 + 16] == GUARD
    for number, request in enumerate(requests):
        assert request.over == (request.cookie not in replies.under_way)
        end = number * 80 + 16 + request.length
        assert not any(memory[end : number * 80 + 80])


def one_handshake(data: bytes, name: str = "x") -> None:
    """Let a server answer a handshake with any bytes.

    It ends in an export, in `ProtocolError` or in want of more bytes, and never asks for many.
    """
    steps = handshake(name)
    with suppress(ProtocolError, StopIteration):
        step = next(steps)
        while True:
            if isinstance(step, bytes):
                assert len(step) < 100
                step = next(steps)
                continue
            assert 0 < step <= 1 << 16
            if step > len(data):
                return
            part, data = data[:step], data[step:]
            step = steps.send(part)
