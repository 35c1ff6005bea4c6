"""Between which values a parameter is sought where nobody says so."""

from __future__ import annotations

import math

from simaccess.errors import InputError
from simaccess.model import Model

__all__ = ["bounds_of"]

_WIDE = 1000.0  # this many times the start, either way
_STEPS = 20  # halvings, in the logarithm, of what lies between an accepted and a refused value


def bounds_of(start: Model, key: str, value: float) -> tuple[float, float]:
    """Return the bounds of a parameter: a thousandth and a thousandfold, as far as it may go.

    A kind refuses some values, as a buffer that holds no packet: there the bound is the last value
    that it accepts.

    Parameters
    ----------
    start : Model
        The model whose parameter it is.
    key : str
        Its dotted key.
    value : float
        Where it begins, above 0.
    """
    return _last(start, key, value, value / _WIDE), _last(start, key, value, value * _WIDE)


def _last(start: Model, key: str, accepted: float, end: float) -> float:
    """Return `end`, or the value next to it that the kind accepts."""
    if _is_accepted(start, key, end):
        return end
    for _ in range(_STEPS):
        middle = math.sqrt(accepted * end)
        if _is_accepted(start, key, middle):
            accepted = middle
        else:
            end = middle
    return accepted


def _is_accepted(start: Model, key: str, value: float) -> bool:
    try:
        start.with_values(start.written({key: value}))
    except InputError:
        return False
    return True
