"""A server that fails: one clear error in time, no wrong byte, nothing left under way."""

from __future__ import annotations

import random
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from struct import pack
from types import FrameType
from typing import TypeAlias

import pytest

from simaccess.buffer import Buffer, Shadow
from simaccess.errors import InputError, LinkError
from simaccess.real.clock import run
from simaccess.real.nbd import NbdLink, open_link
from simaccess.real.nbd_request import READ, WRITE, Request
from tests.conformance.play import Setting
from tests.real.nbd_far_end import DATA, DONE, SEGMENT, chunk, data_chunk, error_chunk, simple
from tests.real.scripted_server import FarEnd, Got, scripted

SIZE = len(SEGMENT)
RECEIVE_TIMEOUT = (socket.SOL_SOCKET, socket.SO_RCVTIMEO)
LONG_BEFORE = 8.0  # seconds: much more than the short timeouts here, and less than a hang


@contextmanager
def soon() -> Iterator[None]:
    begin = time.monotonic()
    yield
    assert time.monotonic() - begin < LONG_BEFORE


def buffer_over(link: NbdLink, name: str, block: int = 100) -> Buffer:
    shadow = Shadow(Setting(name, block=block, slots=8, number=3).make(), link.local)
    return Buffer(shadow, link.attach(), link.clock)


def read(buffer: Buffer, offset: int, length: int) -> bytes:
    view = run(buffer.read(offset, length))
    assert view is not None
    return bytes(view)


def read_all(buffer: Buffer) -> None:
    for offset in range(0, SIZE, 40):
        assert read(buffer, offset, 40) == SEGMENT[offset : offset + 40]


def short_read(end: FarEnd, got: Got) -> None:
    end.send(end.answer(got)[:-1])
    end.socket.shutdown(socket.SHUT_RDWR)


def closed(end: FarEnd, _: Got) -> None:
    end.socket.shutdown(socket.SHUT_RDWR)


def reset(end: FarEnd, _: Got) -> None:
    end.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, pack("ii", 1, 0))
    end.socket.close()


def wrong_cookie(end: FarEnd, got: Got) -> None:
    end.send(end.answer(Got(got.command, got.cookie + 1000, got.offset, got.length)))


def too_long(end: FarEnd, got: Got) -> None:
    end.send(data_chunk(got.cookie, got.offset, bytes(got.length + 1), DONE))


def length_of_4_gib(end: FarEnd, got: Got) -> None:
    end.send(chunk(got.cookie, DATA, pack(">Q", got.offset), DONE, 2**32 - 1), bytes(1000))


def too_short(end: FarEnd, got: Got) -> None:
    end.send(data_chunk(got.cookie, got.offset, bytes(got.length - 1), DONE))


def from_elsewhere(end: FarEnd, got: Got) -> None:
    end.send(data_chunk(got.cookie, got.offset + 1, bytes(got.length), DONE))


def simple_where_structured(end: FarEnd, got: Got) -> None:
    end.send(simple(got.cookie, 0, bytes(got.length)))


def garbage(end: FarEnd, _: Got) -> None:
    end.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def errors_without_end(end: FarEnd, got: Got) -> None:
    while True:
        end.send(error_chunk(got.cookie, 5))


Fault: TypeAlias = Callable[[FarEnd, Got], None]

FATAL: dict[Fault, str] = {
    # What is seen first: the end of what it sent, or that it takes nothing any more.
    short_read: "closed the connection with requests under way|the connection was lost: ",
    closed: "closed the connection with requests under way|the connection was lost: ",
    reset: "the connection was lost: |closed the connection with requests under way",
    wrong_cookie: "protocol error: a reply to a request that was not made",
    too_long: "protocol error: the read of .* is answered with",
    length_of_4_gib: "protocol error: the read of .* is answered with 4294967287 bytes",
    too_short: "protocol error: 1 bytes are missing",
    from_elsewhere: "protocol error: the read of .* is answered with",
    simple_where_structured: "protocol error: .* has no structured reply",
    garbage: "protocol error: a reply that begins with 0x48545450",
    errors_without_end: "protocol error: .* is answered in more than",
}


@pytest.mark.parametrize("name", ["zero-copy", "copy-once", "prefetch"])
@pytest.mark.parametrize("connections", [1, 2])
@pytest.mark.parametrize("fault", FATAL, ids=lambda fault: fault.__name__)
def test_a_fatal_fault_fails_all_and_a_fresh_connection_goes_on(
    fault: Fault, connections: int, name: str
) -> None:
    def script(end: FarEnd) -> None:
        for _ in range(1 if end.number < connections else 1000):
            end.send(end.answer(end.request()))
        fault(end, end.request())
        end.socket.recv(1)

    tcp = fault is reset
    with scripted(script, tcp=tcp, connections=connections) as url, open_link(url) as link:
        buffer = buffer_over(link, name)
        with soon(), pytest.raises(LinkError, match=FATAL[fault]) as caught:
            read_all(buffer)
        assert str(caught.value).startswith(url)
        assert not any(buffer.shadow.flights)
        with pytest.raises(LinkError, match=FATAL[fault]):
            read(buffer, SIZE - 300, 50)
        assert link.cool()
        read_all(buffer)


def test_all_that_is_under_way_on_a_lost_connection_fails() -> None:
    def script(end: FarEnd) -> None:
        for _ in range(3):
            end.request()

    with scripted(script) as url, open_link(url) as link:
        segment, memory = link.attach(), link.local(300)
        transfers = [run(segment.fetch(i * 100, 100, memory, i * 100)) for i in range(3)]
        for transfer in transfers:
            with soon(), pytest.raises(LinkError, match="closed the connection"):
                run(transfer)
        for transfer in transfers:
            assert run(transfer.poll())
            assert run(transfer.cancel())
            with pytest.raises(LinkError, match="closed the connection"):
                run(transfer)


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


def test_a_server_that_dribbles_does_not_prolong_the_wait() -> None:
    def script(end: FarEnd) -> None:
        answer = end.answer(end.request())
        for place in range(len(answer)):
            end.send(answer[place : place + 1])
            time.sleep(0.05)

    with scripted(script, timeout="300 ms") as url, open_link(url) as link:
        segment, memory = link.attach(), link.local(SIZE)
        transfer = run(segment.fetch(0, SIZE, memory, 0))
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


@pytest.mark.parametrize("sent", [b"", b"NBDMAGIC", b"SSH-2.0-OpenSSH_9.2\r\n"])
def test_a_server_that_breaks_off_in_the_handshake(sent: bytes) -> None:
    def script(end: FarEnd) -> None:
        end.send(sent)

    problem = "closed the connection in|no NBD server"
    asked = scripted(script, shakes_hands=False)
    with asked as url, soon(), pytest.raises(LinkError, match=problem):
        open_link(url)


def test_a_server_that_is_silent_in_the_handshake() -> None:
    def script(end: FarEnd) -> None:
        end.socket.recv(1)

    problem = r"no answer within 0\.2 s in the handshake"
    asked = scripted(script, shakes_hands=False, timeout="200 ms")
    with asked as url, soon(), pytest.raises(LinkError, match=problem):
        open_link(url)


def test_an_export_that_has_changed_is_not_opened_anew() -> None:
    def script(end: FarEnd) -> None:
        end.shake_hands(1000 - end.number, 0x101)
        end.serve()

    with scripted(script, shakes_hands=False) as url, open_link(url) as link:
        with pytest.raises(LinkError, match="had 1000 bytes, now 999"):
            link.cool()
        with pytest.raises(LinkError, match="the export has changed"):
            run(link.attach().load(0, 1))


def test_what_overlaps_a_write_under_way_waits_for_it() -> None:
    """The protocol orders nothing: a write given up might land after the one that replaced it."""
    order: list[str] = []

    def script(end: FarEnd) -> None:
        first = end.request()
        order.append(f"{first.data!r}")
        apart = end.request()
        order.append(f"{apart.data!r}")
        end.send(end.answer(apart))
        end.socket.settimeout(0.2)
        with pytest.raises(TimeoutError):
            end.socket.recv(1)
        end.socket.settimeout(None)
        order.append("the answer")
        end.send(end.answer(first))
        while True:
            got = end.request()
            order.append(f"{got.data!r}" if got.command == WRITE else "read")
            end.send(end.answer(got))

    with scripted(script) as url, open_link(url) as link:
        segment, memory = link.attach(), link.local(100)
        memory.view(0, 4)[:] = b"first"[:4]
        transfer = run(segment.flush(0, 4, memory, 0))
        assert not run(transfer.cancel())
        run(segment.store(4, 4, memoryview(b"next")))
        run(segment.store(2, 4, memoryview(b"over")))
        run(segment.load(0, 4))
        assert order == ["b'firs'", "b'next'", "the answer", "b'over'", "read"]


@pytest.mark.parametrize("connections", [1, 3])
@pytest.mark.parametrize("structured", [False, True])
@pytest.mark.parametrize("name", ["zero-copy", "copy-once", "hybrid", "prefetch"])
def test_errors_and_any_order_never_give_a_wrong_byte(
    name: str, structured: bool, connections: int
) -> None:
    draw = random.Random(f"{name} {structured} {connections}")
    errors: list[bool] = []

    def script(end: FarEnd) -> None:
        held: list[bytes] = []
        end.socket.settimeout(0.002)
        while True:
            try:
                first = end.socket.recv(1, socket.MSG_PEEK)
                if not first:
                    return
                got = end.request()
            except TimeoutError:  # nothing more comes before an answer does
                draw.shuffle(held)
                end.send(*held)
                held.clear()
                continue
            failed = not errors or draw.random() < 0.1  # the first one does
            errors.append(failed)
            held.append(end.answer(got, 5 if failed else 0))

    asked = scripted(script, structured=structured, connections=connections)
    with asked as url, open_link(url) as link:
        buffer = buffer_over(link, name)
        for offset in [*range(0, SIZE, 40), *draw.sample(range(SIZE - 30), 30)]:
            length = min(draw.randint(1, 90), SIZE - offset)
            seen, problem = b"", "EIO"
            while not seen:
                assert "EIO" in problem
                try:
                    seen = read(buffer, offset, length)
                except LinkError as error:
                    problem = str(error)
            assert seen == SEGMENT[offset : offset + length]
    assert any(errors)


class Interrupted(KeyboardInterrupt):
    pass


@pytest.mark.parametrize("connections", [1, 2])
def test_an_interrupted_wait_leaves_the_link_usable(connections: int) -> None:
    def interrupt(_: int, __: FrameType | None) -> None:
        raise Interrupted

    go_on = threading.Event()

    def script(end: FarEnd) -> None:
        first = end.request()
        end.send(end.answer(first)[:50])
        assert go_on.wait(20)
        end.send(end.answer(first)[50:])
        end.serve()

    if threading.current_thread() is not threading.main_thread():
        pytest.skip("signals reach the main thread only")
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        with scripted(script, connections=connections) as url, open_link(url) as link:
            buffer = buffer_over(link, "copy-once")
            signal.setitimer(signal.ITIMER_REAL, 0.1)
            with soon(), pytest.raises(Interrupted):
                read(buffer, 0, 10)
            assert not any(buffer.shadow.flights)
            go_on.set()
            assert read(buffer, 0, 150) == SEGMENT[:150]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_a_link_is_closed_once_and_for_all() -> None:
    with scripted(FarEnd.serve) as url:
        link = open_link(url)
        segment, memory = link.attach(), link.local(10)
        transfer = run(segment.fetch(0, 10, memory, 0))
        link.close()
        link.close()
        with pytest.raises(LinkError, match="the link is closed"):
            run(transfer)
        for call in (segment.load(0, 1), segment.fetch(0, 1, memory, 0)):
            with pytest.raises(LinkError, match="the link is closed"):
                run(call)
