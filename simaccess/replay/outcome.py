"""What a replay gave, in the terms of a simulation: a run a consumer, and the use of the link."""

from __future__ import annotations

from collections.abc import Iterator

from simaccess.counters import Counters
from simaccess.replay.replayed import Replayed
from simaccess.report import ConsumerRun, Run

__all__ = ["outcome"]


def outcome(replayed: Replayed) -> Run:
    """Return what a replay gave."""
    consumers = tuple(_runs(replayed))
    return Run(consumers, replayed.links, "replay")


def _runs(replayed: Replayed) -> Iterator[ConsumerRun]:
    record = replayed.record
    for index, (track, tally) in enumerate(zip(record.tracks, record.tallies, strict=True)):
        agent = replayed.agents[index]
        counters = Counters()
        counters.requested = tally.in_place + tally.shadow
        counters.loads, counters.stores = tally.loads, tally.stores
        counters.fetches, counters.flushes = tally.fetches, tally.flushes
        counters.bulk, counters.shadow = tally.bulk, tally.shadow
        counters.answered = tally.stores if replayed.answered else 0
        counters.waits = int(agent["waits"])
        counters.copies = replayed.copied is not None
        counters.hits = tally.locals - int(agent["missed"])
        counters.used = track.used
        time, wait = int(agent["time"]), int(agent["wait"])
        compute = tally.compute + tally.delayed @ replayed.delays["client"]
        copy = tally.delayed @ replayed.delays["copy"]
        moved = tally.in_place
        if replayed.copied is not None:
            copy += int(replayed.copied[index])
        if replayed.moved is not None:
            moved = int(replayed.moved[index])
        issue = int(agent["issue"])
        yield ConsumerRun(
            start=0,
            time=time,
            compute=compute,
            # Loads and stores take what is left, since the five sum to the run.
            stall=time - compute - copy - issue - wait,
            copy=copy,
            issue=issue,
            wait=wait,
            counters=counters,
            moved=moved + tally.bulk,
            latencies=replayed.latencies[index],
            chosen=len(track.chosen),
        )
