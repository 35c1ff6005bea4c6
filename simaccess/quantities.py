"""Quantities with units, parsed at the edge: seconds, hertz, bytes and bytes a second inside."""

from __future__ import annotations

import math
import re
from functools import cache
from typing import Annotated, TypeAlias

import pint
from pydantic import BeforeValidator, Field

__all__ = [
    "LARGEST",
    "LONGEST",
    "Count",
    "Duration",
    "Frequency",
    "PositiveDuration",
    "PositiveFrequency",
    "PositiveRate",
    "PositiveSize",
    "Rate",
    "Share",
    "Size",
    "parse_duration",
    "parse_frequency",
    "parse_positive_duration",
    "parse_positive_frequency",
    "parse_positive_rate",
    "parse_positive_size",
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

LARGEST = 2**50
"""Bytes, at most, of anything that is simulated."""

# What can be simulated in integers of picoseconds: beyond lie typing errors, and overflow. A
# figure may be 0, too, where its kind has a use for that.
_LIMITS = {
    "second": (0.0, LONGEST),
    "hertz": (1e-6, 1e15),
    "byte/second": (1e-3, 1e24),
    "byte": (0.0, float(LARGEST)),
}

_USUAL = {
    "second": "ps, ns, us, ms, s, min or h",
    "hertz": "Hz, kHz, MHz or GHz",
    "byte/second": "B/s, kB/s, MB/s, GB/s, KiB/s, MiB/s, GiB/s, bit/s, kbit/s, Mbit/s or Gbit/s",
    "byte": "B, kB, MB, GB, TB, KiB, MiB, GiB or TiB",
}


def _parse(value: object, base: str, example: str, *, positive: bool = False) -> float:
    """Return `value`, text such as `example`, in `base` units; not 0 if it must be `positive`.

    Raises
    ------
    ValueError
        If it is no text, or no number with a unit of the right sort.
    """
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        raise ValueError(_unitless(str(value), example, positive=positive))
    match = _NUMBER.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"not a number with a unit; allowed: as in '{example}'")
    number, unit = match.groups()
    if not unit.strip():
        raise ValueError(_unitless(number, example, positive=positive))
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
        bounds = f"{low:g} to {high:g}" if low or not positive else f"above 0, up to {high:g}"
        nothing = "0, or " if low and not positive else ""
        raise ValueError(f"beyond what can be simulated; allowed: {nothing}{bounds} {base}")
    if positive and not result:
        raise ValueError("not allowed; allowed: greater than 0")
    return result


def _unitless(text: str, example: str, *, positive: bool) -> str:
    """Return what is wrong with a number that has no unit."""
    if text.strip().startswith("-"):
        least = "more than 0" if positive else "0 or more"
        return f"missing unit, and below 0; allowed: {least}, as in '{example}'"
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
    return _whole(_parse(value, "byte", "64 KiB"))


def parse_positive_duration(value: object) -> float:
    """Return a duration above 0 in seconds."""
    return _parse(value, "second", "1.2 us", positive=True)


def parse_positive_frequency(value: object) -> float:
    """Return a frequency above 0 in hertz."""
    return _parse(value, "hertz", "33 MHz", positive=True)


def parse_positive_rate(value: object) -> float:
    """Return a rate above 0 in bytes a second."""
    return _parse(value, "byte/second", "100 Mbit/s", positive=True)


def parse_positive_size(value: object) -> int:
    """Return a size of 1 B or more in whole bytes."""
    return _whole(_parse(value, "byte", "64 KiB", positive=True))


def _whole(size: float) -> int:
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

PositiveDuration: TypeAlias = Annotated[float, BeforeValidator(parse_positive_duration)]
"""Seconds above 0, given as text with a unit."""

PositiveFrequency: TypeAlias = Annotated[float, BeforeValidator(parse_positive_frequency)]
"""Hertz above 0, given as text with a unit."""

PositiveRate: TypeAlias = Annotated[float, BeforeValidator(parse_positive_rate)]
"""Bytes a second above 0, given as text with a unit."""

PositiveSize: TypeAlias = Annotated[int, BeforeValidator(parse_positive_size)]
"""Whole bytes, at least one, given as text with a unit."""

Share: TypeAlias = Annotated[float, Field(ge=0, le=1)]
"""A number from 0 to 1."""

Count: TypeAlias = Annotated[int, Field(ge=0)]
"""A whole number, 0 or more."""
