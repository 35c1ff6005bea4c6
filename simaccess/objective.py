"""What a method is judged by, and by how much one figure beats another."""

from __future__ import annotations

import math
from typing import Literal, TypeAlias, get_args

from simaccess.errors import InputError
from simaccess.refusal import did_you_mean
from simaccess.result import Result

__all__ = ["OBJECTIVES", "Objective", "figure", "lead", "objective_named"]

Objective: TypeAlias = Literal["throughput", "latency"]
"""Throughput of useful bytes, more is better; or median latency of requests, less is better."""

OBJECTIVES: tuple[Objective, ...] = get_args(Objective)


def objective_named(name: object, key: str = "objective") -> Objective:
    """Return an objective by its name.

    Parameters
    ----------
    name : str
        Its name.
    key : str
        What named it.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    for each in OBJECTIVES:
        if each == name:
            return each
    problem = "no such objective" + did_you_mean(name, OBJECTIVES)
    raise InputError(problem, key=key, value=name, allowed=OBJECTIVES)


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
