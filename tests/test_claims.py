"""The claims about the four methods, each with the condition under which it holds.

Their source is the section on replication of W. de Bruijn's thesis and its Table 4.3; the
conditions are those of `simaccess.analytic`. The shipped models of PCI and WAN links are
simulated with all their mechanisms; the closed forms are met exactly on a plain link, and the
borders between them are crossed there in `test_borders`.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simaccess import analytic
from simaccess.model import load_model
from simaccess.result import Result
from simaccess.scenario import ProducerParameters, Scenario
from simaccess.simulate import latencies, simulate
from simaccess.workload.registry import workload
from tests.exact_link import plain, run

BULK = {"size": "1 MiB", "length": "4 KiB"}
PCI = "pci-64-66"
WAN = "wan-20ms-100mbit"
RTT = 0.020


# -- the closed forms, exactly ------------------------------------------------------


@settings(deadline=None, max_examples=40)
@given(
    latency_ns=st.integers(0, 5000),
    rate=st.sampled_from([100, 250, 1000]),
    start_ns=st.integers(0, 3000),
    p=st.sampled_from([0.0, 0.1, 0.4, 1.0]),
)
def test_records_take_the_time_of_the_closed_forms(
    latency_ns: int, rate: int, start_ns: int, p: float
) -> None:
    model = plain(latency_ns, rate, start_ns)
    header, record, space, records = 64, 1024, 1024, 200
    work = {
        "size": f"{space * records} B",
        "record": f"{record} B",
        "header": f"{header} B",
        "payload_probability": str(p),
    }
    results = {
        name: run(
            model, "header-payload", work, name, {"threshold": "64 B"} if name == "hybrid" else {}
        )
        for name in ("zero-copy", "copy-once", "hybrid")
    }
    # A load brings as much as is asked for: one for the header, one for the payload, each with
    # its own t; the equations have one t, so the payload's counts as n_p = t_payload / t.
    byte, wait = 1 / (rate * 1e6), latency_ns * 1e-9
    bulk = (100 + start_ns + 50 + latency_ns) * 1e-9
    read = results["zero-copy"].loads - records
    share = read / records
    forms = analytic.Conditions(
        t=header * byte + wait,
        w=header,
        T=bulk + space * byte,
        T_payload=bulk + (space - header) * byte,
        p=share,
        n_h=1,
        n_p=((record - header) * byte + wait) / (header * byte + wait),
    ).times()
    for name, result in results.items():
        assert result.elapsed_s / records == pytest.approx(forms[name], rel=1e-9, abs=1e-15)


# -- what each method does on each link --------------------------------------------


@pytest.mark.parametrize("model", [PCI, WAN, "example-link"])
def test_each_zero_copy_read_is_a_round_trip(model: str) -> None:
    result = run(model, "random", {"requests": "50", "size": "1 MiB"}, "zero-copy")
    assert result.loads == result.round_trips == 50


@pytest.mark.parametrize("model", [PCI, WAN, "example-link", "shared-memory-ddr4"])
def test_copy_once_asks_once_for_each_block(model: str) -> None:
    result = run(model, "sequential", {**BULK, "length": "1 KiB"}, "copy-once", {"block": "16 KiB"})
    assert result.bulk_requests == 64
    assert result.shadow_hits == 1024 - (64 if model != "shared-memory-ddr4" else 0)


def test_copy_once_beats_zero_copy_on_pci_for_bulk_because_of_bursts_and_dma() -> None:
    def lead(**changes: str) -> float:
        dotted = {key.replace("__", "."): value for key, value in changes.items()}
        zero = run(PCI, "sequential", BULK, "zero-copy", changes=dotted)
        once = run(PCI, "sequential", BULK, "copy-once", {"block": "64 KiB"}, changes=dotted)
        return once.throughput_bytes_per_s / zero.throughput_bytes_per_s

    assert lead() > 5
    assert lead(bus__burst="false") < 1
    assert lead(dma__enabled="false") < 1  # the processor's copy reads word by word, too


def test_writes_are_faster_than_reads_on_pci_because_they_are_posted() -> None:
    write = {"writes": "1", "requests": "2000", "size": "1 MiB", "length": "8 B"}
    reading = run(PCI, "sequential", {**write, "writes": "0"}, "zero-copy")
    writing = run(PCI, "sequential", write, "zero-copy")
    assert writing.throughput_bytes_per_s > 2 * reading.throughput_bytes_per_s


@pytest.mark.parametrize("model", [PCI, WAN, "example-link"])
def test_prefetch_keeps_requests_in_flight(model: str) -> None:
    once = run(model, "sequential", BULK, "copy-once", {"block": "16 KiB"})
    ahead = run(model, "sequential", BULK, "prefetch", {"block": "16 KiB", "depth": "8"})
    assert ahead.throughput_bytes_per_s > once.throughput_bytes_per_s
    assert ahead.processor_s.wait < once.processor_s.wait


def test_prefetch_hides_the_round_trips_of_a_wan() -> None:
    once = run(WAN, "sequential", BULK, "copy-once", {"block": "16 KiB"})
    ahead = run(WAN, "sequential", BULK, "prefetch", {"block": "16 KiB", "depth": "16"})
    assert ahead.throughput_bytes_per_s > 4 * once.throughput_bytes_per_s


def test_prefetch_does_not_help_random_access() -> None:
    work = {"requests": "100", "size": "64 MiB", "length": "512 B"}
    once = run(WAN, "random", work, "copy-once", {"block": "16 KiB"})
    ahead = run(WAN, "random", work, "prefetch", {"block": "16 KiB"})
    assert ahead.throughput_bytes_per_s < 1.1 * once.throughput_bytes_per_s


# -- the conditions ----------------------------------------------------------------

RECORDS = {"requests": "300", "size": "1 MiB", "record": "1500 B"}


def test_hybrid_beats_copy_once_only_while_a_read_is_cheap() -> None:
    """H < C needs t < T / n_h: a header of one read, no payload, a latency that is swept."""
    for latency_ns, hybrid_wins in [(100, True), (1000, True), (30_000, False)]:
        model = plain(0, 1000, 2000).with_values({"link.latency": f"{latency_ns} ns"})
        # The engine's copy takes its own time; only in-place reads pay the latency twice or more.
        header = {**RECORDS, "header": "54 B"}
        twice = {"threshold": "54 B"}
        hybrid = run(
            model, "header-payload", {**header, "payload_probability": "0.5"}, "hybrid", twice
        )
        once = run(model, "header-payload", {**header, "payload_probability": "0.5"}, "copy-once")
        assert (hybrid.elapsed_s < once.elapsed_s) is hybrid_wins, latency_ns


@pytest.mark.parametrize("probability", ["0.1", "0.5", "1"])
def test_over_a_wan_hybrid_costs_a_round_trip_more_for_each_payload_and_loses(
    probability: str,
) -> None:
    work = {**RECORDS, "requests": "40", "payload_probability": probability}
    hybrid = run(WAN, "header-payload", work, "hybrid")
    once = run(WAN, "header-payload", work, "copy-once")
    read = hybrid.bulk_requests / 40
    handshake = RTT  # of the one connection; besides round trips there are microseconds
    assert (hybrid.elapsed_s - handshake) / 40 == pytest.approx(RTT * (1 + read), rel=0.02)
    assert (once.elapsed_s - handshake) / 40 == pytest.approx(RTT, rel=0.02)
    assert once.elapsed_s < hybrid.elapsed_s


@pytest.mark.parametrize(("model", "probability"), [("example-link", "0.05"), (PCI, "0.4")])
def test_prefetch_can_beat_hybrid_in_throughput_and_lose_in_latency(
    model: str, probability: str
) -> None:
    """At saturation of a ring, prefetch's copies overlap, and hybrid waits for each read.

    One by one, at the instants of a Poisson process, there is nothing ahead to copy: prefetch
    answers with a bulk copy, set-up, start and completion included, hybrid with a read in place.
    """
    work = {**RECORDS, "size": "1536000 B", "payload_probability": probability}
    del work["requests"]
    methods = {"hybrid": {}, "prefetch": {"block": "16 KiB", "depth": "8"}}

    def results(**producer: str) -> tuple[Result, Result]:
        ring = {"ring": "256 KiB", **producer}
        hybrid, ahead = (
            run(model, "header-payload", work, method, settings, producer=ring)
            for method, settings in methods.items()
        )
        return hybrid, ahead

    hybrid, ahead = results(arrivals="full-speed")
    assert ahead.throughput_bytes_per_s > 1.2 * hybrid.throughput_bytes_per_s
    hybrid, ahead = results(arrivals="poisson", rate="2 kHz")  # 2 % of what either can take
    assert ahead.throughput_bytes_per_s == pytest.approx(hybrid.throughput_bytes_per_s, rel=0.01)
    assert ahead.latency_s.p50 is not None
    assert hybrid.latency_s.p50 is not None
    assert ahead.latency_s.p50 > 2 * hybrid.latency_s.p50


@cache
def bulk_requests(threshold: int, port: int = 80) -> int:
    """Return the bulk requests of a filter for one TCP port through hybrid."""
    result = run(
        "example-link",
        "filter",
        {"protocol": "tcp", "port": str(port), "pattern": "GET /"},
        "hybrid",
        {"threshold": f"{threshold} B"},
    )
    return result.bulk_requests


def test_a_threshold_of_54_bytes_fails_behind_vlan_tags_and_ipv6() -> None:
    """IPv6 has its ports at byte 54, so a filter for a port no packet has copies payload."""
    assert bulk_requests(54, port=9) > 0
    assert bulk_requests(96, port=9) == 0
    for lower, higher in pairwise([54, 74, 96]):
        assert bulk_requests(lower) >= bulk_requests(higher)


def test_header_inspection_reads_a_few_fields_and_not_54_bytes() -> None:
    work = workload("filter", {})
    accesses = work.accesses(0)
    assert accesses.bytes / accesses.requests < 20


def test_the_producer_only_signals_and_the_consumer_starts_every_transfer() -> None:
    """Without a consumer's request nothing crosses the link, however much is published."""
    work = workload("header-only", {"size": "128 KiB", "requests": "10"})
    scenario = Scenario(
        load_model(PCI),
        work,
        "zero-copy",
        producer=ProducerParameters.model_validate({"ring": "128 KiB"}),
    )
    result = simulate(scenario)
    assert result.bytes.moved < 10 * 64
    assert simulate(replace(scenario, method="copy-once")).bytes.moved > 10 * 1500


@pytest.mark.parametrize("records", [1, 10, 200])
def test_all_methods_see_the_same_arrivals(records: int) -> None:
    """The last request ends its latency after the arrival of the last record."""
    work = workload("header-payload", {"size": f"{records * 1536} B", "payload_probability": "0.3"})
    producer = ProducerParameters.model_validate({"arrivals": "poisson", "rate": "50 kHz"})
    arrived = set()
    for method in ("zero-copy", "copy-once", "hybrid", "prefetch"):
        scenario = Scenario(load_model(PCI), work, method, producer=producer, seed=5)
        arrived.add(round((simulate(scenario).elapsed_s - latencies(scenario)[-1]) * 1e12))
    assert len(arrived) == 1
