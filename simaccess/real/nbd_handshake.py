"""The handshake of the NBD protocol, without a socket: how an export is chosen and described.

The fixed newstyle handshake with NBD_OPT_GO, and NBD_OPT_EXPORT_NAME for servers that know no
better (doc/proto.md of https://github.com/NetworkBlockDevice/nbd).
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from struct import Struct
from typing import TypeAlias

from simaccess.real.nbd_request import ProtocolError

__all__ = ["Export", "Handshake", "NoExportError", "handshake"]

_MAGIC = b"NBDMAGIC"
_OPTION_MAGIC = b"IHAVEOPT"
_OLD_MAGIC = bytes.fromhex("0000420281861253")
_REPLY_MAGIC = 0x0003E889045565A9

_OPTION = Struct(">8sII")  # magic, option, length
_REPLY = Struct(">QIII")  # magic, option, kind, length
_SHORT = Struct(">H")
_LONG = Struct(">I")
_EXPORT = Struct(">HQH")  # kind of information, size, flags
_SIZES = Struct(">HIII")  # kind of information, least, preferred and greatest block
_NAMED = Struct(">QH")  # size, flags

_FIXED_NEWSTYLE, _NO_ZEROES = 1, 2  # flags of both sides
_EXPORT_NAME, _GO, _STRUCTURED_REPLY = 1, 7, 8  # options
_ACK, _INFO, _FAILED = 1, 3, 1 << 31  # kinds of replies to them
_UNSUPPORTED, _POLICY, _INVALID, _TLS, _UNKNOWN = (_FAILED + n for n in (1, 2, 3, 5, 6))
_INFO_EXPORT, _INFO_SIZES = 0, 3  # kinds of information

_ANSWER = 1 << 16  # bytes of an answer, at most: the longest that makes sense has some 4 KiB
_ANSWERS = 64  # to one option, at most

_GREATEST = 1 << 25
"""Bytes that any server takes in a request, says the protocol, if it announces nothing else."""


class NoExportError(ProtocolError):
    """The server has no export of that name."""


@dataclass(frozen=True)
class Export:
    """What a server offers.

    Attributes
    ----------
    size : int
        Bytes.
    flags : int
        The transmission flags.
    structured : bool
        Whether replies to reads are structured.
    least, greatest : int
        Requests are multiples of `least` bytes, in offset and length, and have no more than
        `greatest` bytes.
    """

    size: int
    flags: int = 0
    structured: bool = False
    least: int = 1
    greatest: int = _GREATEST

    @property
    def writable(self) -> bool:
        """Whether the export can be written."""
        return not self.flags & 1 << 1

    @property
    def flushes(self) -> bool:
        """Whether the server can be asked to bring what was written to its storage."""
        return bool(self.flags & 1 << 2)

    @property
    def coherent(self) -> bool:
        """Whether connections see each other's writes."""
        return bool(self.flags & 1 << 8)


Handshake: TypeAlias = Generator[bytes | int, bytes, Export]
"""Yields bytes to be sent, or the number of bytes to be received and sent into it."""


def handshake(name: str) -> Handshake:
    """Choose an export.

    Parameters
    ----------
    name : str
        Its name; empty for the server's default.

    Raises
    ------
    NoExportError
        If there is none of that name.
    ProtocolError
        If the server does not speak the protocol, or demands what is not supported, such as TLS.
    """
    if (yield len(_MAGIC)) != _MAGIC:
        raise ProtocolError("what answers is no NBD server")
    magic = yield len(_OPTION_MAGIC)
    if magic == _OLD_MAGIC:
        raise ProtocolError("the server speaks the oldstyle handshake only, which is not supported")
    if magic != _OPTION_MAGIC:
        raise ProtocolError("what answers is no NBD server")
    (offered,) = _SHORT.unpack((yield _SHORT.size))
    agreed = offered & (_FIXED_NEWSTYLE | _NO_ZEROES)
    yield _LONG.pack(agreed)
    encoded = name.encode()
    structured = False
    if agreed & _FIXED_NEWSTYLE:
        structured = yield from _ask_for_structured_replies()
        export = yield from _go(encoded, structured)
        if export is not None:
            return export
    yield _option(_EXPORT_NAME, encoded)
    size, flags = _NAMED.unpack((yield _NAMED.size))
    if not agreed & _NO_ZEROES:
        yield 124
    return _checked(Export(size, flags, structured))


def _ask_for_structured_replies() -> Generator[bytes | int, bytes, bool]:
    yield _option(_STRUCTURED_REPLY, b"")
    kind, _ = yield from _answer(_STRUCTURED_REPLY)
    if kind == _TLS:
        raise ProtocolError("the server demands TLS, which is not supported")
    return kind == _ACK


def _go(name: bytes, structured: bool) -> Generator[bytes | int, bytes, Export | None]:
    """Ask for an export and for its block sizes; None if the server does not know how."""
    yield _option(_GO, b"".join([_LONG.pack(len(name)), name, _SHORT.pack(1), _SHORT.pack(3)]))
    size, flags = -1, 0
    least, greatest = 1, _GREATEST
    for _ in range(_ANSWERS):
        kind, data = yield from _answer(_GO)
        if kind == _UNSUPPORTED:
            return None
        if kind == _ACK:
            if size < 0:
                raise ProtocolError("the server did not tell the export's size")
            return _checked(Export(size, flags, structured, least, greatest))
        if kind == _INFO:
            about = _SHORT.unpack_from(data)[0] if len(data) >= _SHORT.size else -1
            if about == _INFO_EXPORT and len(data) == _EXPORT.size:
                _, size, flags = _EXPORT.unpack(data)
            elif about == _INFO_SIZES and len(data) == _SIZES.size:
                _, least, _, greatest = _SIZES.unpack(data)
            elif about in (-1, _INFO_EXPORT, _INFO_SIZES):
                raise ProtocolError(f"a malformed description of the export: {len(data)} bytes")
            continue  # other information was not asked for, and does no harm
        reason = _printable(data) or f"reply {kind - _FAILED if kind & _FAILED else kind}"
        if kind == _UNKNOWN:
            raise NoExportError(f"no such export: {reason}")
        if kind == _TLS:
            raise ProtocolError("the server demands TLS, which is not supported")
        raise ProtocolError(f"the server refused the export: {reason}")
    raise ProtocolError("the server does not end its description of the export")


def _option(option: int, data: bytes) -> bytes:
    return _OPTION.pack(_OPTION_MAGIC, option, len(data)) + data


def _answer(option: int) -> Generator[bytes | int, bytes, tuple[int, bytes]]:
    magic, about, kind, length = _REPLY.unpack((yield _REPLY.size))
    if magic != _REPLY_MAGIC or about != option or length > _ANSWER:
        raise ProtocolError("a malformed reply in the handshake")
    return kind, (yield length) if length else b""


def _checked(export: Export) -> Export:
    least, greatest = export.least, export.greatest
    if least < 1 or least & (least - 1) or least > 1 << 16:
        raise ProtocolError(f"a least block of {least} bytes is not a power of 2 up to 64 KiB")
    if greatest < least:
        raise ProtocolError(f"a greatest request of {greatest} bytes, below a block of {least}")
    if export.size >= 1 << 63:
        raise ProtocolError(f"an export of {export.size} bytes")
    return Export(
        # What does not fill a block cannot be asked for.
        export.size // least * least,
        export.flags,
        export.structured,
        least,
        min(greatest, 1 << 30) // least * least,
    )


def _printable(text: bytes) -> str:
    shown = text[:200].decode(errors="replace")
    return "".join(letter if letter.isprintable() else "?" for letter in shown)
