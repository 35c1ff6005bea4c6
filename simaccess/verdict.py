"""Which method is best, by how much, and how sure that is.

The leader is the method with the best mean over the replications. Another method is *too close*
to it if at least one of these holds:

* the confidence interval (95 %, Student's t) of their paired difference includes 0, where there
  are at least two replications: a replication gives all methods the same seed, and so the same
  arrivals and accesses;
* the lead over it is below 2 %;
* the leader is best, or level with the best one (behind by less than 2 %), in fewer than 80 % of
  the models drawn from the parameters' ranges, and the other is so in one of them at least in which
  the leader is not.

A cell without any method too close to its leader is decided. Intervals are of single pairs, not
corrected for the number of methods. A deterministic cell has no seed interval: for it only the
lead and the parameters count.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from simaccess.objective import Objective, lead, objective_named
from simaccess.statistics.intervals import CONFIDENCE, Interval, paired_interval, share_interval

__all__ = [
    "LEAD",
    "LEGEND",
    "SHARE",
    "Rival",
    "Verdict",
    "verdict",
]

LEAD = 0.02
"""Below this lead it is too close to call."""

SHARE = 0.8
"""A method that is best or level in a smaller share of the parameters' draws is no clear winner."""

LEGEND = (
    f"Too close to call: the {100 * CONFIDENCE:.0f} % interval of the paired difference over seeds"
    f" includes 0 (seeds), or the lead is below {100 * LEAD:.0f} % (lead), or the method is best"
    f" or level, less than {100 * LEAD:.0f} % behind, in fewer than {100 * SHARE:.0f} % of the draws"
    " from the parameters' ranges (parameters)."
)
"""The rule in a sentence, for what is printed."""


@dataclass(frozen=True, slots=True)
class Rival:
    """How a method compares with the leader.

    Attributes
    ----------
    method : str
        Its name.
    lead : float
        By which share the leader's mean is better.
    interval : (float, float) or None
        Confidence interval of the paired difference, on the scale of `lead`; None without
        replications.
    close : tuple of str
        Why it is too close to the leader: ``seeds``, ``lead``, ``parameters``; empty if it is not.
    """

    method: str
    lead: float
    interval: tuple[float, float] | None
    close: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Which method is best in a cell.

    Attributes
    ----------
    best : str
        The method with the best mean.
    rivals : tuple of Rival
        The other methods, the second first.
    replications : int
        Seeds that it stands on; 1 in a deterministic cell.
    draws : int
        Models drawn from the parameters' ranges.
    share : float or None
        Share of them in which `best` is best or level; None without draws.
    shares : mapping of str to float
        The same of every method; empty without draws.
    intervals : mapping of str to (float, float)
        The confidence interval of each method's share, as of the probability that it is best or
        level where parameters lie anywhere in their ranges (`Model.draws`); empty without draws.
    """

    best: str
    rivals: tuple[Rival, ...]
    replications: int
    draws: int
    share: float | None
    shares: Mapping[str, float] = field(default_factory=dict)
    intervals: Mapping[str, Interval] = field(default_factory=dict)

    @property
    def close(self) -> tuple[str, ...]:
        """The methods that are too close to the best one."""
        return tuple(rival.method for rival in self.rivals if rival.close)

    @property
    def decided(self) -> bool:
        """Whether no method is too close to the best one."""
        return not self.close

    @property
    def lead(self) -> float | None:
        """By which share the best one is better than the second; None if there is no second."""
        return self.rivals[0].lead if self.rivals else None


def verdict(
    replications: Mapping[str, Sequence[float]],
    objective: Objective = "throughput",
    draws: Sequence[Mapping[str, float]] = (),
) -> Verdict:
    """Judge methods by their figures.

    Parameters
    ----------
    replications : mapping of str to sequence of float
        Each method's figures, one a seed, the same seeds in the same order; one figure each where
        nothing is drawn.
    objective : {'throughput', 'latency'}
        What the figures are.
    draws : sequence of mapping of str to float
        For each model drawn from the parameters' ranges, each method's figure.

    Raises
    ------
    ValueError
        If there is no method, or methods have different numbers of figures.
    InputError
        If there is no such objective.
    """
    objective = objective_named(objective)
    counts = {len(figures) for figures in replications.values()}
    if len(counts) != 1 or 0 in counts:
        raise ValueError(
            f"every method needs as many figures as the others, not {counts or 'none'}"
        )
    sign = 1 if objective == "throughput" else -1
    means = {method: math.fsum(xs) / len(xs) for method, xs in replications.items()}
    order = sorted(means, key=lambda method: -sign * means[method])
    best, *others = order
    level = [_level(drawn, objective) for drawn in draws]
    counted = {method: sum(method in each for each in level) for method in order if draws}
    shares = {method: count / len(draws) for method, count in counted.items()}
    intervals = {method: share_interval(count, len(draws)) for method, count in counted.items()}
    share = shares.get(best)
    winners = {method for each in level if best not in each for method in each}
    rivals = []
    for method in others:
        gain = lead(means[best], means[method], objective)
        one, other = (sign * np.asarray(replications[each]) for each in (best, method))
        interval = paired_interval(one, other)
        close = []
        if interval is not None and interval[0] <= 0:
            close.append("seeds")
        if gain < LEAD:
            close.append("lead")
        if share is not None and share < SHARE and method in winners:
            close.append("parameters")
        if interval is not None:
            scale = means[method] if objective == "throughput" else means[best]
            interval = (interval[0] / scale, interval[1] / scale) if scale else None
        rivals.append(Rival(method, gain, interval, tuple(close)))
    return Verdict(best, tuple(rivals), counts.pop(), len(draws), share, shares, intervals)


def _level(figures: Mapping[str, float], objective: Objective) -> set[str]:
    """Return the methods that the best one does not lead by as much as is called a lead."""
    top = (max if objective == "throughput" else min)(figures.values())
    return {method for method, value in figures.items() if lead(top, value, objective) < LEAD}
