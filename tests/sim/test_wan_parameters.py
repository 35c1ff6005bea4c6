"""What single figures of a WAN link do: other traffic upstream, handshake, MTU, time-outs."""

from __future__ import annotations

from itertools import pairwise

import pytest

from simaccess.sim.environment import TICKS_PER_SECOND
from simaccess.sim.kernel_clock import rings_after
from tests.sim.wan import HEADER, MS, MSS, OVERHEAD, REQUEST, RTT, Run, cold, lose, ramp


def test_others_upstream_take_their_share_of_uploads_alone() -> None:
    run = Run(cross__upstream_rate="40 Mbit/s", path__upstream_buffer="250 kB")
    run.user(("store", 20_000_000), ("load", 20_000_000))
    upload, load = run.go().times[0]
    up, down = (run.link.use(load)[name] for name in ("up", "down"))
    assert upload > 20_000_000 * 8 / 60e6 * TICKS_PER_SECOND
    assert up.other == pytest.approx(0.4, rel=0.1)
    assert (down.other, down.other_bytes) == (0, 0)
    quiet = Run(path__upstream_buffer="250 kB")
    quiet.user(("store", 20_000_000), ("load", 20_000_000))
    assert load - upload < 1.1 * quiet.go().spans()[1]


def test_without_a_handshake_the_first_request_leaves_at_once() -> None:
    run = Run(tcp__handshake=0)
    run.user(("load", MSS))
    assert run.go().spans() == [cold(1) - RTT + REQUEST + OVERHEAD]


@pytest.mark.parametrize("round_trips", [1, 2, 3])
def test_a_handshake_precedes_the_first_request_of_each_connection(round_trips: int) -> None:
    run = Run(tcp__handshake=round_trips, tcp__connections=2)
    run.user(("load", MSS), ("load", MSS), ("fetch", MSS), ("load", MSS))
    later = cold(1) - RTT + REQUEST + OVERHEAD
    fresh = round_trips * RTT + later
    # The load goes to the connection that has nothing to do: the second one, for the first time.
    assert run.go().spans() == [fresh, later, OVERHEAD - 50 * MS // 1000, fresh]


@pytest.mark.parametrize("mtu", [576, 1500, 9000])
def test_packets_are_as_long_as_the_mtu(mtu: int) -> None:
    mss = mtu - HEADER
    tau = mtu * 8 * TICKS_PER_SECOND // 10**8
    run = Run(path__mtu=f"{mtu} B")
    run.user(("load", 46 * mss), ramp(), ("load", 5000 * mss + 100))
    first, _, warm = run.go().spans()
    assert first == cold(46, tau=tau) + REQUEST + OVERHEAD
    short = (100 + HEADER) * 8 * TICKS_PER_SECOND // 10**8
    assert warm == RTT + REQUEST + 5000 * tau + short + OVERHEAD


def test_a_timeout_doubles_until_something_arrives() -> None:
    run = Run()
    # A packet, its probe and three of its time-outs; then another packet and its probe.
    run.user(("load", MSS), ("load", MSS))
    lose(run, 0, 1, 2, 3, 4, 6, 7)
    sender = run.ports[0].connections[0].down
    expired = sender.control.expired
    times: list[int] = []

    def watch() -> None:
        times.append(int(run.env.now))
        expired()

    sender.control.expired = watch  # type: ignore[method-assign]
    run.go()
    assert sender.timeouts == len(times) == 5
    # SRTT + max(200 ms, 4 RTTVAR) is 220 ms; the kernel's timers ring late.
    gaps = [after - before for before, after in pairwise(times)]
    assert gaps[:3] == [rings_after(factor * 220 * MS) for factor in (2, 4, 8)]
    arrived = run.times[0][0]
    assert times[3] < arrived < times[4]
    again = (times[4] - arrived) / MS  # a probe after the longest acknowledgement delay, a time-out
    assert again == pytest.approx(2 * 220, rel=0.15)
