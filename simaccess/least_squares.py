"""The fit of a model's parameters as an optimiser sees it.

What is made small is the logarithm of predicted over measured, over the error of the measurement
(at least `FLOOR`), under a loss that grows like its root for points that do not fit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations

import lmfit
import numpy as np
from numpy.typing import NDArray
from scipy import stats

from simaccess.errors import InputError
from simaccess.model import Model
from simaccess.points import DRAWS, Point, predict_all, spread_out
from simaccess.pool import Pool

__all__ = ["CONFIDENCE", "FLOOR", "Fitted", "Problem", "correlations"]

CONFIDENCE = 0.95
"""Of the parameters' intervals."""

FLOOR = 0.01
"""The least error that a measured point is credited with, as a share of it."""

_STEP = 0.01  # of a parameter, for the derivatives: a model counts packets, and is no smooth curve
_SCALES = (50.0, 2.0)  # errors beyond which a point counts less, in a first and a second fit
_LOOKS = 7  # values of a parameter that are tried before the fit
_EXCHANGES = 4  # at most, of one duration for another
_WIDE = 1000.0  # bounds where nobody gave any: this many times the start, either way
# A model whose times all change by less than this share does not have the parameter.
_NOTHING = 1e-3


@dataclass(frozen=True, slots=True)
class Fitted:
    """A parameter that was fitted.

    Attributes
    ----------
    key : str
        Its dotted key.
    value : float
        In seconds, hertz, bytes or bytes a second.
    interval : (float, float)
        Confidence interval (95 %); of the fit alone, as if the model were true.
    bounds : (float, float)
        Between which it was sought.
    """

    key: str
    value: float
    interval: tuple[float, float]
    bounds: tuple[float, float]


class Problem:
    """The fit as the optimiser sees it.

    A duration's variable is 1 + value / start, since times are sums of durations and one that is
    next to nothing must still feel its slope; any other's is 1 + log(value / start). Both are
    about 1 or more, as steps for derivatives are shares of a variable.
    """

    def __init__(  # noqa: PLR0917  # made in one place
        self,
        start: Model,
        chosen: Sequence[Point],
        pool: Pool,
        segment: int,
        keys: list[str],
        bounds: dict[str, tuple[float, float]],
        report: Callable[[float], None],
    ) -> None:
        self.start = start
        self.keys = list(keys)
        self.simulations = 0
        self._pool = pool
        self._segment = segment
        self._report = report
        self._cells = [point.cell for point in chosen]
        self._measured = np.array([point.median for point in chosen])
        self._errors = np.array([max(point.error, FLOOR) for point in chosen])
        self._values = {key: float(start.value(key) or 0) for key in keys}
        for key, value in self._values.items():
            if value <= 0:
                raise InputError(
                    "a parameter that is fitted cannot start at 0",
                    key=key,
                    value=value,
                    allowed="a start above 0, by --set",
                )
        self._durations = set(start.durations())
        self._bounds = {
            key: bounds.get(key, (value / _WIDE, value * _WIDE))
            for key, value in self._values.items()
        }
        spread = spread_out(start, self._cells, pool, segment)
        self._draws = [DRAWS if each else 1 for each in spread]

    def parameters(self) -> lmfit.Parameters:
        """Return the variables with their bounds."""
        made = lmfit.Parameters()
        for key in self.keys:
            low, high = (self._variable(key, end) for end in self._bounds[key])
            begin = self._variable(key, self._values[key])
            made.add(_name(key), value=begin, min=low, max=high)
        return made

    def look_around(self) -> list[str]:
        """Begin each parameter at the best of some values between its bounds.

        What changes no time is not varied; returns a line about each such parameter.
        """
        silent = []
        for key in list(self.keys):
            low, high = self._bounds[key]
            usual = min(max(self._values[key], low), high)
            values = [usual, *np.geomspace(low, high, _LOOKS).tolist()]
            times = [self._times(self._with({key: value})) for value in values]
            if all(np.max(np.abs(np.log(each / times[0]))) < _NOTHING for each in times):
                self.keys.remove(key)
                silent.append(f"{key}: not fitted, since it changes none of these times")
                continue
            self._values[key] = values[int(np.argmin([self._cost(each) for each in times]))]
            self.start = self._with({})
        return silent

    def solve(self) -> lmfit.minimizer.MinimizerResult:
        """Fit, first as if errors were wide, so that what is far off pulls, too.

        Between the fits one duration may take over another's: which of two steps takes the time
        that both take together often has two answers, and only one of them is the best.
        """
        result = self._fit(_SCALES[0])
        for _ in range(_EXCHANGES):
            found = {key: self._value(key, result.params[_name(key)].value) for key in self.keys}
            if not self._exchange(found):
                break
            result = self._fit(_SCALES[0])
        self._values |= {
            key: self._value(key, result.params[_name(key)].value) for key in self.keys
        }
        return self._fit(_SCALES[1])

    def _fit(self, scale: float) -> lmfit.minimizer.MinimizerResult:
        with np.errstate(invalid="ignore", divide="ignore"):  # a covariance that is none
            return lmfit.minimize(
                self.residuals,
                self.parameters(),
                method="least_squares",
                loss="soft_l1",
                f_scale=scale,
                diff_step=_STEP,
                max_nfev=30 * (len(self.keys) + 1),
                scale_covar=False,
            )

    def _exchange(self, found: Mapping[str, float]) -> bool:
        """Begin with the best of what one duration's giving to another makes, if that is better."""
        durations = [key for key in self.keys if key in self._durations]
        best, least = None, self._cost(self._times(self._with(found)))
        for giver, taker in permutations(durations, 2):
            given = found[giver] - self._bounds[giver][0]
            tried = {**found, giver: found[giver] - 0.9 * given, taker: found[taker] + 0.9 * given}
            if given <= 0 or tried[taker] > self._bounds[taker][1]:
                continue
            cost = self._cost(self._times(self._with(tried)))
            if cost < least:
                best, least = tried, cost
        if best is not None:
            self._values |= best
        return best is not None

    def _cost(self, times: NDArray[np.float64]) -> float:
        """Return how far off some predictions are, a point that is far off not by its square."""
        return float(np.sum(np.log1p(np.abs(np.log(times / self._measured)) / FLOOR)))

    def logarithms(self, parameters: lmfit.Parameters) -> NDArray[np.float64]:
        """Return the logarithm of predicted over measured of each point."""
        values = {key: self._value(key, parameters[_name(key)].value) for key in self.keys}
        off: NDArray[np.float64] = np.log(self._times(self._with(values)) / self._measured)
        return off

    def errors(self) -> NDArray[np.float64]:
        """Return the relative error of each point with nothing varied."""
        off: NDArray[np.float64] = np.abs(self._times(self.start) / self._measured - 1)
        return off

    def residuals(self, parameters: lmfit.Parameters) -> NDArray[np.float64]:
        """Return what is made small, of each point."""
        off = self.logarithms(parameters)
        self._report(float(np.mean(np.abs(off))))
        weighted: NDArray[np.float64] = off / self._errors
        return weighted

    def fitted(self, result: lmfit.minimizer.MinimizerResult) -> list[Fitted]:
        """Return the parameters with their intervals, which stay within the bounds."""
        quantile = float(stats.t.ppf((1 + CONFIDENCE) / 2, max(result.nfree, 1)))
        # What is left beyond the errors of the measurement is the model's, and widens; a better fit
        # than these allow is luck.
        quantile *= math.sqrt(max(result.redchi, 1.0))
        found = []
        for key in self.keys:
            parameter = result.params[_name(key)]
            low, high = self._bounds[key]
            if parameter.stderr is not None and math.isfinite(parameter.stderr):
                reach = quantile * parameter.stderr
                low = max(low, self._value(key, max(parameter.value - reach, parameter.min)))
                high = min(high, self._value(key, min(parameter.value + reach, parameter.max)))
            value = min(max(self._value(key, parameter.value), low), high)
            found.append(Fitted(key, value, (low, high), self._bounds[key]))
        return found

    def _variable(self, key: str, value: float) -> float:
        share = value / self._values[key]
        return 1 + (share if key in self._durations else math.log(share))

    def _value(self, key: str, variable: float) -> float:
        share = variable - 1 if key in self._durations else math.exp(variable - 1)
        return self._values[key] * share

    def _with(self, values: Mapping[str, float]) -> Model:
        return self.start.with_values(self.start.written(self._values | dict(values)), "tried")

    def _times(self, model: Model) -> NDArray[np.float64]:
        """Return the predicted seconds of each point."""
        self.simulations += sum(self._draws)
        predicted = predict_all(model, self._cells, self._pool, self._segment, self._draws)
        return np.array([np.median(draws) for draws in predicted])


def _name(key: str) -> str:
    return key.replace(".", "__")


def correlations(
    result: lmfit.minimizer.MinimizerResult, keys: Sequence[str]
) -> dict[tuple[str, str], float]:
    """Return the correlation of each pair of parameters; none where there is no covariance."""
    covariance = getattr(result, "covar", None)
    if covariance is None:
        return {}
    variances = np.diag(covariance)
    return {
        (first, second): float(covariance[i, j] / math.sqrt(variances[i] * variances[j]))
        for i, first in enumerate(keys)
        for j, second in enumerate(keys)
        if i < j and min(variances[i], variances[j]) > 0
    }
