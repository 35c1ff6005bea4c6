"""NBD links to real servers: what is opened, overlap, faults of the storage behind a server."""

from __future__ import annotations

import errno
import os
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from simaccess.buffer import Buffer, Shadow
from simaccess.errors import InputError, LinkError
from simaccess.methods.blocks import FixedBlocks
from simaccess.methods.copy_once import CopyOnce
from simaccess.methods.prefetch import Prefetch
from simaccess.operations import AccessMethod
from simaccess.real.clock import run
from simaccess.real.nbd_link import NbdLink, NbdOptions
from simaccess.real.urls import open_link
from tests.real.nbd_servers import (
    Server,
    free_port,
    nbd_server_file,
    nbdkit,
    qemu_nbd,
)

MIB = 1 << 20


def pattern(size: int) -> bytes:
    return bytes((7 * i + (i >> 8)) % 251 for i in range(251 * 256)) * (
        size // (251 * 256)
    ) + bytes((7 * i + (i >> 8)) % 251 for i in range(size % (251 * 256)))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "content"
    path.write_bytes(pattern(MIB))
    return path


@pytest.fixture
def started() -> Iterator[list[Server]]:
    """Servers put into this list are stopped in the end."""
    servers: list[Server] = []
    yield servers
    for server in servers:
        server.stop()


def link_to(server: Server, export: str = "", **options: str | int) -> NbdLink:
    link = open_link(server.url(export, **options))
    assert isinstance(link, NbdLink)
    return link


def buffer_over(link: NbdLink, method: AccessMethod) -> Buffer:
    return Buffer(Shadow(method, link.local), link.attach(), link.clock)


def read(buffer: Buffer, offset: int, length: int) -> bytes:
    view = run(buffer.read(offset, length))
    assert view is not None
    return bytes(view)


def read_all(buffer: Buffer, begin: int, end: int, step: int) -> None:
    for offset in range(begin, end, step):
        assert read(buffer, offset, step) == pattern(MIB)[offset : offset + step]


def loaded(link: NbdLink, offset: int, length: int) -> bytes:
    view = run(link.attach().load(offset, length))
    assert view is not None
    return bytes(view)


def test_the_example_in_the_documentation(started: list[Server], file: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "real-links.md").read_text(encoding="utf-8")
    found = re.search(r"<!-- nbd -->\n```python\n(.*?)```", page, re.DOTALL)
    assert found is not None
    started.append(nbdkit("file", file))
    names: dict[str, object] = {}
    exec(found.group(1).replace("nbd://localhost/", started[0].url()), names)
    assert names["total"] == sum(pattern(MIB)[::4096])
    assert names["waited"] != 0


def test_the_options_in_the_documentation_are_those_of_the_link() -> None:
    page = (Path(__file__).parents[2] / "docs" / "real-links.md").read_text(encoding="utf-8")
    part = page.partition("## Network Block Device servers")[2].partition("\n## ")[0]
    cells = [line.split("|")[1] for line in part.splitlines() if line.startswith("| `")]
    assert {key for cell in cells for key in re.findall(r"`(\w+)`", cell)} == set(
        NbdOptions.model_fields
    )


# -- what is opened --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "structured"),
    [
        ([], True),
        (["--no-sr"], False),
        (["--mask-handshake=0"], False),
        (["--mask-handshake=1"], True),
        (["--mask-handshake=2"], False),
    ],
)
def test_handshakes_of_every_age(
    started: list[Server], file: Path, arguments: list[str], structured: bool
) -> None:
    started.append(nbdkit(*arguments, "file", file))
    with link_to(started[0]) as link:
        assert link.size == MIB
        assert link.export.structured is structured
        assert (
            read(buffer_over(link, CopyOnce(FixedBlocks(5000), 4)), 4990, 5020)
            == (pattern(MIB)[4990 : 4990 + 5020])
        )


def test_the_oldstyle_handshake_is_refused(started: list[Server], file: Path) -> None:
    started.append(nbdkit("--oldstyle", "file", file))
    with pytest.raises(LinkError, match="oldstyle handshake only, which is not supported"):
        link_to(started[0])


def test_an_export_is_chosen_by_name(started: list[Server], tmp_path: Path) -> None:
    (tmp_path / "a b").write_bytes(b"first " * 100)
    (tmp_path / "ü").write_bytes(b"second" * 100)
    started.append(nbdkit("file", f"dir={tmp_path}", tcp=True))
    for name, content in [("a b", b"first "), ("ü", b"second")]:
        with link_to(started[0], name) as link:
            assert loaded(link, 0, 6) == content


def test_a_name_that_no_export_has(started: list[Server], file: Path) -> None:
    started.append(qemu_nbd(file, "--export-name=there"))
    with pytest.raises(InputError, match=r"no such export: .*not"):
        link_to(started[0], "elsewhere")
    server, _ = nbd_server_file()
    with pytest.raises((InputError, LinkError), match=r"no such export|refused|closed"):
        link_to(server, "elsewhere")


def test_a_part_of_an_export(started: list[Server], file: Path) -> None:
    started.append(nbdkit("file", file))
    with link_to(started[0], offset="1000 B", size="3000 B") as link:
        assert link.size == 3000
        assert (
            read(buffer_over(link, CopyOnce(FixedBlocks(700), 4)), 0, 3000)
            == (pattern(MIB)[1000:4000])
        )
        run(link.attach().store(2999, 1, memoryview(b"!")))
    assert file.read_bytes() == pattern(MIB)[:3999] + b"!" + pattern(MIB)[4000:]
    for options in ({"offset": "2 MiB"}, {"offset": "1 MiB", "size": "1 B"}):
        with pytest.raises(InputError, match=r"not all within the export.*its 1048576 bytes"):
            link_to(started[0], "", **options)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("nbd:", "no host"),
        ("nbd:///x", "no host"),
        ("nbd://h:99999/x", "not a port"),
        ("nbd://h:x/x", "not a port"),
        ("nbd://h/x?socket=/tmp/s", "a unix socket beside a host"),
        ("nbd+unix:///x", "no socket; allowed: nbd\\+unix:///EXPORT\\?socket=PATH"),
        ("nbd+unix://host/x?socket=/tmp/s", "a host beside a unix socket"),
        ("nbd://h/x?connections=0", "greater than or equal to 1"),
        ("nbd://h/x?connections=many", "connections = 'many'"),
        ("nbd://h/x?offset=3", "missing unit"),
        ("nbd://h/x?depth=3", "no such option"),
        ("nbd+unix:///x?socket=/nowhere/at/all", "no such socket"),
        ("nbd+unix:///x?socket=" + "x" * 200, "no such socket"),
    ],
)
def test_what_cannot_be_opened_is_told(url: str, problem: str) -> None:
    with pytest.raises(InputError, match=problem) as caught:
        open_link(url)
    assert len(str(caught.value).splitlines()) == 1


def test_nobody_listens() -> None:
    url = f"nbd://127.0.0.1:{free_port()}/"
    with pytest.raises(LinkError, match="cannot connect: Connection refused"):
        open_link(url)


def test_a_read_only_export_refuses_writes(started: list[Server], file: Path) -> None:
    started.append(nbdkit("--readonly", "file", file))
    with link_to(started[0], connections=2) as link:
        assert not link.writable
        segment = link.attach()
        with pytest.raises(InputError, match="the export is read-only"):
            run(segment.store(0, 1, memoryview(b"x")))
        with pytest.raises(InputError, match="the export is read-only"):
            run(segment.flush(0, 1, link.local(1), 0))


def test_connections_that_do_not_see_each_others_writes_are_refused(
    started: list[Server], file: Path
) -> None:
    alone = ("--filter=multi-conn", "file", file, "multi-conn-mode=disable")
    started.append(nbdkit(*alone))
    link_to(started[0]).close()
    with pytest.raises(InputError, match="connections = 2: the server does not promise"):
        link_to(started[0], connections=2)
    started.append(nbdkit("--readonly", *alone))
    link_to(started[1], connections=2).close()


def test_what_was_written_is_brought_to_storage(started: list[Server], file: Path) -> None:
    started.append(nbdkit("--filter=stats", "file", file, f"statsfile={file}.stats"))
    with link_to(started[0], connections=2) as link:
        segment, memory = link.attach(), link.local(1000)
        memory.view(0, 1000)[:] = b"y" * 1000
        transfers = [run(segment.flush(i * 1000, 1000, memory, 0)) for i in range(8)]
        link.sync()
        assert all(run(transfer.poll()) for transfer in transfers)
    assert file.read_bytes() == b"y" * 8000 + pattern(MIB)[8000:]
    os.kill(started[0].pid, 15)
    started[0].process.wait(10)
    assert "flush: 1 ops" in Path(f"{file}.stats").read_text()


def test_storage_that_cannot_be_flushed(started: list[Server]) -> None:
    started.append(nbdkit("--filter=fua", "eval", "get_size=echo 4096", "pread=cat /dev/zero"))
    with link_to(started[0]) as link, pytest.raises(LinkError, match="does not offer to flush"):
        link.sync()


# -- overlap ---------------------------------------------------------------------------------------


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


# -- faults ----------------------------------------------------------------------------------------


def test_errors_of_the_storage_fail_a_read_and_no_more(
    started: list[Server], file: Path, tmp_path: Path
) -> None:
    fails = tmp_path / "fails"
    settings = ("error=EIO", "error-rate=100%", f"error-file={fails}")
    started.append(nbdkit("--filter=error", "file", file, *settings))
    with link_to(started[0]) as link:
        buffer = buffer_over(link, Prefetch(FixedBlocks(1000), depth=4))
        assert read(buffer, 0, 1000) == pattern(MIB)[:1000]
        fails.touch()
        with pytest.raises(LinkError, match=r"refused the read of 1000 bytes at .*: EIO"):
            read_all(buffer, 1000, 20_000, 1000)
        with pytest.raises(LinkError, match="refused the write of 3 bytes at 5: EIO"):
            run(link.attach().store(5, 3, memoryview(b"abc")))
        fails.unlink()
        read_all(buffer, 1000, 20_000, 1000)


def test_a_server_killed_in_the_middle_of_transfers(started: list[Server], file: Path) -> None:
    started.append(nbdkit("--filter=rate", "file", file, "rate=2M"))
    with link_to(started[0]) as link:
        buffer = buffer_over(link, Prefetch(FixedBlocks(50_000), depth=4))
        read_all(buffer, 0, 150_000, 50_000)
        started[0].stop()
        with pytest.raises(LinkError, match=r"server closed the connection|connection was lost"):
            read_all(buffer, 150_000, MIB - 50_000, 50_000)
        assert not any(buffer.shadow.flights)
        assert read(buffer, 50_000, 50_000) == pattern(MIB)[50_000:100_000]  # the shadow has it
        with pytest.raises(LinkError, match=r"server closed|connection was lost"):
            read(buffer, 900_000, 10)
        with pytest.raises(LinkError, match="cannot connect"):
            link.cool()


def test_an_export_that_shrinks(started: list[Server], file: Path) -> None:
    started.append(nbdkit("file", file))
    with link_to(started[0]) as link:
        buffer = buffer_over(link, Prefetch(FixedBlocks(10_000), depth=2))
        assert read(buffer, 0, 10_000) == pattern(MIB)[:10_000]
        os.truncate(file, 100_000)
        with pytest.raises(LinkError, match="refused the read of 10000 bytes at"):
            read_all(buffer, 10_000, MIB - 10_000, 10_000)
        assert buffer.counters.requested == 110_000  # up to there, and the read that failed
        with pytest.raises(LinkError, match="the export had 1048576 bytes, now 100000"):
            link.cool()


def test_a_block_size_is_honoured_around_each_write(started: list[Server], file: Path) -> None:
    """The server refuses what is not aligned."""
    sizes = ("blocksize-minimum=4096", "blocksize-preferred=4096", "blocksize-maximum=8192")
    policy = ("--filter=blocksize-policy", "file", file, *sizes, "blocksize-error-policy=error")
    started.append(nbdkit(*policy))
    expected = bytearray(pattern(MIB))
    with link_to(started[0]) as link:
        segment, memory = link.attach(), link.local(MIB)
        assert (link.export.least, link.export.greatest) == (4096, 8192)
        transfers = []
        for number, (begin, end) in enumerate(
            [
                *[(0, 1), (1, 4096), (4096, 8192), (8191, 8193), (9000, 9001), (12000, 50000)],
                *[(50000, 50100), (50100, 50200), (50200, 60000), (MIB - 1, MIB), (61440, 61441)],
            ]
        ):
            memory.view(begin, end - begin)[:] = bytes([number + 1]) * (end - begin)
            expected[begin:end] = memory.view(begin, end - begin)
            transfers.append(run(segment.flush(begin, end - begin, memory, begin)))
        for transfer in transfers:
            run(transfer)
        assert loaded(link, 8000, 60000) == expected[8000:68000]
    assert file.read_bytes() == expected


def test_the_error_numbers_of_the_protocol_are_this_systems() -> None:
    from simaccess.real.nbd_request import _ERRORS  # noqa: PLC0415

    assert all(number == getattr(errno, name) for number, name in _ERRORS.items())
