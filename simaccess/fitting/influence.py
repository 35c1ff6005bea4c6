"""What a model predicts for measured points, simulated anew only where a parameter moves it.

A fit asks for the same points again and again with one parameter changed. A load does not depend
on what starts a bulk copy, and nothing but methods depends on the memory beside the consumer. So
it is found out once which parameters move which points, by values far apart, and what has been
predicted is kept by the values of those alone. Bit for bit that is what simulating everything would
give, as long as it is true; `Predictions.verify` tries it elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from simaccess.figures import Scalar
from simaccess.fitting.points import Point, predict_all
from simaccess.fitting.sampling import Sampling, sample, weigh
from simaccess.model import Model
from simaccess.pool import Pool

__all__ = ["Predictions"]

_Known = dict[tuple[Scalar | None, ...], float]


class Predictions:
    """The predicted medians of some points, by the values of the parameters that vary.

    Parameters
    ----------
    start : Model
        What does not vary.
    chosen : sequence of Point
        The points.
    pool : Pool
        Who simulates.
    segment : int
        Bytes of the segment.
    keys : sequence of str
        Dotted keys of what varies.

    Attributes
    ----------
    simulations : int
        Cells simulated so far.
    """

    def __init__(
        self,
        start: Model,
        chosen: Sequence[Point],
        pool: Pool,
        segment: int,
        keys: Sequence[str],
    ) -> None:
        self._start = start
        self._cells = [point.cell for point in chosen]
        self._pool = pool
        self._segment = segment
        self._keys = tuple(keys)
        self._chosen = chosen
        self._sampling: Sampling | None = None  # found out when first needed
        self.simulations = 0
        self._moves = [set(keys) for _ in chosen]  # all of them until that is known better
        self._known: list[_Known] = [{} for _ in chosen]

    @property
    def sampling(self) -> Sampling:
        """What chance does to the points; known after the first `times`."""
        assert self._sampling is not None
        return self._sampling

    def sampled(self, values: Mapping[str, float]) -> Sampling:
        """Find out what chance does to the points unless it is known; return it."""
        if self._sampling is None:
            model = self._start.with_values(self._start.written(values), "tried")
            self._sampling, took = sample(model, self._chosen, self._pool, self._segment)
            self.simulations += took
        return self._sampling

    def weigh(self, values: Mapping[str, float]) -> None:
        """Find out anew what chance does to the points, with other values than the first ones."""
        model = self._start.with_values(self._start.written(values), "tried")
        self._sampling, took = weigh(self.sampling, model, self._chosen, self._pool, self._segment)
        self.simulations += took

    def times(self, values: Mapping[str, float]) -> NDArray[np.float64]:
        """Return the predicted seconds of each point.

        Parameters
        ----------
        values : mapping of str to float
            Those of the keys that vary, in seconds, hertz, bytes or bytes a second.
        """
        written = self._start.written(values)
        self.sampled(values)
        missing = [
            number
            for number, known in enumerate(self._known)
            if self._place(number, written) not in known
        ]
        draws = [self.sampling.draws[number] for number in missing]
        for number, seconds in zip(missing, self._predict(missing, values, draws), strict=True):
            self._known[number][self._place(number, written)] = seconds
        return np.array(
            [known[self._place(number, written)] for number, known in enumerate(self._known)]
        )

    def learn(
        self,
        values: Mapping[str, float],
        tried: Mapping[str, Sequence[float]],
        passing: Callable[[int], None] = lambda _: None,
    ) -> set[str]:
        """Find out which points each parameter moves, by one draw; return those that move any.

        Parameters
        ----------
        values : mapping of str to float
            Those of all keys.
        tried : mapping of str to sequence of float
            Other values of each, far from these.
        passing : callable
            Is told after each of them how many cells have been simulated for it.
        """
        every = range(len(self._cells))
        moving = set()
        before = self._predict(every, values, [1] * len(every))
        for key, others in tried.items():
            still = set(every)
            for value in others:
                numbers = sorted(still)
                found = self._predict(numbers, {**values, key: value}, [1] * len(numbers))
                passing(len(numbers))
                pairs = zip(numbers, found, strict=True)
                still -= {number for number, seconds in pairs if seconds != before[number]}
            for number in still:
                self._set(number, self._moves[number] - {key})
            if len(still) < len(every):
                moving.add(key)
        return moving

    def verify(self, values: Mapping[str, float], steps: Mapping[str, float]) -> bool:
        """Try whether what was found not to move points does not move them here, either.

        A point that is moved nevertheless counts as moved by everything from then on.

        Parameters
        ----------
        values : mapping of str to float
            Those of all keys.
        steps : mapping of str to float
            Other values of keys, each to be tried alone.

        Returns
        -------
        bool
            Whether no point is moved.
        """
        kept = self.times(values)
        some = [number for number, moves in enumerate(self._moves) if len(moves) < len(self._keys)]
        afresh = self._afresh(some, values)
        wrong = {number for number in some if afresh[number] != kept[number]}
        for key, value in steps.items():
            still = [number for number in some if key not in self._moves[number]]
            aside = self._afresh(still, {**values, key: value})
            wrong |= {number for number in still if aside[number] != afresh[number]}
        for number in wrong:
            self._set(number, set(self._keys))
        return not wrong

    def _place(self, number: int, written: Mapping[str, Scalar]) -> tuple[Scalar | None, ...]:
        moves = self._moves[number]
        return tuple([written[key] if key in moves else None for key in self._keys])

    def _set(self, number: int, moves: set[str]) -> None:
        """Set what moves a point, and forget what is known of it only where that is more."""
        known: _Known = {}
        if moves <= self._moves[number]:
            fewer = [key in moves for key in self._keys]
            for place, seconds in self._known[number].items():
                pairs = zip(place, fewer, strict=True)
                known[tuple([value if kept else None for value, kept in pairs])] = seconds
        self._moves[number] = moves
        self._known[number] = known

    def _afresh(self, numbers: Sequence[int], values: Mapping[str, float]) -> dict[int, float]:
        """Simulate some points, whatever is known of them."""
        draws = [self.sampling.draws[number] for number in numbers]
        return dict(zip(numbers, self._predict(numbers, values, draws), strict=True))

    def _predict(
        self, numbers: Sequence[int], values: Mapping[str, float], draws: Sequence[int]
    ) -> list[float]:
        """Simulate some points; return the medians of their draws."""
        if not numbers:
            return []
        model = self._start.with_values(self._start.written(values), "tried")
        self.simulations += sum(draws)
        cells = [self._cells[number] for number in numbers]
        predicted = predict_all(model, cells, self._pool, self._segment, draws, short=True)
        return [float(np.median(each)) for each in predicted]
