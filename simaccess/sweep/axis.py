"""Axes: what is varied, over which values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from simaccess.errors import InputError
from simaccess.figures import Scalar
from simaccess.parameters import Section
from simaccess.sweep.quantity import Quantity, number_of, plain, written

__all__ = ["Axis", "AxisEntry", "Sample", "axis", "sampled"]

MOST = 2**20
"""Points of an axis, or of a sample, at most."""


class AxisEntry(Section):
    """An axis as the file has it: a list of values, or a range.

    Parameters
    ----------
    values : list of scalar, optional
        The values. An axis may be just this list.
    low, high : scalar, optional
        The ends of a range, both included.
    points : int, optional
        Values over the range, 2 to `MOST`; without it, the axis is one of the sample's.
    scale : {'linear', 'log'}
        Whether they are evenly apart, or by a factor.
    multiple : scalar, optional
        The range's values are rounded to multiples of it.
    """

    values: Annotated[list[Scalar], Field(min_length=1)] | None = None
    low: Scalar | None = None
    high: Scalar | None = None
    points: Annotated[int, Field(ge=2, le=MOST, strict=True)] | None = None
    scale: Literal["linear", "log"] = "linear"
    multiple: Scalar | None = None

    @property
    def sampled(self) -> bool:
        """Whether it is one of the sample's."""
        return self.values is None and self.points is None

    @model_validator(mode="before")
    @classmethod
    def _listed(cls, given: Any) -> Any:
        return {"values": given} if isinstance(given, list) else given

    @model_validator(mode="after")
    def _one_of_both(self) -> AxisEntry:
        ends = (self.low, self.high)
        given = self.model_fields_set
        if self.values is not None:
            if given != {"values"}:
                raise InputError("both values and a range", allowed="one of them")
        elif None in ends:
            raise InputError("neither values nor a range", allowed="values, or low and high")
        return self


class Sample(Section):
    """How the ranges of axes without `points` are sampled, all of them together.

    Parameters
    ----------
    kind : {'sobol', 'latin-hypercube'}
        A scrambled Sobol sequence, whose points are a power of two, or a Latin hypercube.
    points : int
        How many, 1 to `MOST`.
    seed : int
        Of the scrambling, or of the hypercube.
    """

    kind: Literal["sobol", "latin-hypercube"] = "sobol"
    points: Annotated[int, Field(ge=1, le=MOST, strict=True)]
    seed: Annotated[int, Field(ge=0, strict=True)] = 0

    @model_validator(mode="after")
    def _balanced(self) -> Sample:
        if self.kind == "sobol" and self.points & (self.points - 1):
            raise InputError(
                "unbalanced", key="sample.points", value=self.points, allowed="a power of two"
            )
        return self


@dataclass(frozen=True, slots=True)
class Axis:
    """What is varied, and its values.

    Attributes
    ----------
    key : str
        A dotted key.
    values : tuple of scalar
        As an experiment file would have them.
    numbers : tuple of float, or None
        The values in the axis's unit; None where they are no numbers.
    unit : str or None
        s, Hz, B or B/s; None for plain numbers and for text.
    """

    key: str
    values: tuple[Scalar, ...]
    numbers: tuple[float, ...] | None
    unit: str | None

    def shown(self, index: int) -> Scalar:
        """Return a value as results have it: a number in the axis's unit, or text."""
        return self.values[index] if self.numbers is None else self.numbers[index]

    def nearest(self, value: Scalar) -> int:
        """Return the index of the value that is nearest to a number, or that is the same text.

        Raises
        ------
        InputError
            If the axis has no such text, or has another unit.
        """
        found = number_of(value)
        if self.numbers is None and value in self.values:
            return self.values.index(value)
        if self.numbers is None or found is None or found.unit != self.unit:
            allowed = [str(each) for each in self.values]
            raise InputError("not on the axis", key=self.key, value=value, allowed=allowed)
        apart = [abs(number - found.number) for number in self.numbers]
        return apart.index(min(apart))


@dataclass(frozen=True, slots=True)
class _Range:
    """A range, as numbers of one unit."""

    key: str
    low: float
    high: float
    unit: str | None
    whole: bool
    log: bool
    multiple: float

    def at(self, shares: NDArray[np.float64], *, once: bool) -> Axis:
        """Return the values at shares of the way, from 0 to 1; those that round alike `once`."""
        if self.log:
            low, high = math.log(self.low), math.log(self.high)
            made = np.exp(low + shares * (high - low))
        else:
            made = self.low + shares * (self.high - self.low)
        # The ends as they are, whatever the logarithm rounds.
        made = np.where(shares == 0, self.low, np.where(shares == 1, self.high, made))
        made = np.clip(made, self.low, self.high)
        if self.whole:
            made = np.round(made / self.multiple) * self.multiple
        numbers: Sequence[float] = [
            round(each) if self.whole else plain(each) for each in made.tolist()
        ]
        if once:
            numbers = list(dict.fromkeys(numbers))
        values = tuple(written(number, self.unit) for number in numbers)
        return Axis(self.key, values, tuple(numbers), self.unit)


def axis(key: str, entry: AxisEntry) -> Axis:
    """Return an axis of a list, or of a range with points.

    Raises
    ------
    InputError
        If its values are not all text, or all numbers of one unit, or one comes twice.
    """
    if entry.values is None:
        assert entry.points is not None
        return _range(key, entry).at(np.linspace(0.0, 1.0, entry.points), once=True)
    quantities = [number_of(value) for value in entry.values]
    known = [each for each in quantities if each is not None]
    if known and len({each.unit for each in known}) + (len(known) < len(quantities)) > 1:
        problem = "values of several sorts"
        pairs = zip(entry.values, quantities, strict=True)
        if text := [value for value, quantity in pairs if quantity is None]:
            problem += f", since {text[0]!r} is no number"
        raise InputError(problem, key=key, value=entry.values, allowed="one unit for all")
    numbers = tuple(each.number for each in known) if known else None
    seen: Sequence[object] = entry.values if numbers is None else numbers
    for index, value in enumerate(seen):
        if value in seen[:index]:
            raise InputError(
                "comes twice", key=key, value=entry.values[index], allowed="each value once"
            )
    return Axis(key, tuple(entry.values), numbers, known[0].unit if known else None)


def sampled(entries: dict[str, AxisEntry], sample: Sample) -> tuple[Axis, ...]:
    """Return axes whose values, taken together by index, sample the space of their ranges.

    Raises
    ------
    InputError
        If a range has ends of different sorts.
    """
    from scipy.stats import qmc  # noqa: PLC0415  # takes as long to import as a small run

    ranges = [_range(key, entry) for key, entry in entries.items()]
    generator = np.random.default_rng(sample.seed)
    kind = qmc.Sobol if sample.kind == "sobol" else qmc.LatinHypercube
    shares = kind(len(ranges), rng=generator).random(sample.points)
    return tuple(each.at(column, once=False) for each, column in zip(ranges, shares.T, strict=True))


def _range(key: str, entry: AxisEntry) -> _Range:
    assert entry.low is not None
    assert entry.high is not None
    low, high = _end(key, "low", entry.low), _end(key, "high", entry.high)
    if low.unit != high.unit:
        raise InputError(
            "ends of two sorts", key=key, value=[entry.low, entry.high], allowed="one unit"
        )
    if low.number >= high.number:
        raise InputError(
            "not a range", key=key, value=[entry.low, entry.high], allowed="low below high"
        )
    if entry.scale == "log" and low.number <= 0:
        raise InputError(
            "no logarithm", key=f"{key}.low", value=entry.low, allowed="above 0 on a log scale"
        )
    whole = low.unit == "B" or all(isinstance(end, int) for end in (entry.low, entry.high))
    multiple = 1.0
    if entry.multiple is not None:
        step = _end(key, "multiple", entry.multiple)
        if step.unit != low.unit or step.number <= 0 or low.number < step.number:
            allowed = "above 0 and at most low, in the unit of low and high"
            raise InputError(
                "not allowed", key=f"{key}.multiple", value=entry.multiple, allowed=allowed
            )
        multiple, whole = step.number, True
    return _Range(key, low.number, high.number, low.unit, whole, entry.scale == "log", multiple)


def _end(key: str, end: str, value: Scalar) -> Quantity:
    quantity = number_of(value)
    if quantity is None:
        allowed = "a number, or a quantity such as '64 KiB'"
        raise InputError("not a number", key=f"{key}.{end}", value=value, allowed=allowed)
    return quantity
