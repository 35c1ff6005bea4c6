"""What a measurement was made on: the machine, its system, and what else it was doing."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from statistics import median
from time import get_clock_info, perf_counter_ns
from typing import Any

import psutil

from simaccess import __version__

__all__ = ["load", "record"]

_READINGS = 1000


def record(cpus: Sequence[int] = ()) -> dict[str, Any]:
    """Return what goes into a measured set's header.

    Parameters
    ----------
    cpus : sequence of int
        The processors that the consumers are pinned to, in turn; empty if they are not.
    """
    return {
        "date": datetime.now().astimezone().isoformat(timespec="seconds"),
        "simaccess": __version__,
        "machine": {
            "cpu": _cpu(),
            "cores": psutil.cpu_count(logical=False) or psutil.cpu_count() or 1,
            "processors": psutil.cpu_count() or 1,
            "memory": psutil.virtual_memory().total,
            "caches": _caches(),
        },
        "kernel": f"{platform.system()} {platform.release()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "placement": {"pinned": list(cpus), "allowed": _allowed()},
        "congestion_control": _read("/proc/sys/net/ipv4/tcp_congestion_control"),
        "clock": _clock(),
    }


def load(seconds: float = 0.2) -> dict[str, Any]:
    """Return what the machine is doing: runnable processes, and the share of processors in use.

    Parameters
    ----------
    seconds : float
        How long to look.
    """
    return {
        "average": [round(each, 2) for each in psutil.getloadavg()],
        "busy_percent": psutil.cpu_percent(seconds),
    }


def _cpu() -> str:
    for line in _read("/proc/cpuinfo").splitlines():
        key, _, value = line.partition(":")
        if key.strip() in ("model name", "Model"):
            return value.strip()
    return platform.processor() or platform.machine()


def _caches() -> dict[str, str]:
    """Return the sizes of the first processor's caches of data by level, as ``{"L2": "1024K"}``."""
    found = {}
    for index in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*"):
        if _read(f"{index}/type") != "Instruction":
            found[f"L{_read(f'{index}/level')}"] = _read(f"{index}/size")
    return dict(sorted(found.items()))


def _allowed() -> list[int]:
    try:
        return sorted(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        return list(range(os.cpu_count() or 1))


def _read(path: str) -> str:
    """Return the content of a file of the system, empty where there is none."""
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _clock() -> dict[str, Any]:
    """Return what the clock is, and what it shows between two readings: its smallest step."""
    readings = [perf_counter_ns() for _ in range(_READINGS)]
    steps = [after - before for before, after in pairwise(readings)]
    return {
        "source": get_clock_info("perf_counter").implementation,
        "smallest_step_s": min((step for step in steps if step), default=1) / 1e9,
        "median_step_s": median(steps) / 1e9,
    }
