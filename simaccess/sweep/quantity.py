"""What a value of an axis is: a number in its unit, or text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from simaccess.figures import Scalar
from simaccess.quantities import parse_duration, parse_frequency, parse_rate, parse_size

__all__ = ["Quantity", "number_of", "written"]

_PARSERS: dict[str, Callable[[object], float]] = {
    "s": parse_duration,
    "Hz": parse_frequency,
    "B/s": parse_rate,
    "B": parse_size,
}


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number, and its unit: s, Hz, B/s or B, or none."""

    number: float
    unit: str | None = None


def number_of(value: Scalar) -> Quantity | None:
    """Return the number that a value is or stands for; None for other text and for booleans."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return Quantity(value)
    for unit, parse in _PARSERS.items():
        try:
            return Quantity(parse(value), unit)
        except ValueError:
            continue
    return None


def written(number: float, unit: str | None) -> Scalar:
    """Return a number as a file has it."""
    if unit == "B":
        return f"{round(number)} B"
    return number if unit is None else f"{number!r} {unit}"
