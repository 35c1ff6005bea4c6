"""Faults of an HTTP server: a clear error in time, and no wrong byte."""

from __future__ import annotations

import re
import socket
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from simaccess.errors import InputError, LinkError
from simaccess.methods.blocks import FixedBlocks
from simaccess.methods.copy_once import CopyOnce
from simaccess.methods.prefetch import Prefetch
from simaccess.methods.zero_copy import ZeroCopy
from simaccess.operations import AccessMethod
from simaccess.real.urls import open_link
from tests.real.http_faults import (
    Bad,
    elsewhere,
    encoded,
    garbage,
    hangs,
    longer,
    replaced,
    reset,
    short,
    shrunk,
    status,
    unlengthened,
    untold,
    whole,
    whole_of_that_length,
)
from tests.real.reading import buffer_over, read
from tests.real.remote_content import CONTENT
from tests.real.scripted_http import Request, ScriptedServer, answer_206, scripted
from tests.real.servers import NginxServer, end, free_port, nginx_program

FAULTS: dict[Bad, str] = {
    status("404 Not Found"): "no such file any more",
    status("403 Forbidden"): "not allowed",
    status("500 Internal Server Error"): "answers 500 Internal Server Error",
    status("503 Busy"): "answers 503 Busy",
    whole: "ignores range requests",
    whole_of_that_length: "ignores range requests",
    elsewhere: "answered is 'bytes 0-",
    untold: "without a usable Content-Range: ''",
    shrunk: "has changed: it had 20000 bytes and has 19999",
    replaced: "has changed: its tag was",
    encoded: r"is encoded \(gzip\)",
    longer: "were asked for, [0-9]+ are sent",
    short: "ClientPayloadError",
    unlengthened: "were asked for, [0-9]+ have come",
    reset: "Connection|Payload",
    hangs: "no answer within 0.3 s",
    garbage: "BadStatus|Bad status|400",
}


@pytest.mark.parametrize("method", ["zero-copy", "copy-once", "prefetch"])
@pytest.mark.parametrize(("bad", "told"), FAULTS.items(), ids=map(str, FAULTS.values()))
def test_a_fault_ends_in_a_clear_error_and_no_wrong_byte(bad: Bad, told: str, method: str) -> None:
    """The first requests after the opening are fine, then some go wrong, then all is well."""
    wrong = range(4, 7)

    def script(server: ScriptedServer, request: Request, peer: socket.socket) -> bool:
        if request.number in wrong:
            return bad(server, request, peer)
        return answer_206(server, request, peer, headers='ETag: "one"\r\n')

    methods: dict[str, Callable[[], AccessMethod]] = {
        "zero-copy": ZeroCopy,
        "copy-once": lambda: CopyOnce(FixedBlocks(1000), 4),
        "prefetch": lambda: Prefetch(FixedBlocks(1000), depth=3),
    }
    errors: list[str] = []
    with (
        scripted(CONTENT, script) as server,
        open_link(f"{server.url}#timeout=300 ms") as link,
    ):
        buffer = buffer_over(link, methods[method]())
        offset = 0
        while offset < len(CONTENT):
            before = bytes(buffer.shadow.memory.view(0, buffer.shadow.memory.size) or b"")
            begin = time.monotonic()
            try:
                assert read(buffer, offset, 500) == CONTENT[offset : offset + 500]
            except LinkError as failed:
                errors.append(str(failed))
                assert time.monotonic() - begin < 20  # no hang
                if method == "copy-once":  # the only transfer has failed
                    memory = buffer.shadow.memory
                    assert bytes(memory.view(0, memory.size) or b"") == before
                assert not any(buffer.shadow.flights)
            else:
                offset += 500
    assert errors
    for error in errors:
        assert len(error.splitlines()) == 1
        assert server.url in error
        assert re.search(told, error), error


@pytest.mark.parametrize(
    ("bad", "kind", "told"),
    [
        (status("404 Not Found"), InputError, "no such file"),
        (status("403 Forbidden"), InputError, "not allowed"),
        (status("500 Oh"), LinkError, "answers 500 Oh"),
        (whole, LinkError, "ignores range requests"),
        (reset, LinkError, "Payload|Connection"),
        (hangs, LinkError, "no answer within 0.3 s"),
        (untold, LinkError, "Content-Range"),
    ],
)
def test_a_file_that_cannot_be_opened(bad: Bad, kind: type[Exception], told: str) -> None:
    with scripted(CONTENT, bad) as server, pytest.raises(kind, match=told) as caught:
        open_link(f"{server.url}#timeout=0.3 s")
    assert server.url in str(caught.value)


def test_nobody_listens() -> None:
    with pytest.raises(LinkError, match="Connect"):
        open_link(f"http://127.0.0.1:{free_port()}/x")


def test_a_server_that_is_killed() -> None:
    """Every read is right or fails, soon, whatever is in flight when nginx dies."""
    if (program := nginx_program()) is None:
        pytest.skip("needs nginx (Debian: nginx-light)")
    with tempfile.TemporaryDirectory() as root:
        server = NginxServer(program, Path(root))
        url = server.put(CONTENT * 500)
        try:
            with open_link(f"{url}#timeout=2 s") as link:
                buffer = buffer_over(link, Prefetch(FixedBlocks(100_000), depth=8, initial=8))
                for number in range(10):
                    offset = 100_000 * number
                    assert read(buffer, offset, 20_000) == CONTENT
                server.process.kill()
                server.process.wait()
                failed = 0
                for number in range(10, 100):
                    try:
                        assert read(buffer, 100_000 * number, 20_000) == CONTENT
                    except LinkError:
                        failed += 1
                assert failed > 50
        finally:
            end(server.process)
