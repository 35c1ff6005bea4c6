"""What a value of an axis is: a number in its unit, or text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from simaccess import digits, present
from simaccess.figures import Scalar
from simaccess.quantities import parse_duration, parse_frequency, parse_rate, parse_size

__all__ = ["Quantity", "number_of", "plain", "shown", "written"]

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
            return Quantity(plain(parse(value)), unit)
        except ValueError:
            continue
    return None


def plain(number: float) -> float:
    """Return a number without the digits that arithmetic left: 1e-07, not 1.0000000000000001e-07.

    Fifteen digits are what any decimal keeps in a float.
    """
    return number if isinstance(number, int) else float(f"{number:.15g}")


def written(number: float, unit: str | None) -> Scalar:
    """Return a number as a file has it, with the prefix that reads best."""
    if unit == "B":
        return f"{round(number)} B"
    return number if unit is None else digits.quantity(Decimal(repr(plain(number))), unit)


def shown(value: Scalar, unit: str | None) -> str:
    """Return a value of results for people, as a user would write it: ``100 ns``, ``64 KiB``."""
    if unit in (None, "1") or isinstance(value, str | bool):
        return str(value)
    if unit == "B" and round(value) % 1024 == 0:
        return present.size(round(value))
    return str(written(value, unit))
