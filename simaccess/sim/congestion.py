"""The congestion controls by their names."""

from __future__ import annotations

from typing import Literal, TypeAlias

from simaccess.sim.bbr import Bbr
from simaccess.sim.tcp import CongestionControl, Cubic, Reno, RoundTripTime

__all__ = ["Algorithm", "congestion_control"]

Algorithm: TypeAlias = Literal["reno", "cubic", "bbr"]


def congestion_control(
    algorithm: Algorithm, mss: int, initial_window: int, rtt: RoundTripTime, *, hystart: bool
) -> CongestionControl:
    """Make the state of a congestion control by its name."""
    if algorithm == "bbr":
        return Bbr(mss, initial_window, rtt)
    if algorithm == "cubic":
        return Cubic(mss, initial_window, rtt, hystart=hystart)
    return Reno(mss, initial_window, rtt)
