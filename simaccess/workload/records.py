"""Header inspection: the header of each record in order, and the payload of some of them."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from simaccess.errors import InputError
from simaccess.methods.blocks import Blocks, FixedBlocks
from simaccess.methods.hybrid import TCP_PAYLOAD_OFFSET
from simaccess.quantities import Share, Size
from simaccess.room import require_room
from simaccess.workload.accesses import LATENCY_ROOM, OWN_ROOM, Accesses, parts
from simaccess.workload.capture import read_capture
from simaccess.workload.draws import generator
from simaccess.workload.stream import PacketStream
from simaccess.workload.workload import Extent, Positive, WithWrites, accesses

__all__ = ["HeaderOnlyParameters", "HeaderPayloadParameters", "HeaderWorkload"]


class HeaderOnlyParameters(WithWrites):
    """Parameters of ``header-only``.

    Parameters
    ----------
    header : int
        Bytes of a record's header; the whole of a record that is shorter.
    alignment : int
        Bytes that the start of each record is a multiple of.
    size, record, requests : int
        Bytes of the segment, bytes of each of its records, and how many records are inspected, by
        default each one once.
    capture, laps
        A packet capture whose packets are the records, in place of those of one size, and how
        often it is gone through.
    """

    header: Size = TCP_PAYLOAD_OFFSET
    alignment: Extent = 64
    size: Extent = 16 * 1024**2
    record: Extent = 1514
    requests: Positive | None = None
    capture: Path | None = None
    laps: Positive = 1

    @model_validator(mode="after")
    def _one_sort_of_records(self) -> HeaderOnlyParameters:
        given = self.model_fields_set
        for name in ("size", "record", "requests"):
            if self.capture is not None and name in given:
                raise InputError(
                    "not for a capture, which tells it",
                    key=f"workload.{name}",
                    value=getattr(self, name),
                    allowed="workload.capture without size, record and requests",
                )
        if self.capture is None and "laps" in given:
            raise InputError(
                "laps are for a capture",
                key="workload.laps",
                value=self.laps,
                allowed="with workload.capture; without one, workload.requests",
            )
        if self.capture is None and self.space > self.size:
            name = next(name for name in ("record", "alignment", "size") if name in given)
            raise InputError(
                f"a padded record takes {self.space} bytes, the segment has {self.size}",
                key=f"workload.{name}",
                value=getattr(self, name),
                allowed="a workload.size of a padded record or more",
            )
        if self.header < 1:
            raise InputError(
                "too short",
                key="workload.header",
                value=self.header,
                allowed="at least 1 byte, as in '54 B'",
            )
        return self

    @property
    def space(self) -> int:
        """Bytes that a record of the one size takes, padding included."""
        return -(-self.record // self.alignment) * self.alignment


class HeaderPayloadParameters(HeaderOnlyParameters):
    """Parameters of ``header-payload``.

    Parameters
    ----------
    payload_probability : float
        Probability that a record's payload is read after its header, drawn for each by itself.
    """

    payload_probability: Share = 0.1


class HeaderWorkload:
    """Inspect the header of each record, and read the payload of some.

    A request is the header of one record, and its payload where that is read.

    Parameters
    ----------
    name : str
        Its name.
    parameters : HeaderOnlyParameters
        Its parameters.

    Raises
    ------
    InputError
        If the capture cannot be read, has no byte of any packet, or makes more accesses than this
        machine can hold.
    """

    def __init__(self, name: str, parameters: HeaderOnlyParameters) -> None:
        self.name = name
        self.parameters = parameters
        self.header = parameters.header
        self._stream: PacketStream | None = None
        if parameters.capture is not None:
            capture = read_capture(parameters.capture)
            if not capture.length.any():
                raise InputError("no packet has any byte", file=parameters.capture)
            self._stream = PacketStream(capture, parameters.alignment, parameters.laps)
            inspected = len(self._filled)  # each of them by one access at least
            self._stream.require_room(inspected, inspected)

    @property
    def size(self) -> int:
        """Bytes of the segment."""
        return self.parameters.size if self._stream is None else self._stream.size

    @property
    def blocks(self) -> Blocks:
        """The records, padding included."""
        if self._stream is None:
            return FixedBlocks(self.parameters.space)
        return self._stream.blocks

    @property
    def arrivals(self) -> NDArray[np.float64] | None:
        """When each packet of a capture arrives, in seconds."""
        return None if self._stream is None else self._stream.arrivals

    @property
    def backwards(self) -> int:
        """How many packets of a lap have a time stamp before that of the packet ahead."""
        return 0 if self._stream is None else self._stream.capture.backwards

    def content(self, seed: int = 0) -> bytes:
        """Return the packets of a lap of a capture, else pseudo-random bytes."""
        if self._stream is None:
            return generator(seed, self.name, "content").bytes(self.size)
        return self._stream.content()

    def accesses(self, seed: int) -> Accesses:
        """Return the accesses that `seed` stands for."""
        read = self._payloads_read(seed)
        total = len(read) + int(np.count_nonzero(read))
        self._require_room(len(read), OWN_ROOM * total // len(read) + LATENCY_ROOM)
        offset, length = np.empty(total, np.int64), np.empty(total, np.int64)
        last = np.empty(total, np.bool_)
        before = 0  # accesses to the records of earlier parts
        for part in parts(len(read)):
            start, filled = self._records(part)
            header = np.minimum(filled, self.header)
            chosen = read[part]
            # Each record's header comes at its own place plus the payloads read before it.
            at = before + np.arange(len(start)) + np.cumsum(chosen) - chosen
            offset[at], length[at], last[at] = start, header, ~chosen
            behind = at[chosen] + 1
            offset[behind], length[behind] = (start + header)[chosen], (filled - header)[chosen]
            last[behind] = True
            before += len(start) + len(behind)
        return accesses(
            self.size, self.parameters, offset=offset, length=length, last=last, seed=seed
        )

    def _payloads_read(self, seed: int) -> NDArray[np.bool_]:
        """Return of which of the inspected records the payload is read."""
        read = np.zeros(self._inspected, np.bool_)
        if isinstance(self.parameters, HeaderPayloadParameters):
            draws = generator(seed, "payload")
            for part in parts(len(read)):
                drawn = draws.random(part.stop - part.start) < self.parameters.payload_probability
                np.logical_and(drawn, self._records(part)[1] > self.header, out=read[part])
        return read

    @property
    def _inspected(self) -> int:
        """How many records are inspected."""
        if self._stream is not None:
            return len(self._filled) * self._stream.laps
        parameters = self.parameters
        count = parameters.requests or self.size // parameters.space
        self._require_room(count, OWN_ROOM + LATENCY_ROOM)
        return count

    def _require_room(self, count: int, each: int) -> None:
        """Refuse more requests, of so many bytes each, than this machine can hold."""
        name = "laps"
        if self._stream is None:
            name = "size" if self.parameters.requests is None else "requests"
        value = getattr(self.parameters, name)
        require_room(count, each, "requests", key=f"workload.{name}", value=value)

    @cached_property
    def _filled(self) -> NDArray[np.int64]:
        """The packets of a lap that have bytes."""
        assert self._stream is not None
        return np.flatnonzero(self._stream.capture.length).astype(np.int64, copy=False)

    def _records(self, part: slice) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return where some inspected records start, and their bytes without the padding."""
        parameters, stream = self.parameters, self._stream
        number = np.arange(part.start, part.stop)
        if stream is None:
            start = number % (self.size // parameters.space) * parameters.space
            return start, np.full(len(start), parameters.record, np.int64)
        lap, place = np.divmod(number, len(self._filled))
        packet = self._filled[place]
        return lap * stream.lap_size + stream.start[packet], stream.capture.length[packet]
