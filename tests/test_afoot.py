"""A simulation can be looked at while it runs, and a terminal sees how far it is."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from threading import Event, Thread
from typing import Any

import pytest

from simaccess.afoot import Afoot
from simaccess.consumer import Chunk
from simaccess.counters import Counters
from simaccess.model import load_model
from simaccess.progress import Count
from simaccess.replay.shelf import record
from simaccess.scenario import Scenario
from simaccess.simulate import simulate
from simaccess.workload.registry import workload


def scenario(requests: int, method: str = "copy-once", **more: Any) -> Scenario:
    work = workload("random", {"requests": requests})
    return Scenario(load_model("example-link"), work, method, **more)


@pytest.mark.parametrize("consumers", [1, 3])
def test_the_share_only_grows_and_ends_at_one(consumers: int) -> None:
    afoot, over = Afoot(), Event()
    assert (afoot.share(), afoot.stage) == (0, "making requests")
    seen: list[float] = []

    def look() -> None:
        while not over.wait(0.001):
            seen.append(afoot.share())

    watcher = Thread(target=look)
    watcher.start()
    asked = scenario(20_000, engine="simpy", consumers=consumers)
    looked_at = simulate(asked, afoot)
    over.set()
    watcher.join()
    assert seen == sorted(seen)
    assert (afoot.share(), afoot.stage) == (1, "")
    assert looked_at == simulate(asked)


def test_of_a_replay_what_is_recorded_counts() -> None:
    afoot = Afoot()
    asked = scenario(100_000)
    record(asked, afoot=afoot)
    assert (afoot.recorded, afoot.share(), afoot.stage) == (100_000, 1, "")
    afoot = Afoot()
    afoot.records(30)
    columns: Iterator[Chunk] = afoot.counted([([0] * 10, [1] * 10, None, None, None, None)] * 3)
    shares = [afoot.share() for _ in columns]
    assert shares == pytest.approx([0, 1 / 3, 2 / 3])  # each counts when the next is asked for


def test_of_a_few_large_requests_the_bytes_tell() -> None:
    afoot, counters = Afoot(), Counters()
    afoot.simulates(2, 1000, [(array("q"), counters)])
    counters.bulk = 250
    assert afoot.share() == 0.25
    counters.bulk = 3000  # more than was asked for, as a method does that copies blocks
    assert afoot.share() == 1


def test_a_look_reports_a_share_of_the_task_that_has_begun() -> None:
    told: list[tuple[float, int, str]] = []

    def report(done: float, total: int, stage: str = "") -> None:
        told.append((done, total, stage))

    count = Count(report)
    count.expect(4)
    count.look()
    assert told == [(0, 4, "")]
    afoot = Afoot()
    count.begun(afoot)
    count.look()
    afoot.records(10)
    afoot.recorded = 5
    count.did()
    count.begun(afoot)
    count.look()
    assert told[1:] == [(0, 4, "making requests"), (1, 4, ""), (1.5, 4, "")]
