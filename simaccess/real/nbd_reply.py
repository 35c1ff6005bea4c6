"""A reply of the NBD protocol as it is sent: its headers, its chunks, and what these may be."""

from __future__ import annotations

from struct import Struct
from typing import Final

from simaccess.real.nbd_request import ProtocolError, Request

__all__ = [
    "CHUNK",
    "CHUNK_MAGIC",
    "DATA",
    "DATA_CHUNK",
    "DONE",
    "FAILED",
    "HOLE",
    "HOLES",
    "OFFSET",
    "SIMPLE",
    "SIMPLE_MAGIC",
    "ahead_of_payload",
    "refuse",
]

SIMPLE: Final = Struct(">IIQ")
"""A simple reply's magic, error and cookie; the payload of a read follows."""
CHUNK: Final = Struct(">IHHQI")
"""A chunk's magic, flags, kind, cookie and length; so many bytes follow."""
OFFSET: Final = Struct(">Q")
"""Where data begin: ahead of the payload of a chunk of data."""
DATA_CHUNK: Final = Struct(">IHHQIQ")
"""A chunk of data up to its payload: the two before together."""
HOLE: Final = Struct(">QI")
"""Where a hole begins, and its length: all that a chunk of zeros has."""
_ERROR: Final = Struct(">IH")  # a number and the length of a text, which follows

SIMPLE_MAGIC: Final = 0x67446698
CHUNK_MAGIC: Final = 0x668E33EF

DONE: Final = 1
"""Flag of a chunk: the last one of its reply."""

_NONE, DATA, HOLES = range(3)
"""Kinds of chunk."""

FAILED: Final = 1 << 15
"""Set in the kinds of chunk that tell of an error."""

_MESSAGE: Final = 4096  # bytes of a text, at most, says the protocol


def ahead_of_payload(request: Request, kind: int, length: int, done: bool) -> int:
    """Return how many bytes of a chunk have to be there before it is understood.

    Parameters
    ----------
    request : Request
        The request that it answers.
    kind, length : int
        As its header says.
    done : bool
        Whether it is the last one of its reply.

    Raises
    ------
    ProtocolError
        If no chunk of this kind has that length.
    """
    if kind == DATA:
        need = OFFSET.size
        fits = length > need
    elif kind == HOLES:
        need = HOLE.size
        fits = length == need
    elif kind & FAILED:
        need = length
        fits = _ERROR.size <= length <= _ERROR.size + _MESSAGE + OFFSET.size
    else:
        need = 0
        fits = kind == _NONE and length == 0 and done
    if not fits:
        raise ProtocolError(
            f"the {request.describe()} is answered by {length} bytes of kind {kind}"
        )
    return need


def refuse(request: Request, told: memoryview) -> None:
    """Note the error that a chunk tells of, and its text.

    Raises
    ------
    ProtocolError
        If there is no error, or the text is longer than the chunk.
    """
    error, size = _ERROR.unpack_from(told)
    begin = _ERROR.size
    if not error or size > len(told) - begin:
        raise ProtocolError(f"a malformed error for the {request.describe()}")
    request.refuse(error, bytes(told[begin : begin + size]).decode(errors="replace"))
