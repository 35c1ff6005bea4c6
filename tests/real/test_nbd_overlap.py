"""NBD links to real servers: many requests under way, large ones, and work meanwhile."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest

from simaccess.methods.blocks import FixedBlocks
from simaccess.methods.copy_once import CopyOnce
from simaccess.methods.prefetch import Prefetch
from simaccess.operations import AccessMethod
from simaccess.real.clock import run
from simaccess.real.nbd_link import NbdLink
from tests.real.nbd_files import MIB, link_to, pattern
from tests.real.nbd_servers import (
    Server,
    nbdkit,
    qemu_nbd,
)
from tests.real.reading import buffer_over, read


@pytest.mark.parametrize("connections", [1, 2])
def test_prefetch_overlaps_the_delays_of_a_slow_server(
    started: list[Server], file: Path, connections: int
) -> None:
    started.append(nbdkit("--filter=delay", "file", file, "rdelay=20ms"))
    block, blocks = 10_000, 40

    def seconds(link: NbdLink, method: AccessMethod) -> float:
        buffer = buffer_over(link, method)
        begin = time.perf_counter()
        for offset in range(0, block * blocks, block):
            assert read(buffer, offset, block) == content[offset : offset + block]
        return time.perf_counter() - begin

    content = pattern(MIB)
    with link_to(started[0], connections=connections) as link:
        once = seconds(link, CopyOnce(FixedBlocks(block), 20))
        ahead = seconds(link, Prefetch(FixedBlocks(block), depth=8))
        assert once >= 0.02 * blocks
        assert once > 2.5 * ahead  # 8 in flight: about 7 on a quiet machine
        assert link.clock.wait > link.clock.compute


def test_a_transfer_goes_on_while_the_consumer_works(started: list[Server], file: Path) -> None:
    """Work that is as long as the server's delay leaves little to wait for."""
    started.append(nbdkit("--filter=delay", "file", file, "rdelay=100ms"))

    def waited(work: int) -> int:
        transfer = run(segment.fetch(0, 50_000, memory, 0))
        run(link.clock.work(work))
        before = link.clock.wait
        run(transfer)
        assert bytes(memory.view(0, 50_000)) == pattern(MIB)[:50_000]
        return link.clock.wait - before

    with link_to(started[0]) as link:
        segment, memory = link.attach(), link.local(50_000)
        idle = min(waited(0) for _ in range(3))
        assert min(waited(200_000_000) for _ in range(3)) < idle / 2


def test_an_issue_takes_what_has_arrived_before_a_buffer_is_full(
    started: list[Server], file: Path
) -> None:
    """Small requests leave it in the socket; once what was asked for may fill that, it is taken."""
    started.append(nbdkit("file", file))
    with link_to(started[0]) as link:
        segment, memory = link.attach(), link.local(100_300)
        first = run(segment.fetch(0, 100, memory, 0))
        end = time.monotonic() + 20
        while len(link._connections[0].socket.recv(128, socket.MSG_PEEK)) < 20 + 8 + 100:
            assert time.monotonic() < end
        run(run(segment.fetch(100, 100, memory, 100)))
        assert bytes(memory.view(0, 200)) == pattern(200)
        first = run(segment.fetch(0, 100, memory, 0))
        memory.view(0, 100)[:] = bytes(100)
        while len(link._connections[0].socket.recv(128, socket.MSG_PEEK)) < 20 + 8 + 100:
            assert time.monotonic() < end
        second = run(segment.fetch(300, 100_000, memory, 300))
        assert bytes(memory.view(0, 100)) == pattern(100)
        assert link.clock.copy > 0
        before = link.clock.wait
        run(first)
        assert link.clock.wait == before
        run(second)
        assert link.clock.wait > before


@pytest.mark.parametrize("connections", [1, 3])
def test_reads_and_writes_of_many_mebibytes_at_once(
    started: list[Server], file: Path, connections: int
) -> None:
    """Both sides' socket buffers fill up; neither waits for the other for ever."""
    size = 48 * MIB
    file.write_bytes(pattern(size))
    started.append(nbdkit("--threads=2", "file", file))
    with link_to(started[0], connections=connections) as link:
        segment, memory, source = link.attach(), link.local(size // 2), link.local(4 * MIB)
        source.view(0, 4 * MIB)[:] = b"w" * (4 * MIB)
        transfers = []
        for offset in range(0, size // 2, 4 * MIB):
            transfers.append(run(segment.fetch(offset, 4 * MIB, memory, offset)))
            transfers.append(run(segment.flush(size // 2 + offset, 4 * MIB, source, 0)))
        for transfer in reversed(transfers):
            run(transfer)
        assert memory.view(0, size // 2) == pattern(size)[: size // 2]
        assert segment.moved == size
    assert file.read_bytes()[size // 2 :] == b"w" * (size // 2)


def test_a_request_above_the_greatest_is_split(started: list[Server], tmp_path: Path) -> None:
    size = 40 * MIB  # qemu-nbd takes 32 MiB
    file = tmp_path / "large"
    file.write_bytes(pattern(size))
    started.append(qemu_nbd(file))
    with link_to(started[0]) as link:
        assert link.export.greatest == 32 * MIB
        segment, memory = link.attach(), link.local(size)
        run(run(segment.fetch(0, size, memory, 0)))
        assert memory.view(0, size) == file.read_bytes()
        memory.view(0, size)[:] = bytes(size)
        run(run(segment.flush(0, size, memory, 0)))
    assert not any(file.read_bytes())
