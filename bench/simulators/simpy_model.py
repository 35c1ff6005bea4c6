"""The works in plain SimPy, in its documentation's idiom and with busy-until arithmetic.

The first uses a `Resource`, a request in a ``with`` block, a timeout, and the release at the end of
the block. The second needs no events for waiting: a FIFO station is the time at which it will be
free, and whoever asks for it knows at once when it will be served.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Generator
from typing import Any

import simpy

from simulators.works import Bus, Engines, Measured, Work, measured

Client = Generator[simpy.Event, Any, None]


def _run(env: simpy.Environment, work: Work, client: Callable[[array[int]], Client]) -> Measured:
    latencies: list[array[int]] = [array("q") for _ in range(work.clients)]
    for own in latencies:
        env.process(client(own))
    begin = time.process_time()
    env.run()
    return measured(time.process_time() - begin, env.now, latencies)


def _resource_bus(work: Bus) -> Measured:
    env = simpy.Environment()
    bus = simpy.Resource(env)

    def client(latencies: array[int]) -> Client:
        for _ in range(work.accesses):
            begin = env.now
            with bus.request() as request:
                yield request
                yield env.timeout(work.service)
            latencies.append(int(env.now - begin))

    return _run(env, work, client)


def _resource_engines(work: Engines) -> Measured:
    env = simpy.Environment()
    engines = simpy.Resource(env, capacity=2)
    link = simpy.Resource(env)

    def client(latencies: array[int]) -> Client:
        for _ in range(work.accesses):
            begin = env.now
            with engines.request() as engine:
                yield engine
                yield env.timeout(work.start)
                with link.request() as request:
                    yield request
                    yield env.timeout(work.service)
            yield env.timeout(work.local)
            latencies.append(int(env.now - begin))

    return _run(env, work, client)


def _arithmetic_bus(work: Bus) -> Measured:
    env = simpy.Environment()
    free = 0

    def client(latencies: array[int]) -> Client:
        nonlocal free
        service = work.service
        for _ in range(work.accesses):
            begin = int(env.now)
            free = (free if free > begin else begin) + service
            wait = free - begin
            yield env.timeout(wait)
            latencies.append(wait)

    return _run(env, work, client)


def _arithmetic_engines(work: Engines) -> Measured:
    # Engines are granted in the order of requests, and the link is reached a constant time later:
    # so a transfer's whole course is known when it is asked for.
    env = simpy.Environment()
    earlier = later = link = 0  # when the engines are free, and the link

    def client(latencies: array[int]) -> Client:
        nonlocal earlier, later, link
        start, service, local = work.start, work.service, work.local
        for _ in range(work.accesses):
            begin = int(env.now)
            ready = (earlier if earlier > begin else begin) + start
            link = (link if link > ready else ready) + service
            earlier, later = later, link
            wait = link + local - begin
            yield env.timeout(wait)
            latencies.append(wait)

    return _run(env, work, client)


def resources(work: Work) -> Measured:
    """Run a work with resources."""
    return _resource_bus(work) if isinstance(work, Bus) else _resource_engines(work)


def arithmetic(work: Work) -> Measured:
    """Run a work with busy-until arithmetic."""
    return _arithmetic_bus(work) if isinstance(work, Bus) else _arithmetic_engines(work)
