"""What a server says on a fresh connection before its first response."""

from __future__ import annotations

import pytest

from tests.sim.wan import MSS, REQUEST, RTT, TAU, Run


@pytest.mark.parametrize("control", ["bbr", "cubic", "reno"])
def test_it_opens_the_window_where_small_packets_count(control: str) -> None:
    """Twelve packets of a response go in one flight if the window has grown to them.

    bbr's grows by what is acknowledged until it has delivered an initial window's worth; that of
    the others only while half of it is used.
    """
    spans = []
    for packets in (0, 4):
        run = Run(
            tcp__congestion_control=control,
            request__negotiation=packets,
            request__service="0 s",
            request__issue="0 s",
        )
        run.user(("load", 64), ("load", 12 * MSS))
        spans.append(run.go().spans()[1])
    without, with_them = spans
    if control == "bbr":
        assert without > 1.5 * RTT
        assert with_them < 1.5 * RTT
    else:
        assert with_them == without == 2 * RTT + REQUEST + 2 * TAU


@pytest.mark.parametrize("packets", [0, 1, 4])
def test_it_is_said_once_and_comes_before_the_first_response(packets: int) -> None:
    run = Run(request__negotiation=packets, request__service="0 s", request__issue="0 s")
    run.user(("load", MSS), ("load", MSS))
    first, second = run.go().spans()
    assert run.link.down.station.bytes == packets * 20 + 2 * MSS
    assert first == 2 * RTT + REQUEST + TAU  # it is through long before the response begins
    assert second == RTT + REQUEST + TAU
