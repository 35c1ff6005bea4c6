"""What a command tells on standard error before it simulates."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simaccess.scenario import Scenario

__all__ = ["note_arrivals"]


def note_arrivals(scenarios: Iterable[Scenario]) -> None:
    """Tell of time stamps that go back, once a capture, where records arrive at them.

    Parameters
    ----------
    scenarios : iterable of Scenario
        What is simulated, or one of each link and workload of it.
    """
    told = set()
    for scenario in scenarios:
        producer, workload = scenario.producer, scenario.workload
        if producer is None or producer.arrivals != "capture":
            continue
        backwards = getattr(workload, "backwards", 0)
        capture = getattr(workload.parameters, "capture", None)
        if not backwards or capture in told:
            continue
        told.add(capture)
        what = "packet has a time stamp" if backwards == 1 else "packets have time stamps"
        sys.stderr.write(
            f"simaccess: note: {capture}: {backwards:,} {what} before that of the packet ahead; a"
            " packet never arrives before the ones ahead of it\n"
        )
    sys.stderr.flush()
