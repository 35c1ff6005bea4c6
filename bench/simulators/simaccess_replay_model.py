"""The works in simaccess, recorded, and replayed in its compiled engine.

In a module of its own: what it imports would otherwise count as memory that the SimPy engine had
before.
"""

from __future__ import annotations

import time

from simaccess.replay.engine import replay
from simaccess.replay.record import Recording
from simulators.simaccess_model import LINK, columns, method
from simulators.works import Measured, Work

__all__ = ["replay_engine"]


def replay_engine(work: Work) -> Measured:
    """Record a work, replay the record, and time one replay more: the price of a further run.

    Raises
    ------
    ValueError
        If its times are not those of `LINK`.
    """
    offsets, lengths = columns(work)
    recording = Recording(work.accesses * work.length)
    for _ in range(work.clients):
        recording.follow(method(work), [(offsets, lengths, None, None, None, None)])
    record = recording.record()
    replay(record, LINK)  # makes of the record what every replay of it shares
    begin = time.process_time()
    result = replay(record, LINK)
    seconds = time.process_time() - begin
    latencies = result.latencies
    return Measured(
        seconds,
        int(result.agents["time"].max()),
        lambda: (sum(map(len, latencies)), sum(int(each.sum()) for each in latencies)),
    )
