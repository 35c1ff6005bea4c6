"""Header inspection: the header of each record in order, and the payload of some of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from simaccess.errors import InputError
from simaccess.methods.blocks import Blocks, FixedBlocks
from simaccess.methods.hybrid import TCP_PAYLOAD_OFFSET
from simaccess.quantities import Share, Size
from simaccess.room import require_room
from simaccess.workload.accesses import ROOM, Accesses
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
        If the capture cannot be read.
    """

    def __init__(self, name: str, parameters: HeaderOnlyParameters) -> None:
        self.name = name
        self.parameters = parameters
        self.header = parameters.header
        self._stream = (
            None
            if parameters.capture is None
            else PacketStream(
                read_capture(parameters.capture), parameters.alignment, parameters.laps
            )
        )

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

    def content(self, seed: int = 0) -> bytes:
        """Return the packets of a capture, else pseudo-random bytes."""
        if self._stream is None:
            return generator(seed, self.name, "content").bytes(self.size)
        return self._stream.content()

    def accesses(self, seed: int) -> Accesses:
        """Return the accesses that `seed` stands for."""
        start, filled = self._records()
        header = np.minimum(filled, self.header)
        payload = filled - header
        read = payload > 0
        if isinstance(self.parameters, HeaderPayloadParameters):
            draws = generator(seed, "payload").random(len(start))
            read &= draws < self.parameters.payload_probability
        else:
            read[:] = False
        # Each record's header comes at its own place plus the payloads read before it.
        at = np.arange(len(start)) + np.cumsum(read) - read
        chosen = at[read] + 1
        total = len(start) + len(chosen)
        offset, length = np.empty(total, np.int64), np.empty(total, np.int64)
        last = np.empty(total, np.bool_)
        offset[at], length[at], last[at] = start, header, ~read
        offset[chosen], length[chosen] = (start + header)[read], payload[read]
        last[chosen] = True
        return accesses(
            self.size, self.parameters, offset=offset, length=length, last=last, seed=seed
        )

    def _records(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return where each inspected record starts, and its bytes without the padding."""
        parameters, stream = self.parameters, self._stream
        if stream is None:
            count = self.size // parameters.space
            name = "size" if parameters.requests is None else "requests"
            asked = count if parameters.requests is None else parameters.requests
            key, value = f"workload.{name}", getattr(parameters, name)
            require_room(asked, ROOM, "requests", key=key, value=value)
            number = np.arange(asked)
            start = number % count * parameters.space
            return start, np.full(len(start), parameters.record, np.int64)
        laps = np.arange(stream.laps)[:, None] * stream.lap_size
        start = (laps + stream.start).ravel()
        filled = np.tile(stream.capture.length, stream.laps)
        return start[filled > 0], filled[filled > 0]
