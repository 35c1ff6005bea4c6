"""A WAN link against a packet model in plain SimPy, ties included.

Independent of the engine are thus, where nothing is lost: what comes when (packets, windows,
acknowledgements, pipelined requests, the choice of a connection, the handshake), by rounds, by
packets and in every mode of run-ahead. Not independent are the rules themselves, for both follow
docs/models.md: those have closed forms (`test_wan_link`) and logs of kernels (`test_tcp_log`).
Losses, full buffers, HyStart, silence, hosts and bbr are not in the plain model.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simaccess.sim.environment import TICKS_PER_SECOND
from tests.sim.wan import HEADER, MS, MSS, PLAIN, TAU, Run, senders
from tests.sim.wan_packets import Figures, Packets

US = TICKS_PER_SECOND // 10**6

# Round figures, many of them multiples of a packet's time, so that ties are common.
lengths = st.one_of(
    st.sampled_from([1, MSS, 2 * MSS, 10 * MSS, 30 * MSS + 1, 64 * MSS]), st.integers(1, 60_000)
)
steps = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["load", "store", "fetch", "fetch", "flush"]), lengths),
        st.tuples(st.just("work"), st.sampled_from([0, TAU, 10 * TAU, 20 * MS, 7 * US])),
        st.tuples(st.just("await"), st.integers(1, 4)),
    ),
    min_size=1,
    max_size=8,
)
links = st.fixed_dictionaries(
    {
        "tcp__congestion_control": st.sampled_from(["reno", "cubic"]),
        "tcp__connections": st.integers(1, 3),
        "tcp__receive_window": st.sampled_from(["1448 B", "20000 B", "60 kB", "100 MB"]),
        "tcp__initial_window": st.sampled_from([1, 4, 10]),
        "tcp__handshake": st.sampled_from([0, 1, 2]),
        "path__rtt": st.sampled_from(["240 us", "1200 us", "20 ms"]),
        "request__size": st.sampled_from(["100 B", "1500 B"]),
        "request__issue": st.sampled_from(["0 us", "5 us", "120 us"]),
        "request__service": st.sampled_from(["0 us", "50 us", "120 us"]),
    }
)


def figures(run: Run) -> Figures:
    """Return a link's figures by its parameters alone."""
    parameters = run.link.parameters
    path, tcp, request = parameters.path, parameters.tcp, parameters.request

    def ticks(seconds: float) -> int:
        return round(seconds * TICKS_PER_SECOND)

    assert path.rate == path.upstream_rate
    return Figures(
        delay=ticks(path.rtt) // 2,
        byte=ticks(1 / path.rate),
        mtu=path.mtu,
        header=HEADER,
        request=request.size,
        reply=request.reply,
        issue=ticks(request.issue),
        service=ticks(request.service),
        handshake=tcp.handshake,
        connections=tcp.connections,
        initial=tcp.initial_window,
        receive_window=tcp.receive_window,
    )


@pytest.mark.parametrize(
    "scenario",
    [
        # The window grows to twice what was out: 6 packets, then 46, 7 one by one.
        [("load", 8192)] * 3 + [("load", 65_536), ("load", 500_000)],
        [("fetch", MSS)] * 7 + [("await", 1), ("load", 100 * MSS)],
        # An acknowledgement and the next message come at the same instant.
        [
            ("fetch", 5 * MSS),
            ("work", 40 * MS),
            ("fetch", 5 * MSS),
            ("await", 1),
            ("load", 200_000),
        ],
    ],
)
def test_what_lets_a_window_grow_is_as_in_the_plain_model(scenario: list[tuple[str, int]]) -> None:
    run = Run(tcp__idle_restart=False, request__issue="0 us")
    run.user(*scenario)
    assert run.go().times == Packets(figures(run), [scenario]).times


@settings(max_examples=100, deadline=None)
@given(changes=links, users=st.lists(steps, min_size=1, max_size=4))
def test_a_lossless_wan_equals_a_plain_packet_model(
    changes: dict[str, Any], users: list[list[tuple[str, int]]]
) -> None:
    assert PLAIN["path"]["rate"] == "100 Mbit/s"  # 80 ns a byte: no rounding is needed
    expected = None
    for mode in ({}, {"run_ahead": 0}, {"rounds": False}):
        run = Run(tcp__idle_restart=False, **mode, **changes)
        for scenario in users:
            run.user(*scenario)
        run.go()
        if expected is None:
            expected = Packets(figures(run), users)
        assert run.times == expected.times
        assert [run.link.up.station.waited, run.link.down.station.waited] == [
            expected.up.waited,
            expected.down.waited,
        ]
        halves = [half for each in expected.connections for half in (each.up, each.down)]
        assert [sender.control.cwnd // MSS for sender in senders(run)] == [
            half.window for half in halves
        ]
