"""A PCI bus with round figures, and what is done over it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from simaccess.sim.environment import Agent, Environment
from simaccess.sim.pci_bus import PciBus, PciParameters

NS = 1000
Body = Callable[[Agent], Coroutine[Any, Any, None]]

PLAIN: dict[str, dict[str, Any]] = {
    # 100 MHz: a clock is 10 ns exactly, so that every time below is exact.
    "bus": {
        "clock": "100 MHz", "width": "4 B", "arbitration": 2, "idle": 1, "burst": True,
        "latency_timer": 32, "boundary": "4 B", "split": False,
    },
    "host": {
        "devsel": 2, "read_latency": 10, "write_latency": 3, "delayed": False, "read_delay": 0,
        "write_delay": 0, "disconnect": "0 B", "page": "0 B",
    },
    "device": {
        "devsel": 2, "read_latency": 8, "write_latency": 3, "delayed": False, "read_delay": 0,
        "write_delay": 0, "disconnect": "0 B", "page": "0 B",
    },
    "pio": {
        "mapping": "uncached", "width": "4 B", "combined": "32 B", "streaming": "16 B", "depth": 4,
        "issue": "2 ns", "outbound": "20 ns", "inbound": "30 ns",
    },
    "dma": {
        "enabled": True, "side": "device", "channels": 1, "issue": "50 ns", "doorbell": "4 B",
        "start": "100 ns", "descriptor": "16 B", "span": "4096 B", "burst": "256 B",
        "writeback": "4 B", "completion": "interrupt",
    },
    "interrupt": {"latency": "500 ns", "cost": "300 ns", "moderation": "0 s"},
    "polling": {"interval": "0 s", "cost": "0 s"},
    "other": {"masters": 0, "rate": "0 B/s", "burst": "64 B", "arrivals": "poisson"},
    "local": {"latency": "5 ns", "rate": "1 GB/s", "copy_rate": "1 GB/s"},
}  # fmt: skip
# An engine without any overhead of its own: only its bursts remain.
BARE = {
    "dma.issue": "0 s", "dma.doorbell": "0 B", "dma.start": "0 s", "dma.descriptor": "0 B",
    "dma.writeback": "0 B", "interrupt.latency": "0 s", "interrupt.cost": "0 s",
    "bus.arbitration": 0,
}  # fmt: skip
PEAKS = {
    "32/33": ({"bus.clock": "33 MHz"}, 132e6),
    "64/66": ({"bus.clock": "66 MHz", "bus.width": "8 B", "bus.boundary": "8 B"}, 528e6),
    "X 133": ({"bus.clock": "133.3 MHz", "bus.width": "8 B", "bus.boundary": "8 B"}, 1066.4e6),
}
WIDE = PEAKS["64/66"][0]


def figures(**changes: Any) -> PciParameters:
    sections = {name: dict(section) for name, section in PLAIN.items()}
    for key, value in changes.items():
        section, name = key.split(".")
        sections[section][name] = value
    return PciParameters.model_validate(sections)


def make(
    changes: dict[str, Any] | None = None, size: int = 1 << 26, **keywords: Any
) -> tuple[Environment, PciBus]:
    env = Environment()
    return env, PciBus(env, figures(**(changes or {})), size, **keywords)


def run(env: Environment, *bodies: Body) -> list[Agent]:
    agents = [env.start(body) for body in bodies]
    env.run(until=10**16)
    for agent in agents:
        assert agent.end is not None
        spent = agent.compute + agent.stall + agent.copy + agent.issue + agent.wait
        assert spent == agent.time - agent.start
    return agents


def run_until(env: Environment, body: Body, until: int) -> list[Agent]:
    agent = env.start(body)
    env.run(until=until)
    assert agent.end is not None
    return [agent]


def bulk(link: PciBus, length: int, *, inwards: bool, at: int = 0) -> Body:
    async def body(_: Agent) -> None:
        port, local = link.attach(), link.local(0)
        call = port.fetch if inwards else port.flush
        await (await call(at, length, local, at))

    return body


def loads(link: PciBus, length: int, times: int = 1) -> Body:
    async def body(_: Agent) -> None:
        port = link.attach()
        for index in range(times):
            await port.load(index * length, length)

    return body


def stores(link: PciBus, length: int, times: int = 1) -> Body:
    async def body(_: Agent) -> None:
        port = link.attach()
        for index in range(times):
            await port.store(index * length, length, None)

    return body


def duration(changes: dict[str, Any], length: int, *, inwards: bool) -> int:
    env, link = make(changes)
    (agent,) = run(env, bulk(link, length, inwards=inwards))
    return agent.time
