"""Closed forms of whole systems on a plain link: closed consumers, and prefetch's pipeline.

Those of a kind of link stand with the tests of that kind, those of the methods in test_claims.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simaccess.analytic import shared_copy
from simaccess.conditions import conditions
from simaccess.model import Model, load_model
from simaccess.scenario import Scenario
from simaccess.simulate import latencies, simulate
from simaccess.workload.registry import workload


def link(latency: str, channels: int = 1) -> Model:
    """Return a link of 1 GB/s with nothing else that takes time."""
    return load_model("example-link").with_values(
        {
            "link.rate": "1 GB/s",
            "link.latency": latency,
            "dma.channels": channels,
            "dma.issue": "0 s",
            "dma.start": "0 s",
            "dma.completion": "0 s",
            "local.latency": "0 s",
            "local.rate": "1e9 TB/s",
            "local.copy_rate": "1e9 TB/s",
        }
    )


@settings(deadline=None, max_examples=40)
@given(consumers=st.integers(1, 12), think_ns=st.integers(0, 600), service=st.integers(16, 200))
def test_closed_consumers_reach_at_most_the_bound_and_meet_it(
    consumers: int, think_ns: int, service: int
) -> None:
    """X <= min(N / (Z + S), 1 / S); with fixed times the bound is met but for the ramps."""
    each = 200
    work = workload(
        "sequential",
        {
            "size": f"{service * each * consumers} B",
            "length": f"{service} B",
            "work": f"{think_ns} ns",
        },
    )
    result = simulate(Scenario(link("0 s"), work, "zero-copy", consumers=consumers))
    bound = min(consumers / (think_ns + service), 1 / service) * 1e9
    rate = consumers * each / result.elapsed_s
    assert rate <= bound * (1 + 1e-9)
    assert rate >= bound * (1 - (consumers * service + think_ns) / (each * service))


@pytest.mark.parametrize(("method", "blocks"), [("copy-once", 8), ("hybrid", 8), ("hybrid", 2)])
def test_requests_that_share_a_copy_meet_the_closed_form_of_their_block(
    method: str, blocks: int
) -> None:
    """N t + T_B / k, with each factor as it is printed under an experiment's table."""
    model = load_model("example-link").with_values({"local.latency": "0 s", "link.latency": "3 us"})
    asked = workload("sequential", {"size": "1 MiB", "length": "64 B"})
    given = {"block": f"{blocks} KiB", "shadow": "64 KiB"}
    if method == "hybrid":
        given["threshold"] = "128 B"
    result = simulate(Scenario(model, asked, method, given))
    seen = conditions(model, asked, settings={method: given})
    requests = result.consumers[0].requests
    shared = shared_copy(
        T=seen.copies[method],
        k=requests / result.bulk_requests,
        t=seen.t,
        n=result.loads / requests,
    )
    served = 64 / 20e9  # from the shadow, at local.rate
    assert result.elapsed_s / requests == pytest.approx(shared + served, rel=0.02)


@settings(deadline=None, max_examples=40)
@given(
    depth=st.integers(1, 12),
    kib=st.sampled_from([1, 4, 16, 64]),
    latency_us=st.integers(0, 200),
    work_us=st.sampled_from([0, 5, 40]),
)
def test_prefetch_meets_its_closed_form(
    depth: int, kib: int, latency_us: int, work_us: int
) -> None:
    """min(B, consumer's rate, k b / (RTT + b / B)), for requests refilled as consumption starts."""
    block, blocks = kib << 10, 1500
    work = workload(
        "sequential",
        {
            "size": f"{block * blocks} B",
            "length": f"{block} B",
            "work": f"{work_us} us",
        },
    )
    settings = {"block": f"{block} B", "depth": str(depth), "initial": str(depth)}
    result = simulate(Scenario(link(f"{latency_us} us", channels=64), work, "prefetch", settings))
    rate, rtt = 1e9, latency_us * 1e-6
    bound = min(rate, depth * block / (rtt + block / rate))
    if work_us:
        bound = min(bound, block / (work_us * 1e-6))
    assert result.throughput_bytes_per_s <= bound * (1 + 1e-9)
    assert result.throughput_bytes_per_s == pytest.approx(bound, rel=0.02)


MSS, TAU, RTT = 1448, 1500 / 12.5e6, 0.020  # bytes, seconds of a full packet, seconds


def prefetch_over_wan(window: int, block: int, depth: int) -> float:
    """Return the steady rate of prefetch over a WAN with a receive window, in bytes a second."""
    model = load_model("wan-20ms-100mbit").with_values(
        {
            "tcp.receive_window": f"{window} B",
            "path.buffer": "10 MB",
            "tcp.hystart": "false",
            "local.latency": "0 s",
            "local.rate": "1e9 TB/s",
        }
    )
    rounds = 84  # of `depth` requests; of so many that every pattern comes around whole
    blocks = depth * 2 * rounds
    work = workload("sequential", {"size": f"{blocks * block} B", "length": f"{block} B"})
    settings = {"block": f"{block} B", "depth": str(depth), "initial": str(depth)}
    took = latencies(Scenario(model, work, "prefetch", settings))
    steady = took[blocks // 2 - depth : blocks - depth]
    return float(len(steady) * block / steady.sum())


@pytest.mark.parametrize("window", [64, 2000])
@pytest.mark.parametrize(("packets", "depth"), [(8, 2), (8, 8), (8, 16), (16, 1), (16, 4), (16, 9)])
def test_prefetch_over_a_wan_meets_its_closed_form(window: int, packets: int, depth: int) -> None:
    """min(B, W / RTT, k b / (RTT + b / B)), at k b = W too, where packets fill the window."""
    block = packets * MSS
    terms = MSS / TAU, window * MSS / RTT, depth * block / (RTT + packets * TAU)
    rate = prefetch_over_wan(window * MSS, block, depth)
    assert rate == pytest.approx(min(terms), rel=0.02)


def slowest_cycle(window: int, packets: int, depth: int) -> tuple[float, int]:
    """Return seconds a packet, and the waits for the window between two requests: docs/models.md.

    `window` and `packets`, those of a response, are packets.
    """
    o = 63e-6  # issue, service, and the request's own packet
    cycles = []
    for waits in range(20):
        follow = (packets - 1 - waits * window) % packets
        moved = (depth - 1) * packets + 1 + waits * window + follow
        cycles.append((((waits + 1) * RTT + o + (1 + follow) * TAU) / moved, waits))
    return max(cycles)


@pytest.mark.parametrize(
    ("window", "block", "depth", "waits"),
    [
        (64 << 10, 16 << 10, 4, 1),
        (45 * MSS, 12 * MSS, 4, 1),
        (45 * MSS, 16 * MSS, 3, 1),
        (45 * MSS, 8 * MSS, 6, 1),
        (45 * MSS, 13 * MSS, 4, 2),
        (64 * MSS, 11 * MSS, 6, 1),
        (45 * MSS, 12 * MSS, 3, 0),
    ],
)
def test_a_request_that_does_not_fit_the_window_waits_for_both(
    window: int, block: int, depth: int, waits: int
) -> None:
    """The corner where k b is just beyond W in packets."""
    packets = -(-block // MSS)
    seconds, most = slowest_cycle(window // MSS, packets, depth)
    assert most == waits
    rate = prefetch_over_wan(window, block, depth)
    assert rate == pytest.approx(block / packets / seconds, rel=0.005)
    terms = MSS / TAU, window / RTT, depth * block / (RTT + packets * TAU)
    assert (rate < 0.98 * min(terms)) is (waits > 0)
