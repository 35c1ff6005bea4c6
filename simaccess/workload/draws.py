"""Random numbers that depend on a seed and on stable names, and on nothing else."""

from __future__ import annotations

import numpy as np

__all__ = ["generator"]


def generator(seed: int, *names: str) -> np.random.Generator:
    """Return the generator of a seed that the names stand for.

    Parameters
    ----------
    seed : int
        At least 0.
    *names : str
        What the numbers are for; other names give independent numbers.
    """
    # A length before each name keeps ("a", "bc") and ("ab", "c") apart.
    key = [word for name in names for word in (len(name.encode()), *name.encode())]
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))
