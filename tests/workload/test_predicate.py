"""The filter's decision against packets built field by field, and against dpkt's whole parse."""

from __future__ import annotations

from dataclasses import dataclass, replace
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any

import dpkt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simaccess.embedded import embedded
from simaccess.workload.capture import read_capture
from simaccess.workload.predicate import Predicate, decide_in_memory

TCP, UDP, SCTP, ICMP, GRE = 6, 17, 132, 1, 47
FRAGMENT, AUTHENTICATION = 44, 51
PATTERN = b"\0GET"
PORTS = (80, 53, 8080)
IPV4_ADDRESSES = ("192.0.2.1", "192.0.2.200", "198.51.100.7")
IPV6_ADDRESSES = ("2001:db8::1", "2001:db8:ffff::2", "fe80::1")


@dataclass(frozen=True)
class Described:
    """A packet, and where its fields are, as it was built: nothing of this is parsed."""

    content: bytes
    ip: int | None  # version
    ip_at: int
    protocol: int
    protocol_end: int  # first byte behind the last field that tells the protocol
    first: bool
    source: str
    destination: str
    addresses_end: int
    ports: tuple[int, int]
    upper_at: int
    length_end: int
    payload_at: int
    payload_end: int

    # ruff: noqa: C901, PLR0911, PLR0912  # one condition after the other
    def matches(self, wanted: Predicate, cut: int) -> bool:
        """Say what the answer must be when only the first `cut` bytes were captured."""
        if self.ip is None:
            return False
        need = [self.ip_at]
        if wanted.protocol is not None:
            need.append(self.protocol_end)
            if wanted.protocol != self.protocol:
                return False
        if wanted.address is not None:
            need.append(self.addresses_end)
            pair = ip_address(self.source), ip_address(self.destination)
            if not any(each in wanted.address for each in pair):
                return False
        if wanted.ports or wanted.pattern is not None:
            need.append(self.protocol_end)
            if not self.first:
                return False
        if wanted.ports:
            if self.protocol not in {TCP, UDP, SCTP}:
                return False
            source, destination = self.ports
            either = wanted.port is not None
            need.append(self.upper_at + 2)
            if either or wanted.destination_port is not None:
                need.append(self.upper_at + 4)
            if either and wanted.port not in self.ports:
                return False
            if wanted.source_port not in {None, source}:
                return False
            if wanted.destination_port not in {None, destination}:
                return False
        if wanted.pattern is not None:
            need.append(self.length_end)
            if self.protocol == TCP:
                need.append(self.upper_at + 13)
            visible = self.content[self.payload_at : min(self.payload_end, cut)]
            if wanted.pattern not in visible:
                return False
        return max(need) <= cut


def upper_header(draw: st.DrawFn, protocol: int, ports: tuple[int, int]) -> bytes:
    pair = ports[0].to_bytes(2, "big") + ports[1].to_bytes(2, "big")
    if protocol == TCP:
        words = draw(st.integers(5, 15))
        return pair + bytes(8) + bytes([words << 4]) + bytes(7) + b"\1" * (4 * (words - 5))
    if protocol == SCTP:
        return pair + bytes(8)
    if protocol == UDP:
        return pair + bytes(4)
    return b"\x08" + bytes(7) if protocol == ICMP else b""


def ipv6_extensions(draw: st.DrawFn, protocol: int) -> tuple[bytes, int, int, bool]:
    """Return the extension headers, the first's number, where the protocol's field ends, first."""
    kinds = draw(st.lists(st.sampled_from([0, 43, 60, FRAGMENT, AUTHENTICATION]), max_size=4))
    first = True
    chain = b""
    told_end = 7  # of the next-header field in the IPv6 header itself
    for place, kind in enumerate(kinds):
        at = 40 + len(chain)
        following = kinds[place + 1] if place + 1 < len(kinds) else protocol
        if kind == FRAGMENT:
            # Only as the last header may it be of a later fragment: what follows is its payload.
            offset = draw(st.sampled_from([0, 0, 0, 185])) if following == protocol else 0
            chain += bytes([following, 0]) + (offset << 3 | 1).to_bytes(2, "big") + bytes(4)
            first = offset == 0
            told_end = at + 4
        else:
            units = draw(st.integers(0, 3))
            size = (units + 2) * 4 if kind == AUTHENTICATION else (units + 1) * 8
            chain += bytes([following, units]) + bytes(size - 2)
            told_end = at + 2
    return chain, kinds[0] if kinds else protocol, told_end, first


@st.composite
def packets(draw: st.DrawFn) -> Described:
    tags = draw(st.lists(st.sampled_from([b"\x81\0", b"\x88\xa8", b"\x91\0"]), max_size=3))
    frame = bytes(12) + b"".join(tag + b"\x20\x07" for tag in tags)
    ip = draw(st.sampled_from([4, 4, 4, 6, 6, 6, None]))
    protocol = draw(st.sampled_from([TCP, TCP, UDP, SCTP, ICMP, GRE]))
    ports = draw(st.tuples(st.sampled_from(PORTS), st.sampled_from(PORTS)))
    addresses = IPV6_ADDRESSES if ip == 6 else IPV4_ADDRESSES
    source, destination = (draw(st.sampled_from(addresses)) for _ in range(2))
    packed = ip_address(source).packed + ip_address(destination).packed
    header = upper_header(draw, protocol, ports)
    body = draw(st.binary(max_size=30))
    body += draw(st.sampled_from([b"", PATTERN, PATTERN[:2]])) + draw(st.binary(max_size=30))
    padding = draw(st.sampled_from([b"", PATTERN, bytes(6)]))
    at = len(frame) + 2
    first = True
    if ip == 4:
        options = b"\1" * (4 * draw(st.integers(0, 10)))
        begin = at + 20 + len(options)
        offset = draw(st.sampled_from([0, 0, 0, 1, 185, 8191]))
        first = offset == 0
        told_end, addresses_end, length_end = at + 10, at + 20, at + 4
        length = 20 + len(options) + len(header) + len(body)
        length = draw(st.sampled_from([length, length, 0]))
        flags = draw(st.sampled_from([0, 0x2000, 0x4000]))
        network = bytes([0x45 + len(options) // 4, 0]) + length.to_bytes(2, "big") + bytes(2)
        network += (flags | offset).to_bytes(2, "big") + bytes([64, protocol, 0, 0])
        network += packed + options
        kind = b"\x08\0"
    elif ip == 6:
        chain, following, told_end, first = ipv6_extensions(draw, protocol)
        begin = at + 40 + len(chain)
        told_end, addresses_end, length_end = at + told_end, at + 40, at + 6
        length = len(chain) + len(header) + len(body)
        length = draw(st.sampled_from([length, length, 0]))
        network = b"\x60" + bytes(3) + length.to_bytes(2, "big") + bytes([following, 64])
        network += packed + chain
        kind = b"\x86\xdd"
    else:
        network, begin, told_end, addresses_end, length_end, length = b"", at, at, at, at, 0
        kind = draw(st.sampled_from([b"\x08\x06", b"\x88\xcc", b"\0\x2e", b"\x86\xde"]))
    content = frame + kind + network + header + body + padding
    end = len(content) - (len(padding) if length else 0)
    return Described(
        content=content,
        ip=ip,
        ip_at=at,
        protocol=protocol,
        protocol_end=told_end,
        first=first,
        source=source,
        destination=destination,
        addresses_end=addresses_end,
        ports=ports,
        upper_at=begin,
        length_end=length_end,
        payload_at=begin + len(header),
        payload_end=end,
    )


some_port = st.none() | st.sampled_from(PORTS)
predicates = st.builds(
    Predicate,
    protocol=st.sampled_from([None, TCP, TCP, UDP, SCTP, ICMP, GRE]),
    port=some_port,
    source_port=some_port,
    destination_port=some_port,
    address=st.sampled_from(
        [
            None,
            None,
            ip_network("192.0.2.0/24"),
            ip_network("198.51.100.7"),
            ip_network("2001:db8::/32"),
            ip_network("2001:db8::1"),
            ip_network("::/0"),
        ]
    ),
    pattern=st.sampled_from([None, None, PATTERN, b"G", b"\0"]),
    payload_read=st.integers(1, 40),
)


def decide(wanted: Predicate, content: bytes) -> tuple[list[tuple[int, int]], bool]:
    """Run the decision; whatever it reads must have been captured."""
    reads, match = decide_in_memory(wanted.program(len(content)), content)
    for offset, length in reads:
        assert 0 <= offset < offset + length <= len(content)
    return reads, match


@settings(max_examples=1000)
@given(packets(), predicates, st.data())
def test_decision_is_that_of_the_packet_as_built(
    packet: Described, wanted: Predicate, data: st.DataObject
) -> None:
    size = len(packet.content)
    assert decide(wanted, packet.content)[1] == packet.matches(wanted, size)
    cut = data.draw(st.integers(0, size))
    assert decide(wanted, packet.content[:cut])[1] == packet.matches(wanted, cut)


@settings(max_examples=500)
@given(packets(), predicates, st.data())
def test_what_is_judged_of_a_cut_packet_is_what_the_whole_one_says(
    packet: Described, wanted: Predicate, data: st.DataObject
) -> None:
    content, size = packet.content, len(packet.content)
    whole = decide(wanted, content)[1]
    assert decide_in_memory(wanted.judge(size, size), content)[1] == whole
    cut = data.draw(st.integers(0, size))
    reads, judged = decide_in_memory(wanted.judge(cut, size), content[:cut])
    assert reads == decide(wanted, content[:cut])[0]
    assert judged in {whole, None}
    assert bool(judged) == decide(wanted, content[:cut])[1]


def test_what_was_cut_away_is_told_from_what_never_was_there() -> None:
    wanted = Predicate(protocol=TCP, port=80, pattern=b"text")
    tcp = b"\0\x50\x30\x39" + bytes(8) + b"\x50" + bytes(7)
    whole = ipv4(5, tcp + b"some more text")

    def judged(captured: int, wire: int) -> bool | None:
        return decide_in_memory(wanted.judge(captured, wire), whole[:captured])[1]

    size = len(whole)
    assert judged(size, size) is True
    assert judged(size - 1, size) is None  # within the pattern
    assert judged(size - 1, size - 1) is False
    assert judged(36, size) is None  # within the ports
    assert judged(36, 36) is False
    assert judged(13, size) is None
    assert judged(54, 54 + 3) is False  # what was cut away is too short for the pattern


@settings(max_examples=200)
@given(packets(), predicates)
def test_a_matching_packet_cut_anywhere(packet: Described, wanted: Predicate) -> None:
    # Conditions that this packet meets, so that each cut tells on the reads and nothing else.
    network: IPv4Network | IPv6Network = ip_network(packet.source)
    suited = replace(
        wanted,
        protocol=None if wanted.protocol is None else packet.protocol,
        port=None if wanted.port is None else packet.ports[0],
        source_port=None if wanted.source_port is None else packet.ports[0],
        destination_port=None if wanted.destination_port is None else packet.ports[1],
        address=None if wanted.address is None else network,
    )
    for cut in range(len(packet.content) + 1):
        assert decide(suited, packet.content[:cut])[1] == packet.matches(suited, cut)


@settings(max_examples=500)
@given(
    st.binary(max_size=120), predicates, st.sampled_from([b"", b"\x08\0", b"\x86\xdd", b"\x81\0"])
)
def test_any_bytes_are_decided(content: bytes, wanted: Predicate, kind: bytes) -> None:
    decide(wanted, bytes(12) + kind + content if kind else content)


def ipv4(words: int, transport: bytes) -> bytes:
    header = bytes([0x40 | words]) + bytes(5) + b"\0\0\x40\x06" + bytes(10)
    return bytes(12) + b"\x08\0" + header + transport


WEB = Predicate(protocol=TCP, port=80)


def test_lengths_that_cannot_be_do_not_match() -> None:
    tcp = b"\0\x50\x30\x39" + bytes(8) + b"\x50" + bytes(7) + b"text"
    wanted = Predicate(protocol=TCP, port=80, pattern=b"text")
    assert decide(wanted, ipv4(5, tcp))[1]
    # Four words would put the ports where the destination address is.
    early = ipv4(4, tcp)[:30] + b"\0\x50\x30\x39" + tcp
    assert not decide(WEB, early)[1]
    assert decide(replace(WEB, port=0), ipv4(5, bytes(20)))[1]
    short = tcp.replace(b"\x50" + bytes(7), b"\x40" + bytes(7))
    assert not decide(wanted, ipv4(5, short))[1]


PLAIN = ipv4(5, b"\0\x50\x30\x39" + bytes(16))


@pytest.mark.parametrize(
    ("content", "reads"),
    [
        (PLAIN, [(12, 2), (20, 4), (14, 1), (34, 4)]),
        (PLAIN.replace(b"\x40\x06", b"\x40\x11"), [(12, 2), (20, 4)]),
        (bytes(12) + b"\x81\0\0\7" + PLAIN[12:], [(12, 2), (16, 2), (24, 4), (18, 1), (38, 4)]),
        (bytes(12) + b"\x08\x06" + bytes(28), [(12, 2)]),
        (bytes(12) + b"\x86\xdd" + bytes(6) + b"\x11" + bytes(60), [(12, 2), (20, 1)]),
        (bytes(12) + b"\x86\xdd" + bytes(6) + b"\x06" + bytes(60), [(12, 2), (20, 1), (54, 4)]),
        (bytes(13), []),
    ],
)
def test_few_fields_are_read_and_no_further_once_it_is_decided(
    content: bytes, reads: list[tuple[int, int]]
) -> None:
    assert decide(WEB, content)[0] == reads


def test_payload_is_read_until_the_pattern_is_found() -> None:
    content = ipv4(5, b"\0\x50\x30\x39" + bytes(8) + b"\x50" + bytes(7) + b"abcdefghij")
    wanted = Predicate(protocol=TCP, port=80, pattern=b"def", payload_read=4)
    head = [(12, 2), (20, 4), (14, 1), (34, 4), (16, 2), (46, 1)]
    assert decide(wanted, content) == ([*head, (54, 4), (58, 4)], True)
    absent = replace(wanted, pattern=b"xyz")
    assert decide(absent, content) == ([*head, (54, 4), (58, 4), (62, 2)], False)


# -- the committed recording, by dpkt's parse of the whole packet ---------------------------------


def parsed(content: bytes) -> tuple[int, Any, bytes | None, tuple[int, int] | None] | None:
    """Return protocol, IP packet, payload and ports of an IP packet, as dpkt sees them."""
    ip = dpkt.ethernet.Ethernet(content).data
    if not isinstance(ip, (dpkt.ip.IP, dpkt.ip6.IP6)):
        return None
    upper = ip.data
    if isinstance(upper, (dpkt.tcp.TCP, dpkt.udp.UDP)):
        return ip.p, ip, bytes(upper.data), (upper.sport, upper.dport)
    if isinstance(upper, (dpkt.icmp.ICMP, dpkt.icmp6.ICMP6)):
        return ip.p, ip, bytes(upper)[8:], None
    return ip.p, ip, None, None


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        (Predicate(protocol=TCP), "tcp"),
        (Predicate(protocol=TCP, port=80), "tcp port 80"),
        (Predicate(protocol=UDP, port=53), "udp port 53"),
        (Predicate(protocol=UDP), "udp"),
        (Predicate(protocol=ICMP), "icmp"),
        (Predicate(protocol=58), "icmp6"),
        (Predicate(port=53), "port 53"),
        (Predicate(source_port=6379), "src port 6379"),
        (Predicate(destination_port=6379), "dst port 6379"),
        (Predicate(protocol=TCP, port=80, pattern=b"GET /"), "tcp port 80, GET /"),
        (Predicate(pattern=b"www.example.test", payload_read=64), "www.example.test"),
        (Predicate(address=ip_network("2001:db8::/32")), "net 2001:db8::/32"),
    ],
)
def test_the_recording_as_dpkt_reads_it(wanted: Predicate, text: str) -> None:
    capture = read_capture(embedded("experiments", "data", "traffic.pcap"))
    found = 0
    for index in range(len(capture)):
        content = capture.packet(index).tobytes()
        whole = parsed(content)
        expected = whole is not None
        if whole is not None:
            protocol, ip, payload, ports = whole
            pair = ports or (None, None)
            expected = (
                wanted.protocol in {None, protocol}
                and (wanted.port is None or wanted.port in pair)
                and wanted.source_port in {None, pair[0]}
                and wanted.destination_port in {None, pair[1]}
                and (wanted.pattern is None or (payload is not None and wanted.pattern in payload))
            )
            if wanted.address is not None:
                ends = ip_address(ip.src), ip_address(ip.dst)
                expected = expected and any(each in wanted.address for each in ends)
        assert decide(wanted, content)[1] == expected, (text, index)
        found += expected
    assert 0 < found < len(capture)
