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

from simaccess.objective import Objective, lead

__all__ = [
    "CONFIDENCE",
    "LEAD",
    "LEGEND",
    "SHARE",
    "Rival",
    "Verdict",
    "paired_interval",
    "verdict",
]

CONFIDENCE = 0.95
"""Of the interval of a paired difference."""

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
    """

    best: str
    rivals: tuple[Rival, ...]
    replications: int
    draws: int
    share: float | None
    shares: Mapping[str, float] = field(default_factory=dict)

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
    """
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
    shares = {
        method: sum(method in each for each in level) / len(draws) for method in order if draws
    }
    share = shares.get(best)
    winners = {method for each in level if best not in each for method in each}
    rivals = []
    for method in others:
        gain = lead(means[best], means[method], objective)
        difference = sign * (np.asarray(replications[best]) - np.asarray(replications[method]))
        interval = paired_interval(difference)
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
    return Verdict(best, tuple(rivals), counts.pop(), len(draws), share, shares)


def _level(figures: Mapping[str, float], objective: Objective) -> set[str]:
    """Return the methods that the best one does not lead by as much as is called a lead."""
    top = (max if objective == "throughput" else min)(figures.values())
    return {method for method, value in figures.items() if lead(top, value, objective) < LEAD}


def paired_interval(differences: Sequence[float] | np.ndarray) -> tuple[float, float] | None:
    """Return the confidence interval of the mean of paired differences; None of fewer than two.

    Notes
    -----
    mean ± t s / sqrt(n), with s the sample's standard deviation and t the quantile of Student's
    distribution with n - 1 degrees of freedom.
    """
    from scipy import stats  # noqa: PLC0415  # takes as long to import as a small run

    sample = np.asarray(differences, np.float64)
    if len(sample) < 2:
        return None
    mean = float(sample.mean())
    half = float(sample.std(ddof=1)) / math.sqrt(len(sample))
    half *= float(stats.t.ppf((1 + CONFIDENCE) / 2, len(sample) - 1))
    return mean - half, mean + half
