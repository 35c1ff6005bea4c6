"""The mean of a steady state, from one long run that begins anywhere."""

from __future__ import annotations

from dataclasses import dataclass

from simaccess.statistics.batch_means import BATCHES, BatchMeans, batch_means
from simaccess.statistics.intervals import CONFIDENCE, Sample
from simaccess.statistics.warm_up import WarmUp, warm_up

__all__ = ["Steady", "steady_mean"]


@dataclass(frozen=True, slots=True)
class Steady:
    """A steady state's mean.

    Attributes
    ----------
    means : BatchMeans
        The mean after the warm-up, with its interval.
    warm_up : WarmUp
        What was left out.
    """

    means: BatchMeans
    warm_up: WarmUp


def steady_mean(series: Sample, batches: int = BATCHES, confidence: float = CONFIDENCE) -> Steady:
    """Return the mean of what a run settles at: its warm-up left out, the rest in batches.

    Parameters
    ----------
    series : sequence of float, shape (observations,)
        In their order, such as one consumer's `simaccess.simulate.latencies`; 20 at least, and
        twice as many as `batches`.
    batches, confidence
        As for `simaccess.statistics.batch_means.batch_means`.

    Raises
    ------
    ValueError
        If there are fewer observations.
    """
    cut = warm_up(series)
    return Steady(batch_means(series[cut.length :], batches, confidence), cut)
