"""Transfers that are given up under way: they touch nothing any more, and the link goes on."""

from __future__ import annotations

import random
import signal
import threading
import time
from itertools import pairwise
from types import FrameType

import pytest

from simaccess.errors import LinkError
from simaccess.real.clock import run
from simaccess.real.nbd import open_link
from simaccess.real.nbd_request import READ, WRITE, Request
from tests.real.nbd_clients import buffer_over, soon
from tests.real.nbd_far_end import DONE, SEGMENT, data_chunk
from tests.real.reading import read
from tests.real.scripted_server import FarEnd, Got, scripted


@pytest.mark.parametrize("how", ["cancel", "drop"])
def test_a_transfer_that_nobody_holds_touches_nothing(how: str) -> None:
    go_on = threading.Event()

    def script(end: FarEnd) -> None:
        first = end.request()
        end.send(end.answer(first)[:40])
        assert go_on.wait(20)
        end.send(end.answer(first)[40:])
        end.serve()

    with scripted(script) as url, open_link(url) as link:
        segment, memory = link.attach(), link.local(200)
        transfer = run(segment.fetch(0, 100, memory, 0))
        while not any(memory.view(0, 12)):  # until the first of its bytes have come
            assert not run(transfer.poll())
        if how == "cancel":
            assert not run(transfer.cancel())
            go_on.set()
            with pytest.raises(LinkError, match="was withdrawn"):
                run(transfer)
        else:
            del transfer
            go_on.set()
        view = run(segment.load(100, 10))
        assert view is not None
        assert bytes(view) == SEGMENT[100:110]
        assert bytes(memory.view(0, 200)) == SEGMENT[:12] + bytes(188)


@pytest.mark.parametrize("how", ["cancel", "drop"])
def test_a_write_given_up_half_sent_is_not_torn(how: str) -> None:
    go_on = threading.Event()
    size = 1 << 24
    taken: list[bytes] = []

    def script(end: FarEnd) -> None:
        assert go_on.wait(20)
        for _ in range(2):
            got = end.request()
            taken.append(got.data)
            end.send(end.answer(got))

    with scripted(script, size=size) as url, open_link(url) as link:
        segment, memory = link.attach(), link.local(size)
        transfer = run(segment.flush(0, size, memory, 0))
        if how == "cancel":
            assert not run(transfer.cancel())
        del transfer
        memory.view(0, size)[:] = b"x" * size
        go_on.set()
        run(segment.store(1, 3, memoryview(b"abc")))
        assert taken == [bytes(size), b"abc"]


def test_a_rest_as_long_as_a_header_is_not_taken_for_one() -> None:
    with scripted(FarEnd.serve) as url, open_link(url) as link:
        (connection,) = link._connections
        request = Request(WRITE, 0, 100)
        connection.replies.expect(request)
        connection.queue.append((request, memoryview(b"x" * len(request.header()))))
        assert not connection.withdraw(request)
        assert [bytes(part) for _, part in connection.queue] == [b"x" * 28]


def test_a_destructor_in_the_middle_of_a_call_touches_no_queue() -> None:
    with scripted(FarEnd.serve) as url, open_link(url) as link:
        (connection,) = link._connections
        request = Request(READ, 0, 100, memoryview(bytearray(100)))
        connection.replies.expect(request)
        connection.queue.append((request, memoryview(request.header())))
        connection.whole = False
        link.let_go([request])
        assert request.view is None
        assert connection.queue
        assert not connection.whole


def test_a_request_that_was_not_sent_is_withdrawn_whole() -> None:
    go_on = threading.Event()
    size = 1 << 24
    taken: list[tuple[int, int]] = []

    def script(end: FarEnd) -> None:
        assert go_on.wait(20)
        while True:
            got = end.request()
            taken.append((got.offset, got.length))
            end.send(end.answer(got))

    with scripted(script, size=size) as url, open_link(url) as link:
        segment, memory = link.attach(), link.local(size)
        first = run(segment.flush(1 << 20, 1 << 23, memory, 0))
        second = run(segment.flush(0, 1000, memory, 0))
        assert run(second.cancel())
        assert run(second.poll())
        third = run(segment.fetch(0, 1000, memory, 0))
        go_on.set()
        for transfer in (first, third):
            run(transfer)
        assert taken == [(1 << 20, 1 << 23), (0, 1000)]


class Interrupted(KeyboardInterrupt):
    pass


@pytest.mark.parametrize("connections", [1, 2])
@pytest.mark.parametrize(("size", "cuts"), [(1000, (50,)), (1 << 20, (70_000, 70_001, 300_000))])
def test_an_interrupted_wait_leaves_the_link_usable(
    size: int, cuts: tuple[int, ...], connections: int
) -> None:
    """Whatever had come by then has been counted: what comes later still is where it belongs."""

    def interrupt(_: int, __: FrameType | None) -> None:
        raise Interrupted

    content = random.Random(size).randbytes(size)
    go_on = threading.Event()

    def answered(got: Got) -> bytes:
        data = content[got.offset : got.offset + got.length]
        return data_chunk(got.cookie, got.offset, data, DONE)

    def script(end: FarEnd) -> None:
        first = answered(end.request())
        for begin, stop in pairwise((0, *cuts)):
            end.send(first[begin:stop])
            time.sleep(0.01)
        assert go_on.wait(20)
        end.send(first[cuts[-1] :])
        while True:
            end.send(answered(end.request()))

    if threading.current_thread() is not threading.main_thread():
        pytest.skip("signals reach the main thread only")
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        with scripted(script, connections=connections, size=size) as url, open_link(url) as link:
            buffer = buffer_over(link, "copy-once", block=size // 2)
            signal.setitimer(signal.ITIMER_REAL, 0.2)
            with soon(), pytest.raises(Interrupted):
                read(buffer, 0, 10)
            assert not any(buffer.shadow.flights)
            go_on.set()
            assert read(buffer, 0, size) == content
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
