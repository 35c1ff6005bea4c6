"""NBD links to real servers: what is opened, and what is refused."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from simaccess.errors import InputError, LinkError
from simaccess.methods.blocks import FixedBlocks
from simaccess.methods.copy_once import CopyOnce
from simaccess.real.clock import run
from simaccess.real.nbd_link import NbdOptions
from simaccess.real.urls import open_link
from tests.real.nbd_files import MIB, link_to, loaded, pattern
from tests.real.nbd_servers import (
    Server,
    free_port,
    nbd_server_file,
    nbdkit,
    qemu_nbd,
)
from tests.real.reading import buffer_over, read


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
