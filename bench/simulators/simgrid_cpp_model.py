"""The works in SimGrid's C++ interface (`simgrid_model.cc`)."""

from __future__ import annotations

from pathlib import Path

from simulators import compiled
from simulators.works import Measured, Work

_SOURCE = Path(__file__).with_name("simgrid_model.cc")
_OPTIONS = ["-std=c++17", "-lsimgrid"]


def resources(work: Work) -> Measured:
    """Run a work with mutexes, semaphores and sleeps."""
    return compiled.run(_SOURCE, _OPTIONS, "resources", work)


def arithmetic(work: Work) -> Measured:
    """Run a work with sleeps and busy-until arithmetic."""
    return compiled.run(_SOURCE, _OPTIONS, "busy-until", work)
