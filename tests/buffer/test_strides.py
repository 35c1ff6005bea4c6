"""A step asked for by a plain call does, counts and fails as one that is awaited."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, cast

import pytest

from simaccess.buffer import Buffer, Shadow
from simaccess.methods.blocks import FixedBlocks
from simaccess.methods.prefetch import Prefetch
from simaccess.real.clock import RealClock, run
from simaccess.real.memory import RealMemory
from simaccess.segment import Local, Segment

BLOCK, COUNT = 64, 40
CONTENT = bytes((7 * at + at // 251) % 256 for at in range(BLOCK * COUNT))


class Copied:
    """A transfer that was over at once, had to be waited for, or fails."""

    def __init__(self, clock: RealClock, fate: str) -> None:
        self.clock = clock
        self.fate = fate
        self.cancelled = False

    def __await__(self) -> Generator[Any, Any, None]:
        if self.fate == "fails":
            raise OSError("lost")
        self.clock.wait += self.fate == "waits"
        yield from ()

    async def poll(self) -> bool:
        return True

    async def cancel(self) -> bool:
        self.cancelled = True
        return False


class Far:
    """As much of a segment as prefetch calls, by an awaited call."""

    size = BLOCK * COUNT
    moved = 0
    posted = False
    client = None

    def __init__(self, clock: RealClock, fate: Callable[[int], str]) -> None:
        self.clock = clock
        self.fate = fate
        self.asked: list[tuple[int, int, int]] = []
        self.transfers: list[Copied] = []

    async def fetch(self, offset: int, length: int, into: Local, at: int) -> Copied:
        fate = self.fate(offset // BLOCK)
        self.asked.append((offset, length, at))
        if fate == "refused":
            raise OSError("refused")
        view = into.view(at, length)
        assert view is not None
        if fate != "fails":
            view[:] = CONTENT[offset : offset + length]
        self.transfers.append(Copied(self.clock, fate))
        return self.transfers[-1]


class Asked(Far):
    """The same, asked by a plain call for all that is copied ahead in a steady step."""

    plain = 0

    def fetch_now(self, offset: int, length: int, into: Local, at: int) -> Copied:
        self.plain += 1
        return run(self.fetch(offset, length, into, at))


def read_all(far: type[Far], fate: Callable[[int], str]) -> tuple[Far, Buffer, bytes]:
    clock = RealClock()
    segment = far(clock, fate)
    shadow = Shadow(Prefetch(FixedBlocks(BLOCK), depth=4), RealMemory)
    buffer = Buffer(shadow, cast("Segment", segment), clock)
    got = b""
    for offset in range(0, len(CONTENT), BLOCK // 2):
        try:
            view = run(buffer.read(offset, BLOCK // 2))
        except OSError:
            view = run(buffer.read(offset, BLOCK // 2))  # it is copied anew
        assert view is not None
        got += view
    return segment, buffer, got


def counted(buffer: Buffer) -> dict[str, int]:
    return {name: getattr(buffer.counters, name) for name in buffer.counters.__slots__}


def once(number: int, fate: str) -> Callable[[int], str]:
    """Let the first copy of a block have a fate; all others are over at once."""
    left = [fate]
    return lambda asked: left.pop() if asked == number and left else "over"


@pytest.mark.parametrize("fates", ["over", "waits", "some wait", "one fails", "one is refused"])
def test_steps_by_plain_calls_are_the_same(fates: str) -> None:
    def fate() -> Callable[[int], str]:
        if fates.startswith("one"):
            return once(20, "fails" if fates == "one fails" else "refused")
        waits = {"over": 0, "waits": 1, "some wait": 3}[fates]
        return lambda number: "waits" if waits and (waits == 1 or number % waits) else "over"

    awaited, reference, whole = read_all(Far, fate())
    asked, buffer, again = read_all(Asked, fate())
    assert isinstance(asked, Asked)
    assert asked.plain > COUNT // 2
    assert whole == again == CONTENT
    assert asked.asked == awaited.asked
    assert [each.cancelled for each in asked.transfers] == [
        each.cancelled for each in awaited.transfers
    ]
    assert counted(buffer) == counted(reference)


@pytest.mark.parametrize("far", [Far, Asked])
def test_a_step_whose_copy_fails_leaves_nothing_of_it(far: type[Far]) -> None:
    segment, _, got = read_all(far, once(20, "fails"))
    assert got == CONTENT
    again = [offset // BLOCK for offset, *_ in segment.asked]
    assert again.count(20) == 2


@pytest.mark.parametrize("far", [Far, Asked])
def test_a_step_that_cannot_ask_for_more_keeps_what_has_arrived(far: type[Far]) -> None:
    segment, _, got = read_all(far, once(20, "refused"))
    assert got == CONTENT
    again = [offset // BLOCK for offset, *_ in segment.asked]
    assert again.count(16) == 1  # what the step had waited for, four blocks before
    assert again.count(20) == 2
