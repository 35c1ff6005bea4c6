"""NBD links to real servers whose storage fails, shrinks, or takes whole blocks only."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from simaccess.errors import LinkError
from simaccess.methods.blocks import FixedBlocks
from simaccess.methods.prefetch import Prefetch
from simaccess.real.clock import run
from tests.real.nbd_files import MIB, link_to, loaded, pattern, read_all
from tests.real.nbd_servers import (
    Server,
    nbdkit,
)
from tests.real.reading import buffer_over, read


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
