"""Figures for people: three significant digits and a unit, as in ``4.56 us`` or ``1.23 GB/s``."""

from __future__ import annotations

import math
from collections.abc import Iterable

__all__ = ["counted", "frequency", "lead", "percentage", "rate", "seconds", "size", "size_beside"]

# From atto to exa; the one without a prefix stands at _UNIT.
_PREFIXES = ["a", "f", "p", "n", "u", "m", "", "k", "M", "G", "T", "P", "E"]
_UNIT = _PREFIXES.index("")
_BINARY = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"]


def counted(number: int, noun: str) -> str:
    """Return how many there are of something, such as ``1 simulation`` or ``1,234 points``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def seconds(duration: float) -> str:
    """Return a duration in seconds as text, such as ``4.56 us``; no ``ks`` from 1000 s on."""
    return _scaled(duration, "s", _PREFIXES.index("a"), _UNIT)


def rate(bytes_per_second: float) -> str:
    """Return a rate in bytes a second as text, such as ``1.23 GB/s``."""
    return _scaled(bytes_per_second, "B/s", _UNIT, _PREFIXES.index("E"))


def frequency(hertz: float) -> str:
    """Return a frequency in hertz as text, such as ``33.3 MHz``."""
    return _scaled(hertz, "Hz", _UNIT, _PREFIXES.index("E"))


def size(count: int) -> str:
    """Return a number of bytes as text: exact where that is short, else to three digits.

    Multiples of a power of 1024 read so (``64 KiB``), and fewer than 10,000 bytes have no prefix
    (``1448 B``); anything else has a decimal one (``1.23 MB``).
    """
    scaled, power = count, 0
    while scaled and scaled % 1024 == 0 and power < len(_BINARY) - 1:
        scaled //= 1024
        power += 1
    if abs(scaled) < 10_000:
        return f"{scaled} {_BINARY[power]}B"
    return _scaled(count, "B", _UNIT, _PREFIXES.index("E"))


def size_beside(count: int, others: Iterable[int]) -> str:
    """Return a number of bytes as text, to be compared with others beside it.

    If one of all these is too long to be exact, and so has a decimal prefix, this one has none or
    a decimal one, too.
    """
    if all(_is_short(each) for each in (count, *others)):
        return size(count)
    return f"{count} B" if abs(count) < 10_000 else _scaled(count, "B", _UNIT, _PREFIXES.index("E"))


def _is_short(count: int) -> bool:
    """Return whether a number of bytes is shown exactly."""
    return not size(count).endswith(tuple(f"{each}B" for each in _PREFIXES[_UNIT + 1 :]))


def percentage(share: float) -> str:
    """Return a share, where 1 is all, as text, such as ``12.3 %``."""
    return _scaled(100 * share, "%", _UNIT, _UNIT)


def lead(share: float) -> str:
    """Return by which share something is better: ``12.3 %``, or from 1 on ``3.21 times``."""
    if share < 1:
        return f"{round(100 * share, 1) + 0.0:.1f} %"  # + 0.0, since -0.0 reads strangely
    return f"{share + 1:.3g} times"


def _scaled(value: float, unit: str, lowest: int, highest: int) -> str:
    """Return `value` with the prefix, between two indices, that suits it best."""
    if math.isnan(value):
        return "n/a"
    if value == 0 or math.isinf(value):
        return f"{value:g} {unit}"
    # Rounded first, since 999.96 us reads 1.00 ms.
    mantissa, exponent = f"{value:.2e}".split("e")
    index = min(max(_UNIT + int(exponent) // 3, lowest), highest)
    shift = int(exponent) - 3 * (index - _UNIT)
    if -4 <= shift <= 6:
        number = f"{float(f'{mantissa}e{shift}'):.{max(2 - shift, 0)}f}"
    else:
        number = f"{mantissa}e{shift}"
    return f"{number} {_PREFIXES[index]}{unit}"
