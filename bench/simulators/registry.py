"""Which simulators are timed, where each one's models stand, and what a machine lacks for it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from types import MappingProxyType

from simulators.works import Engines, Model, Work

__all__ = ["REFERENCE", "Simulator", "by_key", "ours", "peers"]

REQUIREMENTS = "bench/peers.txt"


@dataclass(frozen=True)
class Simulator:
    """A simulator in one of its idioms.

    Attributes
    ----------
    key : str
        Its name on command lines.
    title, idiom : str
        Its name in tables, and what its models use.
    module, function : str
        Where its `Model` stands, under `simulators`.
    version : callable
        Returns the version that is installed, or raises `LookupError`.
    get : str
        How to get it.
    cannot : mapping of type to str
        Why it cannot express a kind of work.
    once : bool
        Whether a process can run one work, ever.
    compiles : bool
        Whether it needs a C++ compiler.
    """

    key: str
    title: str
    idiom: str
    module: str
    function: str
    version: Callable[[], str]
    get: str = f"see {REQUIREMENTS}"
    cannot: Mapping[type[Work], str] = field(default_factory=lambda: MappingProxyType({}))
    once: bool = False
    compiles: bool = False

    def missing(self) -> str | None:
        """Say what this machine lacks for it, and how to get it, or nothing."""
        try:
            self.version()
        except LookupError as error:
            return f"{error}: {self.get}"
        if self.compiles and shutil.which("g++") is None:
            return "no C++ compiler: install g++"
        return None

    def reason(self, work: Work) -> str | None:
        """Say why it cannot express a work, or nothing."""
        return self.cannot.get(type(work))

    def model(self) -> Model:
        """Import its models."""
        model: Model = getattr(import_module(f"simulators.{self.module}"), self.function)
        return model


def _package(distribution: str) -> Callable[[], str]:
    def installed() -> str:
        try:
            return version(distribution)
        except PackageNotFoundError:
            raise LookupError(f"{distribution} is not installed") from None

    return installed


def _simgrid_library() -> str:
    """Return the version of SimGrid's C++ library, as pkg-config knows it."""
    try:
        done = subprocess.run(
            ["pkg-config", "--modversion", "simgrid"], capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        raise LookupError("pkg-config is not installed") from None
    if done.returncode:
        raise LookupError("SimGrid's C++ library is not installed")
    return done.stdout.strip()


def _compiled() -> str:
    """Return our version, where replays are compiled."""
    _package("numba")()
    return _package("simaccess")()


def ours() -> list[Simulator]:
    """Return simaccess in each of its engines."""
    return [
        Simulator(
            "simaccess-simpy",
            "**simaccess**",
            "SimPy engine",
            "simaccess_model",
            "simpy_engine",
            _package("simaccess"),
        ),
        Simulator(
            "simaccess-replay",
            "**simaccess**",
            "replay of a record",
            "simaccess_replay_model",
            "replay_engine",
            _compiled,
            get="pip install simaccess[numba]",
        ),
    ]


REFERENCE = "simpy-resources"
"""The simulator that the others are divided by: plain SimPy as its documentation shows it."""

_FRAMES = (
    "its elements are queues of packets: none is held while a packet waits for another one, as a DMA "
    "engine is"
)


def peers() -> list[Simulator]:
    """Return the other simulators, each in the idioms that a user of it would consider."""
    simpy, salabim, cimba = _package("simpy"), _package("salabim"), _package("cimba")
    simgrid, ns3 = _package("simgrid"), _package("ns3")
    arithmetic = "busy-until arithmetic"
    library = "apt install libsimgrid-dev pkg-config"
    build = f"see the end of {REQUIREMENTS}"
    return [
        Simulator(REFERENCE, "SimPy", "`Resource`", "simpy_model", "resources", simpy),
        Simulator("simpy-arithmetic", "SimPy", arithmetic, "simpy_model", "arithmetic", simpy),
        Simulator(
            "salabim-resources", "salabim", "`Resource`", "salabim_model", "resources", salabim
        ),
        Simulator(
            "salabim-arithmetic", "salabim", arithmetic, "salabim_model", "arithmetic", salabim
        ),
        Simulator("ciw", "Ciw", "nodes and routes", "ciw_model", "resources", _package("ciw")),
        Simulator(
            "nspy",
            "ns.py",
            "`Port` and packets",
            "nspy_model",
            "resources",
            _package("ns.py"),
            cannot=MappingProxyType({Engines: _FRAMES}),
        ),
        Simulator(
            "simgrid-python",
            "SimGrid (Python)",
            "`Mutex`, `Semaphore`",
            "simgrid_model",
            "resources",
            simgrid,
            get=build,
            once=True,
        ),
        Simulator(
            "simgrid-python-arithmetic",
            "SimGrid (Python)",
            arithmetic,
            "simgrid_model",
            "arithmetic",
            simgrid,
            get=build,
            once=True,
        ),
        Simulator(
            "simgrid-cpp",
            "SimGrid (C++)",
            "`Mutex`, `Semaphore`",
            "simgrid_cpp_model",
            "resources",
            _simgrid_library,
            get=library,
            compiles=True,
        ),
        Simulator(
            "simgrid-cpp-arithmetic",
            "SimGrid (C++)",
            arithmetic,
            "simgrid_cpp_model",
            "arithmetic",
            _simgrid_library,
            get=library,
            compiles=True,
        ),
        Simulator("cimba-resources", "cimba", "`Resource`", "cimba_model", "resources", cimba),
        Simulator("cimba-arithmetic", "cimba", arithmetic, "cimba_model", "arithmetic", cimba),
        Simulator(
            "ns3", "ns-3 (C++)", "events, a queue", "ns3_model", "resources", ns3, compiles=True
        ),
        Simulator(
            "ns3-arithmetic",
            "ns-3 (C++)",
            "events, busy-until arithmetic",
            "ns3_model",
            "arithmetic",
            ns3,
            compiles=True,
        ),
    ]


def by_key(key: str) -> Simulator:
    """Return the simulator of a name.

    Raises
    ------
    LookupError
        If there is none.
    """
    for simulator in ours() + peers():
        if simulator.key == key:
            return simulator
    raise LookupError(f"no simulator {key!r}")
