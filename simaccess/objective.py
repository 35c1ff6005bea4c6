"""What a method is judged by, and by how much one figure beats another."""

from __future__ import annotations

import math
from typing import Literal, TypeAlias, get_args

from simaccess.result import Result

__all__ = ["OBJECTIVES", "Objective", "figure", "lead"]

Objective: TypeAlias = Literal["throughput", "latency"]
"""Throughput of useful bytes, more is better; or median latency of requests, less is better."""

OBJECTIVES: tuple[Objective, ...] = get_args(Objective)


def figure(result: Result, objective: Objective) -> float:
    """Return a result's throughput in bytes a second, or its median latency in seconds."""
    if objective == "throughput":
        return result.throughput_bytes_per_s
    return math.inf if result.latency_s.p50 is None else result.latency_s.p50


def lead(ahead: float, behind: float, objective: Objective) -> float:
    """Return by which share one figure is better than another; negative if it is worse.

    A share of 0.5 stands for one and a half times the throughput, or for a latency that the other
    one exceeds by half.
    """
    more, less = (ahead, behind) if objective == "throughput" else (behind, ahead)
    if more == less:
        return 0.0
    return more / less - 1 if less else math.inf
