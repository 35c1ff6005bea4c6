"""The works in salabim: components that request, hold and release.

Its faster settings: generators and not greenlets for processes, tracing off, and no monitors, which
would record each queue's length; latencies are kept as everywhere.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Generator
from typing import Any

import salabim

from simulators.works import Bus, Engines, Measured, Work, measured

Process = Generator[Any, Any, None]


def _environment() -> Any:
    salabim.yieldless(False)
    return salabim.Environment(trace=False, random_seed=None)


def _resource(env: Any, name: str, capacity: int = 1) -> Any:
    return salabim.Resource(name, capacity=capacity, monitor=False, env=env)


def _run(env: Any, work: Work, client: type) -> Measured:
    latencies: list[array[int]] = [array("q") for _ in range(work.clients)]
    for own in latencies:
        process = client(latencies=own, env=env)
        process.status.monitor(False)
        process.mode.monitor(False)
    begin = time.process_time()
    env.run()
    return measured(time.process_time() - begin, env.now(), latencies)


def _resource_bus(work: Bus) -> Measured:
    env = _environment()
    bus = _resource(env, "bus")

    class Client(salabim.Component):
        def process(self, latencies: array[int]) -> Process:
            for _ in range(work.accesses):
                begin = env.now()
                yield self.request(bus)
                yield self.hold(work.service)
                self.release(bus)
                latencies.append(int(env.now() - begin))

    return _run(env, work, Client)


def _resource_engines(work: Engines) -> Measured:
    env = _environment()
    engines, link = _resource(env, "engines", 2), _resource(env, "link")

    class Client(salabim.Component):
        def process(self, latencies: array[int]) -> Process:
            for _ in range(work.accesses):
                begin = env.now()
                yield self.request(engines)
                yield self.hold(work.start)
                yield self.request(link)
                yield self.hold(work.service)
                self.release(link)
                self.release(engines)
                yield self.hold(work.local)
                latencies.append(int(env.now() - begin))

    return _run(env, work, Client)


def _arithmetic_bus(work: Bus) -> Measured:
    env = _environment()
    free = 0

    class Client(salabim.Component):
        def process(self, latencies: array[int]) -> Process:
            nonlocal free
            for _ in range(work.accesses):
                begin = int(env.now())
                free = (free if free > begin else begin) + work.service
                wait = free - begin
                yield self.hold(wait)
                latencies.append(wait)

    return _run(env, work, Client)


def _arithmetic_engines(work: Engines) -> Measured:
    env = _environment()
    earlier = later = link = 0

    class Client(salabim.Component):
        def process(self, latencies: array[int]) -> Process:
            nonlocal earlier, later, link
            for _ in range(work.accesses):
                begin = int(env.now())
                ready = (earlier if earlier > begin else begin) + work.start
                link = (link if link > ready else ready) + work.service
                earlier, later = later, link
                wait = link + work.local - begin
                yield self.hold(wait)
                latencies.append(wait)

    return _run(env, work, Client)


def resources(work: Work) -> Measured:
    """Run a work with resources."""
    return _resource_bus(work) if isinstance(work, Bus) else _resource_engines(work)


def arithmetic(work: Work) -> Measured:
    """Run a work with busy-until arithmetic."""
    return _arithmetic_bus(work) if isinstance(work, Bus) else _arithmetic_engines(work)
