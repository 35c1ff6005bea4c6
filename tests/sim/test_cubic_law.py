from __future__ import annotations

from simaccess.sim.cubic import LinuxCubic
from simaccess.sim.cubic_law import CubicLaw
from simaccess.sim.kernel_clock import JIFFY
from simaccess.sim.tcp import RoundTripTime
from tests.sim.wan import MS, MSS

# Milliseconds after a recovery, packets acknowledged, and the window then: a log over 50 ms.
LOG = [
    (0.0, 1, 12),
    *[(time, 2, 12) for time in (1.2, 2.9, 7.0, 8.2, 9.4)],
    *[(time, 2, 13) for time in (51.9, 53.1, 54.3, 58.3, 59.5, 60.7)],
    *[(time, 2, 14) for time in (103.3, 104.4, 105.7, 109.1, 110.3, 111.5)],
]


def test_a_window_grows_as_logged() -> None:
    control = LinuxCubic(MSS, 18, RoundTripTime(50 * MS, 200 * MS), hystart=False)
    control.lost()
    control.recovered(0)
    for time, packets, window in LOG:
        control.acknowledged(packets * MSS, int(time * MS))
        assert control.cwnd == window * MSS


def test_a_window_follows_the_cubic_function_and_looks_a_round_trip_ahead() -> None:
    law = CubicLaw()
    law.lost(1000)
    window, counted, now, step = 700, 0, 0, 100 * MS // 700
    K = (300 / 0.4) ** (1 / 3)
    while now < 15_000 * MS:
        counted += 1
        needed = law.needed(window, 1, now, 100 * MS)
        if counted >= needed:
            window, counted = window + 1, 0
        now += step
        if not now // step % 5000:
            expected = 1000 + 0.4 * (now / MS / 1000 + 0.1 - K) ** 3
            assert abs(window - expected) < 0.02 * expected


def test_growth_before_any_loss_is_a_packet_for_twenty_acknowledged() -> None:
    assert CubicLaw().needed(200, 1, 0, 20 * MS) == 20


def test_the_number_needed_stays_while_the_window_does_for_a_thirty_second_part() -> None:
    law = CubicLaw()
    law.lost(1000)
    first = law.needed(700, 1, 0, 100 * MS)
    assert law.needed(700, 1, 7 * JIFFY, 100 * MS) == first
    assert law.needed(700, 1, 8 * JIFFY, 100 * MS) < first


def test_a_second_loss_below_the_maximum_aims_lower_and_a_timeout_forgets() -> None:
    control = LinuxCubic(MSS, 100, RoundTripTime(50 * MS, 200 * MS), hystart=False)
    control.lost()
    control.recovered(0)
    assert control.cwnd == 70 * MSS
    control.lost()
    assert control._law._maximum == 70 * (1024 + 717) // 2048
    control.expired()
    assert (control._law._maximum, control.cwnd) == (0, MSS)


def test_silence_lets_time_stand_still() -> None:
    law = CubicLaw()
    law.lost(1000)
    busy = law.needed(700, 1, 0, 100 * MS)
    law.idle(10_000 * MS)
    assert law.needed(700, 1, 10_032 * MS, 100 * MS) <= busy
    assert law.needed(701, 1, 10_036 * MS, 100 * MS) > busy // 2
