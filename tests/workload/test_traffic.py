"""The committed recording holds what its README states, counted here from its bytes."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from simaccess.workload.capture import Capture, read_capture

DATA = Path(__file__).parents[2] / "experiments" / "data"
ETHER_TYPES = {0x0800: "IPv4", 0x86DD: "IPv6", 0x0806: "ARP"}
PROTOCOLS = {1: "ICMP", 6: "TCP", 17: "UDP", 58: "ICMPv6"}
SERVICES = {
    ("TCP", 80): "HTTP (TCP port 80)",
    ("UDP", 53): "DNS (UDP port 53)",
    ("TCP", 6379): "Redis (TCP port 6379)",
    ("TCP", 5201): "iperf3 (TCP port 5201)",
}
IPV6_HOP_BY_HOP, IPV6_FRAGMENT = 0, 44


def tags(packet: bytes) -> Iterator[str]:
    """What README's table calls a packet, by the headers of IEEE 802.3, 802.1Q and IP."""
    yield "all"
    at = 12
    if packet[at : at + 2] == b"\x81\x00":
        yield "VLAN-tagged (802.1Q, identifier 7)"
        assert int.from_bytes(packet[14:16]) & 0xFFF == 7
        at += 4
    network = ETHER_TYPES[int.from_bytes(packet[at : at + 2])]
    yield network
    at += 2
    if network == "IPv4":
        header = (packet[at] & 0xF) * 4
        if header > 20:
            yield "IPv4 with options"
        flags = int.from_bytes(packet[at + 6 : at + 8])
        protocol, first, fragment = packet[at + 9], flags & 0x1FFF == 0, flags & 0x3FFF != 0
        at += header
    elif network == "IPv6":
        protocol, first, fragment = packet[at + 6], True, False
        at += 40
        while protocol in {IPV6_HOP_BY_HOP, IPV6_FRAGMENT}:
            if protocol == IPV6_FRAGMENT:
                fragment, first = True, int.from_bytes(packet[at + 2 : at + 4]) & 0xFFF8 == 0
                header = 8
            else:
                yield "IPv6 with a hop-by-hop header"
                header = 8 + 8 * packet[at + 1]
            protocol = packet[at]
            at += header
    else:
        return
    if fragment:
        yield f"{network} fragments"
    transport = PROTOCOLS[protocol]
    yield transport
    if first and transport in {"TCP", "UDP"}:
        for port in (packet[at : at + 2], packet[at + 2 : at + 4]):
            if name := SERVICES.get((transport, int.from_bytes(port))):
                yield name


def size_class(length: int) -> str:
    for bound, name in ((100, "under 100"), (500, "100 to 499"), (1500, "500 to 1499")):
        if length < bound:
            return f"{name} bytes"
    return "1500 bytes and more"


@pytest.fixture(scope="module")
def capture() -> Capture:
    return read_capture(DATA / "traffic.pcap")


def stated() -> dict[str, tuple[int, int]]:
    """The rows of README's table: name, packets, bytes."""
    rows = {}
    for line in (DATA / "README.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 3 and cells[1].isdigit():
            rows[cells[0]] = (int(cells[1]), int(cells[2]))
    return rows


def test_readme_states_the_counts(capture: Capture) -> None:
    packets: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    for index in range(len(capture)):
        packet = capture.packet(index).tobytes()
        for tag in {*tags(packet), size_class(len(packet))}:
            packets[tag] += 1
            sizes[tag] += len(packet)
    assert stated() == {tag: (packets[tag], sizes[tag]) for tag in packets}


def test_readme_states_the_duration_and_the_digest(capture: Capture) -> None:
    text = (DATA / "README.md").read_text(encoding="utf-8")
    assert f"{capture.time_ns[-1] / 1e9:.6f} s" in text
    assert hashlib.sha256((DATA / "traffic.pcap").read_bytes()).hexdigest() in text


def test_packets_are_whole_in_order_and_fit_the_mtu(capture: Capture) -> None:
    assert (capture.length == capture.wire_length).all()
    assert capture.backwards == 0
    assert capture.length.max() <= 14 + 4 + 1500
    assert (DATA / "traffic.pcap").stat().st_size <= 2_000_000


@pytest.mark.parametrize(
    "tag",
    [
        "VLAN-tagged (802.1Q, identifier 7)",
        "IPv4 with options",
        "IPv4 fragments",
        "IPv6 fragments",
        *SERVICES.values(),
    ],
)
def test_the_traffic_that_makes_header_parsing_matter_is_there(tag: str) -> None:
    assert stated()[tag][0] >= 6
