"""The bytes of a segment, in the memory of those that differ."""

from __future__ import annotations

from typing import cast

__all__ = ["bytes_of"]


class _Repeated:
    """Bytes over and over, to be read as a memoryview is.

    Parameters
    ----------
    content : bytes
        What is repeated, without end.
    """

    def __init__(self, content: bytes) -> None:
        self._content = memoryview(content)

    def __getitem__(self, asked: slice) -> memoryview:
        """Return some bytes: a view, or where they lie in several laps a copy."""
        content, lap = self._content, len(self._content)
        length = asked.stop - asked.start
        begin = asked.start % lap
        if begin + length <= lap:
            return content[begin : begin + length]
        joined = bytearray(content[begin:])
        while len(joined) < length:
            joined += content[: length - len(joined)]
        return memoryview(joined)


def bytes_of(content: bytes | None, size: int, *, written: bool) -> memoryview:
    """Return a segment's bytes, for a link to have at its far end.

    Parameters
    ----------
    content : bytes or None
        Those of the segment, or of its first lap; None: zeros.
    size : int
        How many the segment has.
    written : bool
        Whether they are written. If not, they are those of `content` itself, whatever the laps.
    """
    if content is not None and not written:
        if len(content) == size:
            return memoryview(content)
        return cast("memoryview", _Repeated(content))  # all of it that links use
    made = bytearray(size)
    if content is not None:
        for begin in range(0, size, len(content)):
            made[begin : begin + len(content)] = content[: size - begin]
    return memoryview(made)
