"""The closed forms of the access methods, and the borders between them.

With t the time of one in-place read of w bytes, n_h and n_p the in-place reads that a record's
header and payload take, T the whole time of a synchronous bulk copy of the record, T' the same
without the header, and p the probability that the payload is read, a record takes

    zero-copy  Z = n_h t + p n_p t
    copy-once  C = T
    hybrid     H = n_h t + p T'

The methods are those of W. de Bruijn, "Adaptive Operating System Design for High Throughput I/O"
(PhD thesis, VU Amsterdam, 2010), the section on replication and Table 4.3, which tells what each
is meant for; the equations are the conditions under which that holds, derived for this package.
What they leave out, a simulation has: queueing, overlap, reads of the shadow, and whatever makes
t and T depend on the load. Parameters may be numbers or arrays that broadcast.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Conditions",
    "Number",
    "copy_once",
    "hybrid",
    "hybrid_beats_copy_once",
    "hybrid_beats_zero_copy",
    "shared_copy",
    "zero_copy",
    "zero_copy_beats_copy_once",
]

Number: TypeAlias = float | NDArray[np.float64]
"""A number, or an array of them."""


def zero_copy(p: Number, *, t: Number, n_h: Number, n_p: Number) -> Number:
    """Return the time of a record that is read in place, Z = n_h t + p n_p t, in seconds."""
    return n_h * t + p * n_p * t


def copy_once(p: Number, *, T: Number) -> Number:
    """Return the time of a record that is copied whole, C = T whatever `p` is, in seconds."""
    return T + 0 * p


def hybrid(p: Number, *, t: Number, T_payload: Number, n_h: Number) -> Number:
    """Return the time of a record with its header in place, H = n_h t + p T', in seconds."""
    return n_h * t + p * T_payload


def shared_copy(*, T: Number, k: Number, t: Number = 0.0, n: Number = 0.0) -> Number:
    """Return the time of a request that shares a copy of T with k - 1 others, n t + T / k.

    So copy-once and hybrid take at blocks that hold several records; `n` is how many reads in
    place a request makes.
    """
    return n * t + T / k


def hybrid_beats_copy_once(*, t: Number, T: Number, T_payload: Number, n_h: Number) -> Number:
    """Return the payload probability below which H < C: p < (T - n_h t) / T'.

    It is negative where hybrid loses at every probability, which is from t = T / n_h on.
    """
    return (T - n_h * t) / T_payload


def zero_copy_beats_copy_once(*, t: Number, T: Number, n_h: Number, n_p: Number) -> Number:
    """Return the payload probability below which Z < C: p < (T - n_h t) / (n_p t)."""
    return (T - n_h * t) / (n_p * t)


def hybrid_beats_zero_copy(*, T_payload: Number, n_p: Number) -> Number:
    """Return the time t above which H < Z at every p > 0: T' < n_p t."""
    return T_payload / n_p


@dataclass(frozen=True, slots=True)
class Conditions:
    """What decides between the methods on one link for one workload.

    Attributes
    ----------
    t : float
        Seconds of one in-place read of `w` bytes.
    w : int
        Bytes that one in-place read brings.
    T, T_payload : float
        Seconds of a synchronous bulk copy of a record, whole and without its header.
    p : float
        Share of the requests that read beyond the header.
    n_h, n_p : float
        In-place reads that a request makes of the header, and of the payload where it does.
    copies : mapping of str to float
        Seconds of one synchronous bulk copy by method, where it has blocks of its own.
    """

    t: float
    w: int
    T: float
    T_payload: float
    p: float
    n_h: float
    n_p: float
    copies: Mapping[str, float] = field(default_factory=dict)

    def times(self) -> dict[str, float]:
        """Return the seconds that a request takes by each method's closed form."""
        return {
            "zero-copy": float(zero_copy(self.p, t=self.t, n_h=self.n_h, n_p=self.n_p)),
            "copy-once": float(copy_once(self.p, T=self.T)),
            "hybrid": float(hybrid(self.p, t=self.t, T_payload=self.T_payload, n_h=self.n_h)),
        }

    def best(self) -> str:
        """Return the method whose closed form is least."""
        times = self.times()
        return min(times, key=times.__getitem__)
