"""The works in cimba: processes that numba compiles, on an engine in C.

Its clock is a double, in which picoseconds are exact up to 2**53 of them, two and a half hours.
The time of a run is that of a trial with its set-up, which cimba does not tell apart; compilation
falls into the first run of each model. A data set keeps every latency and tells their mean.
"""

# No postponed annotations: cimba reads those of classes that stand in functions.

import time
from collections.abc import Callable
from functools import cache
from typing import Any

import cimba as cb

from simulators.works import Bus, Measured, Work


@cache
def _resource_bus(clients: int) -> Any:
    class Model(cb.Model):
        accesses: cb.Param[int] = 1
        service: cb.Param[float] = 1.0
        bus: cb.Resource = cb.Resource()
        latencies: cb.Dataset = cb.Dataset()
        end: cb.Output[float]
        count: cb.Output[float]
        mean: cb.Output[float]

        @cb.process(copies=clients)
        def client(self) -> None:
            for _ in range(self.accesses):
                begin = cb.now()
                self.bus.acquire()
                cb.hold(self.service)
                self.bus.release()
                if clients > 1:  # or whoever releases a resource has it again before those who wait
                    cb.hold(0.0)
                self.latencies.record(cb.now() - begin)

        @cb.on_end
        def report(self) -> None:
            self.end = cb.now()
            self.count = self.latencies.sample_count()
            self.mean = self.latencies.sample_mean()

    return Model


@cache
def _resource_engines(clients: int) -> Any:
    class Model(cb.Model):
        accesses: cb.Param[int] = 1
        start: cb.Param[float] = 1.0
        service: cb.Param[float] = 1.0
        local: cb.Param[float] = 1.0
        engines: cb.Resource = cb.Resource(capacity=2)
        link: cb.Resource = cb.Resource()
        latencies: cb.Dataset = cb.Dataset()
        end: cb.Output[float]
        count: cb.Output[float]
        mean: cb.Output[float]

        @cb.process(copies=clients)
        def client(self) -> None:
            for _ in range(self.accesses):
                begin = cb.now()
                self.engines.acquire()
                cb.hold(self.start)
                self.link.acquire()
                cb.hold(self.service)
                self.link.release()
                self.engines.release()
                cb.hold(self.local)
                self.latencies.record(cb.now() - begin)

        @cb.on_end
        def report(self) -> None:
            self.end = cb.now()
            self.count = self.latencies.sample_count()
            self.mean = self.latencies.sample_mean()

    return Model


@cache
def _arithmetic_bus(clients: int) -> Any:
    class Model(cb.Model):
        accesses: cb.Param[int] = 1
        service: cb.Param[float] = 1.0
        free: float = 0.0
        latencies: cb.Dataset = cb.Dataset()
        end: cb.Output[float]
        count: cb.Output[float]
        mean: cb.Output[float]

        @cb.process(copies=clients)
        def client(self) -> None:
            for _ in range(self.accesses):
                begin = cb.now()
                self.free = max(self.free, begin) + self.service
                wait = self.free - begin
                cb.hold(wait)
                self.latencies.record(wait)

        @cb.on_end
        def report(self) -> None:
            self.end = cb.now()
            self.count = self.latencies.sample_count()
            self.mean = self.latencies.sample_mean()

    return Model


@cache
def _arithmetic_engines(clients: int) -> Any:
    class Model(cb.Model):
        accesses: cb.Param[int] = 1
        start: cb.Param[float] = 1.0
        service: cb.Param[float] = 1.0
        local: cb.Param[float] = 1.0
        earlier: float = 0.0
        later: float = 0.0
        link: float = 0.0
        latencies: cb.Dataset = cb.Dataset()
        end: cb.Output[float]
        count: cb.Output[float]
        mean: cb.Output[float]

        @cb.process(copies=clients)
        def client(self) -> None:
            for _ in range(self.accesses):
                begin = cb.now()
                ready = max(self.earlier, begin) + self.start
                self.link = max(self.link, ready) + self.service
                self.earlier = self.later
                self.later = self.link
                wait = self.link + self.local - begin
                cb.hold(wait)
                self.latencies.record(wait)

        @cb.on_end
        def report(self) -> None:
            self.end = cb.now()
            self.count = self.latencies.sample_count()
            self.mean = self.latencies.sample_mean()

    return Model


def _run(work: Work, bus: Callable[[int], Any], engines: Callable[[int], Any]) -> Measured:
    if isinstance(work, Bus):
        model = bus(work.clients)()
    else:
        model = engines(work.clients)()
        model.start, model.local = float(work.start), float(work.local)
    model.accesses, model.service = work.accesses, float(work.service)
    experiment = cb.Experiment(model)
    begin = time.process_time()
    results = experiment.run(workers=1)
    seconds = time.process_time() - begin
    if results.failed.any():
        raise RuntimeError(f"cimba: {results.failure_reasons}")
    end, count, mean = (
        float(field.values[0, 0])
        for field in (results[model].end, results[model].count, results[model].mean)
    )
    return Measured(seconds, int(end), lambda: (int(count), round(mean * count)))


def resources(work: Work) -> Measured:
    """Run a work with resources."""
    return _run(work, _resource_bus, _resource_engines)


def arithmetic(work: Work) -> Measured:
    """Run a work with busy-until arithmetic."""
    return _run(work, _arithmetic_bus, _arithmetic_engines)
