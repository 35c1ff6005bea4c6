"""A server that fails: one clear error in time, no wrong byte, nothing left under way."""

from __future__ import annotations

import random
import socket
from collections.abc import Callable
from struct import pack
from typing import TypeAlias

import pytest

from simaccess.buffer import Buffer
from simaccess.errors import LinkError
from simaccess.real.clock import run
from simaccess.real.nbd import open_link
from simaccess.real.nbd_request import WRITE
from tests.real.nbd_clients import SIZE, buffer_over, soon
from tests.real.nbd_far_end import DATA, DONE, SEGMENT, chunk, data_chunk, error_chunk, simple
from tests.real.reading import read
from tests.real.scripted_server import FarEnd, Got, scripted


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


@pytest.mark.parametrize("sent", [b"", b"NBDMAGIC", b"SSH-2.0-OpenSSH_9.2\r\n"])
def test_a_server_that_breaks_off_in_the_handshake(sent: bytes) -> None:
    def script(end: FarEnd) -> None:
        end.send(sent)

    problem = "closed the connection in|no NBD server"
    asked = scripted(script, shakes_hands=False)
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
