"""A packet filter's decision, which reads the few fields that it takes, and as few as possible."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from typing import TypeVar

from simaccess.segment import Data
from simaccess.workload.packet import (
    IPV4,
    IPV6,
    Reads,
    ShortError,
    Undecidable,
    Upper,
    ethertype,
    ip_addresses,
    ip_end,
    ip_upper,
    ipv4_header,
    number,
    payload,
)

__all__ = ["PORTED", "Predicate", "decide_in_memory", "decide_through"]

T = TypeVar("T")

PORTED = frozenset({6, 17, 132})
"""Protocols with ports: TCP, UDP, SCTP."""


@dataclass(frozen=True)
class Predicate:
    """Which packets match: IPv4 and IPv6 packets that meet all conditions given.

    A packet that was cut before a field that the decision takes does not match, nor do later
    fragments where the decision takes ports or payload.

    Parameters
    ----------
    protocol : int, optional
        Number of the upper protocol.
    port : int, optional
        Source or destination port.
    source_port, destination_port : int, optional
        One of the ports.
    address : IPv4Network or IPv6Network, optional
        Where the source or the destination address lies.
    pattern : bytes, optional
        What the payload holds somewhere.
    payload_read : int
        Bytes of payload that are read at a time in search of the pattern.
    """

    protocol: int | None = None
    port: int | None = None
    source_port: int | None = None
    destination_port: int | None = None
    address: IPv4Network | IPv6Network | None = None
    pattern: bytes | None = None
    payload_read: int = 256

    @property
    def ports(self) -> bool:
        """Whether the decision takes ports."""
        return {self.port, self.source_port, self.destination_port} != {None}

    def program(self, captured: int) -> Reads[bool]:
        """Decide about a packet of which `captured` bytes are there."""
        return bool((yield from self.judge(captured, captured)))

    def judge(self, captured: int, wire: int) -> Reads[bool | None]:
        """Decide about a packet of which some bytes are there.

        Parameters
        ----------
        captured : int
            How many.
        wire : int
            How many the packet had before the capture cut it; the decision reads the same.

        Returns
        -------
        bool or None
            Whether it matches, by bytes that are there; None if it takes some that were cut away.
        """
        try:
            return (yield from self._decide(captured, wire))
        except ShortError as short:
            return None if short.needed <= wire else False
        except Undecidable:
            return False

    def _decide(self, end: int, wire: int) -> Reads[bool]:  # noqa: PLR0911  # in the order of reading
        kind, at = yield from ethertype(end)
        if kind not in {IPV4, IPV6} or not self._speaks(kind):
            return False
        inside = self.ports or self.pattern is not None
        upper = None
        if inside or self.protocol is not None:
            upper = yield from ip_upper(kind, at, end)
            if not self._carries(upper, inside):
                return False
        if self.address is not None:
            addresses = yield from ip_addresses(kind, at, end)
            if not self._names(self.address, addresses):
                return False
        if upper is None or not inside:
            return True
        start = upper.start
        if start is None:
            start = at + (yield from ipv4_header(at, end))
        if self.ports and not (yield from self._match_ports(start, end)):
            return False
        if self.pattern is None:
            return True
        stop = yield from ip_end(kind, at, end, wire)
        begin = yield from payload(upper.protocol, start, end)
        if (yield from self._search(self.pattern, begin, min(stop, end))):
            return True
        if end < stop and len(self.pattern) <= stop - begin:
            raise ShortError(stop)
        return False

    def _speaks(self, kind: int) -> bool:
        return self.address is None or (self.address.version == 4) == (kind == IPV4)

    def _carries(self, upper: Upper, inside: bool) -> bool:
        if self.protocol is not None and upper.protocol != self.protocol:
            return False
        if self.ports and upper.protocol not in PORTED:
            return False
        return upper.first or not inside

    @staticmethod
    def _names(network: IPv4Network | IPv6Network, addresses: tuple[int, int]) -> bool:
        mask = int(network.netmask)
        return int(network.network_address) in {each & mask for each in addresses}

    def _match_ports(self, start: int, end: int) -> Reads[bool]:
        if self.port is None and self.destination_port is None:
            return (yield from number(start, 2, end)) == self.source_port
        if self.port is None and self.source_port is None:
            return (yield from number(start + 2, 2, end)) == self.destination_port
        both = yield from number(start, 4, end)
        source, destination = both >> 16, both & 0xFFFF
        return (
            self.port in {None, source, destination}
            and self.source_port in {None, source}
            and self.destination_port in {None, destination}
        )

    def _search(self, pattern: bytes, begin: int, stop: int) -> Reads[bool]:
        kept = b""
        for at in range(begin, stop, self.payload_read):
            found = kept + (yield at, min(self.payload_read, stop - at))
            if pattern in found:
                return True
            kept = found[max(0, len(found) - len(pattern) + 1) :]
        return False


def decide_in_memory(
    program: Reads[T], packet: bytes | memoryview
) -> tuple[list[tuple[int, int]], T]:
    """Run a decision over a packet's bytes; return what it read, as (offset, length), and it."""
    reads = []
    try:
        offset, length = next(program)
        while True:
            reads.append((offset, length))
            offset, length = program.send(packet[offset : offset + length])
    except StopIteration as stop:
        return reads, stop.value


async def decide_through(
    program: Reads[bool], base: int, read: Callable[[int, int], Awaitable[Data]]
) -> bool:
    """Run a decision over bytes that are read through a method.

    Parameters
    ----------
    program : generator
        The decision.
    base : int
        Where the packet starts in the segment.
    read : callable
        ``read(offset, length)``, such as `simaccess.buffer.Buffer.read`, in a mode with bytes.
    """
    try:
        offset, length = next(program)
        while True:
            data = await read(base + offset, length)
            if data is None:
                raise TypeError("a decision takes bytes; in timing-only mode, use the accesses")
            offset, length = program.send(data)
    except StopIteration as stop:
        return bool(stop.value)
