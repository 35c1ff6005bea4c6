"""The seeds of replications."""

from __future__ import annotations

import numpy as np

__all__ = ["replication_seeds"]

BITS = 53
"""Of a seed that is spawned: whole in JSON, in a table and in a spreadsheet."""


def replication_seeds(seed: int, count: int) -> list[int]:
    """Return the seeds of an experiment's replications.

    The first is the experiment's own, so that a lone replication is what its seed names. The others
    are spawned from it (`numpy.random.SeedSequence.spawn`), so that experiments with neighbouring
    seeds share none of them. More replications begin with those of fewer.

    All methods of a replication get the same seed, and with it the same arrivals, accesses,
    background load and losses (common random numbers): their differences have less noise than
    each of them. What is drawn is keyed by names, not by order (`simaccess.workload.draws`), so
    it does not depend on what a method does.

    Parameters
    ----------
    seed : int
        The experiment's, at least 0.
    count : int
        How many replications.
    """
    spawned = np.random.SeedSequence(seed).spawn(max(0, count - 1))
    rest = [int(child.generate_state(1, np.uint64)[0]) >> (64 - BITS) for child in spawned]
    return [seed, *rest][:count]
