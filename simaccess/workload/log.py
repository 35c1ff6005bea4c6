"""Access logs: CSV files with a line an access, read into columns."""

from __future__ import annotations

import codecs
import io
import math
import os
import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from simaccess.errors import InputError
from simaccess.methods.blocks import FixedBlocks
from simaccess.quantities import LARGEST, LONGEST
from simaccess.regular_file import require_regular
from simaccess.workload.accesses import Accesses, alike
from simaccess.workload.workload import Extent, Load, accesses

__all__ = [
    "BEGIN",
    "HEADER",
    "AccessLog",
    "LogParameters",
    "LogWorkload",
    "is_log",
    "read_log",
]

COLUMNS = ("time", "offset", "length", "operation")
HEADER = ",".join(COLUMNS)
"""The first line of an access log."""

BEGIN = 256
"""Bytes of a file, at most, that tell whether it is an access log."""

_MARK = codecs.BOM_UTF8  # which some programs, such as Excel, write before the first line
_CHUNK = 1 << 18  # bytes of lines that are parsed at a time
_MOST = 2**63 - 1
_SPACES = re.compile(rb"[ \t]*([,\n])[ \t]*")  # around fields
_INTEGER = re.compile(rb"[+-]?\d+")
_NUMBER = re.compile(rb"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_PAST = "past the end of the segment"
_LATE = "too long after the first access"
_ALLOWED = {
    "fields": HEADER,
    "time": "seconds, at least 0 and never less than before",
    "offset": "whole bytes, at least 0",
    "length": "whole bytes, at least 1",
    "operation": "read, write",
}


class LogParameters(Load):
    """Parameters of an access log as a workload.

    Parameters
    ----------
    size : int, optional
        Bytes of the segment; by default up to the end of the furthest access.
    block : int
        Bytes of its blocks, for methods that are not told another size.
    timed : bool
        Whether accesses arrive at the log's times; if not, each follows the one before it.
    """

    size: Extent | None = None
    block: Extent = 4096
    timed: bool = False


@dataclass(frozen=True, eq=False)
class AccessLog:
    """The accesses of a log.

    Attributes
    ----------
    time : ndarray of float64, shape (accesses,)
        Seconds since the first access.
    offset, length : ndarray of int64, shape (accesses,)
        Bytes.
    write : ndarray of bool, shape (accesses,)
        Whether each one writes.
    end : int
        Where the furthest one ends.
    """

    time: NDArray[np.float64]
    offset: NDArray[np.int64]
    length: NDArray[np.int64]
    write: NDArray[np.bool_]
    end: int

    def __len__(self) -> int:
        """Count the accesses."""
        return len(self.offset)


class LogWorkload:
    """An access log as a workload; each access is a request.

    Parameters
    ----------
    path : path-like
        The log.
    parameters : LogParameters
        Its parameters.

    Raises
    ------
    InputError
        If the log cannot be read, or a line of it is refused.
    """

    name = "log"
    header = 0
    arrivals = None

    def __init__(self, path: str | os.PathLike[str], parameters: LogParameters) -> None:
        self.parameters = parameters
        span = LONGEST if parameters.timed else math.inf
        self.log = read_log(path, parameters.size or LARGEST, span)
        self.size = parameters.size or self.log.end
        self.blocks = FixedBlocks(parameters.block)

    def content(self, seed: int = 0) -> bytes | None:  # noqa: ARG002  # the interface's
        """Return None: a log does not tell the segment's bytes."""
        return None

    def accesses(self, seed: int) -> Accesses:
        """Return the log's accesses, which no seed changes."""
        log = self.log
        return accesses(
            self.size,
            self.parameters,
            offset=log.offset,
            length=log.length,
            write=log.write,
            last=alike(np.True_, len(log)),
            time=log.time if self.parameters.timed else None,
            seed=seed,
        )


def is_log(head: bytes) -> bool:
    """Say whether a file's first `BEGIN` bytes are those of an access log.

    Its first line may have capitals, and spaces around its fields.
    """
    return _heading(head.partition(b"\n")[0]).startswith(HEADER)


def _heading(line: bytes) -> str:
    """Return a first line as it would be without what may differ."""
    fields = line.removeprefix(_MARK).decode("ascii", "replace").lower().split(",")
    return ",".join(field.strip() for field in fields)


def read_log(
    path: str | os.PathLike[str], size: int | None = None, span: float = math.inf
) -> AccessLog:
    """Read an access log.

    Its times may count from anywhere, such as Unix time: the first one is subtracted from all,
    in decimal, since so large a time rounded to a float would be off by a tenth of a microsecond.

    Parameters
    ----------
    path : path-like
        A CSV file. Its first line is ``time,offset,length,operation``; each further line is one
        access: seconds, bytes, bytes, ``read`` or ``write``. Spaces may surround any field.
    size : int, optional
        Bytes of the segment, which all accesses must lie in.
    span : float
        Seconds after the first access that each one must start within.

    Raises
    ------
    InputError
        If the file cannot be read, has no accesses, or a line is refused, whose number is told.
    """
    try:
        require_regular(Path(path), f"a CSV file that starts with '{HEADER}'")
        with Path(path).open("rb") as stream:
            bounds = _Bounds(_MOST if size is None else size, span)
            columns = _Columns()
            for part in _parts(path, stream, bounds):
                columns.add(part)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=path) from error
    return columns.log()


@dataclass(frozen=True, slots=True)
class _Bounds:
    """What the next access must lie within.

    Attributes
    ----------
    size : int
        Bytes of the segment.
    span : float
        Seconds after the first access.
    first : Decimal or None
        The time of the first access; None before that.
    before : bytes
        The time of the access before it.
    """

    size: int
    span: float
    first: Decimal | None = None
    before: bytes = b"0"

    @property
    def since(self) -> float:
        """Seconds from the first access to the one before the next."""
        return 0.0 if self.first is None else float(_decimal(self.before) - self.first)

    def behind(self, time: bytes) -> _Bounds:
        """Return the bounds of what comes after an access at `time`."""
        return replace(
            self, first=_decimal(time) if self.first is None else self.first, before=time.strip()
        )


class _Part:
    """Some lines of a log; their times are relative to `first`, else to that of their first."""

    def __init__(self, fields: list[bytes], first: Decimal | None) -> None:
        self.first = _decimal(fields[0]) if first is None else first
        self.time = _since(self.first, fields[0::4])
        self.offset = np.array(fields[1::4]).astype(np.int64)
        self.length = np.array(fields[2::4]).astype(np.int64)
        operation = np.array(fields[3::4])
        self.write: NDArray[np.bool_] = operation == b"write"
        self.named: NDArray[np.bool_] = self.write | (operation == b"read")


class _Columns:
    """The columns while they grow, each in one place."""

    def __init__(self) -> None:
        self.time = array("d")
        self.offset = array("q")
        self.length = array("q")
        self.write = bytearray()
        self.end = 0

    def add(self, part: _Part) -> None:
        self.time.frombytes(part.time.data.cast("B"))
        self.offset.frombytes(part.offset.data.cast("B"))
        self.length.frombytes(part.length.data.cast("B"))
        self.write += part.write.data.cast("B")
        self.end = max(self.end, int((part.offset + part.length).max()))

    def log(self) -> AccessLog:
        return AccessLog(
            time=np.frombuffer(self.time, np.float64),
            offset=np.frombuffer(self.offset, np.int64),
            length=np.frombuffer(self.length, np.int64),
            write=np.frombuffer(self.write, np.bool_),
            end=self.end,
        )


def _decimal(text: bytes) -> Decimal:
    return Decimal(text.decode("ascii"))


def _since(first: Decimal, texts: list[bytes]) -> NDArray[np.float64]:
    """Return decimal times less the first one, each rounded to a float only then."""
    if not first:
        return np.array(texts).astype(np.float64)  # a fifth of the time of what follows
    return np.array([float(_decimal(text) - first) for text in texts])


def _parts(
    path: str | os.PathLike[str], stream: io.BufferedReader, bounds: _Bounds
) -> Iterator[_Part]:
    if _heading(stream.readline(BEGIN)) != HEADER:
        raise InputError("not an access log: line 1 is wrong", file=path, allowed=HEADER)
    line = 2
    while lines := stream.readlines(_CHUNK):
        part = _parse(lines, bounds.first)
        if part is None or not _fine(part, bounds):
            raise _refusal(path, lines, line, bounds)
        yield part
        line += len(lines)
        bounds = replace(bounds, first=part.first).behind(lines[-1].partition(b",")[0])
    if line == 2:
        raise InputError("an access log without any access", file=path)


def _parse(lines: list[bytes], first: Decimal | None) -> _Part | None:
    """Parse lines; None if one of them cannot be."""
    content = b"".join(lines).replace(b"\r\n", b"\n").removesuffix(b"\n")
    if b"_" in content or b"\0" in content:
        return None  # which NumPy would pass over in a number
    if b" " in content or b"\t" in content:
        content = _SPACES.sub(rb"\1", content).strip(b" \t")
    places = np.frombuffer(content, np.uint8)
    commas, ends = np.flatnonzero(places == ord(",")), np.flatnonzero(places == ord("\n"))
    # The fields of each line, not only of all: a short line and a long one make up for each other.
    before = np.append(np.searchsorted(commas, ends), len(commas))
    if not np.array_equal(before, 3 * np.arange(1, len(lines) + 1)):
        return None
    try:
        return _Part(content.replace(b"\n", b",").split(b","), first)
    except (ValueError, ArithmeticError):  # the latter: of decimals, and OverflowError
        return None


def _fine(part: _Part, bounds: _Bounds) -> bool:
    size = bounds.size
    return bool(
        part.named.all()
        and part.first.is_finite()
        and part.first >= 0
        and np.isfinite(part.time).all()
        and part.time[0] >= bounds.since
        and (part.time[1:] >= part.time[:-1]).all()
        and part.time[-1] <= bounds.span
        and (part.offset >= 0).all()
        and (part.length >= 1).all()
        and (part.length <= size).all()
        and (part.offset <= size - part.length).all()
    )


def _refusal(
    path: str | os.PathLike[str], lines: list[bytes], line: int, bounds: _Bounds
) -> InputError:
    """Find the first line that cannot be, and say what is wrong with it."""
    allowed = {
        **_ALLOWED,
        _PAST: f"an access all within [0, {bounds.size})",
        _LATE: f"at most {bounds.span:g} s after it",
    }
    for number, content in enumerate(lines, line):
        fields = content.replace(b"\r\n", b"\n").removesuffix(b"\n").split(b",")
        for problem, key, value in _complaints(fields, bounds):
            return InputError(
                f"line {number}: {problem}",
                file=path,
                key=key,
                value=value.decode("utf-8", "replace"),
                allowed=allowed.get(problem, allowed[key]),
            )
        bounds = bounds.behind(fields[0])
    return InputError(f"lines {line} to {line + len(lines) - 1}: cannot be parsed", file=path)


def _complaints(fields: list[bytes], bounds: _Bounds) -> Iterator[tuple[str, str, bytes]]:
    """Say what is wrong with a line: problem, column, value. Only the first one counts."""
    if len(fields) != len(COLUMNS):
        count = "1 field" if len(fields) == 1 else f"{len(fields)} fields"
        yield count, "fields", b",".join(fields)
    text = fields[0].strip()
    if not _NUMBER.fullmatch(text) or not math.isfinite(float(text)):
        yield "not a number", "time", fields[0]
    now = _decimal(text)
    if now < 0:
        yield "negative", "time", fields[0]
    if now < _decimal(bounds.before):
        yield f"less than {bounds.before.decode()} before it", "time", fields[0]
    if bounds.first is not None and now - bounds.first > bounds.span:
        yield _LATE, "time", fields[0]
    for key, text, least in (("offset", fields[1], 0), ("length", fields[2], 1)):
        if not _INTEGER.fullmatch(text.strip()):
            yield "not a whole number", key, text
        if int(text) < least:
            yield f"less than {least}", key, text
    if int(fields[1]) + int(fields[2]) > bounds.size:
        key, text = ("offset", fields[1]) if int(fields[1]) else ("length", fields[2])
        yield _PAST, key, text
    if fields[3].strip() not in {b"read", b"write"}:
        yield "no such operation", "operation", fields[3]
