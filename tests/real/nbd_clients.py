"""What tests of a failing NBD server have in common: a consumer, and how long it may wait."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from simaccess.buffer import Buffer
from simaccess.real.nbd_link import NbdLink
from tests.conformance.play import Setting
from tests.real import reading
from tests.real.nbd_far_end import SEGMENT

__all__ = ["SIZE", "buffer_over", "soon"]

SIZE = len(SEGMENT)
LONG_BEFORE = 8.0  # seconds: much more than the short timeouts here, and less than a hang


@contextmanager
def soon() -> Iterator[None]:
    begin = time.monotonic()
    yield
    assert time.monotonic() - begin < LONG_BEFORE


def buffer_over(link: NbdLink, name: str, block: int = 100) -> Buffer:
    return reading.buffer_over(link, Setting(name, block=block, slots=8, number=3).make())
