"""The fit of a model's parameters as an optimiser sees it.

What is made small is the logarithm of predicted over measured, over the error of both (`Sampling`;
that of the measurement is at least `FLOOR`), under a loss that grows like its root for points that
do not fit. A fit ends on a plateau: where a step makes it smaller by less than a small share, or is
itself small.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import permutations

import lmfit
import numpy as np
from numpy.typing import NDArray
from scipy import stats

from simaccess.errors import InputError
from simaccess.fitting.bounds import bounds_of
from simaccess.fitting.course import Course
from simaccess.fitting.fitted import CONFIDENCE, Fitted, slopes_of, soft
from simaccess.fitting.influence import Predictions
from simaccess.fitting.points import Point
from simaccess.fitting.uncertainty import unexplained
from simaccess.model import Model
from simaccess.pool import Pool

__all__ = ["Problem"]

_STEP = 0.01  # of a parameter, for the derivatives: a model counts packets, and is no smooth curve
_LONG_STEP = 0.1  # the same where the link draws
_SCALES = (50.0, 2.0)  # errors beyond which a point counts less, in a first and a second fit
_LOOKS = 7  # values of a parameter that are tried before the fit
# Shares of the cost below which a step is none worth another one, in a first and a second fit.
_PLATEAUS = (1e-3, 1e-4)
_MOST = 20  # steps of a fit
_STEEP = 0.1  # the same for a fit that begins at the best of one that would not end
_SMALL = 1e-5  # a step that is none, as a share of a variable
_USUAL = 8  # steps of a fit, for the share of the work that is shown
# Where the link draws, the cost is rough: a step is none worth another one if it gains less than
# this (it moves a parameter by a third of its standard error) or moves the variables by less.
_NOISE = 0.05
_ROUGH = 1e-3
_WORSE = 3.84  # chi-square with one degree of freedom is beyond that in one of twenty
_SHARPEST = 1e-3  # scatter beyond chance that no clock and no model is credited to be below
_AGAIN = 3  # final fits at most, as long as one finds what moves a point after all
_EXCHANGES = 4  # at most, of one duration for another
# A model whose times all change by less than this share does not have the parameter.
_NOTHING = 1e-3


class Problem:
    """The fit as the optimiser sees it.

    A duration's variable is 1 + value / start, since times are sums of durations and one that is
    next to nothing must still feel its slope; any other's is 1 + log(value / start). Both are
    about 1 or more, as steps for derivatives are shares of a variable.

    Parameters
    ----------
    start : Model
        Where to begin; what is not fitted keeps its value.
    chosen : sequence of Point
        What to fit to.
    pool : Pool
        Who simulates.
    segment : int
        Bytes of the segment.
    keys : list of str
        Dotted keys of the parameters.
    bounds : dict of str to (float, float)
        Of some of them.
    course : Course
        Is told what is tried.

    Attributes
    ----------
    keys : list of str
        Those parameters that change any of these times; known after `look_around`.
    best : dict of str to float
        The values of the best try so far; empty before the first.
    """

    def __init__(  # noqa: PLR0917  # made in one place
        self,
        start: Model,
        chosen: Sequence[Point],
        pool: Pool,
        segment: int,
        keys: list[str],
        bounds: dict[str, tuple[float, float]],
        course: Course,
    ) -> None:
        self.keys = list(keys)
        self.best: dict[str, float] = {}
        self._least = self._error = math.inf
        self._course = course
        self._measured = np.array([point.median for point in chosen])
        self._values = {key: float(start.value(key) or 0) for key in keys}
        for key, value in self._values.items():
            if value <= 0:
                raise InputError(
                    "a parameter that is fitted cannot start at 0",
                    key=key,
                    value=value,
                    allowed="a start above 0, by --set",
                )
        self._first = dict(self._values)
        ranges = start.bounds()
        self._before = {key: ranges.get(key, (value, value)) for key, value in self._first.items()}
        self._shortest = min(point.median / point.cell.count for point in chosen)
        self._durations = set(start.durations())
        self.bounds = {
            key: bounds.get(key) or bounds_of(start, key, value)
            for key, value in self._values.items()
        }
        self._predictions = Predictions(start, chosen, pool, segment, keys)

    @property
    def simulations(self) -> int:
        """Cells simulated so far."""
        return self._predictions.simulations

    def parameters(self) -> lmfit.Parameters:
        """Return the variables with their bounds."""
        made = lmfit.Parameters()
        for key in self.keys:
            low, high = (self._variable(key, end) for end in self.bounds[key])
            begin = self._variable(key, self._values[key])
            made.add(_name(key), value=begin, min=low, max=high)
        return made

    def look_around(self) -> list[str]:
        """Begin each parameter at the best of some values between its bounds.

        What changes no time is not varied; returns a line about each such parameter.
        """
        self._course.begin("looking around", 0.3, (_LOOKS + 3) * len(self.keys))
        usual = {key: min(max(value, low), high) for key, value, low, high in self._limits()}
        ends = {key: self.bounds[key] for key in self.keys}
        moving = self._predictions.learn(
            usual, ends, lambda count: self._course.tried(math.inf, count)
        )
        drawn = self._predictions.sampled(usual).drawn
        silent = []
        for key in list(self.keys):
            low, high = self.bounds[key]
            values = [usual[key], *np.geomspace(low, high, _LOOKS).tolist()]
            given = self._before[key][0] == self._before[key][1]
            if (
                key in moving and given and drawn
            ):  # where the cost is rough, what is known is better
                continue
            if key in moving:
                times = [self._times({key: value}) for value in values]
            if key not in moving or all(
                np.max(np.abs(np.log(each / times[0]))) < _NOTHING for each in times
            ):
                self.keys.remove(key)
                silent.append(f"{key}: not fitted, since it changes none of these times")
                continue
            self._values[key] = values[int(np.argmin([self._cost(each) for each in times]))]
        return silent

    def solve(self) -> lmfit.minimizer.MinimizerResult:
        """Fit, first as if errors were wide, so that what is far off pulls, too.

        Between the fits one duration may take over another's: which of two steps takes the time
        that both take together often has two answers, and only one of them is the best.
        """
        fit = _USUAL * (len(self.keys) + 1)
        self._course.begin("first fit", 0.6, fit)
        result = self._fit(0)
        for _ in range(_EXCHANGES):
            self._course.begin("exchanging durations", 0.7, len(self.keys) ** 2)
            if not self._exchange(self._found(result)):
                break
            self._course.begin("fit after an exchange", 0.8, fit)
            result = self._fit(0)
        for _ in range(_AGAIN):
            self._values |= self._found(result)
            self._weigh()
            self._course.begin("last fit", 0.95, fit)
            result = self._fit(1)
            self._course.begin("trying what was passed over", 0.96, len(self.keys))
            found = self._values | self._found(result)
            if self._predictions.verify(found, {key: self._aside(key, found) for key in self.keys}):
                break
        return result

    def without(
        self, key: str, other: str, result: lmfit.minimizer.MinimizerResult
    ) -> lmfit.minimizer.MinimizerResult | None:
        """Fit anew with a parameter at its first guess; None if that fits worse.

        Worse is what chance makes of a parameter that has this value in less than one of twenty
        sets (chi-square test, with the scatter beyond chance that the fit left, which may be less
        than `FLOOR`). Then all is as it was. Of two durations the other one takes over.
        """
        low, high = self.bounds[key]
        if not low <= self._first[key] <= high:
            return None
        before = self.keys, self._values, self.best
        found = self._values | self._found(result)
        off = np.log(self._times(found) / self._measured)
        left = unexplained(off, self.chance, len(self.keys), _SHARPEST)
        self._values = {**found, key: self._first[key]}
        if other != key and {key, other} <= self._durations:
            taken = found[other] + found[key] - self._first[key]
            low, high = self.bounds[other]
            self._values[other] = min(max(taken, low), high)
        self.keys = [each for each in self.keys if each != key]
        self._afresh()
        self._course.begin(f"leaving out {key}", 1.0, _USUAL * (len(self.keys) + 1))
        anew = self._fit(1)
        then = np.log(self._times(self._found(anew)) / self._measured)
        errors = np.hypot(self.chance, left)
        if soft(then / errors, _SCALES[1]) - soft(off / errors, _SCALES[1]) <= _WORSE:
            return anew
        self.keys, self._values, self.best = before
        self._afresh()
        return None

    def known(self, key: str, result: lmfit.minimizer.MinimizerResult) -> float:
        """Return how well a parameter was known before, less being better.

        It is the width of the range of its first guess, which is none where the value was given,
        in the standard errors to which the data would tell it if all others were known.
        """
        low, high = self._before[key]
        width = self._variable(key, high) - self._variable(key, low)
        slopes = slopes_of(result, self.keys)
        return float(width * (1.0 if slopes is None else np.linalg.norm(slopes[key])))

    def fitted(self, result: lmfit.minimizer.MinimizerResult) -> list[Fitted]:
        """Return the parameters with their intervals, which stay within the bounds."""
        quantile = float(stats.t.ppf((1 + CONFIDENCE) / 2, max(result.nfree, 1)))
        # What is left beyond the errors of the measurement is the model's, and widens; a better fit
        # than these allow is luck.
        quantile *= math.sqrt(max(result.redchi, 1.0))
        values = self._found(result)
        found = []
        for key in self.keys:
            parameter = result.params[_name(key)]
            low, high = self.bounds[key]
            if parameter.stderr is not None and math.isfinite(parameter.stderr):
                reach = quantile * parameter.stderr
                low = max(low, self._value(key, max(parameter.value - reach, parameter.min)))
                high = min(high, self._value(key, min(parameter.value + reach, parameter.max)))
            value = min(max(values[key], low), high)
            found.append(Fitted(key, value, (low, high), self.bounds[key]))
        return found

    def best_so_far(self) -> list[Fitted]:
        """Return the parameters as the best try has them: within their bounds, no more is known."""
        return [
            Fitted(key, self.best[key], self.bounds[key], self.bounds[key]) for key in self.keys
        ]

    def errors(self, values: Mapping[str, float]) -> NDArray[np.float64]:
        """Return the relative error of each point with some values, above 0 if too long."""
        times = self._predictions.times(self._values | dict(values))
        off: NDArray[np.float64] = times / self._measured - 1
        return off

    @property
    def chance(self) -> NDArray[np.float64]:
        """By what share chance alone sets each point and its prediction apart."""
        return self._predictions.sampling.chance

    def _residuals(self, parameters: lmfit.Parameters) -> NDArray[np.float64]:
        """Return what is made small, of each point."""
        values = {key: self._value(key, parameters[_name(key)].value) for key in self.keys}
        return self._weighted(self._times(values))

    def _weighted(self, times: NDArray[np.float64]) -> NDArray[np.float64]:
        off: NDArray[np.float64] = np.log(times / self._measured)
        return off / self._predictions.sampling.errors

    def _weigh(self) -> None:
        """Weigh the points anew where the fit has come to."""
        self._predictions.weigh(self._values)
        self._afresh()

    def _afresh(self) -> None:
        """Begin to look for the best try again, since tries are judged otherwise from now on."""
        self._least = math.inf
        self._times({})

    def _fit(self, number: int) -> lmfit.minimizer.MinimizerResult:
        """Fit; where it goes on and on, end it at its best."""
        result = self._descend(number, _PLATEAUS[number])
        if result.aborted:  # then there is no covariance, and its last try may be a bad one
            self._values |= self.best
            result = self._descend(number, _STEEP)
        return result

    def _descend(self, number: int, plateau: float) -> lmfit.minimizer.MinimizerResult:
        small = _SMALL
        if self._predictions.sampling.drawn:
            now = soft(self._weighted(self._times({})), _SCALES[1]) / 2
            plateau = max(plateau, _NOISE / now) if now > 0 else plateau
            small = _ROUGH
        with np.errstate(invalid="ignore", divide="ignore"):  # a covariance that is none
            return lmfit.minimize(
                self._residuals,
                self.parameters(),
                method="least_squares",
                loss="soft_l1",
                f_scale=_SCALES[number],
                diff_step=self._steps(),
                ftol=plateau,
                xtol=small,
                max_nfev=_MOST * (len(self.keys) + 1),
                scale_covar=False,
            )

    def _steps(self) -> list[float]:
        """Return each variable's step for the derivatives, as a share of it.

        A duration's is no less than the same share of the shortest request. Where the link draws,
        any step makes another course of some transfers, and their medians jump: after a short step
        that would look as if the parameter mattered much to them, and were well told.
        """
        steps = []
        share = _LONG_STEP if self._predictions.sampling.drawn else _STEP
        for key in self.keys:
            step = share
            if key in self._durations:
                least = share * self._shortest / self._values[key]
                step = max(step, least / self._variable(key, self._values[key]))
            steps.append(step)
        return steps

    def _exchange(self, found: Mapping[str, float]) -> bool:
        """Begin with the best of what one duration's giving to another makes, if that is better."""
        durations = [key for key in self.keys if key in self._durations]
        best, least = None, self._cost(self._times(found))
        if self._predictions.sampling.drawn:  # not for what the roughness of the cost makes
            least -= _NOISE
        for giver, taker in permutations(durations, 2):
            given = found[giver] - self.bounds[giver][0]
            tried = {**found, giver: found[giver] - 0.9 * given, taker: found[taker] + 0.9 * given}
            if given <= 0 or tried[taker] > self.bounds[taker][1]:
                continue
            cost = self._cost(self._times(tried))
            if cost < least:
                best, least = tried, cost
        if best is not None:
            self._values |= best
        return best is not None

    def _cost(self, times: NDArray[np.float64]) -> float:
        """Return how far off some predictions are, a point that is far off not by its square."""
        return float(np.sum(np.log1p(np.abs(self._weighted(times)))))

    def _times(self, values: Mapping[str, float]) -> NDArray[np.float64]:
        """Try some values: return the predicted seconds of each point."""
        before = self.simulations
        times = self._predictions.times(self._values | dict(values))
        cost = self._cost(times)
        if cost < self._least:
            self._least = cost
            self.best = self._values | dict(values)
            self._error = float(np.mean(np.abs(np.log(times / self._measured))))
        self._course.tried(self._error, self.simulations - before)
        return times

    def _found(self, result: lmfit.minimizer.MinimizerResult) -> dict[str, float]:
        if result.aborted:  # it has its last try, which may be none of the good ones
            return {key: self.best[key] for key in self.keys}
        return {key: self._value(key, result.params[_name(key)].value) for key in self.keys}

    def _limits(self) -> Iterator[tuple[str, float, float, float]]:
        for key, value in self._values.items():
            yield (key, value, *self.bounds[key])

    def _aside(self, key: str, found: Mapping[str, float]) -> float:
        """Return twice a value, or half of it where that is beyond the bounds."""
        double = 2 * found[key]
        return double if double <= self.bounds[key][1] else found[key] / 2

    def _variable(self, key: str, value: float) -> float:
        share = value / self._values[key]
        return 1 + (share if key in self._durations else math.log(share))

    def _value(self, key: str, variable: float) -> float:
        share = variable - 1 if key in self._durations else math.exp(variable - 1)
        return self._values[key] * share


def _name(key: str) -> str:
    return key.replace(".", "__")
