"""Looking before sleeping: it is given up where it is in vain, and tried again."""

from __future__ import annotations

import pytest

from simaccess.real import looking as module
from simaccess.real.looking import Looking


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let time stand still."""
    monkeypatch.setattr(module, "perf_counter", lambda: 1.0)


def looks(looking: Looking) -> bool:
    return looking.until() > 1.0


def waits_without(looking: Looking) -> int:
    """Return how many waits are left out before it is looked again, in vain."""
    count = 0
    while not looks(looking):
        count += 1
    looking.ended(False)
    return count


def test_looking_in_vain_is_done_less_and_less_often() -> None:
    looking = Looking()
    assert [waits_without(looking) for _ in range(17)] == [0] * 17
    assert [waits_without(looking) for _ in range(8)] == [1, 3, 7, 15, 31, 63, 63, 63]


def test_a_find_brings_it_back() -> None:
    looking = Looking()
    for _ in range(20):
        waits_without(looking)
    assert not looks(looking)
    while not looks(looking):
        pass
    looking.ended(True)
    assert [waits_without(looking) for _ in range(18)] == [0] * 17 + [1]
