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
        view = into.view(at, length)
        assert view is not None
        view[:] = CONTENT[offset : offset + length]
        self.asked.append((offset, length, at))
        self.transfers.append(Copied(self.clock, self.fate(offset // BLOCK)))
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


@pytest.mark.parametrize("fates", ["over", "waits", "some wait", "one fails"])
def test_steps_by_plain_calls_are_the_same(fates: str) -> None:
    failed: list[int] = []

    def fate(number: int) -> str:
        if fates == "one fails" and number == 20 and len(failed) < 2:
            failed.append(number)
            return "fails" if len(failed) == 1 else "over"
        return {"waits": "waits", "some wait": "waits" if number % 3 else "over"}.get(fates, "over")

    awaited, reference, whole = read_all(Far, fate)
    failed.clear()
    asked, buffer, again = read_all(Asked, fate)
    assert isinstance(asked, Asked)
    assert asked.plain > COUNT // 2
    assert whole == again == CONTENT
    assert asked.asked == awaited.asked
    assert [each.cancelled for each in asked.transfers] == [
        each.cancelled for each in awaited.transfers
    ]
    for name in buffer.counters.__slots__:
        assert getattr(buffer.counters, name) == getattr(reference.counters, name), name
