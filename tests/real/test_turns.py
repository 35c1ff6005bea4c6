"""Coroutines of one process by turns."""

from __future__ import annotations

import os
from functools import partial
from time import perf_counter_ns

import pytest

from simaccess.real.turns import TurnClock, Turns, readable
from simaccess.segment import Clock

MS = 1_000_000


def test_a_child_has_its_turn_while_its_parent_never_waits() -> None:
    turns = Turns()
    clock = TurnClock(turns)
    ran: list[int] = []

    async def child(own: Clock) -> None:
        await own.sleep_until(own.time + 20 * MS)
        ran.append(own.time)

    async def parent() -> None:
        clock.spawn(child)
        end = clock.time + 5000 * MS
        while not ran and clock.time < end:
            await clock.instant()

    turns.run(parent())
    assert ran


def test_who_is_due_first_goes_on_first() -> None:
    turns = Turns()
    clock = TurnClock(turns)
    begin = perf_counter_ns()
    order: list[int] = []

    async def child(own: Clock, delay: int) -> None:
        await own.sleep_until(begin + delay * MS)
        assert own.time >= begin + delay * MS
        order.append(delay)

    async def parent() -> None:
        for delay in (90, 30, 60):
            clock.spawn(partial(child, delay=delay))
        await clock.sleep_until(begin + 120 * MS)
        order.append(120)

    turns.run(parent())
    assert order == [30, 60, 90, 120]
    assert clock.wait > 0


def test_a_descriptor_ends_a_wait_and_a_child_runs_in_it() -> None:
    reading, writing = os.pipe()
    turns = Turns()
    clock = TurnClock(turns)

    async def child(own: Clock) -> None:
        await own.sleep_until(own.time + 10 * MS)
        os.write(writing, b"x")

    async def parent() -> None:
        transfer = clock.spawn(child)
        await readable(reading)
        await transfer
        assert await transfer.poll()
        assert not await transfer.cancel()

    turns.run(parent())
    os.close(reading)
    os.close(writing)


def test_what_a_child_raises_ends_the_run() -> None:
    turns = Turns()
    clock = TurnClock(turns)

    async def child(_: Clock) -> None:
        raise ValueError("told to")

    async def parent() -> None:
        clock.spawn(child)
        await clock.sleep_until(clock.time + 5000 * MS)

    with pytest.raises(ValueError, match="told to"):
        turns.run(parent())
