"""What a server may send is understood, however it is cut; what it must not send is refused."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simaccess.real.nbd_protocol import Replies
from simaccess.real.nbd_request import FLUSH, READ, WRITE, ProtocolError, Request
from tests.real.nbd_far_end import (
    DATA,
    DONE,
    ERROR,
    HOLE,
    NONE,
    SEGMENT,
    chunk,
    data_chunk,
    error_chunk,
    feed,
    hole_chunk,
    one_input,
    simple,
)


@dataclass(frozen=True)
class Asked:
    """A read that is wanted only from `head` on and up to `tail` bytes before its end."""

    offset: int
    length: int
    head: int
    tail: int


@st.composite
def reads(draw: st.DrawFn) -> Asked:
    offset = draw(st.integers(0, len(SEGMENT) - 1))
    length = draw(st.integers(1, len(SEGMENT) - offset))
    head = draw(st.integers(0, length - 1))
    return Asked(offset, length, head, draw(st.integers(0, length - head - 1)))


@st.composite
def replies_to(draw: st.DrawFn, cookie: int, asked: Asked) -> list[bytes]:
    """Draw a structured reply: data and holes in any order, perhaps an error."""
    end = asked.offset + asked.length
    bounds = sorted(
        {asked.offset, end, *draw(st.lists(st.integers(asked.offset, end), max_size=4))}
    )
    chunks = []
    for begin, stop in pairwise(bounds):
        if not any(SEGMENT[begin:stop]):
            chunks.append(hole_chunk(cookie, begin, stop - begin))
        else:
            chunks.append(data_chunk(cookie, begin, SEGMENT[begin:stop]))
    chunks = draw(st.permutations(chunks))
    if draw(st.booleans()):
        chunks.append(chunk(cookie, NONE, flags=DONE))
    else:  # the flag stands in the sixth byte
        chunks[-1] = chunks[-1][:5] + b"\x01" + chunks[-1][6:]
    return chunks


@settings(max_examples=200, deadline=None)
@given(
    asked=st.lists(reads(), min_size=1, max_size=5),
    structured=st.booleans(),
    small=st.sampled_from([0, 100, 8192]),
    cuts=st.lists(st.integers(1, 600), max_size=60),
    draw=st.data(),
)
def test_replies_in_any_order_and_cut_anywhere(
    asked: list[Asked], structured: bool, small: int, cuts: list[int], draw: st.DataObject
) -> None:
    replies = Replies(structured, small)
    memories = [bytearray(b"?" * (each.length - each.head - each.tail)) for each in asked]
    requests = []
    queues: list[list[bytes]] = []
    for each, memory in zip(asked, memories, strict=True):
        request = Request(
            READ, each.offset, each.length, memoryview(memory), each.offset + each.head
        )
        replies.expect(request)
        requests.append(request)
        data = SEGMENT[each.offset : each.offset + each.length]
        queues.append(
            draw.draw(replies_to(request.cookie, each))
            if structured
            else [simple(request.cookie, 0, data)]
        )
    write = Request(WRITE, 0, 10)
    replies.expect(write)
    reply = chunk(write.cookie, NONE, flags=DONE) if structured else simple(write.cookie)
    queues.append([draw.draw(st.sampled_from([reply, simple(write.cookie)]))])
    stream = b""
    while any(queues):
        stream += draw.draw(st.sampled_from([queue for queue in queues if queue])).pop(0)
    assert feed(replies, stream, cuts) == len(stream)
    assert not replies.under_way
    for each, memory, request in zip(asked, memories, requests, strict=True):
        assert request.over
        assert not request.problem
        begin = each.offset + each.head
        assert memory == SEGMENT[begin : begin + len(memory)]


def test_a_short_reply_is_understood_after_a_header_that_came_in_two() -> None:
    """A header cut short asks for more bytes than the next reply may have."""
    replies = Replies(structured=True)
    memory = bytearray(1)
    read, write = Request(READ, 0, 1, memoryview(memory), 0), Request(WRITE, 0, 10)
    replies.expect(read)
    replies.expect(write)
    whole = chunk(read.cookie, DATA, b"\0" * 8 + SEGMENT[:1], flags=DONE)
    stream = whole + simple(write.cookie)
    assert feed(replies, stream, [18, len(whole) - 18, 16]) == len(stream)
    assert memory == SEGMENT[:1]
    assert write.over


@given(st.binary(max_size=300))
@settings(max_examples=300, deadline=None)
def test_any_bytes_end_well(data: bytes) -> None:
    one_input(data)


@settings(max_examples=300, deadline=None)
@given(
    head=st.binary(min_size=10, max_size=10),
    draw=st.data(),
    cut=st.integers(0, 400),
    flip=st.tuples(st.integers(0, 399), st.integers(0, 255)),
)
def test_broken_replies_end_well(
    head: bytes, draw: st.DataObject, cut: int, flip: tuple[int, int]
) -> None:
    """Replies that were right before a byte changed, and some that were not."""
    cookies = st.integers(1, 4)
    places = st.one_of(st.sampled_from(list(head)), st.integers(0, 300))
    flags = st.integers(0, 1)
    parts = st.one_of(
        st.builds(simple, cookies, st.sampled_from([0, 0, 5]), st.binary(max_size=70)),
        st.builds(data_chunk, cookies, places, st.binary(max_size=70), flags),
        st.builds(hole_chunk, cookies, places, st.integers(0, 70), flags),
        st.builds(error_chunk, cookies, st.integers(0, 110), st.binary(max_size=20), flags),
        st.builds(chunk, cookies, st.integers(0, 6), st.binary(max_size=20), flags),
    )
    stream = bytearray(b"".join(draw.draw(st.lists(parts, min_size=1, max_size=6)))[:cut])
    if flip[0] < len(stream):
        stream[flip[0]] = flip[1]
    one_input(head + bytes(stream))


def asked_for(command: int = READ, structured: bool = True) -> tuple[Replies, Request, bytearray]:
    replies = Replies(structured)
    memory = bytearray(64)
    request = Request(command, 100, 64, memoryview(memory) if command == READ else None)
    replies.expect(request)
    return replies, request, memory


BYTES = bytes(range(1, 65))


@pytest.mark.parametrize(
    ("sent", "problem"),
    [
        (simple(9), "a request that was not made: 9"),
        (b"x" * 16, "begins with 0x78787878"),
        (simple(1, 0, BYTES), "has no structured reply, as was agreed"),
        (data_chunk(1, 100, BYTES + b"x", DONE), "answered with 65 bytes at 100"),
        (data_chunk(1, 99, BYTES, DONE), "answered with 64 bytes at 99"),
        (data_chunk(1, 101, BYTES, DONE), "answered with 64 bytes at 101"),
        (data_chunk(1, 2**64 - 1, BYTES, DONE), "answered with 64 bytes at"),
        (data_chunk(1, 100, b"", DONE), "answered by 8 bytes of kind 1"),
        (chunk(1, DATA, b"", DONE, 2**32 - 1) + bytes(8), "answered with 4294967287 bytes at 0"),
        (hole_chunk(1, 100, 0, DONE), "answered with 0 bytes"),
        (hole_chunk(1, 100, 2**32 - 1, DONE), "answered with 4294967295 bytes"),
        (chunk(1, HOLE, bytes(11), DONE), "answered by 11 bytes of kind 2"),
        (
            data_chunk(1, 100, BYTES[:9], DONE),
            "55 bytes are missing in the read of 64 bytes at 100",
        ),
        (chunk(1, NONE, flags=DONE), "64 bytes are missing"),
        (data_chunk(1, 100, BYTES) * 2, "bytes at 100 come twice"),
        (data_chunk(1, 100, BYTES[:9]) + data_chunk(1, 108, BYTES[:9]), "bytes at 108 come twice"),
        (data_chunk(1, 108, BYTES[:9]) + hole_chunk(1, 100, 9), "bytes at 100 come twice"),
        (chunk(1, NONE, b"x", DONE), "answered by 1 bytes of kind 0"),
        (chunk(1, NONE), "answered by 0 bytes of kind 0"),
        (chunk(1, 5, bytes(12), DONE), "answered by 12 bytes of kind 5"),
        (chunk(1, ERROR, bytes(5), DONE), "answered by 5 bytes of kind 32769"),
        (chunk(1, ERROR, bytes(6), DONE), "a malformed error"),
        (chunk(1, ERROR, b"\0\0\0\x05\0\x09text", DONE), "a malformed error"),
        (chunk(1, ERROR, b"", DONE, 5000), "answered by 5000 bytes of kind 32769"),
        (error_chunk(1, 5, b"again") * 30, "answered in more than"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_reply_to_a_read_is_refused(sent: bytes, problem: str) -> None:
    replies, request, _ = asked_for()
    with pytest.raises(ProtocolError, match=problem):
        feed(replies, sent)
    assert not request.over


@pytest.mark.parametrize("command", [WRITE, FLUSH])
@pytest.mark.parametrize("sent", [data_chunk(1, 100, b"x", DONE), hole_chunk(1, 100, 1, DONE)])
def test_a_write_is_not_answered_with_data(command: int, sent: bytes) -> None:
    replies, _, _ = asked_for(command)
    with pytest.raises(ProtocolError, match="is answered with data"):
        feed(replies, sent)


def test_structured_replies_that_were_not_agreed_upon_are_refused() -> None:
    replies, _, _ = asked_for(structured=False)
    with pytest.raises(ProtocolError, match="begins with 0x668e33ef"):
        feed(replies, data_chunk(1, 100, BYTES, DONE))


@pytest.mark.parametrize(
    ("sent", "problem"),
    [
        (error_chunk(1, 5, b"disk on fire", DONE), "EIO, disk on fire"),
        (error_chunk(1, 5, b"two\nlines \xff", DONE), r"EIO, two\?lines"),
        (error_chunk(1, 22, b"", DONE, at=110), "EINVAL, Invalid argument"),
        (error_chunk(1, 999, b"", DONE), "error 999"),
        (chunk(1, 40000, b"\0\0\0\x01\0\0", DONE), "EPERM"),
        (error_chunk(1, 5, b"a") + error_chunk(1, 28, b"b", DONE), "EIO, a"),
        (error_chunk(1, 5) + chunk(1, NONE, flags=DONE), "EIO"),
        (data_chunk(1, 100, b"x") + error_chunk(1, 5, flags=DONE), "EIO"),
        (error_chunk(1, 5) + data_chunk(1, 100, BYTES, DONE), "EIO"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_errors_end_a_read(sent: bytes, problem: str) -> None:
    replies, request, _ = asked_for()
    assert feed(replies, sent) == len(sent)
    assert request.over
    assert not replies.under_way
    begin = "the server refused the read of 64 bytes at 100: "
    assert re.match(begin + problem, request.problem)


@pytest.mark.parametrize("structured", [False, True])
def test_an_error_in_a_simple_reply_has_no_payload(structured: bool) -> None:
    replies, request, _ = asked_for(WRITE if structured else READ, structured)
    other = Request(WRITE, 0, 1)
    replies.expect(other)
    feed(replies, simple(1, 28) + simple(2))
    assert "ENOSPC, No space left on device" in request.problem
    assert other.over
    assert not other.problem


@pytest.mark.parametrize("when", [0, 20, 28, 40, 91])
def test_what_nobody_wants_any_more_is_discarded(when: int) -> None:
    replies, request, memory = asked_for()
    sent = data_chunk(1, 100, BYTES, DONE)
    feed(replies, sent[:when], [10] * 10)
    before = bytes(memory)
    request.view = None
    feed(replies, sent[when:], [10] * 10)
    assert request.over
    assert bytes(memory) == before


def test_a_small_reply_is_taken_at_once_and_a_large_one_where_it_belongs() -> None:
    replies, _, _ = asked_for()
    assert [len(target) for target in replies.targets()] == [28 + 64]
    large = Request(READ, 0, 10**6, memoryview(bytearray(10**6)))
    replies.expect(large)
    feed(replies, data_chunk(1, 100, BYTES, DONE))
    assert [len(target) for target in replies.targets()] == [28]
    feed(replies, data_chunk(2, 0, bytes(10**6), DONE)[:28])
    (target,) = replies.targets()
    assert target.obj is large.view.obj  # type: ignore[union-attr]


@pytest.mark.parametrize("pieces", [1, 3])
def test_scattered_memory_is_not_asked_for(pieces: int) -> None:
    """A hole of any length takes no memory of its own."""
    replies = Replies(structured=True)
    memory = bytearray(b"x" * 200_000)
    request = Request(READ, 0, 200_000, memoryview(memory))
    replies.expect(request)
    size = 200_000 // pieces
    for index in range(pieces):
        last = index == pieces - 1
        length = 200_000 - index * size if last else size
        feed(replies, hole_chunk(1, index * size, length, DONE if last else 0))
    assert request.over
    assert not any(memory)
