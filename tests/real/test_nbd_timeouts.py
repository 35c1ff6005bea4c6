"""A server that does not answer in time: the wait ends all the same, and the link goes on."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from simaccess.errors import InputError, LinkError
from simaccess.real.clock import run
from simaccess.real.nbd import open_link
from tests.real.nbd_clients import SIZE, soon
from tests.real.nbd_far_end import DONE, SEGMENT, data_chunk
from tests.real.scripted_server import FarEnd, scripted

RECEIVE_TIMEOUT = (socket.SOL_SOCKET, socket.SO_RCVTIMEO)


@pytest.mark.parametrize("connections", [1, 2])
@pytest.mark.parametrize("structured", [False, True])
def test_an_answer_that_comes_too_late_touches_nothing(structured: bool, connections: int) -> None:
    go_on = threading.Event()

    def script(end: FarEnd) -> None:
        first = end.request()
        assert go_on.wait(20)
        end.send(end.answer(first))
        end.serve()

    with (
        scripted(script, structured=structured, timeout="200 ms", connections=connections) as url,
        open_link(url) as link,
    ):
        segment, memory = link.attach(), link.local(200)
        transfer = run(segment.fetch(0, 100, memory, 0))
        with soon(), pytest.raises(LinkError, match=r"got no answer within 0\.2 s"):
            run(transfer)
        with soon(), pytest.raises(LinkError, match=r"got no answer within 0\.2 s"):
            run(segment.load(1, 2))
        go_on.set()
        for _ in range(20):
            try:
                run(run(segment.fetch(100, 100, memory, 100)))
                break
            except LinkError:  # on a busy machine the answer to the first comes late once more
                continue
        assert bytes(memory.view(0, 200)) == bytes(100) + SEGMENT[100:200]
        assert link.clock.wait > 0


def test_a_short_timeout_does_not_wait_in_the_kernels_ticks() -> None:
    """They are up to 10 ms, and rounded up; `poll` is exact to a millisecond."""
    stop = threading.Event()

    def script(end: FarEnd) -> None:
        end.request()
        stop.wait(20)

    with scripted(script, timeout="150 ms") as url:
        for attempt in range(20):
            try:
                link = open_link(url)
                break
            except LinkError:  # on a busy machine the handshake takes longer
                assert attempt < 19
        with link:
            (connection,) = link._connections
            assert not any(connection.socket.getsockopt(*RECEIVE_TIMEOUT, 16))
            begin = time.perf_counter()
            with soon(), pytest.raises(LinkError, match=r"got no answer within 0\.15 s"):
                run(link.attach().load(0, 1))
            assert time.perf_counter() - begin >= 0.15
        stop.set()


def test_a_timeout_that_cannot_be_kept_is_refused() -> None:
    with pytest.raises(InputError, match=r"timeout = '0\.9 ms'"):
        open_link("nbd://127.0.0.1:1/?timeout=0.9 ms")


@pytest.mark.parametrize(("size", "piece", "pause"), [(SIZE, 1, 0.05), (1 << 23, 4096, 0.01)])
def test_a_server_that_dribbles_does_not_prolong_the_wait(
    size: int, piece: int, pause: float
) -> None:
    def script(end: FarEnd) -> None:
        got = end.request()
        answer = data_chunk(got.cookie, got.offset, bytes(got.length), DONE)
        for place in range(0, len(answer), piece):
            end.send(answer[place : place + piece])
            time.sleep(pause)

    with scripted(script, timeout="300 ms", size=size) as url, open_link(url) as link:
        segment, memory = link.attach(), link.local(size)
        transfer = run(segment.fetch(0, size, memory, 0))
        with soon(), pytest.raises(LinkError, match="no answer within"):
            run(transfer)


@pytest.mark.parametrize("connections", [1, 2])
def test_a_server_that_takes_nothing_ends_a_write_in_time(connections: int) -> None:
    stop = threading.Event()
    size = 1 << 24

    def script(_: FarEnd) -> None:
        stop.wait(20)

    with (
        scripted(script, timeout="200 ms", size=size, connections=connections) as url,
        open_link(url) as link,
    ):
        segment, memory = link.attach(), link.local(size)
        transfer = run(segment.flush(0, size, memory, 0))
        with soon(), pytest.raises(LinkError, match=r"write of .* got no answer"):
            run(transfer)
        with soon(), pytest.raises(LinkError, match="no answer"):
            run(segment.store(100, 8, memoryview(b"12345678")))
        stop.set()


def test_cooling_leaves_a_server_that_does_not_answer() -> None:
    def script(end: FarEnd) -> None:
        if end.number:
            end.serve()
        end.request()
        end.socket.recv(1)

    with scripted(script, timeout="200 ms") as url, open_link(url) as link:
        segment = link.attach()
        with pytest.raises(LinkError, match="no answer"):
            run(segment.store(0, 3, memoryview(b"abc")))
        assert link.cool()
        view = run(segment.load(0, 10))
        assert view is not None
        assert bytes(view) == SEGMENT[:10]


def test_a_server_that_is_silent_in_the_handshake() -> None:
    def script(end: FarEnd) -> None:
        end.socket.recv(1)

    problem = r"no answer within 0\.2 s in the handshake"
    asked = scripted(script, shakes_hands=False, timeout="200 ms")
    with asked as url, soon(), pytest.raises(LinkError, match=problem):
        open_link(url)
