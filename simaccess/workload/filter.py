"""The workload ``filter``: a packet filter over a capture, by a predicate on the bytes it reads."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field, IPvAnyNetwork, model_validator

from simaccess.embedded import embedded
from simaccess.errors import InputError
from simaccess.methods.blocks import Records
from simaccess.methods.hybrid import TCP_PAYLOAD_OFFSET
from simaccess.quantities import Size
from simaccess.workload.accesses import Accesses, share
from simaccess.workload.capture import read_capture
from simaccess.workload.packet import ETHERNET_HEADER, Reads
from simaccess.workload.predicate import PORTED, Predicate, decide_in_memory
from simaccess.workload.stream import PacketStream
from simaccess.workload.workload import Extent, Load, Positive, accesses

__all__ = ["Filter", "FilterParameters"]

PROTOCOLS = {"icmp": 1, "igmp": 2, "tcp": 6, "udp": 17, "gre": 47, "icmp6": 58, "sctp": 132}

Port = Annotated[int, Field(ge=0, le=65535)]


def _pattern(value: object) -> object:
    """Return text as UTF-8, and ``0x…`` as the bytes that the digits stand for."""
    if not isinstance(value, str):
        return value
    if not value.startswith("0x"):
        return value.encode()
    try:
        return bytes.fromhex(value[2:])
    except ValueError:
        raise InputError(
            "not hexadecimal digits, two a byte",
            key="workload.pattern",
            value=value,
            allowed="text, or bytes as in '0x16030100'",
        ) from None


class FilterParameters(Load):
    """Parameters of ``filter``. A packet matches if it meets all conditions that are given.

    Without any condition, the filter is TCP port 80.

    Parameters
    ----------
    protocol : str, optional
        The protocol that IP carries, by name.
    port : int, optional
        Source or destination port.
    source_port, destination_port : int, optional
        One of the ports.
    address : str, optional
        An address or a network, such as ``198.51.100.0/24``; of the source or the destination.
    pattern : str, optional
        What the payload holds somewhere: text, or bytes as in ``0x16030100``.
    payload_read : int
        Bytes of payload that are read at a time in search of the pattern.
    capture : path, optional
        A pcap or pcapng file; by default the embedded one.
    laps : int
        How often the capture is gone through.
    alignment : int
        Bytes that the start of each packet is a multiple of.
    header : int
        Bytes of each packet that the hybrid method takes for its header.
    """

    protocol: Literal["icmp", "igmp", "tcp", "udp", "gre", "icmp6", "sctp"] | None = None
    port: Port | None = None
    source_port: Port | None = None
    destination_port: Port | None = None
    address: IPvAnyNetwork | None = None
    pattern: Annotated[bytes, BeforeValidator(_pattern), Field(min_length=1)] | None = None
    payload_read: Extent = 256
    capture: Path | None = None
    laps: Positive = 1
    alignment: Extent = 64
    header: Size = TCP_PAYLOAD_OFFSET

    @model_validator(mode="before")
    @classmethod
    def _default(cls, given: Any) -> Any:
        conditions = ("protocol", "port", "source_port", "destination_port", "address", "pattern")
        if isinstance(given, dict) and not any(key in given for key in conditions):
            return {**given, "protocol": "tcp", "port": 80}
        return given

    @model_validator(mode="after")
    def _has_ports(self) -> FilterParameters:
        if self.predicate.ports and self.protocol and PROTOCOLS[self.protocol] not in PORTED:
            raise InputError(
                "has no ports, and a port is given",
                key="workload.protocol",
                value=self.protocol,
                allowed=("tcp", "udp", "sctp"),
            )
        return self

    @property
    def predicate(self) -> Predicate:
        """The filter's decision."""
        return Predicate(
            protocol=None if self.protocol is None else PROTOCOLS[self.protocol],
            port=self.port,
            source_port=self.source_port,
            destination_port=self.destination_port,
            address=self.address,
            pattern=self.pattern,
            payload_read=self.payload_read,
        )


class _Lap(NamedTuple):
    """What the filter does in one lap."""

    offset: NDArray[np.int64]
    length: NDArray[np.int64]
    last: NDArray[np.bool_]
    matches: NDArray[np.bool_]
    judged: NDArray[np.bool_]
    read: NDArray[np.bool_]


class Filter:
    """Decide about each packet of a capture in order; a request is the reads of one decision.

    A packet that is cut before what decides about it does not match. If it is cut before the first
    field, there is no read, and so no request.

    Parameters
    ----------
    parameters : FilterParameters
        Its parameters.

    Attributes
    ----------
    predicate : Predicate
        The decision.
    stream : PacketStream
        The packets as they lie in the segment.

    Raises
    ------
    InputError
        If the capture cannot be read, has too little of every packet to decide about it, or makes
        more accesses than this machine can hold.
    """

    name = "filter"

    def __init__(self, parameters: FilterParameters) -> None:
        self.parameters = parameters
        self.predicate = parameters.predicate
        self.header = parameters.header
        path = parameters.capture or embedded("experiments", "data", "traffic.pcap")
        capture = read_capture(path)
        if capture.length.max() < ETHERNET_HEADER:
            raise InputError(
                "no packet of which the capture has as much as any decision reads",
                file=path,
                allowed=f"{ETHERNET_HEADER} bytes of a packet or more",
            )
        self.stream = PacketStream(capture, parameters.alignment, parameters.laps)
        if parameters.laps > 1:
            lap = self._lap
            self.stream.require_room(len(lap.last), int(np.count_nonzero(lap.last)))

    @property
    def size(self) -> int:
        """Bytes of the stream, all laps included."""
        return self.stream.size

    @property
    def blocks(self) -> Records:
        """The packets, padding included."""
        return self.stream.blocks

    @property
    def arrivals(self) -> NDArray[np.float64]:
        """When each packet arrives, in seconds, all laps included."""
        return self.stream.arrivals

    @property
    def backwards(self) -> int:
        """How many packets of a lap have a time stamp before that of the packet ahead."""
        return self.stream.capture.backwards

    @property
    def matches(self) -> NDArray[np.bool_]:
        """Whether each packet of a lap matches."""
        return self._lap.matches

    @property
    def unjudged(self) -> int:
        """How many packets, all laps included, are cut before what decides about them."""
        return int(np.count_nonzero(~self._lap.judged)) * self.stream.laps

    def content(self, seed: int = 0) -> bytes:  # noqa: ARG002  # the interface's
        """Return the packets of a lap, padding zero."""
        return self.stream.content()

    def accesses(self, seed: int) -> Accesses:
        """Return the reads of the decisions, which no seed changes."""
        lap, stream = self._lap, self.stream
        begin = np.arange(stream.laps)[:, None] * stream.lap_size
        return accesses(
            self.size,
            self.parameters,
            offset=(begin + lap.offset).ravel(),
            length=np.tile(lap.length, stream.laps),
            last=np.tile(lap.last, stream.laps),
            seed=seed,
        )

    def programs(
        self, index: int = 0, count: int = 1, *, in_turn: bool = False
    ) -> Iterator[tuple[int, Reads[bool]]]:
        """Go through the decisions of one consumer, to be driven with bytes of the segment.

        They are those of `Accesses.shard` for the same arguments, request by request.

        Parameters
        ----------
        index, count : int
            Which consumer, from 0, of how many.
        in_turn : bool
            Whether the packets are dealt in turn.

        Yields
        ------
        tuple
            Where the packet starts in the segment, and the decision about it as a generator, for
            `simaccess.workload.predicate.decide_through`.
        """
        start, captured = self.stream.start, self.stream.capture.length
        packets = np.flatnonzero(self._lap.read)
        total = len(packets) * self.stream.laps
        for request in range(total)[share(total, index, count, in_turn=in_turn)]:
            lap, place = divmod(request, len(packets))
            packet = packets[place]
            base = lap * self.stream.lap_size + int(start[packet])
            yield base, self.predicate.program(int(captured[packet]))

    @cached_property
    def _lap(self) -> _Lap:
        """The reads of one lap, found by running the decisions over the bytes in memory."""
        capture = self.stream.capture
        content = capture.data.data
        offset, length = array("q"), array("q")
        last, matches, judged = bytearray(), bytearray(), bytearray()
        reads_of = np.zeros(len(capture), np.int64)
        columns = zip(
            capture.offset.tolist(),
            capture.length.tolist(),
            capture.wire_length.tolist(),
            self.stream.start.tolist(),
            strict=True,
        )
        for packet, (at, captured, wire, start) in enumerate(columns):
            program = self.predicate.judge(captured, wire)
            reads, match = decide_in_memory(program, content[at : at + captured])
            matches.append(bool(match))
            judged.append(match is not None)
            reads_of[packet] = len(reads)
            for number, (place, size) in enumerate(reads, 1):
                offset.append(start + place)
                length.append(size)
                last.append(number == len(reads))
        return _Lap(
            np.frombuffer(offset, np.int64),
            np.frombuffer(length, np.int64),
            np.frombuffer(last, np.bool_),
            np.frombuffer(matches, np.bool_),
            np.frombuffer(judged, np.bool_),
            reads_of > 0,
        )
