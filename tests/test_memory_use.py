"""Memory: flat in the number of accesses but for 8 bytes a latency, and small for each consumer."""

from __future__ import annotations

import gc
import tracemalloc
from array import array
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest

from simaccess import room
from simaccess.buffer import Buffer, Shadow
from simaccess.consumer import Chunk, replay
from simaccess.embedded import embedded
from simaccess.methods.blocks import FixedBlocks
from simaccess.methods.copy_once import CopyOnce
from simaccess.methods.hybrid import Hybrid
from simaccess.methods.prefetch import Prefetch
from simaccess.methods.zero_copy import ZeroCopy
from simaccess.model import load_model
from simaccess.operations import AccessMethod
from simaccess.scenario import Scenario
from simaccess.sim.environment import Agent, Environment
from simaccess.sim.fifo_link import FifoLink, FifoParameters
from simaccess.simulate import simulate
from simaccess.tune import equipped
from simaccess.workload import records, stream
from simaccess.workload.registry import workload
from simaccess.workload.workload import Workload

PARAMETERS = FifoParameters.model_validate(
    {
        "link": {"rate": "1 GB/s", "latency": "100 ns"},
        "dma": {"channels": 2, "issue": "50 ns", "start": "200 ns", "completion": "0 s"},
        "local": {"latency": "5 ns", "rate": "10 GB/s", "copy_rate": "5 GB/s"},
    }
)
MIB = 1 << 20
Result = TypeVar("Result")


def reads(count: int) -> Iterator[Chunk]:
    """Return reads of 64 bytes back to back, a thousand at a time."""
    for start in range(0, count, 1000):
        size = min(1000, count - start)
        offsets = range(64 * start, 64 * (start + size), 64)
        yield offsets, [64] * size, None, None, None, None


def measured(run: Callable[[], Result]) -> tuple[Result, int]:
    """Return what a call returns, and the bytes that it needs at most, each counted.

    What the interpreter keeps of freed tuples, lists and frames to use again would not be, and
    it keeps more or less of them by what ran before: a full collection empties those stores.
    """
    gc.collect()
    tracemalloc.start()
    result = run()
    used = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return result, used


def peak(consumers: int, accesses: int, method: Callable[[], AccessMethod]) -> int:
    """Return the bytes that a run needs at most, the latencies included."""
    return measured(partial(run_reads, consumers, accesses, method))[1]


def run_reads(consumers: int, accesses: int, method: Callable[[], AccessMethod]) -> None:
    """Simulate consumers that read what lies one after another."""
    env = Environment()
    link = FifoLink(env, PARAMETERS, 1 << 40)

    def body(clock: Agent) -> object:
        buffer = Buffer(Shadow(method(), link.local), link.attach(), clock)
        return replay(clock, buffer, reads(accesses), array("q"))

    for _ in range(consumers):
        env.start(partial(body))  # type: ignore[arg-type]
    env.run()


@pytest.mark.parametrize(
    "method",
    [
        ZeroCopy,
        lambda: CopyOnce(FixedBlocks(4096), 4),
        lambda: Prefetch(FixedBlocks(4096), depth=4),
    ],
    ids=["zero-copy", "copy-once", "prefetch"],
)
def test_memory_is_flat_in_the_accesses(method: Callable[[], AccessMethod]) -> None:
    peak(1, 1000, method)  # whatever the first run caches
    few, many = peak(1, 2_000, method), peak(1, 40_000, method)
    # The array of latencies grows by copying: twice its bytes for a moment.
    assert many - few < 2 * 8 * 38_000 * 1.2 + 20_000


SLOTS = (4 << 20) // 4096
"""Of the shadow that `simaccess compare` gives each consumer; 10 reads fill one of them."""


@pytest.mark.slow
@pytest.mark.parametrize(
    "method",
    [
        ZeroCopy,
        lambda: CopyOnce(FixedBlocks(4096), SLOTS),
        lambda: Hybrid(FixedBlocks(4096), SLOTS),
        lambda: Prefetch(FixedBlocks(4096), slots=SLOTS),
    ],
    ids=["zero-copy", "copy-once", "hybrid", "prefetch"],
)
def test_ten_thousand_consumers_fit_into_100_mib(method: Callable[[], AccessMethod]) -> None:
    assert peak(10_000, 10, method) < 100 * MIB


@pytest.mark.slow
@pytest.mark.parametrize("method", ["copy-once", "hybrid", "prefetch"])
def test_ten_thousand_shadows_fit_through_the_whole_library(method: str) -> None:
    work = workload("random", {"requests": "10000", "size": "64 MiB"})
    link = load_model("example-link")
    scenario = Scenario(link, work, method, equipped(method, work, {}), consumers=10_000)
    result, used = measured(partial(simulate, scenario))
    assert result.bulk_requests >= 10_000 * 0.9  # hybrid reads headers in place
    assert used < 100 * MIB


def library_peak(name: str, method: str, consumers: int) -> int:
    """Return the bytes that a run of the whole library needs, of ten reads by each consumer.

    What is common to all is in proportion to their number, as if they were ten thousand.
    """
    work = workload("sequential", {"size": f"{640 * consumers} B", "length": "64 B"})
    settings = equipped(method, work, {})
    model = load_model(name)
    if model.kind == "memory-bus":
        model = model.with_values({"caches.l3": f"{(25 << 20) * consumers // 10_000} B"})
    scenario = Scenario(model, work, method, settings, consumers=consumers, engine="simpy")
    return measured(partial(simulate, scenario))[1]


FEWER, MORE = 300, 900


@pytest.mark.parametrize("method", ["zero-copy", "copy-once", "hybrid", "prefetch"])
@pytest.mark.parametrize("model", ["example-link", "pci-64-66", "shared-memory-ddr4"])
def test_each_consumer_of_a_bus_adds_a_ten_thousandth_of_100_mib(model: str, method: str) -> None:
    library_peak(model, method, FEWER)  # whatever the first run caches
    few, more = library_peak(model, method, FEWER), library_peak(model, method, MORE)
    assert (more - few) / (MORE - FEWER) * 10_000 < 100 * MIB


def test_a_consumer_of_a_memory_bus_costs_no_more_among_many() -> None:
    # Who holds a sector was once a bit for each core: 1.3 KiB a sector among 10,000.
    few, more, most = (
        library_peak("shared-memory-ddr4", "zero-copy", n) for n in (500, 1000, 4000)
    )
    assert (most - more) / 3000 < 1.1 * (more - few) / 500


@pytest.mark.parametrize("model", ["example-link", "pci-64-66", "shared-memory-ddr4"])
def test_a_run_leaves_nothing_for_the_garbage_collector(model: str) -> None:
    work = workload("random", {"requests": "1000", "size": "1 MiB"})
    settings = equipped("copy-once", work, {})
    scenario = Scenario(load_model(model), work, "copy-once", settings, consumers=100)
    scenario = replace(scenario, engine="simpy")
    simulate(scenario)
    gc.collect()
    gc.disable()
    tracemalloc.start()
    simulate(scenario)
    left, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    gc.enable()
    assert left < most / 5


@pytest.mark.slow
@pytest.mark.parametrize("model", ["pci-64-66", "shared-memory-ddr4"])
def test_ten_thousand_consumers_of_a_bus_fit_through_the_whole_library(model: str) -> None:
    work = workload("random", {"requests": "10000", "size": "64 MiB"})
    scenario = Scenario(load_model(model), work, "zero-copy", consumers=10_000, engine="simpy")
    result, used = measured(partial(simulate, scenario))
    assert len(result.consumers) == 10_000
    assert used < 100 * MIB


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "method"),
    [("pci-64-66", "zero-copy"), ("example-link", "copy-once")],
)
def test_ten_thousand_consumers_of_a_replay_fit_too(model: str, method: str) -> None:
    pytest.importorskip("numba")
    work = workload("random", {"requests": "10000", "size": "64 MiB"})
    settings = equipped(method, work, {})
    scenario = Scenario(load_model(model), work, method, settings, engine="replay")
    simulate(scenario)  # what compiling takes
    result, used = measured(partial(simulate, replace(scenario, consumers=10_000)))
    assert len(result.consumers) == 10_000
    assert used < 100 * MIB


CAPTURE = str(embedded("experiments", "data", "traffic.pcap"))
FEW, MANY = 10_000, 30_000
STREAMS = {
    # Bytes of the columns that an access takes: those that say the same of all take none.
    "random": ({"requests": f"{FEW}"}, {"requests": f"{MANY}"}, 8),
    # Of few items, whose law and places would hide what the requests take.
    "zipf": ({"requests": f"{FEW}", "size": "8 KiB"}, {"requests": f"{MANY}", "size": "8 KiB"}, 8),
    "skip": ({"requests": f"{FEW}"}, {"requests": f"{MANY}"}, 8),
    "header-payload": ({"requests": f"{FEW}"}, {"requests": f"{MANY}"}, 8 + 8 + 1),
    "header-only": ({"capture": CAPTURE, "laps": "4"}, {"capture": CAPTURE, "laps": "12"}, 17),
    "filter": ({"laps": "2"}, {"laps": "5"}, 8 + 8 + 1),
}


def traced(made: Callable[[], Workload], *, real: bool) -> int:
    """Return the bytes that making a workload and simulating it needs at most."""
    link = load_model("example-link")

    def run() -> None:
        simulate(Scenario(link, made(), "zero-copy", engine="simpy", real=real))

    return measured(run)[1]


def assert_lean(few: Callable[[], Workload], many: Callable[[], Workload], column: int) -> None:
    """Require no more memory for more accesses than their columns and 8 bytes a latency."""
    real = few().name == "filter"
    traced(few, real=real)  # whatever the first run caches
    asked = [made().accesses(0) for made in (few, many)]
    accesses = len(asked[1]) - len(asked[0])
    requests = asked[1].requests - asked[0].requests
    del asked
    # An array that grows has an eighth to spare, and a predicate's choices are an array, too.
    most = 1.125 * (column * accesses + (16 if real else 8) * requests) + 100_000
    assert traced(many, real=real) - traced(few, real=real) < most


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_takes_its_columns_and_eight_bytes_a_latency(name: str) -> None:
    few, many, column = STREAMS[name]
    assert_lean(partial(workload, name, few), partial(workload, name, many), column)


@pytest.mark.parametrize("timed", ["false", "true"])
def test_a_log_takes_its_columns_and_eight_bytes_a_latency(tmp_path: Path, timed: str) -> None:
    draws = np.random.default_rng(3)
    for count in (FEW, MANY):
        columns = draws.integers(0, 1 << 30, count), draws.integers(1, 1 << 12, count)
        with (tmp_path / f"{count}.csv").open("w") as log:
            log.write("time,offset,length,operation\n")
            log.writelines(
                f"{1e-5 * number:.6f},{offset},{length},{'read' if length % 5 else 'write'}\n"
                for number, (offset, length) in enumerate(zip(*columns, strict=True))
            )
    few, many = (
        partial(workload, str(tmp_path / f"{count}.csv"), {"timed": timed}) for count in (FEW, MANY)
    )
    assert_lean(few, many, 8 + 8 + 8 + 1)


def few_packets(path: Path, count: int) -> Path:
    """Write the first packets of the embedded capture."""
    content = embedded("experiments", "data", "traffic.pcap").read_bytes()
    end = 24
    for _ in range(count):
        end += 16 + int.from_bytes(content[end + 8 : end + 12], "little")
    path.write_bytes(content[:end])
    return path


@pytest.mark.parametrize("real", [False, True], ids=["timing", "real"])
@pytest.mark.parametrize("name", ["filter", "header-only", "header-payload"])
def test_laps_take_what_their_guard_says(
    name: str, real: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[int] = []
    ask = room.require_room

    def told(count: int, each: int, what: str, *, key: str, value: object) -> None:
        if key == "workload.laps":
            said.append(count * each)
        ask(count, each, what, key=key, value=value)

    monkeypatch.setattr(stream, "require_room", told)
    monkeypatch.setattr(records, "require_room", told)
    path = few_packets(tmp_path / "few.pcap", 60)
    link = load_model("example-link")

    one, asked = (workload(name, {"capture": str(path), "laps": laps}) for laps in ("1", "600"))
    scenario = Scenario(link, asked, "zero-copy", real=real, engine="simpy")
    simulate(replace(scenario, workload=one))  # what is imported first would count
    used = measured(partial(simulate, scenario))[1]
    assert max(said) <= used <= 1.1 * max(said) + (1 << 19)  # parts are worked on beside it
