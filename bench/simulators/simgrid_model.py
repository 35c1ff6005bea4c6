"""The works in SimGrid's Python interface: actors that take mutexes and semaphores, and sleep.

A second of its clock, a double, is a picosecond here. A process can hold one engine, ever. Its
wheel puts the library beside the module, where the module does not look: what is loaded already is
found.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable
from ctypes import CDLL
from importlib.metadata import files

from simulators.works import Bus, Engines, Measured, Work, measured

for _file in files("simgrid") or ():
    if _file.name.startswith("libsimgrid.so."):
        CDLL(str(_file.locate()))

from simgrid import Engine, Mutex, Semaphore, this_actor  # noqa: E402  # after its library


def _run(work: Work, client: Callable[[array[int]], None]) -> Measured:
    engine = Engine(["simulators", "--log=root.thres:warning"])
    zone = engine.netzone_root
    host = zone.add_host("host", 1e9)
    zone.seal()
    latencies: list[array[int]] = [array("q") for _ in range(work.clients)]
    for own in latencies:
        host.add_actor("client", client, own)
    begin = time.process_time()
    engine.run()
    return measured(time.process_time() - begin, Engine.clock, latencies)


def _resource_bus(work: Bus) -> Measured:
    bus = Mutex()

    def client(latencies: array[int]) -> None:
        for _ in range(work.accesses):
            begin = Engine.clock
            bus.lock()
            this_actor.sleep_for(work.service)
            bus.unlock()
            latencies.append(int(Engine.clock - begin))

    return _run(work, client)


def _resource_engines(work: Engines) -> Measured:
    engines, link = Semaphore(2), Mutex()

    def client(latencies: array[int]) -> None:
        for _ in range(work.accesses):
            begin = Engine.clock
            engines.acquire()
            this_actor.sleep_for(work.start)
            link.lock()
            this_actor.sleep_for(work.service)
            link.unlock()
            engines.release()
            this_actor.sleep_for(work.local)
            latencies.append(int(Engine.clock - begin))

    return _run(work, client)


def _arithmetic_bus(work: Bus) -> Measured:
    free = 0

    def client(latencies: array[int]) -> None:
        nonlocal free
        for _ in range(work.accesses):
            begin = int(Engine.clock)
            free = (free if free > begin else begin) + work.service
            wait = free - begin
            this_actor.sleep_for(wait)
            latencies.append(wait)

    return _run(work, client)


def _arithmetic_engines(work: Engines) -> Measured:
    earlier = later = link = 0

    def client(latencies: array[int]) -> None:
        nonlocal earlier, later, link
        for _ in range(work.accesses):
            begin = int(Engine.clock)
            ready = (earlier if earlier > begin else begin) + work.start
            link = (link if link > ready else ready) + work.service
            earlier, later = later, link
            wait = link + work.local - begin
            this_actor.sleep_for(wait)
            latencies.append(wait)

    return _run(work, client)


def resources(work: Work) -> Measured:
    """Run a work with mutexes and semaphores."""
    return _resource_bus(work) if isinstance(work, Bus) else _resource_engines(work)


def arithmetic(work: Work) -> Measured:
    """Run a work with busy-until arithmetic."""
    return _arithmetic_bus(work) if isinstance(work, Bus) else _arithmetic_engines(work)
