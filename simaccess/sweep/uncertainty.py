"""Models drawn from their parameters' ranges: what runs on them, and which methods do not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from simaccess.objective import OBJECTIVES, figure, lead
from simaccess.result import Result
from simaccess.sweep.task import Run

__all__ = ["AS_IT_STANDS", "FAR", "Figures", "drawn", "far_behind", "figures"]

AS_IT_STANDS = -1
"""The draw of a result on the model as it stands."""

FAR = 10
"""A method that is so many times behind the best one is left out of the draws."""

Figures = tuple[float, ...]
"""A result's figures, one an objective."""


def figures(result: Result) -> Figures:
    """Return a result's figures in the order of the objectives."""
    return tuple(figure(result, objective) for objective in OBJECTIVES)


def far_behind(one: Figures, rivals: Iterable[Figures]) -> bool:
    """Return whether figures are far behind the best ones in throughput and in latency."""
    rivals = list(rivals)
    return all(
        max(lead(rival[at], one[at], objective) for rival in rivals) >= FAR - 1
        for at, objective in enumerate(OBJECTIVES)
    )


def drawn(base: Run, draws: int, seed: int) -> list[Run]:
    """Return what is run on each of some models drawn from the ranges of a run's model.

    What an axis or the user sets has no range, and is the same in all of them.
    """
    return [
        replace(base, model=replace(base.model, draws=draws, seed=seed, draw=draw))
        for draw in range(draws)
    ]
