"""Numbers with no more digits than their interval justifies, in the unit that reads best.

A fitted value is written to a hundredth of half its interval or finer, so that rounding is no part
of its error, and an interval's ends are rounded outwards. So a file says ``16.35 us`` where the fit
had 1.6348271950382744e-05 s.
"""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal

__all__ = ["finest", "quantity", "shorter"]

_FINE = 100  # steps in half an interval, at least
_FEWEST, _MOST = 3, 7  # significant digits of any value
_PREFIXES = {-12: "p", -9: "n", -6: "u", -3: "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T"}
_SCALED = {"s": (-12, 0), "B/s": (0, 12), "Hz": (0, 12)}  # bytes stay whole without a prefix


def finest(value: float, low: float, high: float) -> int:
    """Return the power of ten to which a value with an interval is written."""
    least = _exponent(value) + 1 - _MOST
    half = (high - low) / 2
    return max(_exponent(half / _FINE), least) if half > 0 else least


def shorter(value: float, exponent: int, rounding: int = 0) -> Decimal:
    """Return a value rounded to a power of ten; at least three significant digits are kept.

    Parameters
    ----------
    value : float
        Which.
    exponent : int
        The power of ten.
    rounding : int
        Below 0 down, above 0 up, 0 to the nearest.
    """
    step = min(exponent, _exponent(value) + 1 - _FEWEST)
    how = (ROUND_HALF_EVEN, ROUND_CEILING, ROUND_FLOOR)[rounding]
    return Decimal(repr(value)).quantize(Decimal(1).scaleb(step), how)


def quantity(value: Decimal, unit: str) -> str:
    """Return a number with its unit, such as ``16.35 us``, exactly."""
    lowest, highest = _SCALED.get(unit, (0, 0))
    power = value.adjusted() // 3 * 3 if value else 0
    power = min(max(power, lowest), highest)
    text = f"{value.scaleb(-power):f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return f"{text} {_PREFIXES[power]}{unit}"


def _exponent(value: float) -> int:
    return math.floor(math.log10(abs(value))) if value else 0
