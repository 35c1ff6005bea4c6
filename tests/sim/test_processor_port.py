"""Links within one machine: closed forms of what processors do, the same in every mode."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pytest

from simaccess.cell import Cell, Operation
from simaccess.errors import InputError
from simaccess.model import Model, load_model
from simaccess.predict import predict
from simaccess.scenario import Scenario
from simaccess.sim.near_cache import CHUNK, NearCache
from simaccess.simulate import simulate
from simaccess.workload.registry import workload

SEGMENT = 8 << 20
PLAIN = {
    "link.rate": "1 GB/s",
    "link.latency": "2 us",
    "dma.issue": "500 ns",
    "dma.start": "3 us",
    "dma.completion": "1 us",
    "local.latency": "0 us",
    "local.rate": "1000000 GB/s",
}
CACHE = {"cache.size": "64 KiB", "cache.rate": "4 GB/s"}
US = 1e-6
BOTH: tuple[Operation, ...] = ("load", "fetch")


def model(changes: Mapping[str, str]) -> Model:
    return load_model("example-link", PLAIN | dict(changes))


def seconds(changes: Mapping[str, str], cell: Cell) -> float:
    return predict(model(changes), cell, segment=SEGMENT)


def test_loads_may_have_a_rate_and_a_latency_of_their_own() -> None:
    own = {"link.load_rate": "250 MB/s", "link.load_wait": "3 us"}
    assert seconds({}, Cell("load", 1000)) == pytest.approx(3 * US)
    assert seconds(own, Cell("load", 1000)) == pytest.approx(9 * US)
    assert seconds(own, Cell("fetch", 1000)) == seconds({}, Cell("fetch", 1000))
    assert seconds(own, Cell("store", 1000)) == 0.0  # it is posted


def test_a_copy_has_an_issue_by_bytes_and_a_handling() -> None:
    plain = 0.5 * US + 3 * US + 1 * US + 2 * US + 1 * US
    assert seconds({}, Cell("fetch", 1000)) == pytest.approx(plain)
    more = {"dma.issue_rate": "2 GB/s", "dma.handling": "4 us"}
    assert seconds(more, Cell("fetch", 1000)) == pytest.approx(plain + 0.5 * US + 4 * US)
    # Of many in flight the processor's share alone is left, where that is longer than the link's.
    busy = seconds({"dma.handling": "40 us"}, Cell("fetch", 1000, depth=8, count=400))
    assert busy / 400 == pytest.approx(40.5 * US, rel=0.01)


def test_what_comes_in_pieces_wakes_twice() -> None:
    pieces = {"link.piece": "1000 B", "link.wake": "7 us"}
    for operation in BOTH:
        for size in (1, 1000):
            cell = Cell(operation, size)
            assert seconds(pieces, cell) == seconds({}, cell)
        cell = Cell(operation, 1001)
        assert seconds(pieces, cell) == pytest.approx(seconds({}, cell) + 7 * US)
    # Copies in flight at once wait for it at once.
    cell = Cell("fetch", 2000, depth=16, count=160)
    assert seconds(pieces, cell) == pytest.approx(seconds({}, cell) + 7 * US, rel=0.001)


def test_after_each_window_the_far_end_is_woken() -> None:
    window = {"link.window": "1000 B", "link.wake": "7 us"}
    for operation in BOTH:
        for size, wakes in ((1000, 0), (1001, 1), (2000, 1), (5001, 5)):
            cell = Cell(operation, size)
            expected = seconds({}, cell) + wakes * 7 * US
            assert seconds(window, cell) == pytest.approx(expected)
    # The far end cannot send what is next meanwhile.
    cell = Cell("fetch", 5001, depth=16, count=160)
    assert seconds(window, cell) == pytest.approx(seconds({}, cell) + 160 * 5 * 7 * US)


@pytest.mark.parametrize("mover", ["issuer", "waiter"])
@pytest.mark.parametrize("operation", ["fetch", "flush"])
def test_a_processor_copies_without_any_overlap(mover: str, operation: Operation) -> None:
    changes = {"dma.mover": mover}
    assert seconds(changes, Cell(operation, 1000)) == pytest.approx(1.5 * US)
    many = Cell(operation, 1000, depth=8, count=80)
    assert seconds(changes, many) == pytest.approx(80 * 1.5 * US)


@pytest.mark.parametrize("mover", ["issuer", "waiter"])
@pytest.mark.parametrize("operation", ["load", "fetch", "flush"])
def test_processors_take_turns_at_the_station(mover: str, operation: Operation) -> None:
    changes = {"dma.mover": mover, "link.latency": "500 ns", **CACHE, "cache.rate": "1 GB/s"}
    both = seconds(changes, Cell(operation, 1000, consumers=2, count=50))
    assert both == pytest.approx(100.5 * US)  # served without a gap, in the order of time


def test_who_copies_when_shows_in_the_tallies() -> None:
    load = workload("sequential", {"size": "64 KiB", "length": "4 KiB"})
    settings = {"block": "16 KiB", "shadow": "1 MiB"}
    tallies = []
    for mover in ("engine", "issuer", "waiter"):
        scenario = Scenario(model({"dma.mover": mover}), load, "copy-once", settings)
        tallies.append(simulate(scenario))
    engine, issuer, waiter = (result.processor_s for result in tallies)
    copy = (64 << 10) / 1e9
    assert engine.copy == 0.0
    assert engine.wait == pytest.approx(copy + 4 * 6 * US)
    for processor in (issuer, waiter):
        assert processor.copy == pytest.approx(copy)
        assert processor.wait == 0.0
        assert processor.issue == pytest.approx(4 * 0.5 * US)


def test_prefetch_hides_a_copy_behind_work_only_with_an_engine() -> None:
    load = workload("sequential", {"size": "1 MiB", "length": "16 KiB", "work": "100 us"})
    settings = {"block": "16 KiB", "depth": "4"}
    elapsed = {
        mover: simulate(Scenario(model({"dma.mover": mover}), load, "prefetch", settings)).elapsed_s
        for mover in ("engine", "issuer", "waiter")
    }
    work, copy = 64 * 100 * US, (1 << 20) / 1e9
    assert elapsed["engine"] == pytest.approx(work, rel=0.02)
    for mover in ("issuer", "waiter"):
        assert elapsed[mover] == pytest.approx(work + copy + 64 * 0.5 * US, rel=0.001)


def test_bytes_go_at_the_rate_of_where_they_are_read() -> None:
    changes = {"dma.mover": "issuer", **CACHE}
    far, near = 1 / 1e9, 1 / 4e9
    cold = Cell("fetch", 16 << 10)
    assert seconds(changes, cold) == pytest.approx(0.5 * US + (16 << 10) * far)
    warm = Cell("fetch", 16 << 10, warm=1)
    assert seconds(changes, warm) == pytest.approx(0.5 * US + (16 << 10) * near)
    loads = Cell("load", 16 << 10, warm=1)
    assert seconds(changes, loads) == pytest.approx(2 * US + (16 << 10) * near)
    # Another place every time, of a range that is far more than it holds.
    moving = Cell("fetch", 16 << 10, warm=64, count=64)
    assert (seconds(changes, moving) / 64 - 0.5 * US) / (16 << 10) == pytest.approx(far, rel=0.01)
    # What is written takes room: of the same range, into more memory, less is left.
    one, many = (Cell("fetch", 4096, depth=depth, warm=8, count=8) for depth in (1, 8))
    assert seconds(changes, one) == pytest.approx(8 * (0.5 * US + 4096 * near))
    assert seconds(changes | {"cache.size": "48 KiB"}, many) > seconds(changes, one)


def test_what_is_not_near_may_be_in_a_cache_that_all_share() -> None:
    shared = {"cache.shared": "2 MiB", "cache.shared_rate": "2 GB/s"}
    changes = {"dma.mover": "issuer", **CACHE, **shared}
    # 1 MiB is beyond the 64 KiB that are near, and 8 MiB are beyond both.
    for size, rate in ((1 << 20, 2e9), (8 << 20, 1e9)):
        count = size // (64 << 10)
        cell = Cell("fetch", 64 << 10, warm=count, count=count)
        each = seconds(changes, cell) / count - 0.5 * US
        assert each == pytest.approx((64 << 10) / rate, rel=0.03), size


@pytest.mark.parametrize("mover", ["engine", "issuer"])
@pytest.mark.parametrize("cache", [{}, CACHE])
def test_long_copies_have_a_rate_of_their_own(mover: str, cache: Mapping[str, str]) -> None:
    plain = {"dma.mover": mover, **cache}
    long = plain | {"link.long": "32 KiB", "link.long_rate": "500 MB/s"}
    for operation in BOTH:
        shorter, longer = (Cell(operation, size) for size in ((32 << 10) - 1, 32 << 10))
        assert seconds(long, shorter) == seconds(plain, shorter)
        more = (32 << 10) * (1 / 0.5e9 - 1 / 1e9)  # whatever is near
        without = seconds({"dma.mover": mover}, longer)
        assert seconds(long, longer) == pytest.approx(without + more)


def test_bytes_are_taken_beside_those_that_come_and_alone_when_all_have_come() -> None:
    fast, slow = {"dma.take_rate": "2 GB/s"}, {"dma.take_rate": "250 MB/s"}
    pieces = {"link.piece": "1000 B"}
    for operation in BOTH:
        cell = Cell(operation, 10_000)
        plain = seconds({}, cell)
        # Without pieces nothing is there before all of it is.
        assert seconds(fast, cell) == pytest.approx(plain + 5 * US)
        # With them the last one is left to be taken; or, once the first is there, all of them.
        assert seconds(fast | pieces, cell) == pytest.approx(plain + 0.5 * US)
        assert seconds(slow | pieces, cell) == pytest.approx(plain + 40 * US - 9 * US)
        assert seconds(slow | pieces, Cell(operation, 700)) == pytest.approx(
            seconds({}, Cell(operation, 700)) + 2.8 * US
        )
    # Of many in flight the processor's share alone is left, where that is longer than the link's.
    busy = Cell("fetch", 10_000, depth=8, count=400)
    assert seconds(slow | pieces, busy) / 400 == pytest.approx(40.5 * US, rel=0.01)


def test_taking_is_copying_by_whoever_awaits_first() -> None:
    load = workload("sequential", {"size": "64 KiB", "length": "4 KiB"})
    changes = model({"dma.take_rate": "1 GB/s", "dma.handling": "2 us"})
    result = simulate(Scenario(changes, load, "copy-once", {"block": "16 KiB", "shadow": "1 MiB"}))
    processor = result.processor_s
    assert processor.copy == pytest.approx((64 << 10) / 1e9)
    assert processor.issue == pytest.approx(4 * 2.5 * US)
    assert processor.wait == pytest.approx((64 << 10) / 1e9 + 4 * 6 * US)


@pytest.mark.parametrize("ratio", [1.25, 1.5, 2.0, 3.0])
def test_a_range_walked_in_turn_is_found_as_often_as_random_replacement_leaves_it(
    ratio: float,
) -> None:
    capacity = 1024
    cache = NearCache(capacity * CHUNK)
    pages = int(ratio * capacity)
    turns = [cache.touch(0, 0, pages * CHUNK)[0] / (pages * CHUNK) for _ in range(60)]
    share = 0.0
    for _ in range(1000):
        share = math.exp(-(1 - share) * ratio)
    assert 1 - sum(turns[20:]) / 40 == pytest.approx(share, abs=0.02)


def test_a_range_that_fits_stays() -> None:
    cache = NearCache(6 * CHUNK)
    assert cache.touch(0, 100, 4 * CHUNK - 100)[0] == 4 * CHUNK - 100
    assert cache.touch(0, 0, 4 * CHUNK)[0] == 0
    assert cache.touch(1, CHUNK - 1, 2)[0] == 2  # of another memory, over two pages
    assert cache.touch(1, CHUNK - 1, 2)[0] == 0


def test_software_is_charged_by_access_miss_and_step() -> None:
    load = workload("sequential", {"size": "64 KiB", "length": "4 KiB"})
    free, dear = (
        model({}),
        model({"client.access": "1 us", "client.miss": "20 us", "client.step": "300 us"}),
    )
    cases = {
        # 16 accesses; 4 of them find nothing, and one look decides on all that it takes.
        ("copy-once", "16 KiB"): 16 * 1 + 4 * 20,
        ("zero-copy", ""): 16 * 1,
        # Its block is cut at the threshold: a load, a copy, the wait for it, and the read.
        ("hybrid", "64 KiB"): 16 * 1 + 4 * 300,
        # Each access takes two blocks, whose copies are started before either is awaited.
        ("copy-once", "2 KiB"): 16 * 1 + 16 * 6 * 300,
    }
    for (method, block), expected in cases.items():
        settings = {"block": block} if block else {}
        before, after = (simulate(Scenario(each, load, method, settings)) for each in (free, dear))
        assert after.processor_s.compute == pytest.approx(expected * US), method
        assert before.processor_s.compute == 0.0
        assert after.bytes == before.bytes
        assert after.bulk_requests == before.bulk_requests


def test_software_is_charged_by_seek_layer_and_look() -> None:
    scattered = workload("random", {"size": "64 KiB", "length": "64 B", "requests": "40"})
    block = {"block": "16 KiB", "shadow": "1 MiB"}

    def computed(method: str, asked: str) -> float:
        changes = dict.fromkeys(("client.seek", "client.layer", "client.look"), "0 s")
        settings = {} if method == "zero-copy" else block
        scenario = Scenario(model(changes | {asked: "1 us"}), scattered, method, settings)
        return simulate(scenario).processor_s.compute / US

    # Without a shadow there is nothing to look up. Of 40 accesses 4 find nothing.
    assert computed("zero-copy", "client.seek") == pytest.approx(0)
    assert computed("copy-once", "client.seek") == pytest.approx(40)
    assert computed("copy-once", "client.layer") == pytest.approx(0)
    assert computed("hybrid", "client.layer") == pytest.approx(40)
    assert computed("prefetch", "client.layer") == pytest.approx(80)
    assert computed("copy-once", "client.look") == pytest.approx(0)
    assert computed("hybrid", "client.look") == pytest.approx(4)
    sequential = workload("sequential", {"size": "64 KiB", "length": "4 KiB"})
    found = simulate(Scenario(model({"client.seek": "1 us"}), sequential, "copy-once", block))
    assert found.processor_s.compute == pytest.approx(0)


def test_copies_push_the_software_out_of_the_cache() -> None:
    load = workload("sequential", {"size": "256 KiB", "length": "4 KiB"})
    changes = model({"dma.mover": "issuer", **CACHE, "client.cold": "8 us"})
    for block in (16 << 10, 64 << 10):
        scenario = Scenario(changes, load, "copy-once", {"block": f"{block} B", "shadow": "1 MiB"})
        # A block is read from where nothing is near and written where nothing is; the access after
        # each copy but the last, of which there are none, finds the software pushed out.
        copies = (256 << 10) // block
        lost = 1 - math.exp(-2 * block / (64 << 10))
        expected = copies * lost * 8 * US
        assert simulate(scenario).processor_s.compute == pytest.approx(expected)
    with pytest.raises(InputError, match=r"client\.cold = '1 us': needs cache\.size; allowed"):
        model({"client.cold": "1 us"})


def test_a_far_end_that_sleeps_is_woken_by_who_asks() -> None:
    rouse = {"link.rouse": "5 us"}
    for operation in BOTH:
        one = Cell(operation, 1000, count=20)
        assert seconds(rouse, one) == pytest.approx(seconds({}, one) + 20 * 5 * US)
    # As long as something is under way it is awake, even before that has come to the station.
    two = Cell("fetch", 64, depth=2, count=2)
    assert seconds(rouse, two) == pytest.approx(seconds({}, two) + 5 * US)
    many = Cell("fetch", 1000, depth=8, count=64)
    slow = {"link.rate": "100 MB/s"}
    assert seconds(slow | rouse, many) - seconds(slow, many) <= 5.01 * US
    load = workload("sequential", {"size": "64 KiB", "length": "4 KiB"})
    asleep, awake = (
        simulate(Scenario(model(changes), load, "copy-once", {"block": "16 KiB"})).processor_s
        for changes in (rouse, {})
    )
    assert asleep.issue == pytest.approx(awake.issue + 4 * 5 * US)
    # One that is at work on a copy is not woken by a load.
    both, plain = (
        simulate(Scenario(model(slow | changes), load, "hybrid", {"block": "64 KiB"})).elapsed_s
        for changes in (rouse, {})
    )
    assert both == pytest.approx(plain + 5 * US)


def test_what_is_announced_is_handled_beside_the_coming_of_its_bytes() -> None:
    taken = {"dma.take_rate": "1000000 GB/s", "link.piece": "10000 B"}
    told = taken | {"link.announced": "true"}
    late = {"dma.handling": "4 us", "link.load_wait": "4 us"}
    for operation, fixed in zip(BOTH, (2 * US, 6.5 * US), strict=True):
        # n us come at 1 GB/s; the first piece of them, 10 us, beside the handling.
        for size, more in ((1000, 3 * US), (3000, 1 * US), (5000, 0.0), (50_000, 0.0)):
            found = seconds(told | late, Cell(operation, size))
            assert found == pytest.approx(fixed + size / 1e9 + more), (operation, size)
            assert seconds(taken | late, Cell(operation, size)) == pytest.approx(
                fixed + size / 1e9 + 4 * US
            )
    # Who comes late finds all of it to be done.
    busy = Cell("fetch", 1000, depth=8, count=400)
    slow = {"dma.handling": "40 us"}
    assert seconds(told | slow, busy) / 400 == pytest.approx(40.5 * US, rel=0.01)


@pytest.mark.parametrize("method", ["zero-copy", "copy-once", "hybrid", "prefetch"])
@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("mover", ["engine", "issuer", "waiter", "rouses"])
def test_run_ahead_and_bytes_change_nothing(method: str, shared: bool, mover: str) -> None:
    changes = {
        **CACHE,
        "dma.mover": mover,
        "dma.handling": "1 us",
        "client.access": "400 ns",
        "client.miss": "2 us",
        "client.step": "1 us",
        "client.seek": "300 ns",
        "client.cold": "5 us",
        "cache.shared": "128 KiB",
        "cache.shared_rate": "2 GB/s",
        "link.piece": "6 KiB",
        "link.window": "7 KiB",
        "link.wake": "3 us",
    }
    if mover == "rouses":
        near = {key for key in changes if key.startswith("cache.") or key == "client.cold"}
        taking = {"dma.mover": "engine", "dma.take_rate": "2 GB/s", "link.announced": "true"}
        changes = {key: changes[key] for key in changes.keys() - near}
        changes |= taking | {"link.rouse": "2 us", "link.load_wait": "3 us"}
    load = workload(
        "random", {"size": "256 KiB", "length": "3 KiB", "requests": "60", "writes": "0.2"}
    )
    results = [
        simulate(
            Scenario(
                model(changes), load, method, {"block": "8 KiB"} if method != "zero-copy" else {},
                consumers=2, shared=shared and method != "zero-copy", run_ahead=run_ahead, real=real,
            )
        )
        for run_ahead in (0, 10**10)
        for real in (False, True)
    ]  # fmt: skip
    assert all(result == results[0] for result in results[1:])


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("link.wake", "1 us", "link.wake = '1 us': needs link.piece or link.window"),
        ("link.long", "1 MiB", "link.long = '1 MiB': without link.long_rate; allowed: 0, or with"),
        ("cache.size", "4000 B", "cache.size = '4000 B': too small; allowed: 4 KiB or more"),
        ("cache.shared", "1 MiB", "cache.shared = '1 MiB': without cache.shared_rate; allowed"),
        (
            "link.announced",
            "true",
            "link.announced = True: needs dma.take_rate above 0; allowed: false",
        ),
        ("dma.mover", "nobody", "engine"),
        ("link.load_rate", "5", "missing unit"),
    ],
)
def test_what_makes_no_sense_is_refused(key: str, value: str, problem: str) -> None:
    changes = {**(CACHE if key.startswith("cache") else {}), key: value}
    with pytest.raises(InputError, match=problem):
        model(changes)
