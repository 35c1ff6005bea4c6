"""A memory bus with round figures, and runs over it."""

import tomllib
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import numpy as np

from simaccess.sim.environment import Agent, Environment
from simaccess.sim.memory_bus import MemoryBus, MemoryBusParameters
from simaccess.sim.memory_port import MemoryPort

ROOT = Path(__file__).resolve().parents[2]
LINE = 64
PAGE = 4096
NS = 1000  # ticks

# Round figures: a line takes 4 ns of the channel to read, 8 to write.
PLAIN: dict[str, dict[str, Any]] = {
    "caches": {
        "line": "64 B",
        "l1": "32 KiB",
        "l1_latency": "1 ns",
        "l2": "256 KiB",
        "l2_latency": "4 ns",
        "l3": "1 MiB",
        "l3_latency": "20 ns",
    },
    "coherence": {"sockets": 1, "near": "50 ns", "far": "120 ns"},
    "core": {
        "outstanding": 10,
        "store_buffer": 40,
        "load_rate": "64 GB/s",
        "copy_rate": "64 GB/s",
        "copy_issue": "0 ns",
        "non_temporal": False,
    },
    "prefetcher": {"enabled": False, "lines": 20, "trigger": 2},
    "pages": {
        "size": "4 KiB",
        "tlb_entries": 4096,
        "walk": "0 ns",
        "first_touch": "0 ns",
        "segment_fresh": False,
    },
    "memory": {
        "latency": "80 ns",
        "far_latency": "130 ns",
        "channels": 1,
        "rate": "16 GB/s",
        "efficiency": 1.0,
        "efficiency_mixed": 2 / 3,
        "granule": 16,
    },
    "dma": {"allocate": True},
    "background": {"rate": "0 GB/s", "request": "64 B"},
}


def parameters(**changes: object) -> MemoryBusParameters:
    """Return the round figures with ``section__key=value`` changed."""
    figures = {section: dict(keys) for section, keys in PLAIN.items()}
    for name, value in changes.items():
        section, _, key = name.partition("__")
        figures[section][key] = value
    return MemoryBusParameters.model_validate(figures)


def shipped(name: str) -> MemoryBusParameters:
    model = tomllib.loads((ROOT / "models" / f"{name}.toml").read_text())
    figures = {
        section: {key: entry["value"] for key, entry in keys.items()}
        for section, keys in model.items()
        if isinstance(keys, dict)
    }
    return MemoryBusParameters.model_validate(figures)


Body = Callable[[Agent], Coroutine[Any, Any, None]]


def run(env: Environment, *bodies: Body) -> list[Agent]:
    """Run agents to their end, and check the books of each."""
    agents = [env.start(body) for body in bodies]
    env.run()
    for agent in agents:
        assert agent.end is not None
        spent = agent.compute + agent.stall + agent.copy + agent.issue + agent.wait
        assert spent == agent.end - agent.start
    return agents


def elapsed(agent: Agent) -> int:
    assert agent.end is not None
    return agent.end - agent.start


def timed(
    use: Callable[[MemoryBus, MemoryPort], Awaitable[Any]], size: int = 1 << 22, **changes: object
) -> tuple[int, MemoryBus]:
    """Return the ticks that one user takes, and the bus."""
    env = Environment()
    bus = MemoryBus(env, parameters(**changes), size)
    port = bus.attach()

    async def body(_: Agent) -> None:
        await use(bus, port)

    (agent,) = run(env, body)
    return elapsed(agent), bus


def random_lines(count: int, lines: int, seed: int = 0) -> list[int]:
    """Return `count` different lines in a random order."""
    chosen = np.random.default_rng(seed).permutation(lines)[:count]
    return [int(line) for line in chosen]


async def walk(port: MemoryPort, size: int, step: int) -> None:
    """Load the first bytes of a segment, step by step."""
    for offset in range(0, size, step):
        await port.load(offset, step)
