"""Replies are received where they belong if they come in order, and end there if they do not."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simaccess.real.nbd_protocol import Replies
from simaccess.real.nbd_request import READ, ProtocolError, Request
from tests.real.nbd_far_end import (
    DONE,
    SEGMENT,
    data_chunk,
    error_chunk,
    feed,
    hole_chunk,
    scatter,
    simple,
)

LONG = (SEGMENT * 300)[: 300 * 1024]
KIB = 1 << 10


def asked(*places: tuple[int, int]) -> tuple[Replies, list[Request], list[bytearray]]:
    """Ask for bytes [begin, begin + length) of `LONG`."""
    replies = Replies(structured=True)
    memories = [bytearray(b"?" * length) for _, length in places]
    requests = [
        Request(READ, begin, length, memoryview(memory))
        for (begin, length), memory in zip(places, memories, strict=True)
    ]
    for request in requests:
        replies.expect(request)
    return replies, requests, memories


def answer(request: Request) -> bytes:
    begin = request.offset
    return data_chunk(request.cookie, begin, LONG[begin : begin + request.length], DONE)


def places(count: int, length: int) -> list[tuple[int, int]]:
    return [(number * length, length) for number in range(count)]


def owners(replies: Replies) -> list[object]:
    return [target.obj for target in replies.targets()[1::2]]


def test_one_call_has_room_for_several_replies_each_in_its_place() -> None:
    replies, requests, memories = asked(*places(3, 16 * KIB))
    targets = replies.targets()
    assert [len(target) for target in targets] == [28, 16 * KIB] * 3
    assert replies.room == sum(map(len, targets))
    stream = b"".join(map(answer, requests))
    scatter(targets, stream)
    replies.received(len(stream))
    assert all(request.over for request in requests)
    assert b"".join(memories) == LONG[: 48 * KIB]


def test_no_more_is_guessed_than_is_cheap_to_have_wrong() -> None:
    replies, _, memories = asked(*places(9, 20 * KIB))
    assert [len(target) for target in replies.targets()] == [28, 20 * KIB] * 4 + [28]
    assert owners(replies) == memories[:4]
    replies, _, _ = asked(*places(3, 90 * KIB))
    assert [len(target) for target in replies.targets()] == [28, 90 * KIB, 28]
    replies, _, _ = asked(*places(1, 200 * KIB))
    assert [len(target) for target in replies.targets()] == [28]


def test_replies_behind_one_that_is_being_received_are_guessed_too() -> None:
    replies, requests, memories = asked(*places(3, 16 * KIB))
    assert feed(replies, answer(requests[0])[:1000]) == 1000
    targets = replies.targets()
    assert [len(target) for target in targets] == [16 * KIB - 972, 28, 16 * KIB, 28, 16 * KIB]
    assert [target.obj for target in targets[::2]] == memories


def test_after_a_wrong_guess_it_is_left_for_a_while() -> None:
    replies, requests, memories = asked(*places(4, 16 * KIB))
    stream = answer(requests[2]) + answer(requests[0])
    assert feed(replies, stream, [20_000, 20_000]) == len(stream)
    assert [len(target) for target in replies.targets()] == [28]
    for _ in range(50):
        targets = replies.targets()
    assert len(targets) > 1
    stream = answer(requests[1]) + answer(requests[3])
    assert feed(replies, stream) == len(stream)
    assert b"".join(memories) == LONG[: 64 * KIB]


def test_what_nobody_wants_is_not_guessed() -> None:
    replies, requests, memories = asked(*places(3, 16 * KIB))
    requests[1].view = None
    assert [len(target) for target in replies.targets()] == [28, 16 * KIB, 28]
    stream = answer(requests[1]) + answer(requests[2]) + answer(requests[0])
    assert feed(replies, stream) == len(stream)
    assert memories[1] == b"?" * (16 * KIB)
    assert memories[2] + memories[0] == LONG[32 * KIB : 48 * KIB] + LONG[: 16 * KIB]


def test_nothing_is_guessed_without_structured_replies() -> None:
    replies = Replies(structured=False)
    replies.expect(Request(READ, 0, 16 * KIB, memoryview(bytearray(16 * KIB))))
    assert len(replies.targets()) == 1


def test_a_wrong_guess_ends_in_an_error_where_the_bytes_are_wrong() -> None:
    replies, requests, _ = asked(*places(2, 16 * KIB))
    with pytest.raises(ProtocolError, match="that was not made: 9"):
        feed(replies, answer(requests[0]) + data_chunk(9, 0, bytes(16 * KIB), DONE))


@settings(max_examples=150, deadline=None)
@given(
    lengths=st.lists(st.integers(9 * KIB, 70 * KIB), min_size=1, max_size=7),
    swaps=st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=4),
    kinds=st.lists(st.sampled_from("dddddhep"), min_size=7, max_size=7),
    dropped=st.integers(0, 20),
    cuts=st.lists(st.integers(1, 150 * KIB), max_size=30),
)
def test_any_order_any_kind_cut_anywhere(
    lengths: list[int],
    swaps: list[tuple[int, int]],
    kinds: list[str],
    dropped: int,
    cuts: list[int],
) -> None:
    """Mostly in order, as a server is; a hole, an error or a reply in parts here and there."""
    spans, begin = [], 0
    for length in lengths:
        spans.append((begin % (len(LONG) - length), length))
        begin += length
    replies, requests, memories = asked(*spans)
    if dropped < len(requests):
        requests[dropped].view = None
    turns = list(range(len(requests)))
    for one, other in swaps:
        if max(one, other) < len(turns):
            turns[one], turns[other] = turns[other], turns[one]
    stream = b""
    for turn in turns:
        request, kind = requests[turn], kinds[turn]
        first, end, half = request.offset, request.offset + request.length, request.length // 2
        if kind == "d":
            stream += answer(request)
        elif kind == "h":
            stream += hole_chunk(request.cookie, first, request.length, DONE)
        elif kind == "e":
            stream += error_chunk(request.cookie, 5, b"no", DONE)
        else:
            stream += data_chunk(request.cookie, first + half, LONG[first + half : end])
            stream += data_chunk(request.cookie, first, LONG[first : first + half], DONE)
    assert feed(replies, stream, cuts) == len(stream)
    assert not replies.under_way
    for number, (request, memory) in enumerate(zip(requests, memories, strict=True)):
        assert request.over
        kind = kinds[number]
        assert bool(request.problem) == (kind == "e")
        if number == dropped:
            assert memory == b"?" * len(memory)
            continue
        if kind == "e":
            continue
        whole = LONG[request.offset : request.offset + request.length]
        assert memory == (bytes(len(memory)) if kind == "h" else whole)


def test_a_simple_reply_among_structured_ones_is_refused() -> None:
    replies, requests, _ = asked(*places(2, 16 * KIB))
    with pytest.raises(ProtocolError, match="has no structured reply"):
        feed(replies, simple(requests[0].cookie, 0, LONG[: 16 * KIB]))
