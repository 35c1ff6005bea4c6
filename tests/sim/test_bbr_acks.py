from __future__ import annotations

from simaccess.sim.tcp import Delivery
from tests.sim.wan import MSS, Run, ramp


def test_bbr_hears_of_every_packet_however_many_an_acknowledgement_covers() -> None:
    run = Run(tcp__congestion_control="bbr", tcp__delayed_ack=True)
    run.user(("load", 1), ramp(400 * MSS))
    sender = run.ports[0].connections[0].down
    told = 0
    tell = sender.control.delivered

    def watch(now: int, sample: Delivery) -> None:
        nonlocal told
        told += 1
        tell(now, sample)

    sender.control.delivered = watch  # type: ignore[method-assign]
    run.go()
    assert told == sender.delivered // MSS == 401
