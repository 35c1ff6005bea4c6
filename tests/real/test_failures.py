"""What a failing link leaves behind: no wrong byte, nothing under way, nothing written lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simaccess.buffer import Buffer, Shadow
from simaccess.errors import LinkError
from simaccess.real.clock import run
from simaccess.segment import Segment
from tests.conformance.play import SIZE, Access, Setting, accesses, content, settings
from tests.real.memory_link import MemoryLink

stacks = st.lists(settings, min_size=1, max_size=2)


def build(link: MemoryLink, stack: list[Setting]) -> list[Buffer]:
    """Return the buffers of a stack, the outermost first."""
    buffers: list[Buffer] = []
    segment: Segment = link
    for setting in reversed(stack):
        segment = Buffer(Shadow(setting.make(), link.local), segment, link.clock)
        buffers.insert(0, segment)
    return buffers


@given(stack=stacks, asked=accesses, draw=st.data())
def test_failures_lose_nothing(
    stack: list[Setting], asked: list[Access], draw: st.DataObject
) -> None:
    """Reads that fail are repeated; of a write that fails each byte is the old or the new one."""
    fails = iter(draw.draw(st.lists(st.booleans(), max_size=60)))
    data = content()
    link = MemoryLink(data, lambda: next(fails, False))
    buffers = build(link, stack)
    seen = [{byte} for byte in data]
    for step, access in enumerate(asked):
        place = slice(access.offset, access.offset + access.length)
        fresh = bytes((17 * step + i) % 256 for i in range(access.length))
        for _ in range(100):
            try:
                if access.write:
                    run(buffers[0].write(access.offset, access.length, memoryview(fresh)))
                    break
                view = run(buffers[0].read(access.offset, access.length))
                assert view is not None
                assert all(byte in ever for byte, ever in zip(view, seen[place], strict=True))
                break
            except LinkError:
                if access.write:
                    for ever, byte in zip(seen[place], fresh, strict=True):
                        ever.add(byte)
                assert not any(buffers[0].shadow.flights)
                # What goes on is what calls that did not fail have copied ahead below.
                assert link.under_way == sum(len(list(each)) for each in buffers[-1].shadow.flights)
        if access.write:
            seen[place] = [{byte} for byte in fresh]
    for _ in range(100):
        try:
            run(buffers[0].sync())
            break
        except LinkError:
            continue
    assert all(byte in ever for byte, ever in zip(data, seen, strict=True))


@pytest.mark.parametrize("name", ["copy-once", "hybrid", "prefetch"])
def test_a_read_that_failed_is_asked_again(name: str) -> None:
    answers = iter([False, True, False, False])
    link = MemoryLink(content(), lambda: next(answers, False))
    (buffer,) = build(link, [Setting(name, block=500, number=1)])
    with pytest.raises(LinkError, match="told to fail"):
        run(buffer.read(100, 10))
    view = run(buffer.read(100, 10))
    assert view is not None
    assert bytes(view) == bytes(content()[100:110])
    assert buffer.counters.fetches == 2


def test_what_a_failed_copy_back_had_is_brought_back_by_the_next() -> None:
    answers = iter([False, True])
    link = MemoryLink(bytearray(SIZE), lambda: next(answers, False))
    (buffer,) = build(link, [Setting("copy-once", block=100)])
    run(buffer.write(0, 100, memoryview(b"x" * 100)))
    with pytest.raises(LinkError):
        run(buffer.sync())
    assert bytes(link.data[:100]) == bytes(100)
    run(buffer.sync())
    assert bytes(link.data[:100]) == b"x" * 100


def test_a_copy_that_failed_around_written_bytes_is_asked_again() -> None:
    answers = iter([True, False, False])
    link = MemoryLink(content(), lambda: next(answers, False))
    (buffer,) = build(link, [Setting("copy-once", block=500)])
    run(buffer.write(100, 100, memoryview(b"x" * 100)))
    with pytest.raises(LinkError):
        run(buffer.read(0, 300))
    view = run(buffer.read(0, 300))
    assert view is not None
    assert bytes(view) == bytes(content()[:100]) + b"x" * 100 + bytes(content()[200:300])


def test_what_a_stacked_buffer_has_copied_ahead_is_withdrawn_by_its_failure() -> None:
    asked = 0

    def fails() -> bool:
        nonlocal asked
        asked += 1
        return asked == failing

    failing = 0
    link = MemoryLink(content(), fails)
    outer, inner = build(link, [Setting("copy-once", 100), Setting("prefetch", 100, 10, number=4)])
    for offset in range(0, 600, 100):
        run(outer.read(offset, 100))
    assert link.under_way == 4
    failing = asked + 1  # the wait for the next block
    with pytest.raises(LinkError):
        run(outer.read(600, 100))
    assert link.under_way == 0
    assert not any(flights for each in (outer, inner) for flights in each.shadow.flights)
    for offset in range(600, SIZE, 100):
        view = run(outer.read(offset, 100))
        assert view is not None
        assert bytes(view) == bytes(content()[offset : offset + 100])
