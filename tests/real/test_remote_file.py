"""Remote files: overlap, faults of the far end, what is refused, S3."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from simaccess.buffer import Buffer, Shadow
from simaccess.errors import InputError, LinkError
from simaccess.methods.blocks import FixedBlocks
from simaccess.methods.copy_once import CopyOnce
from simaccess.methods.prefetch import Prefetch
from simaccess.methods.zero_copy import ZeroCopy
from simaccess.operations import AccessMethod
from simaccess.real.clock import run
from simaccess.real.link import RealLink
from simaccess.real.urls import open_link
from tests.real.scripted_http import Request, ScriptedServer, answer_206, scripted
from tests.real.servers import NginxServer, end, free_port, nginx, nginx_program, wait_for

CONTENT = bytes((7 * i + (i >> 8)) % 251 for i in range(20_000))

Bad = Callable[[ScriptedServer, Request, socket.socket], bool]


def buffer_of(link: RealLink, method: AccessMethod) -> Buffer:
    return Buffer(Shadow(method, link.local), link.attach(), link.clock)


def read(buffer: Buffer, offset: int, length: int) -> bytes:
    view = run(buffer.read(offset, length))
    assert view is not None
    return bytes(view)


# -- faults ----------------------------------------------------------------------------------------


def status(line: str) -> Bad:
    return lambda server, request, peer: answer_206(server, request, peer, status=line, told="")


def whole(server: ScriptedServer, request: Request, peer: socket.socket) -> bool:
    return answer_206(server, request, peer, status="200 OK", told="", body=server.content)


def whole_of_that_length(server: ScriptedServer, request: Request, peer: socket.socket) -> bool:
    return answer_206(server, request, peer, status="200 OK", told="")


def elsewhere(server: ScriptedServer, request: Request, peer: socket.socket) -> bool:
    length = request.last - request.first + 1
    return answer_206(
        server, request, peer, told=f"bytes 0-{length - 1}/20000", body=server.content[:length]
    )


def untold(server: ScriptedServer, request: Request, peer: socket.socket) -> bool:
    return answer_206(server, request, peer, told="")


def shrunk(server: ScriptedServer, request: Request, peer: socket.socket) -> bool:
    told = f"bytes {request.first}-{request.last}/19999"
    return answer_206(server, request, peer, told=told)


def replaced(server: ScriptedServer, request: Request, peer: socket.socket) -> bool:
    return answer_206(server, request, peer, headers='ETag: "two"\r\n')


def encoded(server: ScriptedServer, request: Request, peer: socket.socket) -> bool:
    return answer_206(server, request, peer, headers="Content-Encoding: gzip\r\n")


def longer(server: ScriptedServer, request: Request, peer: socket.socket) -> bool:
    body = server.content[request.first : request.last + 2]
    return answer_206(server, request, peer, body=body)


def short(server: ScriptedServer, request: Request, peer: socket.socket) -> bool:
    body = server.content[request.first : request.last]
    return answer_206(server, request, peer, body=body, length=len(body) + 1)


def unlengthened(server: ScriptedServer, request: Request, peer: socket.socket) -> bool:
    """Send too little until the end of the connection, which is all that tells the length."""
    told = f"bytes {request.first}-{request.last}/{len(server.content)}"
    head = f"HTTP/1.1 206 Partial Content\r\nContent-Range: {told}\r\nConnection: close\r\n\r\n"
    peer.sendall(head.encode() + server.content[request.first : request.last])
    return False


def reset(server: ScriptedServer, request: Request, peer: socket.socket) -> bool:
    body = server.content[request.first : min(request.first + 10, request.last)]
    answer_206(server, request, peer, body=body, length=request.last - request.first + 1)
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


def hangs(server: ScriptedServer, request: Request, peer: socket.socket) -> bool:
    body = server.content[request.first : min(request.first + 10, request.last)]
    answer_206(server, request, peer, body=body, length=request.last - request.first + 1)
    server.closing.wait(30)
    return False


def garbage(server: ScriptedServer, request: Request, peer: socket.socket) -> bool:  # noqa: ARG001
    peer.sendall(b"SSH-2.0-what\r\n\r\n")
    return False


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
        buffer = buffer_of(link, methods[method]())
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


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("what://x/y", "Protocol not known: what; allowed: .*https"),
        ("memory:/x", "allowed: X://"),
        ("memory://nowhere", "no such file"),
        ("memory://x#timeout=0 s", "timeout = '0 s'"),
        ("memory://x#conections=4", "did you mean 'connections'"),
        ("gs://bucket/key", r"gcsfs.*allowed: pip install 'simaccess\[remote\]'"),
    ],
)
def test_a_url_that_is_refused(url: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        open_link(url)


def test_fsspec_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    told = r"fsspec is not installed; allowed: pip install 'simaccess\[remote\]'"
    with pytest.raises(InputError, match=told):
        open_link("https://example.org/x")


def test_an_empty_file() -> None:
    with open_link(nginx().put(b"")) as link:
        assert link.size == 0


def test_what_cannot_be_written_is_refused() -> None:
    with open_link(nginx().put(CONTENT)) as link:
        assert not link.writable
        buffer = buffer_of(link, ZeroCopy())
        with pytest.raises(InputError, match="cannot be written"):
            run(buffer.write(0, 3, memoryview(b"abc")))
        buffer = buffer_of(link, CopyOnce(FixedBlocks(1000), 4))
        run(buffer.write(0, 3, memoryview(b"abc")))
        with pytest.raises(InputError, match="cannot be written"):
            run(buffer.sync())


def test_a_server_that_is_killed() -> None:
    """Every read is right or fails, soon, whatever is in flight when nginx dies."""
    if (program := nginx_program()) is None:
        pytest.skip("needs nginx (Debian: nginx-light)")
    with tempfile.TemporaryDirectory() as root:
        server = NginxServer(program, Path(root))
        url = server.put(CONTENT * 500)
        try:
            with open_link(f"{url}#timeout=2 s") as link:
                buffer = buffer_of(link, Prefetch(FixedBlocks(100_000), depth=8, initial=8))
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


# -- transfers -------------------------------------------------------------------------------------


def delayed(seconds: float) -> Bad:
    def script(server: ScriptedServer, request: Request, peer: socket.socket) -> bool:
        server.closing.wait(seconds)
        return answer_206(server, request, peer)

    return script


def test_prefetch_overlaps_requests_and_work() -> None:
    """Copy-once pays each delay and the work; prefetch's copies hide behind the work."""
    work = 20_000_000  # ns a block

    def seconds(method: AccessMethod) -> tuple[float, int]:
        with scripted(CONTENT, delayed(0.02)) as server, open_link(server.url) as link:
            buffer = buffer_of(link, method)
            begin = time.monotonic()
            for offset in range(0, len(CONTENT), 1000):
                assert read(buffer, offset, 1000) == CONTENT[offset : offset + 1000]
                run(link.clock.work(work))
            return time.monotonic() - begin, server.most

    once, alone = seconds(CopyOnce(FixedBlocks(1000), 16))
    ahead, together = seconds(Prefetch(FixedBlocks(1000), depth=4, initial=4))
    assert alone == 1
    assert together >= 3
    assert once >= 20 * 0.04
    assert ahead < 0.75 * once


def test_no_more_requests_than_connections() -> None:
    with scripted(CONTENT, delayed(0.01)) as server:
        with open_link(f"{server.url}#connections=2") as link:
            buffer = buffer_of(link, Prefetch(FixedBlocks(500), depth=8, initial=8))
            for offset in range(0, len(CONTENT), 500):
                assert read(buffer, offset, 500) == CONTENT[offset : offset + 500]
        assert server.most == 2


def test_a_withdrawn_transfer_writes_nothing() -> None:
    with scripted(CONTENT, delayed(0.05)) as server, open_link(server.url) as link:
        segment, memory = link.attach(), link.local(3000)
        transfers = [run(segment.fetch(1000 * i, 1000, memory, 1000 * i)) for i in range(3)]
        assert not run(transfers[1].poll())
        assert run(transfers[1].cancel())
        for transfer in (transfers[0], transfers[2]):
            run(transfer)
            assert run(transfer.poll())
            assert not run(transfer.cancel())
        time.sleep(0.1)
        view = memory.view(0, 3000)
        assert view is not None
        assert bytes(view) == CONTENT[:1000] + bytes(1000) + CONTENT[2000:3000]


def test_an_interrupted_wait_writes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted(CONTENT, delayed(0.05)) as server, open_link(server.url) as link:
        segment, memory = link.attach(), link.local(1000)
        transfer = run(segment.fetch(0, 1000, memory, 0))

        def interrupted(*_: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(type(transfer._future), "result", interrupted)  # type: ignore[attr-defined]  # the backend's own
            with pytest.raises(KeyboardInterrupt):
                run(transfer)
        time.sleep(0.1)
        assert bytes(memory.view(0, 1000) or b"") == bytes(1000)


def test_within_another_event_loop_the_thread_makes_the_requests() -> None:
    """As in a notebook, whose cells run within one."""

    async def cell() -> None:
        with open_link(server.url) as link:
            buffer = buffer_of(link, Prefetch(FixedBlocks(1000), depth=4))
            for offset in range(0, len(CONTENT), 1000):
                view = await buffer.read(offset, 1000)
                assert view is not None
                assert bytes(view) == CONTENT[offset : offset + 1000]

    with scripted(CONTENT, delayed(0.002)) as server:
        asyncio.run(cell())


def test_a_signal_in_the_midst_of_a_wait_spoils_nothing_later() -> None:
    """Whatever it interrupted, the next request has a connection of its own and the right bytes."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        with scripted(CONTENT, delayed(0.05)) as server, open_link(server.url) as link:
            segment, memory = link.attach(), link.local(2000)
            transfers = [run(segment.fetch(1000 * i, 1000, memory, 1000 * i)) for i in range(2)]
            signal.setitimer(signal.ITIMER_REAL, 0.02)
            with pytest.raises(KeyboardInterrupt):
                run(transfers[0])
            time.sleep(0.1)
            assert bytes(memory.view(0, 2000) or b"") == bytes(2000)
            with pytest.raises(LinkError, match="withdrawn"):
                run(transfers[1])
            run(run(segment.fetch(500, 1000, memory, 0)))
            assert bytes(memory.view(0, 1000) or b"") == CONTENT[500:1500]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_a_closed_link_says_so() -> None:
    with scripted(CONTENT, answer_206) as server:
        with open_link(server.url) as link:
            segment = link.attach()
        with pytest.raises(LinkError, match="the link is closed"):
            run(segment.load(0, 10))


def test_cooling_drops_the_connections() -> None:
    with scripted(CONTENT, answer_206) as server, open_link(server.url) as link:
        segment = link.attach()
        for _ in range(3):
            run(segment.load(0, 10))
        assert server.connections == 1
        assert link.cool()
        run(segment.load(0, 10))
        assert server.connections == 2


def test_links_share_the_switch_interval() -> None:
    before = sys.getswitchinterval()
    url = nginx().put(CONTENT)
    with open_link(f"{url}#switch=200 us"):
        assert sys.getswitchinterval() == pytest.approx(200e-6, abs=2e-6)
        with open_link(url):
            assert sys.getswitchinterval() == pytest.approx(100e-6, abs=2e-6)
        assert sys.getswitchinterval() == pytest.approx(200e-6, abs=2e-6)
    assert sys.getswitchinterval() == before


def test_tallies_of_the_clock_sum_to_the_run() -> None:
    with scripted(CONTENT, delayed(0.01)) as server, open_link(server.url) as link:
        buffer = buffer_of(link, CopyOnce(FixedBlocks(4096), 2))
        read(buffer, 0, len(CONTENT))
        clock = link.clock
        total = clock.time - clock.start
        assert clock.wait > 0
        assert clock.issue > 0
        tallies = (clock.compute, clock.stall, clock.copy, clock.issue, clock.wait)
        assert sum(tallies) == total


# -- S3 --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """Serve S3 by moto, with one object in it."""
    keys = {
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    port = free_port()
    endpoint = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **keys},
    )
    with pytest.MonkeyPatch.context() as patch:
        for key, value in (keys | {"AWS_ENDPOINT_URL": endpoint}).items():
            patch.setenv(key, value)
        try:
            wait_for(port, process, 60)
            client: Any = boto3.client("s3")
            client.create_bucket(Bucket="bucket")
            client.put_object(Bucket="bucket", Key="key", Body=CONTENT)
            yield "s3://bucket"
        finally:
            end(process)


@pytest.mark.slow
@pytest.mark.parametrize(
    "method",
    [ZeroCopy(), CopyOnce(FixedBlocks(1000), 4), Prefetch(FixedBlocks(1000), depth=4)],
    ids=["zero-copy", "copy-once", "prefetch"],
)
def test_s3_objects(bucket: str, method: AccessMethod) -> None:
    with open_link(f"{bucket}/key") as link:
        assert link.size == len(CONTENT)
        assert not link.writable
        buffer = buffer_of(link, method)
        for offset in range(0, len(CONTENT), 700):
            length = min(700, len(CONTENT) - offset)
            assert read(buffer, offset, length) == CONTENT[offset : offset + length]


@pytest.mark.slow
def test_s3_object_that_is_not_there(bucket: str) -> None:
    with pytest.raises(InputError, match="no such file"):
        open_link(f"{bucket}/none")
