"""The congestion controls by their names."""

from __future__ import annotations

from typing import Literal, TypeAlias

from simaccess.sim.bbr import Bbr
from simaccess.sim.cubic import Cubic, LinuxCubic
from simaccess.sim.tcp import CongestionControl, Reno, RoundTripTime

__all__ = ["Algorithm", "congestion_control"]

Algorithm: TypeAlias = Literal["reno", "cubic", "bbr"]


def congestion_control(
    algorithm: Algorithm,
    mss: int,
    initial_window: int,
    rtt: RoundTripTime,
    *,
    hystart: bool,
    fine: bool = False,
) -> CongestionControl:
    """Make the state of a congestion control by its name; `fine` is CUBIC's finer grain."""
    if algorithm == "bbr":
        return Bbr(mss, initial_window, rtt)
    if algorithm == "cubic":
        return (LinuxCubic if fine else Cubic)(mss, initial_window, rtt, hystart=hystart)
    return Reno(mss, initial_window, rtt)
