"""Which parameters a fit leaves at their first guess, since the data do not tell them.

A parameter that may be anything, or one of two whose sum alone is told, takes whatever value the
noise of the data gives it, and takes the other ones with it. At its first guess it does no harm
where it does not matter, and where it does, the others are fitted to go with it. So one after
another is left there, as long as the fit gets no worse by that than chance allows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import lmfit

from simaccess.fitting.fitted import Fitted, correlations, parallel
from simaccess.fitting.least_squares import Problem

__all__ = ["BESIDE", "TIED", "UNKNOWN", "leave_out"]

BESIDE = 0.9
"""A parameter is not told for the sake of another if their correlation is beyond this."""

TIED = 0.98
"""Parameters whose correlation is beyond this are told apart by their sum only."""

UNKNOWN = 10.0
"""An interval this many times as wide as its lower end says nothing."""


def leave_out(
    problem: Problem, result: lmfit.minimizer.MinimizerResult
) -> tuple[lmfit.minimizer.MinimizerResult, dict[str, str], tuple[str, ...]]:
    """Leave at their first guess, one by one, the parameters that the data do not tell.

    Of those in doubt the first is the one that was known best before, compared with what the data
    tell: a value that was given, then the narrowest range. So of two that are tied the fit tells
    the one of which less was known, such as a server's time beside a given round trip. What the
    fit contradicts is kept.

    Returns
    -------
    result : MinimizerResult
        The last fit, with the parameters that are left.
    out : dict of str to str
        What was left out, each with the reason.
    kept : tuple of str
        What would have been, had its first guess not fitted worse.
    """
    out: dict[str, str] = {}
    kept: list[str] = []
    while len(problem.keys) > 1:
        ties = correlations(result, problem.keys)
        fitted = problem.fitted(result)
        alike = [pair for pair in parallel(result, problem.keys) if not set(pair) <= set(kept)]
        if alike:  # as long as there are such, no covariance is to be believed
            ties = dict.fromkeys(alike, 1.0)
            reasons = {
                key: f"{' and '.join(pair)}: not told apart" for pair in alike for key in pair
            }
        else:
            reasons = dict(_untold(fitted, ties))
        closest = {key: _closest(key, ties) for key in problem.keys}
        doubtful = [key for key in problem.keys if key in reasons and key not in kept]
        if not doubtful:
            break
        key = min(doubtful, key=lambda each: problem.known(each, result))
        anew = problem.without(key, closest[key], result)
        if anew is None:
            kept.append(key)
        else:
            result, out[key] = anew, reasons[key]
    return result, out, tuple(kept)


def _untold(
    fitted: Sequence[Fitted], ties: Mapping[tuple[str, str], float]
) -> Iterator[tuple[str, str]]:
    """Yield the parameters that the data do not tell, each with a reason."""
    if len(ties) < math.comb(len(fitted), 2):  # a covariance that is none
        keys = ", ".join(one.key for one in fitted)
        for one in fitted:
            yield one.key, f"the data do not tell all of these apart: {keys}"
    for (first, second), tie in ties.items():
        if abs(tie) > TIED:
            for key in (first, second):
                yield key, f"{first} and {second}: hardly told apart (correlation {tie:.3f})"
    for one in fitted:
        low, high = one.interval
        pairs = {pair: abs(tie) for pair, tie in ties.items() if one.key in pair}
        if high < UNKNOWN * low or max(pairs.values(), default=0.0) > TIED:
            continue
        reason = f"{one.key}: the data do not tell it ({low:.3g} to {high:.3g})"
        yield one.key, reason
        other = _closest(one.key, ties)
        for pair, tie in pairs.items():
            if other in pair and tie > BESIDE:
                yield other, f"{reason} beside {other} (correlation {ties[pair]:.3f})"


def _closest(key: str, ties: Mapping[tuple[str, str], float]) -> str:
    """Return the parameter with the strongest correlation to another; that one if there is none."""
    pairs = [pair for pair in ties if key in pair]
    first, second = max(pairs, key=lambda pair: abs(ties[pair]), default=(key, key))
    return second if first == key else first
