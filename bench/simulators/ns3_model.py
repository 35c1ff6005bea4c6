"""The works in ns-3, in C++ against the headers and libraries of its wheel (`ns3_model.cc`)."""

from __future__ import annotations

from importlib.machinery import PathFinder
from pathlib import Path

from simulators import compiled
from simulators.works import Measured, Work

_SOURCE = Path(__file__).with_name("ns3_model.cc")


def _options() -> list[str]:
    spec = PathFinder.find_spec("ns3")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("No module named 'ns3'", name="ns3")
    folder = Path(next(iter(spec.submodule_search_locations)))
    libraries = folder / "lib64"
    core = next(libraries.glob("libns3*-core.so"))
    return ["-std=c++20", f"-I{folder / 'include'}", str(core), f"-Wl,-rpath,{libraries}"]


def resources(work: Work) -> Measured:
    """Run a work with events, and a queue where a request waits."""
    return compiled.run(_SOURCE, _options(), "queue", work)


def arithmetic(work: Work) -> Measured:
    """Run a work with events and busy-until arithmetic."""
    return compiled.run(_SOURCE, _options(), "busy-until", work)
