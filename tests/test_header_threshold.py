"""A threshold of 54 bytes behind VLAN tags and before IPv6, each by itself: captures made here."""

from __future__ import annotations

from pathlib import Path

import dpkt
import pytest

from simaccess.model import load_model
from simaccess.scenario import Scenario
from simaccess.simulate import simulate
from simaccess.workload.registry import workload

PACKETS = 20
TAG = b"\x81\x00\x00\x07"
ADDRESSES = {4: (bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2])), 6: (bytes(16), bytes(15) + b"\1")}


def frame(tags: int, version: int) -> bytes:
    """Return an Ethernet frame of TCP from port 80, with 400 bytes of payload."""
    segment = dpkt.tcp.TCP(sport=80, dport=40_000, data=bytes(400))
    source, destination = ADDRESSES[version]
    if version == 4:
        packet = dpkt.ip.IP(src=source, dst=destination, p=6, data=segment)
        packet.len = len(packet)
    else:
        packet = dpkt.ip6.IP6(src=source, dst=destination, nxt=6, plen=420, data=segment)
    kind = b"\x08\x00" if version == 4 else b"\x86\xdd"
    return bytes(12) + TAG * tags + kind + bytes(packet)


def capture(path: Path, tags: int, version: int) -> str:
    """Write a capture; return its name."""
    with path.open("wb") as file:
        writer = dpkt.pcap.Writer(file)
        for number in range(PACKETS):
            writer.writepkt(frame(tags, version), ts=number)
    return str(path)


def bulk_requests(work: str, of_work: dict[str, str], threshold: int) -> int:
    settings = {"threshold": f"{threshold} B"}
    scenario = Scenario(load_model("example-link"), workload(work, of_work), "hybrid", settings)
    return simulate(scenario).bulk_requests


@pytest.mark.parametrize(
    ("tags", "version", "ports_end"), [(0, 4, 38), (1, 4, 42), (0, 6, 58), (1, 6, 62), (2, 4, 46)]
)
def test_a_filter_by_port_copies_payload_where_the_ports_lie_beyond_the_threshold(
    tmp_path: Path, tags: int, version: int, ports_end: int
) -> None:
    """A filter for a port that no packet has wants no payload; IPv6 has the ports at byte 54."""
    work = {"capture": capture(tmp_path / "made.pcap", tags, version), "port": "9"}
    for threshold in (54, ports_end, 96):
        expected = PACKETS if threshold < ports_end else 0
        assert bulk_requests("filter", work, threshold) == expected, threshold


@pytest.mark.parametrize(
    ("tags", "version", "header"), [(0, 4, 54), (1, 4, 58), (2, 4, 62), (0, 6, 74), (1, 6, 78)]
)
def test_a_reader_of_whole_headers_copies_payload_behind_a_single_tag(
    tmp_path: Path, tags: int, version: int, header: int
) -> None:
    """A tag moves the end of TCP's header from byte 54 to 58: checksum and urgent pointer."""
    assert frame(tags, version).index(bytes(400)) <= header == len(frame(tags, version)) - 400
    made = capture(tmp_path / "made.pcap", tags, version)
    work = {"capture": made, "header": f"{header} B"}
    assert bulk_requests("header-only", work, 54) == (0 if header == 54 else PACKETS)
    assert bulk_requests("header-only", work, header) == 0
