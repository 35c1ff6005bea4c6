"""Time the engine against plain SimPy models of the same work, run interleaved with it.

The plain models use what SimPy's documentation shows: a `Resource`, a request in a ``with``
block, a timeout, and the release at its end; like ours they record each latency in 8 bytes. Ours
run through the whole stack: a consumer, a buffer with all its counters, an access method, and a
simulated link, in timing-only mode. Both must end at the same simulated time. Ratios, not times:
machines drift. Run it as ``make bench``.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from array import array
from collections.abc import Callable, Generator
from functools import partial
from typing import Any

import simpy

from simaccess.buffer import Buffer, Shadow
from simaccess.consumer import replay
from simaccess.methods.blocks import FixedBlocks
from simaccess.methods.copy_once import CopyOnce
from simaccess.methods.zero_copy import ZeroCopy
from simaccess.operations import AccessMethod
from simaccess.sim.environment import Environment
from simaccess.sim.fifo_link import FifoLink, FifoParameters

MIB = 1 << 20
LINK = FifoParameters.model_validate(
    {
        "link": {"rate": "1 GB/s", "latency": "0 s"},
        "dma": {"channels": 2, "issue": "0 s", "start": "2 us", "completion": "0 s"},
        "local": {"latency": "5 ns", "rate": "1 TB/s", "copy_rate": "5 GB/s"},
    }
)

Measured = tuple[float, int]
"""Seconds of wall-clock time for a run, and the simulated time at which it ended."""


def ours(
    consumers: int, accesses: int, length: int, method: Callable[[], AccessMethod]
) -> Measured:
    """Run the whole stack."""
    env = Environment()
    link = FifoLink(env, LINK, accesses * length)
    offsets = range(0, accesses * length, length)
    lengths = [length] * accesses
    agents = []
    for _ in range(consumers):
        shadow = Shadow(method(), link.local)
        port = link.attach()
        agent = env.start(
            lambda clock, shadow=shadow, port=port: replay(  # type: ignore[misc]
                clock,
                Buffer(shadow, port, clock),
                [(offsets, lengths, None, None, None, None)],
                array("q"),
            )
        )
        agents.append(agent)
    begin = time.perf_counter()
    env.run()
    return time.perf_counter() - begin, max(agent.end or 0 for agent in agents)


def plain_bus(consumers: int, accesses: int, service: int) -> Measured:
    """Readers of a FIFO bus in plain SimPy."""
    env = simpy.Environment()
    bus = simpy.Resource(env)

    def reader(latencies: array[int]) -> Generator[simpy.Event, Any, None]:
        for _ in range(accesses):
            begin = env.now
            with bus.request() as request:
                yield request
                yield env.timeout(service)
            latencies.append(int(env.now - begin))

    for _ in range(consumers):
        env.process(reader(array("q")))
    begin = time.perf_counter()
    env.run()
    return time.perf_counter() - begin, int(env.now)


def plain_engines(streams: int, transfers: int, start: int, service: int, local: int) -> Measured:
    """Streams of transfers over two DMA engines and a FIFO link in plain SimPy."""
    env = simpy.Environment()
    engines = simpy.Resource(env, capacity=2)
    bus = simpy.Resource(env)

    def stream(latencies: array[int]) -> Generator[simpy.Event, Any, None]:
        for _ in range(transfers):
            begin = env.now
            with engines.request() as engine:
                yield engine
                yield env.timeout(start)
                with bus.request() as request:
                    yield request
                    yield env.timeout(service)
            yield env.timeout(local)
            latencies.append(int(env.now - begin))

    for _ in range(streams):
        env.process(stream(array("q")))
    begin = time.perf_counter()
    env.run()
    return time.perf_counter() - begin, int(env.now)


WORKS: dict[str, tuple[Callable[[], Measured], Callable[[], Measured], float]] = {
    "one reader without contention": (
        partial(ours, 1, 100_000, 64, ZeroCopy),
        partial(plain_bus, 1, 100_000, 64_000),
        7.0,
    ),
    "eight consumers, saturated FIFO bus": (
        partial(ours, 8, 12_500, 64, ZeroCopy),
        partial(plain_bus, 8, 12_500, 64_000),
        3.5,
    ),
    "eight streams of 1 MB, two DMA engines": (
        partial(ours, 8, 4_000, MIB, lambda: CopyOnce(FixedBlocks(MIB), 2)),
        partial(plain_engines, 8, 4_000, 2_000_000, MIB * 1000, 5_000 + MIB),
        2.5,
    ),
}


def measure(rounds: int) -> dict[str, dict[str, float]]:
    """Return the median ratio of each work, with the extremes."""
    results = {}
    for name, (fast, plain, target) in WORKS.items():
        ratios = []
        for _ in range(rounds):
            (quick, end), (slow, plain_end) = fast(), plain()
            if end != plain_end:
                raise SystemExit(f"{name}: ends at {end} ps, the plain model at {plain_end} ps")
            ratios.append(slow / quick)
        results[name] = {
            "ratio": statistics.median(ratios),
            "lowest": min(ratios),
            "highest": max(ratios),
            "target": target,
        }
    return results


def main() -> None:
    """Print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9, help="interleaved runs of each work")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    results = measure(max(7, arguments.rounds))
    if arguments.json:
        print(json.dumps(results, indent=2))
        return
    print(f"{'times as fast as plain SimPy':40} median  lowest  highest  target")
    for name, row in results.items():
        print(
            f"{name:40} {row['ratio']:6.2f}  {row['lowest']:6.2f}  {row['highest']:7.2f}"
            f"  {row['target']:6.1f}"
        )


if __name__ == "__main__":
    main()
