"""The figures of a kind of interconnect, one by one: how each is checked, and how it is drawn."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias, cast, get_args, get_origin

from pydantic import BeforeValidator, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from simaccess import digits, quantities
from simaccess.errors import InputError
from simaccess.parameters import Section
from simaccess.refusal import refusal

__all__ = [
    "Figure",
    "Leaf",
    "Scalar",
    "Status",
    "leaf_of",
    "leaves_of",
    "logarithmic",
    "section_of",
]

Scalar: TypeAlias = str | int | float | bool
"""A value as a file has it: a quantity as text with its unit, a choice as text."""

Status: TypeAlias = Literal["verified", "derived", "unverified", "default", "set", "drawn"]
"""How well a value is known; the last three are not for files."""

_LOGARITHMIC_FROM = 9.999  # a factor of 10, whatever the conversion of units rounds

# The unit that each quantity has inside, in which a drawn value is written.
_UNITS: dict[object, str] = {
    quantities.parse_duration: "s",
    quantities.parse_frequency: "Hz",
    quantities.parse_rate: "B/s",
    quantities.parse_size: "B",
    quantities.parse_positive_duration: "s",
    quantities.parse_positive_frequency: "Hz",
    quantities.parse_positive_rate: "B/s",
    quantities.parse_positive_size: "B",
}


@dataclass(frozen=True, slots=True)
class Figure:
    """A parameter's value as it was given, and how far it can be trusted.

    Attributes
    ----------
    value : str, int, float or bool
        As the file has it, with its unit.
    source : str
        Where it is from.
    status : str
        ``verified``, ``derived`` or ``unverified``; ``default`` where the file leaves it out,
        ``set`` where somebody chose it, ``drawn`` where it was drawn from its range.
    range : (scalar, scalar), optional
        The lowest and the highest value that are plausible, as the file has them.
    """

    value: Scalar
    source: str
    status: Status
    range: tuple[Scalar, Scalar] | None = None


@dataclass(frozen=True, slots=True)
class Leaf:
    """One parameter of a kind.

    Attributes
    ----------
    adapter : TypeAdapter
        Its type.
    numeric : bool
        Whether it is a number, with a unit or without, and so has a range.
    whole : bool
        Whether the number is an integer.
    unit : str, optional
        The unit that the number has inside.
    required : bool
        Whether it must be given wherever its section is.
    default : object
        Its value where it is not.
    within : str, optional
        The dotted key of the innermost section around it that may be left out.
    """

    adapter: TypeAdapter[Any]
    numeric: bool
    whole: bool
    unit: str | None
    required: bool
    default: object
    within: str | None

    def parse(self, value: Scalar) -> Any:
        """Return a value that was checked before, in the unit that it has inside."""
        return self.adapter.validate_python(value)

    def check(self, value: object, key: str, file: Path) -> Any:
        """Return a file's value parsed; its type must fit exactly.

        Raises
        ------
        InputError
            If it is refused.
        """
        try:
            given = json.dumps(value)
        except TypeError:  # TOML has dates and times
            problem = "neither text, number nor boolean"
            raise InputError(problem, file, key, value, "as in '1.2 us', 3 or true") from None
        try:
            # JSON, since strict Python refuses a list for a tuple and text for an enumeration.
            return _finite(self.adapter.validate_json(given, strict=True))
        except (TypeError, ValueError) as error:
            raise refusal(error, key, value, file) from None

    def accept(self, value: Scalar, key: str) -> Scalar:
        """Return a value as a file would have it; a number or a choice may be given as text.

        Raises
        ------
        InputError
            If it is refused.
        """
        try:
            parsed = _finite(self._lax(value))
        except ValueError as error:
            raise refusal(error, key, value) from None
        if isinstance(value, bool) and self.numeric:
            raise InputError("not a number", key=key, value=value, allowed="a number")
        return value if self.unit is not None or not _is_scalar(parsed) else parsed

    def _lax(self, value: Scalar) -> Any:
        try:
            return self.adapter.validate_python(value)
        except ValidationError:
            if not isinstance(value, str) or self.unit is not None:
                raise
            try:  # a choice among numbers does not read text
                return self.adapter.validate_json(value)
            except ValidationError:
                pass
            raise

    def written(self, value: float, rounding: int = 0, finest: int | None = None) -> Scalar:
        """Return a number as a file has it; whole ones rounded down, up or to the nearest.

        With `finest` it is rounded so to that power of ten (`simaccess.digits`).
        """
        number: float = float(value)
        if self.whole:
            whole = (round, math.ceil, math.floor)[rounding]
            number = whole(number)
        if finest is None:
            return number if self.unit is None else f"{number!r} {self.unit}"
        short = digits.shorter(number, finest, rounding)
        if self.unit is not None:
            return digits.quantity(short, self.unit)
        return int(short) if self.whole else float(short)

    def quantile(self, share: float, low: float, high: float, value: object) -> Scalar:
        """Return a quantile of the values between two bounds, as a file would have it.

        Parameters
        ----------
        share : float
            From 0, the lower bound, to 1; of a number that is drawn uniformly, `Model.draws`
            makes its draws.
        low, high : float
            The bounds.
        value : object
            The value as it stands, whose divisors a size keeps.
        """
        if not self.whole:
            number = min(max(_between(share, low, high), low), high)
            return number if self.unit is None else f"{number!r} {self.unit}"
        step = 1 if self.unit is None else math.gcd(int(low), int(high), cast("int", value))
        first, last = int(low) // step, int(high) // step
        # Up to last + 1, rounded down, so that the last is as likely as the others.
        whole = min(math.floor(_between(share, first, last + 1)), last) * step
        return whole if self.unit is None else f"{whole} {self.unit}"


def leaf_of(field: FieldInfo, within: str | None = None) -> Leaf:
    """Return the parameter that a field is; `within` as in `Leaf`."""
    parts = [*_parts(field.annotation), *field.metadata]
    units = [_UNITS.get(part.func) for part in parts if isinstance(part, BeforeValidator)]
    return Leaf(
        adapter=TypeAdapter(Annotated[field.annotation, field]),  # type: ignore[arg-type]  # known at run time
        numeric=int in parts or float in parts,
        whole=int in parts and float not in parts,
        unit=units[0] if units else None,
        required=field.is_required(),
        default=None if field.is_required() else field.get_default(),
        within=within,
    )


@cache
def leaves_of(parameters_class: type[Section]) -> dict[str, Leaf]:
    """Return every parameter of a kind, or of a section, by its dotted key, in its order."""
    return dict(_walk(parameters_class, "", None))


def section_of(annotation: object) -> type[Section] | None:
    """Return the section that a field's annotation names, also where None may stand for it."""
    for part in (annotation, *get_args(annotation)):
        if isinstance(part, type) and issubclass(part, Section):
            return part
    return None


def _walk(
    section_class: type[Section], prefix: str, within: str | None
) -> Iterator[tuple[str, Leaf]]:
    for name, field in section_class.model_fields.items():
        key = prefix + name
        inner = section_of(field.annotation)
        if inner is None:
            yield key, leaf_of(field, within)
        else:
            yield from _walk(inner, f"{key}.", within if field.is_required() else key)


def _parts(annotation: object) -> Iterator[object]:
    """Yield the types and the metadata that make up an annotation; a choice has none."""
    if get_origin(annotation) is Literal:
        return
    yield annotation
    for part in get_args(annotation):
        yield from _parts(part)


def logarithmic(low: float, high: float) -> bool:
    """Say whether a range spans a factor of ten or more, and so is meant in its logarithm."""
    return low > 0 and high / low > _LOGARITHMIC_FROM


def _between(share: float, low: float, high: float) -> float:
    if logarithmic(low, high):
        first, last = math.log(low), math.log(high)
        return math.exp(first + (last - first) * share)
    return low + (high - low) * share


def _finite(parsed: Any) -> Any:
    if isinstance(parsed, float) and not math.isfinite(parsed):
        raise ValueError("not finite; allowed: a finite number")
    return parsed


def _is_scalar(value: object) -> bool:
    return isinstance(value, str | int | float)
