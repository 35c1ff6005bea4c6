"""Quantities with units, parsed at the edge: seconds, hertz, bytes and bytes a second inside."""

from __future__ import annotations

import math
import re
from functools import cache
from typing import Annotated, TypeAlias

import pint
from pydantic import BeforeValidator, Field

__all__ = [
    "LONGEST",
    "Count",
    "Duration",
    "Frequency",
    "Rate",
    "Share",
    "Size",
    "parse_duration",
    "parse_frequency",
    "parse_rate",
    "parse_size",
]

_NUMBER = re.compile(
    r"\s*([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)\s*(.*)", re.DOTALL
)


# Pint's own definitions have a bit without dimension, so that "33 MHz" would pass for a rate.
_DEFINITIONS = """
pico- = 1e-12 = p-
nano- = 1e-9 = n-
micro- = 1e-6 = µ- = μ- = u-
milli- = 1e-3 = m-
kilo- = 1e3 = k-
mega- = 1e6 = M-
giga- = 1e9 = G-
tera- = 1e12 = T-
kibi- = 2**10 = Ki-
mebi- = 2**20 = Mi-
gibi- = 2**30 = Gi-
tebi- = 2**40 = Ti-
second = [time] = s = sec
minute = 60 * second = min
hour = 60 * minute = h
hertz = 1 / second = Hz
bit = [information]
byte = 8 * bit = B
bits_per_second = bit / second = bps
"""


@cache
def _units() -> pint.UnitRegistry[float]:
    registry: pint.UnitRegistry[float] = pint.UnitRegistry(None)
    registry.load_definitions(_DEFINITIONS.strip().splitlines())
    return registry


@cache
def _factor(unit: str, base: str) -> float:
    """Return how many `base` units a `unit` is."""
    return float(_units().Quantity(1, unit).to(base).magnitude)


LONGEST = 1e6
"""Seconds, at most, of anything that is simulated: in picoseconds they fit into 64 bits."""

# What can be simulated in integers of picoseconds: beyond lie typing errors, and overflow. A
# figure may be 0, too, where its kind has a use for that.
_LIMITS = {
    "second": (0.0, LONGEST),
    "hertz": (1e-6, 1e15),
    "byte/second": (1e-3, 1e24),
    "byte": (0.0, 2.0**50),
}

_USUAL = {
    "second": "ps, ns, us, ms, s, min or h",
    "hertz": "Hz, kHz, MHz or GHz",
    "byte/second": "B/s, kB/s, MB/s, GB/s, KiB/s, MiB/s, GiB/s, bit/s, kbit/s, Mbit/s or Gbit/s",
    "byte": "B, kB, MB, GB, TB, KiB, MiB, GiB or TiB",
}


def _parse(value: object, base: str, example: str) -> float:
    """Return `value`, text such as `example`, in `base` units.

    Raises
    ------
    ValueError
        If the text is no number with a unit of the right sort.
    """
    if not isinstance(value, str):
        raise ValueError(_unitless(str(value), example))  # noqa: TRY004  # pydantic's own wants it
    match = _NUMBER.fullmatch(value)
    if match is None:
        raise ValueError(f"not a number with a unit; allowed: as in '{example}'")
    number, unit = match.groups()
    if not unit.strip():
        raise ValueError(_unitless(value, example))
    try:
        factor = _factor(unit.strip(), base)
    except Exception as error:  # pint raises a dozen unrelated types for odd text
        raise ValueError(
            f"unknown or unfitting unit {unit.strip()!r}; allowed: as in '{example}',"
            f" in {_USUAL[base]}"
        ) from error
    result = float(number) * factor
    if not math.isfinite(result) or result < 0:
        raise ValueError(f"must be finite and not negative; allowed: as in '{example}'")
    low, high = _LIMITS[base]
    if result and not low <= result <= high:
        bounds = f"0, or {low:g} to {high:g}" if low else f"0 to {high:g}"
        raise ValueError(f"beyond what can be simulated; allowed: {bounds} {base}")
    return result


def _unitless(text: str, example: str) -> str:
    """Return what is wrong with a number that has no unit."""
    if text.strip().startswith("-"):
        return f"missing unit, and below 0; allowed: 0 or more, as in '{example}'"
    return f"missing unit; allowed: as in '{example}'"


def parse_duration(value: object) -> float:
    """Return a duration such as ``'1.2 us'`` in seconds."""
    return _parse(value, "second", "1.2 us")


def parse_frequency(value: object) -> float:
    """Return a frequency such as ``'33 MHz'`` in hertz."""
    return _parse(value, "hertz", "33 MHz")


def parse_rate(value: object) -> float:
    """Return a rate such as ``'100 Mbit/s'`` in bytes a second."""
    return _parse(value, "byte/second", "100 Mbit/s")


def parse_size(value: object) -> int:
    """Return a size such as ``'64 KiB'`` in whole bytes."""
    size = _parse(value, "byte", "64 KiB")
    if size != round(size):
        raise ValueError("must be whole bytes; allowed: as in '64 KiB'")
    return round(size)


Duration: TypeAlias = Annotated[float, BeforeValidator(parse_duration)]
"""Seconds, given as text with a unit."""

Frequency: TypeAlias = Annotated[float, BeforeValidator(parse_frequency)]
"""Hertz, given as text with a unit."""

Rate: TypeAlias = Annotated[float, BeforeValidator(parse_rate)]
"""Bytes a second, given as text with a unit."""

Size: TypeAlias = Annotated[int, BeforeValidator(parse_size)]
"""Whole bytes, given as text with a unit."""

Share: TypeAlias = Annotated[float, Field(ge=0, le=1)]
"""A number from 0 to 1."""

Count: TypeAlias = Annotated[int, Field(ge=0)]
"""A whole number, 0 or more."""
