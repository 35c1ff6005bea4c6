"""Scenarios as a whole: every shipped model, both run-ahead modes, bytes or timing alone."""

from __future__ import annotations

import gc
import json
import math
import pickle
from collections.abc import Awaitable, Mapping
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simaccess.buffer import Buffer
from simaccess.compare import scenarios
from simaccess.errors import InputError
from simaccess.model import load_model, model_names
from simaccess.registry import names
from simaccess.result import Result, frame
from simaccess.ring import Ring
from simaccess.scenario import Engine, ProducerParameters, Scenario
from simaccess.segment import Data
from simaccess.sim.fifo_link import FifoLink
from simaccess.simulate import simulate
from simaccess.tune import equipped
from simaccess.workload.filter import Filter
from simaccess.workload.log import HEADER
from simaccess.workload.registry import workload
from simaccess.workload.workload import Workload

SMALL: Mapping[str, Mapping[str, object]] = {
    "sequential": {"size": "64 KiB", "length": "1000 B", "writes": "0.3"},
    "random": {"size": "64 KiB", "length": "100 B", "requests": "60"},
    "header-payload": {"size": "64 KiB", "record": "700 B", "payload_probability": "0.5"},
}


def scenario(model: str, work: str, method: str, **more: object) -> Scenario:
    settings = {} if method == "zero-copy" else {"block": "4 KiB", "slots": "6"}
    made = workload(work, SMALL.get(work, {}))
    return Scenario(load_model(model), made, method, settings, **more)  # type: ignore[arg-type]


def check(result: Result) -> None:
    """Check what holds for every result."""
    for consumer in result.consumers:
        spent = consumer.processor_s
        parts = spent.compute, spent.stall, spent.copy, spent.issue, spent.wait
        assert all(part >= 0 for part in parts)
        assert math.isclose(sum(parts), consumer.elapsed_s, rel_tol=1e-12)
    counted = result.bytes
    assert counted.used + counted.wasted == counted.moved
    assert counted.wasted >= 0
    for use in result.links.values():
        assert 0 <= use.utilisation <= 1 + 1e-9
        assert math.isclose(use.payload + use.overhead + use.other, use.utilisation, abs_tol=1e-9)


@pytest.mark.parametrize("method", names())
@pytest.mark.parametrize("model", model_names())
def test_both_run_ahead_modes_and_both_byte_modes_give_the_same(model: str, method: str) -> None:
    for work in SMALL:
        for consumers in (1, 3):
            given = scenario(model, work, method, consumers=consumers, seed=5)
            result = simulate(given)
            check(result)
            assert simulate(given) == result
            assert simulate(replace(given, run_ahead=0)) == result
            assert simulate(replace(given, run_ahead=10**6)) == result
            assert simulate(replace(given, real=True)) == result


OTHERS: Mapping[str, Mapping[str, object]] = {
    "strided": {"size": "16 KiB"},
    "skip": {"size": "96 KiB", "skip_read": "8 KiB", "skip_jump": "16 KiB"},
    "zipf": {"requests": "40", "size": "1 MiB"},
    "header-only": {"size": "16 KiB"},
    "log.csv": {"timed": "true"},
}
CONSUMERS = [(1, False), (3, False), (3, True)]
"""How many there are, and whether they share a shadow."""


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> list[Workload]:
    log = tmp_path_factory.mktemp("log") / "log.csv"
    kinds = ["write", "read", "read"]
    lines = (f"{i * 1e-6},{i * 7919 % 60000},{i % 90 + 1},{kinds[i % 3]}" for i in range(50))
    log.write_text("\n".join([HEADER, *lines, ""]))
    return [workload(str(log) if ".csv" in name else name, OTHERS[name]) for name in OTHERS]


@pytest.mark.parametrize("method", names())
@pytest.mark.parametrize("model", model_names())
def test_every_other_workload_gives_the_same_in_both_run_ahead_modes(
    model: str, method: str, others: list[Workload]
) -> None:
    for work, (consumers, shared) in product(others, CONSUMERS):
        given = Scenario(
            load_model(model),
            work,
            method,
            equipped(method, work, {}),
            consumers=consumers,
            shared=shared,
            seed=5,
            engine="simpy",
        )
        result = simulate(given)
        check(result)
        assert simulate(replace(given, run_ahead=0)) == result


@pytest.mark.parametrize("method", names())
@pytest.mark.parametrize("model", ["example-link", "shared-memory-ddr4", "pci-x-133", "lan-1gbit"])
def test_a_filter_chooses_the_same_packets_through_every_method(model: str, method: str) -> None:
    given = scenario(model, "filter", method, consumers=2, real=True)
    assert isinstance(given.workload, Filter)
    through_bytes = simulate(given)
    assert through_bytes.matched == given.workload.matches.sum()
    assert replace(through_bytes, matched=None) == simulate(replace(given, real=False))
    assert simulate(replace(given, run_ahead=0)) == through_bytes


@pytest.mark.parametrize("model", ["example-link", "shared-memory-ddr4", "pci-64-66", "lan-1gbit"])
@pytest.mark.parametrize("method", names())
def test_a_capture_through_a_ring_is_filtered_the_same(model: str, method: str) -> None:
    producer = ProducerParameters.model_validate(
        {"ring": "16 KiB", "batch": 8, "timeout": "50 us", "signal_latency": "1 us"}
    )
    given = scenario(model, "filter", method, real=True, producer=producer)
    assert isinstance(given.workload, Filter)
    result = simulate(given)
    check(result)
    assert result.dropped == 0
    assert result.matched == given.workload.matches.sum()
    assert simulate(replace(given, run_ahead=0)) == result


@pytest.mark.parametrize("work", ["random", "header-payload"])
def test_methods_that_are_compared_get_the_same_accesses_at_the_same_times(
    work: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each arrival and each access is the seed's, whichever method serves it and how fast."""
    arrived: list[list[int]] = []
    asked: list[list[tuple[int, int, bool]]] = []

    class Seen(Ring):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given)
            rings.append(self)

    class Noted(Buffer):
        def read(self, offset: int, length: int) -> Awaitable[Data]:
            asked[-1].append((offset, length, False))
            return super().read(offset, length)

        def write(self, offset: int, length: int, data: Data = None) -> Awaitable[None]:
            asked[-1].append((offset, length, True))
            return super().write(offset, length, data)

    rings: list[Ring] = []
    monkeypatch.setattr("simaccess.simulate.Ring", Seen)
    monkeypatch.setattr("simaccess.simulate.Buffer", Noted)
    arrivals = {
        "producer.ring": "64 KiB",
        "producer.arrivals": "poisson",
        "producer.rate": "20 kHz",
    }
    given = {} if work == "random" else arrivals
    for seed in (1, 2):
        for compared in scenarios(
            "pci-64-66",
            work,
            settings={**given, "workload.size": "64 KiB"},
            seed=seed,
            engine="simpy",
        ):
            asked.append([])
            simulate(compared)
            arrived += [list(ring.arrived) for ring in rings]
            rings.clear()
    half = len(names())
    for seen in (asked, arrived):
        if seen:
            assert len(seen) == 2 * half
            assert all(one == seen[0] for one in seen[:half])
            assert all(one == seen[half] for one in seen[half:])
            assert seen[0]
            assert seen[0] != seen[half]  # another seed, other accesses
    assert bool(arrived) == bool(given)


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_random_scenarios_give_the_same_in_every_mode(data: st.DataObject) -> None:
    draw = data.draw
    work = draw(st.sampled_from(sorted(SMALL)))
    consumers = draw(st.integers(1, 4))
    given = scenario(
        draw(st.sampled_from(model_names())),
        work,
        draw(st.sampled_from(names())),
        consumers=consumers,
        shared=consumers > 1 and draw(st.booleans()),
        seed=draw(st.integers(0, 100)),
    )
    if work == "header-payload" and draw(st.booleans()):
        arrivals = draw(st.sampled_from(["full-speed", "poisson", "constant"]))
        producer = {
            "ring": draw(st.sampled_from(["1 KiB", "5000 B", "64 KiB"])),
            "arrivals": arrivals,
            "overflow": draw(st.sampled_from(["wait", "drop"])),
            "batch": draw(st.integers(1, 4)),
        }
        if arrivals != "full-speed":
            producer["rate"] = draw(st.sampled_from(["100 Hz", "1 MHz"]))
        given = replace(given, producer=ProducerParameters.model_validate(producer))
    result = simulate(given)
    check(result)
    assert simulate(replace(given, run_ahead=0)) == result
    assert simulate(replace(given, real=True)) == result


@pytest.mark.parametrize("method", names())
def test_what_is_left_of_a_segment_is_a_record_of_a_ring(method: str) -> None:
    work = workload("sequential", {"size": "10001 B"})
    producer = ProducerParameters.model_validate({"ring": "8 KiB"})
    given = Scenario(load_model("pci-64-66"), work, method, producer=producer, engine="simpy")
    for real in (False, True):
        result = simulate(replace(given, real=real))
        assert result.consumers[0].requests == 3
        assert result.bytes.requested == result.bytes.moved == 10001


@pytest.mark.parametrize(
    ("model", "changes"),
    [("pci-64-66", {"dma.enabled": "no"}), ("pci-64-66", {}), ("shared-memory-ddr4", {})],
)
@pytest.mark.parametrize("engine", ["simpy", "auto"])
def test_a_copy_is_a_round_trip_whoever_makes_it(
    model: str, changes: dict[str, str], engine: Engine
) -> None:
    work = workload("sequential", {"size": "256 KiB"})
    link = load_model(model).with_values(changes)
    copied = simulate(Scenario(link, work, "copy-once", engine=engine))
    assert copied.round_trips == copied.bulk_requests == 64
    reading = Scenario(link, work, "zero-copy", engine=engine)
    assert simulate(reading).round_trips == 64


def test_prefetch_goes_on_for_each_of_several_sequential_consumers() -> None:
    work = workload("sequential", {"size": "2 MiB"})

    def simulated(method: str, settings: dict[str, str]) -> Result:
        return simulate(
            Scenario(load_model("wan-20ms-100mbit"), work, method, settings, consumers=4)
        )

    ahead = simulated("prefetch", {"block": "16 KiB", "depth": "8"})
    once = simulated("copy-once", {"block": "16 KiB"})
    assert once.bytes.wasted == 0
    assert ahead.bytes.wasted <= 3 * 8 * 16384  # beyond the end of a part, where another begins
    assert ahead.throughput_bytes_per_s > 1.5 * once.throughput_bytes_per_s


def test_a_timed_log_is_dealt_in_turn(tmp_path: Path) -> None:
    file = tmp_path / "log.csv"
    lines = [f"{time},{64 * time},64,read\n" for time in range(8)]
    file.write_text(f"{HEADER}\n{''.join(lines)}")

    def elapsed(timed: str) -> list[float]:
        made = workload(str(file), {"timed": timed})
        result = simulate(Scenario(load_model("example-link"), made, "zero-copy", consumers=2))
        return [consumer.elapsed_s for consumer in result.consumers]

    first, second = elapsed("true")
    assert 6 < first < 7 < second < 8  # the sixth and the seventh second, not the third
    assert max(elapsed("false")) < 0.001


def test_latency_rises_with_the_open_loop_load() -> None:
    def median(rate: str) -> float:
        producer = ProducerParameters.model_validate({"arrivals": "poisson", "rate": rate})
        result = simulate(scenario("pci-64-66", "filter", "copy-once", producer=producer))
        assert result.latency_s.p50 is not None
        return result.latency_s.p50

    low, middle, high = median("1 kHz"), median("80 kHz"), median("1 MHz")
    assert low < middle < high
    assert high > 20 * low


def test_drops_are_counted() -> None:
    producer = {"arrivals": "constant", "rate": "10 MHz", "ring": "4 KiB", "overflow": "drop"}
    result = simulate(
        scenario(
            "pci-64-66",
            "filter",
            "copy-once",
            producer=ProducerParameters.model_validate(producer),
        )
    )
    requests = sum(consumer.requests for consumer in result.consumers)
    assert result.dropped > 0
    assert requests + result.dropped == 2682


@pytest.mark.parametrize(
    ("given", "key"),
    [
        (
            {"arrivals": "constant", "rate": "0.00001 Hz"},
            "producer.rate = 1e-05: record 11 of 2682",
        ),
        ({"arrivals": "poisson", "rate": "0.000001 Hz"}, "producer.rate = 1e-06: record"),
        ({"arrivals": "capture", "speed": 1e-9}, "producer.speed = 1e-09: record"),
        ({"arrivals": "capture", "speed": 1e-320}, "producer.speed = 1e-320: record"),
    ],
)
def test_arrivals_that_the_engine_cannot_hold_are_refused(
    given: dict[str, object], key: str
) -> None:
    producer = ProducerParameters.model_validate(given)
    with pytest.raises(InputError) as caught:
        simulate(scenario("example-link", "filter", "zero-copy", producer=producer))
    assert str(caught.value).startswith(key)
    assert str(caught.value).endswith("allowed: a pace at which all records arrive within 1e+06 s")


def test_time_stamps_that_are_not_there_end_in_the_error_alone() -> None:
    producer = ProducerParameters.model_validate({"arrivals": "capture"})
    with pytest.raises(InputError, match=r"producer\.arrivals = 'capture': .* no time stamps"):
        simulate(scenario("example-link", "header-payload", "hybrid", producer=producer))
    gc.collect()


def test_an_error_between_the_starts_of_two_consumers_leaves_no_warning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    attach, attached = FifoLink.attach, []

    def fail_at_the_second(link: FifoLink) -> object:
        attached.append(attach(link))
        if len(attached) == 2:
            raise InputError("no more")
        return attached[-1]

    monkeypatch.setattr(FifoLink, "attach", fail_at_the_second)
    with pytest.raises(InputError, match="no more"):
        simulate(scenario("example-link", "random", "copy-once", consumers=2, engine="simpy"))
    gc.collect()  # a coroutine that is forgotten before it has begun warns now


def test_a_workload_that_jumps_about_cannot_come_through_a_ring() -> None:
    with pytest.raises(InputError, match=r"workload = 'random'.*in order"):
        simulate(scenario("example-link", "random", "zero-copy", producer=ProducerParameters()))


def test_a_result_is_shown_stored_and_framed() -> None:
    result = simulate(scenario("example-link", "random", "prefetch"))
    plain = json.loads(json.dumps(result.to_dict()))
    assert plain["latency_s"].keys() == {"p50", "p90", "p99", "p999"}
    assert plain["bytes"].keys() == {"requested", "used", "moved", "wasted"}
    assert plain["processor_s"].keys() == {"compute", "stall", "copy", "issue", "wait"}
    assert plain["links"]["link"]["utilisation"] == result.links["link"].utilisation
    assert pickle.loads(pickle.dumps(result)) == result
    html = result._repr_html_()
    assert "<th>throughput_bytes_per_s</th>" in html
    table = frame([result, result])
    assert table["latency_s.p50"].tolist() == [result.latency_s.p50] * 2
    assert set(table["method"]) == {"prefetch"}
