"""Reading captures: files laid out here by struct, in both formats and byte orders."""

import io
import os
import struct
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simaccess.errors import InputError
from simaccess.workload.capture import Capture, read_capture

MICRO, NANO = 0xA1B2C3D4, 0xA1B23C4D
ETHERNET, LINUX_COOKED = 1, 113
per_test = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@dataclass(frozen=True)
class Packet:
    ticks: int  # since 1970, in the file's own unit
    content: bytes
    cut: int = 0  # bytes that the packet had more on the wire


PACKETS = [Packet(7_000_000_123, b"first"), Packet(7_000_000_100, b""), Packet(8, b"a" * 8, 92)]


def pcap(order: str, magic: int, packets: list[Packet], link: int = ETHERNET) -> list[bytes]:
    """Return the file header and the records."""
    unit = 10**9 if magic == NANO else 10**6
    return [
        struct.pack(f"{order}IHHiIII", magic, 2, 4, 0, 0, 65535, link),
        *(
            struct.pack(
                f"{order}4I",
                *divmod(packet.ticks, unit),
                len(packet.content),
                len(packet.content) + packet.cut,
            )
            + packet.content
            for packet in packets
        ),
    ]


def block(order: str, kind: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    length = struct.pack(f"{order}I", len(body) + 12)
    return struct.pack(f"{order}I", kind) + length + body + length


def section(order: str) -> bytes:
    return block(order, 0x0A0D0D0A, struct.pack(f"{order}IHHq", 0x1A2B3C4D, 1, 0, -1))


def option(order: str, code: int, value: bytes) -> bytes:
    return struct.pack(f"{order}HH", code, len(value)) + value + bytes(-len(value) % 4)


def interface(order: str, options: bytes = b"", link: int = ETHERNET) -> bytes:
    end = option(order, 0, b"") if options else b""
    return block(order, 1, struct.pack(f"{order}HHI", link, 0, 0) + options + end)


def enhanced(order: str, packet: Packet, number: int = 0, options: bytes = b"") -> bytes:
    size = len(packet.content)
    fields = (number, packet.ticks >> 32, packet.ticks & 0xFFFFFFFF, size, size + packet.cut)
    body = struct.pack(f"{order}5I", *fields) + packet.content + bytes(-size % 4)
    return block(order, 6, body + options)


def pcapng(order: str, packets: list[Packet], options: bytes = b"") -> list[bytes]:
    """Return the section header, one interface, and the packets' blocks."""
    each = [enhanced(order, packet) for packet in packets]
    return [section(order), interface(order, options), *each]


def read(tmp_path: Path, content: bytes) -> Capture:
    path = tmp_path / "file"
    path.write_bytes(content)
    return read_capture(path)


def holds(capture: Capture, packets: list[Packet], tick_ns: int) -> None:
    """Assert that the columns are these packets."""
    assert capture.time_ns.tolist() == [
        (packet.ticks - packets[0].ticks) * tick_ns for packet in packets
    ]
    assert len(capture) == len(packets)
    assert capture.length.tolist() == [len(packet.content) for packet in packets]
    assert capture.wire_length.tolist() == [len(packet.content) + packet.cut for packet in packets]
    assert capture.data.tobytes() == b"".join(packet.content for packet in packets)
    for index, packet in enumerate(packets):
        assert capture.packet(index).tobytes() == packet.content
    for name in ("time_ns", "offset", "length", "wire_length"):
        assert getattr(capture, name).dtype == np.int64
    assert capture.data.dtype == np.uint8
    pairs = pairwise(packets)
    assert capture.backwards == sum(later.ticks < earlier.ticks for earlier, later in pairs)


def some_packets(last_tick: int) -> st.SearchStrategy[list[Packet]]:
    contents = st.binary(max_size=40)
    packet = st.builds(Packet, st.integers(0, last_tick), contents, st.integers(0, 9000))
    return st.lists(packet, min_size=1, max_size=12)


orders = st.sampled_from("<>")


@per_test
@given(orders, st.sampled_from([(MICRO, 1000), (NANO, 1)]), st.data())
def test_pcap_round_trip(
    tmp_path: Path, order: str, unit: tuple[int, int], data: st.DataObject
) -> None:
    magic, tick_ns = unit
    packets = data.draw(some_packets(2**32 * (10**9 // tick_ns) - 1))
    holds(read(tmp_path, b"".join(pcap(order, magic, packets))), packets, tick_ns)


@per_test
@given(orders, st.sampled_from([(b"\6", 1000), (b"\x09", 1), (None, 1000)]), st.data())
def test_pcapng_round_trip(
    tmp_path: Path, order: str, unit: tuple[bytes | None, int], data: st.DataObject
) -> None:
    resolution, tick_ns = unit
    options = b"" if resolution is None else option(order, 9, resolution)
    packets = data.draw(some_packets(2**62 // tick_ns))
    holds(read(tmp_path, b"".join(pcapng(order, packets, options))), packets, tick_ns)


def test_binary_resolution_and_offset_of_an_interface(tmp_path: Path) -> None:
    # Interface 0 counts 1/1024 s from 100 s before 1970; interface 1 plain microseconds.
    halves = option("<", 9, b"\x8a") + option("<", 14, struct.pack("<q", -100))
    content = section("<") + interface("<", halves) + interface("<")
    content += enhanced("<", Packet(512, b"x"), 0) + enhanced("<", Packet(1_000_001, b"y"), 1)
    assert read(tmp_path, content).time_ns.tolist() == [0, 100 * 10**9 + 500_001_000]


def test_sections_of_both_byte_orders_and_unknown_blocks(tmp_path: Path) -> None:
    content = b""
    for order in "<>":
        comment = option(order, 1, b"a comment") + option(order, 0, b"")
        content += section(order) + block(order, 0x0BAD, b"skip me") + interface(order)
        content += enhanced(order, Packet(5, b"12345"), options=comment)
    assert read(tmp_path, content).data.tobytes() == b"1234512345"


def test_the_old_packet_block(tmp_path: Path) -> None:
    body = struct.pack("<HHIIII", 0, 3, 0, 9, 4, 60) + b"abcd"
    capture = read(tmp_path, section("<") + interface("<") + block("<", 2, body))
    assert (capture.data.tobytes(), capture.wire_length.tolist()) == (b"abcd", [60])


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("form", ["micro", "nano", "pcapng"])
def test_cut_at_every_byte(tmp_path: Path, order: str, form: str) -> None:
    if form == "pcapng":
        parts, head = pcapng(order, PACKETS), 2
    else:
        parts, head = pcap(order, MICRO if form == "micro" else NANO, PACKETS), 1
    whole = b"".join(parts)
    boundaries = {len(b"".join(parts[: head + count])): count for count in range(4)}
    for cut in range(len(whole) + 1):
        count = boundaries.get(cut, 0)
        if count:
            assert len(read(tmp_path, whole[:cut])) == count
            continue
        with pytest.raises(InputError) as caught:
            read(tmp_path, whole[:cut])
        line = str(caught.value)
        assert line.startswith(str(tmp_path / "file"))
        assert "\n" not in line
        if cut < 4:
            assert "not a packet capture" in line
        elif cut in boundaries or (form == "pcapng" and cut == len(parts[0])):
            assert "without any packet" in line
        else:
            assert "truncated" in line


def refusal(tmp_path: Path, content: bytes) -> str:
    with pytest.raises(InputError) as caught:
        read(tmp_path, content)
    return str(caught.value)


def test_what_is_not_a_capture_is_refused(tmp_path: Path) -> None:
    assert "not a packet capture" in refusal(tmp_path, b"")
    assert "pcapng" in refusal(tmp_path, b"\x1f\x8b\x08\x00 a compressed file perhaps")
    with pytest.raises(InputError, match=r"absent\.pcap: cannot be read: No such file"):
        read_capture(tmp_path / "absent.pcap")
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        read_capture(tmp_path)
    with pytest.raises(InputError, match="not a regular file"):
        read_capture(os.devnull)


def test_an_open_file_is_read_from_where_it_is(tmp_path: Path) -> None:
    content = b"".join(pcap("<", NANO, PACKETS))
    path = tmp_path / "capture"
    path.write_bytes(content)
    stream = io.BytesIO(b"before" + content)
    stream.seek(6)
    read, same = read_capture(stream), read_capture(path)
    assert all(np.array_equal(getattr(read, name), column) for name, column in vars(same).items())
    cut = io.BytesIO(content[:-1])
    with pytest.raises(InputError, match="truncated"):
        read_capture(cut)


@pytest.mark.parametrize("order", "<>")
def test_other_link_types_are_refused(tmp_path: Path, order: str) -> None:
    told = refusal(tmp_path, b"".join(pcap(order, MICRO, PACKETS, LINUX_COOKED)))
    assert "link type = 113" in told
    assert "allowed: Ethernet" in told
    cooked = section(order) + interface(order, link=LINUX_COOKED)
    assert "link type = 113" in refusal(tmp_path, cooked + enhanced(order, PACKETS[0]))
    # An interface of another kind that recorded nothing does no harm.
    assert len(read(tmp_path, cooked + interface(order) + enhanced(order, PACKETS[0], 1))) == 1


def test_damage_is_named(tmp_path: Path) -> None:
    start = section("<") + interface("<")
    good = enhanced("<", PACKETS[0])
    assert "Simple Packet Block at byte 48" in refusal(
        tmp_path, start + block("<", 3, b"\4\0\0\0abcd")
    )
    assert "interface = 1" in refusal(tmp_path, start + enhanced("<", PACKETS[0], 1))
    assert "interface = 0" in refusal(tmp_path, start + good + section("<") + good)
    assert "ends with another length" in refusal(tmp_path, start + good[:-4] + b"\0\0\0\1")
    assert "a block of 13 bytes at byte 48" in refusal(tmp_path, start + b"\6\0\0\0\r\0\0\0")
    longer = block("<", 6, struct.pack("<5I", 0, 0, 0, 9, 9) + bytes(8))
    assert "a packet longer than its block" in refusal(tmp_path, start + longer)
    assert "byte-order magic at byte 8" in refusal(tmp_path, start[:8] + bytes(40))
    odd = section("<") + interface("<", option("<", 9, b"\6\6"))
    assert "the block at byte 28" in refusal(tmp_path, odd + good)
    old = struct.pack("<IHHiIII", MICRO, 1, 2, 0, 0, 65535, ETHERNET)
    assert "version = '1.2'" in refusal(tmp_path, old)
    seconds = section("<") + interface("<", option("<", 9, b"\0"))
    ages = enhanced("<", Packet(0, b"")) + enhanced("<", Packet(2**63, b""))
    assert "a time stamp centuries" in refusal(tmp_path, seconds + ages)


@settings(per_test, max_examples=300)
@given(
    st.sampled_from(
        [
            b"".join(pcap("<", NANO, PACKETS)),
            b"".join(pcapng(">", PACKETS, option(">", 9, b"\x09") + option(">", 1, b"note"))),
        ]
    ),
    st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), min_size=1, max_size=4),
)
def test_changed_bytes_end_in_a_capture_or_an_input_error(
    tmp_path: Path, content: bytes, changes: list[tuple[int, int]]
) -> None:
    changed = bytearray(content)
    for place, value in changes:
        changed[place % len(changed)] = value
    with suppress(InputError):
        capture = read(tmp_path, bytes(changed))
        assert capture.length.sum() == len(capture.data)
