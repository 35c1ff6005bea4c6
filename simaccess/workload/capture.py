"""Packet captures, read from pcap and pcapng files into columns.

dpkt defines the file, record and block headers; the walk from one to the next is here, because
dpkt's own readers pass over a cut last record in silence, do not tell a packet's length on the
wire, and round time stamps to a float.
"""

from __future__ import annotations

import os
import struct
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path
from typing import Any, BinaryIO

import dpkt
import numpy as np
from dpkt import pcap, pcapng
from numpy.typing import NDArray

from simaccess.errors import InputError
from simaccess.regular_file import require_regular

__all__ = ["Capture", "is_capture", "read_capture"]

_NANOSECONDS = 10**9
_FORMATS = "a pcap file (2.4, microseconds or nanoseconds) or a pcapng file (1.x)"
_ETHERNET = "Ethernet (link type 1)"

_NANOSECOND_MAGICS = (pcap.TCPDUMP_MAGIC_NANO, pcap.PMUDPCT_MAGIC_NANO)
_LITTLE_ENDIAN_MAGICS = (pcap.PMUDPCT_MAGIC, pcap.PMUDPCT_MAGIC_NANO, pcap.PACPDOM_MAGIC)

_SECTION = pcapng.PCAPNG_BT_SHB
_INTERFACE = pcapng.PCAPNG_BT_IDB
_SIMPLE_PACKET = pcapng.PCAPNG_BT_SPB
# Bytes of a block before the packet's own bytes, and after them: the length, repeated.
_PACKET_HEADER, _TRAILER = 28, 4
_BLOCKS = {
    ">": {
        _SECTION: pcapng.SectionHeaderBlock,
        _INTERFACE: pcapng.InterfaceDescriptionBlock,
        pcapng.PCAPNG_BT_EPB: pcapng.EnhancedPacketBlock,
        pcapng.PCAPNG_BT_PB: pcapng.PacketBlock,
    },
    "<": {
        _SECTION: pcapng.SectionHeaderBlockLE,
        _INTERFACE: pcapng.InterfaceDescriptionBlockLE,
        pcapng.PCAPNG_BT_EPB: pcapng.EnhancedPacketBlockLE,
        pcapng.PCAPNG_BT_PB: pcapng.PacketBlockLE,
    },
}


@dataclass(frozen=True, eq=False)
class Capture:
    """The packets of a capture as read-only columns, in the file's order.

    Attributes
    ----------
    time_ns : ndarray of int64, shape (packets,)
        Nanoseconds since the first packet; negative where a time stamp lies before it.
    offset : ndarray of int64, shape (packets,)
        Where each packet starts in `data`, in bytes.
    length : ndarray of int64, shape (packets,)
        Captured bytes of each packet.
    wire_length : ndarray of int64, shape (packets,)
        Bytes that each packet had on the wire; more than `length` where the capture was cut.
    data : ndarray of uint8
        The captured bytes of all packets back to back, each from its Ethernet header on.
    """

    time_ns: NDArray[np.int64]
    offset: NDArray[np.int64]
    length: NDArray[np.int64]
    wire_length: NDArray[np.int64]
    data: NDArray[np.uint8]

    def __len__(self) -> int:
        """Count the packets."""
        return len(self.offset)

    def packet(self, index: int) -> NDArray[np.uint8]:
        """View one packet's captured bytes.

        Parameters
        ----------
        index : int
            The packet's place in the file, from 0.

        Returns
        -------
        ndarray of uint8, shape (length[index],)
            A view into `data`.
        """
        start = self.offset[index]
        return self.data[start : start + self.length[index]]

    @property
    def backwards(self) -> int:
        """How many packets have an earlier time stamp than the packet before them."""
        return int(np.count_nonzero(np.diff(self.time_ns) < 0))


def is_capture(head: bytes) -> bool:
    """Say whether a file's first bytes, at least 4, are those of a packet capture."""
    magic = head[:4]
    return (
        magic == _SECTION.to_bytes(4, "big")
        or int.from_bytes(magic, "big") in pcap.MAGIC_TO_PKT_HDR
    )


def read_capture(file: str | os.PathLike[str] | BinaryIO | BufferedIOBase) -> Capture:
    """Read a packet capture; its first bytes, not its name, tell which format it is in.

    Parameters
    ----------
    file : path-like or binary file
        A pcap or pcapng file of Ethernet packets, in either byte order; if it is open, it must be
        seekable and is read from where it is.

    Returns
    -------
    Capture
        All its packets.

    Raises
    ------
    InputError
        If the file cannot be read, is no capture, ends within a record, is damaged, holds no
        packet, or holds packets of another link type than Ethernet.

    Notes
    -----
    Memory is that of the columns. The formats are those of the IETF drafts
    draft-ietf-opsawg-pcap and draft-ietf-opsawg-pcapng.
    """
    if not isinstance(file, str | os.PathLike):
        return _read(_Source(str(getattr(file, "name", file)), file, _left(file)))
    try:
        require_regular(Path(file), _FORMATS)
        with Path(file).open("rb") as stream:
            return _read(_Source(file, stream, os.fstat(stream.fileno()).st_size))
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=file) from error


def _left(stream: BinaryIO | BufferedIOBase) -> int:
    begin = stream.tell()
    end = stream.seek(0, os.SEEK_END)
    stream.seek(begin)
    return end - begin


def _read(source: _Source) -> Capture:
    columns = _Columns()
    magic = source.take(min(4, source.left))
    if magic == _SECTION.to_bytes(4, "big"):
        packets = _pcapng_packets(source)
    elif (number := int.from_bytes(magic, "big")) in pcap.MAGIC_TO_PKT_HDR:
        packets = _pcap_packets(source, number)
    else:
        raise source.error("not a packet capture", allowed=_FORMATS)
    try:
        for time_ns, content, wire_length in packets:
            columns.add(time_ns, content, wire_length)
    except OverflowError as error:
        raise source.error("damaged: a time stamp centuries from the first packet's") from error
    if not columns.length:
        raise source.error("a packet capture without any packet")
    return columns.capture()


class _Columns:
    """The columns while they grow."""

    def __init__(self) -> None:
        self.first_ns: int | None = None
        self.time_ns = array("q")
        self.length = array("q")
        self.wire_length = array("q")
        self.data = bytearray()

    def add(self, time_ns: int, content: bytes, wire_length: int) -> None:
        if self.first_ns is None:
            self.first_ns = time_ns
        self.time_ns.append(time_ns - self.first_ns)
        self.length.append(len(content))
        self.wire_length.append(wire_length)
        self.data += content

    def capture(self) -> Capture:
        length = np.frombuffer(self.length, np.int64)
        columns = Capture(
            time_ns=np.frombuffer(self.time_ns, np.int64),
            offset=np.cumsum(length) - length,
            length=length,
            wire_length=np.frombuffer(self.wire_length, np.int64),
            data=np.frombuffer(self.data, np.uint8),
        )
        for column in vars(columns).values():
            column.setflags(write=False)
        return columns


class _Source:
    """A file's bytes in order, never fewer than asked for."""

    def __init__(
        self, path: str | os.PathLike[str], stream: BinaryIO | BufferedIOBase, left: int
    ) -> None:
        self._path = path
        self._stream = stream
        self.position = 0
        self.left = left

    def take(self, count: int) -> bytes:
        if count > self.left:
            raise self._truncated(count)
        content = self._stream.read(count)
        if len(content) < count:  # the file shrank since its size was taken
            raise self._truncated(count)
        self.position += count
        self.left -= count
        return content

    def _truncated(self, count: int) -> InputError:
        return self.error(
            f"truncated: {count} bytes belong at byte {self.position}, {self.left} are there"
        )

    def error(self, problem: str, **parts: Any) -> InputError:
        return InputError(problem, file=self._path, **parts)


def _pcap_packets(source: _Source, magic: int) -> Iterator[tuple[int, bytes, int]]:
    record = pcap.MAGIC_TO_PKT_HDR[magic]
    header_class = pcap.LEFileHdr if magic in _LITTLE_ENDIAN_MAGICS else pcap.FileHdr
    rest = source.take(header_class.__hdr_len__ - 4)
    header = header_class(magic.to_bytes(4, "big") + rest)
    version = (header.v_major, header.v_minor)
    if version != (pcap.PCAP_VERSION_MAJOR, pcap.PCAP_VERSION_MINOR):
        found = f"{version[0]}.{version[1]}"
        raise source.error("unknown pcap version", key="version", value=found, allowed=_FORMATS)
    link_type = header.linktype & 0xFFFF  # the upper bits tell of the frame check sequence
    _require_ethernet(source, link_type)
    tick_ns = 1 if magic in _NANOSECOND_MAGICS else 1000
    while source.left:
        packet = record(source.take(record.__hdr_len__))
        time_ns = packet.tv_sec * _NANOSECONDS + packet.tv_usec * tick_ns
        yield time_ns, source.take(packet.caplen), packet.len


@dataclass(frozen=True)
class _Interface:
    """What a pcapng interface says of its packets: link type, and how their ticks are meant."""

    link_type: int
    ticks_per_s: int
    offset_s: int


def _pcapng_packets(source: _Source) -> Iterator[tuple[int, bytes, int]]:
    interfaces: list[_Interface] = []
    for at, order, kind, content in _pcapng_blocks(source):
        if kind == _SIMPLE_PACKET:
            raise source.error(
                f"a Simple Packet Block at byte {at}, which has no time stamp",
                allowed="Enhanced Packet Blocks",
            )
        if kind not in _BLOCKS[order]:
            continue  # the format's rule for blocks that a reader does not know
        try:
            block = _BLOCKS[order][kind](content)
            if kind == _SECTION:
                interfaces = []
            elif kind == _INTERFACE:
                interfaces.append(_interface(block, order))
        except (dpkt.Error, struct.error, ValueError) as error:
            raise source.error(f"damaged: the block at byte {at}: {error}") from error
        if kind in {_SECTION, _INTERFACE}:
            continue
        if _PACKET_HEADER + block.caplen + _TRAILER > len(content):
            raise source.error(f"damaged: a packet longer than its block, at byte {at}")
        if block.iface_id >= len(interfaces):
            raise source.error(
                f"damaged: the packet at byte {at} names an interface not described before it",
                key="interface",
                value=block.iface_id,
            )
        interface = interfaces[block.iface_id]
        _require_ethernet(source, interface.link_type)
        ticks = block.ts_high << 32 | block.ts_low
        time_ns = ticks * _NANOSECONDS // interface.ticks_per_s + interface.offset_s * _NANOSECONDS
        yield time_ns, block.pkt_data, block.pkt_len


def _pcapng_blocks(source: _Source) -> Iterator[tuple[int, str, int, bytes]]:
    """Yield each block's place, byte order, type and bytes; the section's type is taken already."""
    order = ""
    head = _SECTION.to_bytes(4, "big")
    while head:
        at = source.position - 4
        head += source.take(4)
        if head[:4] == _SECTION.to_bytes(4, "big"):  # the same in either byte order
            head += source.take(4)
            orders = {struct.pack(f"{each}I", pcapng.BYTE_ORDER_MAGIC): each for each in "<>"}
            if head[8:] not in orders:
                raise source.error(f"damaged: no byte-order magic at byte {at + 8}")
            order = orders[head[8:]]
        kind, length = struct.unpack_from(f"{order}2I", head)
        if length < len(head) + _TRAILER or length % 4:
            raise source.error(f"damaged: a block of {length} bytes at byte {at}")
        content = head + source.take(length - len(head))
        if content[-4:] != content[4:8]:
            raise source.error(f"damaged: the block at byte {at} ends with another length")
        yield at, order, kind, content
        head = source.take(4) if source.left else b""


def _interface(block: Any, order: str) -> _Interface:
    ticks_per_s, offset_s = 10**6, 0
    for option in block.opts:
        if option.code == pcapng.PCAPNG_OPT_IF_TSRESOL:
            (resolution,) = struct.unpack("B", option.data)
            ticks_per_s = (2 if resolution & 0x80 else 10) ** (resolution & 0x7F)
        elif option.code == pcapng.PCAPNG_OPT_IF_TSOFFSET:
            (offset_s,) = struct.unpack(f"{order}q", option.data)
    return _Interface(block.linktype, ticks_per_s, offset_s)


def _require_ethernet(source: _Source, link_type: int) -> None:
    if link_type != pcap.DLT_EN10MB:
        raise source.error(
            "packets of another link type", key="link type", value=link_type, allowed=_ETHERNET
        )
