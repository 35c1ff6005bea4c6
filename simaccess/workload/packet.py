"""The headers of an Ethernet packet, read field by field.

Each function is a generator that yields ``(offset, length)``, what it wants of the packet, is
sent those bytes, and returns what they say. So it runs on bytes wherever they lie, and who drives
it sees what was read. `end` is the number of captured bytes: nothing beyond it is asked for.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import NamedTuple, TypeAlias, TypeVar

__all__ = [
    "ETHERNET_HEADER",
    "IPV4",
    "IPV6",
    "Reads",
    "ShortError",
    "Undecidable",
    "Upper",
    "ethertype",
    "ip_addresses",
    "ip_end",
    "ip_upper",
    "ipv4_header",
    "number",
    "payload",
]

T = TypeVar("T")

Reads: TypeAlias = Generator[tuple[int, int], bytes | memoryview, T]
"""Yields offset and length within a packet, is sent those bytes, returns a T."""

IPV4, IPV6 = 0x0800, 0x86DD

ETHERNET_HEADER = 14
"""Bytes of a frame's header without VLAN tags, whose last two are the type."""

_ETHERTYPE_AT = ETHERNET_HEADER - 2
_VLAN_TAGS = {0x8100, 0x88A8, 0x9100}  # 802.1Q, 802.1ad, and QinQ before the latter
_IPV6_HEADER = 40

# IPv6 headers that may stand before the upper layer's, by RFC 8200 and IANA's list.
_FRAGMENT, _AUTHENTICATION = 44, 51
_EXTENSIONS = {0, 43, 60, 135, 139, 140, _FRAGMENT, _AUTHENTICATION}

_TCP = 6
_HEADERS = {17: 8, 132: 12, 1: 8, 58: 8}  # UDP, SCTP, ICMP, ICMPv6


class Undecidable(Exception):  # noqa: N818  # not an error, a packet that was cut or is malformed
    """The packet ends before a field that is needed, or a header's length cannot be."""


class ShortError(Undecidable):
    """The captured bytes end before what is needed.

    Parameters
    ----------
    needed : int
        Bytes of the packet that would do.
    """

    def __init__(self, needed: int) -> None:
        super().__init__(needed)
        self.needed = needed


class Upper(NamedTuple):
    """What IP carries.

    Attributes
    ----------
    protocol : int
        The protocol's number; in a later IPv6 fragment, the number of what the fragments begin
        with, which may be an extension header.
    first : bool
        Whether its header is here: not in later fragments.
    start : int or None
        Where it starts; None if IPv4's header length is still to be read.
    """

    protocol: int
    first: bool
    start: int | None


def number(offset: int, length: int, end: int) -> Reads[int]:
    """Read an unsigned number in network byte order."""
    if offset + length > end:
        raise ShortError(offset + length)
    return int.from_bytes((yield offset, length), "big")


def ethertype(end: int) -> Reads[tuple[int, int]]:
    """Return the type of what the frame carries behind all its VLAN tags, and where that starts."""
    at = _ETHERTYPE_AT
    kind = yield from number(at, 2, end)
    while kind in _VLAN_TAGS:
        at += 4
        kind = yield from number(at, 2, end)
    return kind, at + 2


def ip_upper(kind: int, at: int, end: int) -> Reads[Upper]:
    """Return what the IP packet at `at` carries, behind IPv6's extension headers."""
    if kind == IPV4:
        # Flags and fragment offset, time to live, protocol: one read costs less than two.
        word = yield from number(at + 6, 4, end)
        return Upper(word & 0xFF, word >> 16 & 0x1FFF == 0, None)
    protocol = yield from number(at + 6, 1, end)
    at += _IPV6_HEADER
    while protocol in _EXTENSIONS:
        if protocol == _FRAGMENT:
            word = yield from number(at, 4, end)  # next header, reserved, offset and flags
            protocol, size = word >> 24, 8
            if word & 0xFFF8:
                return Upper(protocol, first=False, start=at + size)
        else:
            word = yield from number(at, 2, end)  # next header, length
            units = word & 0xFF
            size = (units + 2) * 4 if protocol == _AUTHENTICATION else (units + 1) * 8
            protocol = word >> 8
        at += size
    return Upper(protocol, first=True, start=at)


def ipv4_header(at: int, end: int) -> Reads[int]:
    """Return the bytes of the IPv4 header at `at`, options included."""
    words = (yield from number(at, 1, end)) & 0xF
    if words < 5:
        raise Undecidable
    return words * 4


def ip_addresses(kind: int, at: int, end: int) -> Reads[tuple[int, int]]:
    """Return source and destination."""
    offset, size = (12, 4) if kind == IPV4 else (8, 16)
    both = yield from number(at + offset, 2 * size, end)
    return both >> 8 * size, both & (1 << 8 * size) - 1


def ip_end(kind: int, at: int, end: int, wire: int) -> Reads[int]:
    """Return where the IP packet ends in a frame of `wire` bytes, whose padding may follow it."""
    offset, header = (2, 0) if kind == IPV4 else (4, _IPV6_HEADER)
    length = yield from number(at + offset, 2, end)
    # 0 stands for a length told elsewhere: a jumbogram, or a packet that the adapter segments.
    return min(wire, at + header + length) if length else wire


def payload(protocol: int, start: int, end: int) -> Reads[int]:
    """Return where the payload of the upper layer that starts at `start` begins."""
    if protocol != _TCP:
        return start + _HEADERS.get(protocol, 0)
    words = (yield from number(start + 12, 1, end)) >> 4
    if words < 5:
        raise Undecidable
    return start + words * 4
