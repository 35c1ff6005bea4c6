"""An axis: a parameter of a model, workload, method or producer, varied between two values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from pydantic.fields import FieldInfo

from simaccess import digits, present
from simaccess.errors import InputError
from simaccess.figures import Leaf, Scalar, leaf_of, leaves_of, logarithmic
from simaccess.kinds import kind_named
from simaccess.questions.case import Case
from simaccess.refusal import did_you_mean
from simaccess.registry import parameters
from simaccess.scenario import ProducerParameters
from simaccess.statistics.span import Span

__all__ = ["Axis", "Scale", "axis", "leaf"]

Scale: TypeAlias = Literal["auto", "linear", "log"]
"""Whether equal differences or equal ratios are equal steps; ``auto``: ratios from a tenfold on."""

_SHOWN: Mapping[str | None, Callable[[float], str]] = {
    "s": present.seconds,
    "B/s": present.rate,
    "Hz": present.frequency,
}


_OPTIONS: Mapping[str, tuple[str, str]] = {
    "consumers": ("--consumers N", "all of it"),
    "shared": ("--shared-shadow", "all of it"),
}
"""What a sweep has axes for, and a question an option."""


@dataclass(frozen=True, slots=True)
class Axis:
    """A parameter, and where it is varied.

    Attributes
    ----------
    key : str
        As in ``--set``.
    leaf : Leaf
        How its values are read and written.
    span : Span
        From where to where, in seconds, hertz, bytes or bytes a second.
    """

    key: str
    leaf: Leaf
    span: Span

    def value(self, place: float) -> Scalar:
        """Return the value of a place, as a file has it."""
        return self.leaf.written(place)

    def shown(self, place: float) -> str:
        """Return the value of a place for people: to three digits, sizes exactly."""
        if self.leaf.unit == "B":
            size = round(place)
            return present.size(size) if size % 1024 == 0 or size < 10_000 else f"{size:,} B"
        if self.leaf.whole:
            return f"{round(place):,}"
        show = _SHOWN.get(self.leaf.unit)
        return f"{place:.3g}" if show is None else show(place)

    def shown_between(self, place: float, low: float, high: float) -> tuple[str, str, str]:
        """Return a place and its interval with the digits that the interval justifies."""
        if self.leaf.whole or self.leaf.unit == "B":
            return self.shown(place), self.shown(low), self.shown(high)
        finest = digits.finest(place, low, high)
        one, other, last = (
            digits.shorter(each, finest, way) for each, way in ((place, 0), (low, -1), (high, 1))
        )
        if self.leaf.unit is None:
            return f"{one:f}", f"{other:f}", f"{last:f}"
        unit = self.leaf.unit
        return digits.quantity(one, unit), digits.quantity(other, unit), digits.quantity(last, unit)


def axis(key: str, low: Scalar, high: Scalar, case: Case, scale: Scale = "auto") -> Axis:
    """Return the axis of a parameter between two values.

    Parameters
    ----------
    key : str
        As in ``--set``; ``model.X`` is the same as ``X``.
    low, high : scalar
        Its ends, with units.
    case : Case
        Whose parameter it is.
    scale : {'auto', 'linear', 'log'}
        How steps are measured.

    Raises
    ------
    InputError
        If there is no such number, or it cannot lie there.
    """
    key = key.removeprefix("model.")
    found = leaf(key, case)
    if not found.numeric:
        raise InputError("not a number, so it is no axis", key=key, allowed="a number's key")
    ends = [found.parse(found.accept(end, key)) for end in (low, high)]
    if any(isinstance(end, str) or end is None for end in ends):
        raise InputError("not a number", key=key, value=f"{low}:{high}", allowed="LOW:HIGH")
    first, last = map(float, ends)
    given = f"{low}:{high}"
    if first >= last:
        raise InputError(
            "goes nowhere", key=key, value=given, allowed="LOW:HIGH with LOW below HIGH"
        )
    if scale == "log" and first <= 0:
        raise InputError("has no logarithm", key=key, value=given, allowed="LOW above 0")
    logs = logarithmic(first, last) if scale == "auto" else scale == "log"
    return Axis(key, found, Span(first, last, logs, found.whole))


def leaf(key: str, case: Case) -> Leaf:
    """Return how a parameter of a case is read and written.

    Raises
    ------
    InputError
        If there is none of that key.
    """
    model, asked = case.loaded()
    part, dot, name = key.partition(".")
    known: Mapping[str, Any]
    if dot and part == "workload":
        known = type(asked.parameters).model_fields
    elif dot and part == "producer":
        known = ProducerParameters.model_fields
    elif dot and part == "method":
        known = _fields(case.methods)
    else:
        leaves = leaves_of(kind_named(model.kind).load_parameters())
        if key not in leaves:
            if key in _OPTIONS:
                option, meaning = _OPTIONS[key]
                allowed = f"{option} for {meaning}; 'simaccess sweep' varies it, as axes.{key}"
                raise InputError("no number that is varied here", key=key, allowed=allowed)
            if part not in {each.partition(".")[0] for each in leaves}:
                others = {
                    "producer": ProducerParameters.model_fields,
                    "workload": type(asked.parameters).model_fields,
                    "method": _fields(case.methods),
                }
                every = [f"{section}.{each}" for section, names in others.items() for each in names]
                if hint := did_you_mean(key, [*every, *leaves, *_OPTIONS]):
                    raise InputError(f"unknown key{hint}", key=key, allowed="a key of a number")
                sections = dict.fromkeys(f"{each.partition('.')[0]}.*" for each in leaves)
                beginnings = [*sections, *(f"{each}.*" for each in others)]
                raise InputError("unknown key", key=key, allowed=beginnings)
            try:
                model.with_values({key: ""})  # refuses it, in the words of an unknown key
            except InputError as error:
                raise InputError(error.problem, key=key, allowed=error.allowed) from None
        return leaves[key]
    if name not in known:
        problem = "unknown key" + did_you_mean(name, known)
        raise InputError(problem, key=key, allowed=known)
    return leaf_of(known[name])


def _fields(methods: Iterable[str]) -> dict[str, FieldInfo]:
    return {
        name: field for method in methods for name, field in parameters(method).model_fields.items()
    }
