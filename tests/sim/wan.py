"""A WAN link with round figures, and runs over it."""

from __future__ import annotations

from typing import Any

from simaccess.sim.environment import RUN_AHEAD, TICKS_PER_SECOND, Agent, Environment
from simaccess.sim.sender import Sender
from simaccess.sim.train import Train
from simaccess.sim.wan_link import WanLink, WanPort
from simaccess.sim.wan_parameters import WanParameters

MSS = 1448
HEADER = 52
MS = TICKS_PER_SECOND // 1000

PLAIN: dict[str, dict[str, Any]] = {
    "path": {
        "rate": "100 Mbit/s",
        "upstream_rate": "100 Mbit/s",
        "rtt": "20 ms",
        "jitter": "0 s",
        "loss": 0,
        "mtu": "1500 B",
        "buffer": "100 MB",
        "upstream_buffer": "100 MB",
    },
    "cross": {"rate": "0 Mbit/s", "upstream_rate": "0 Mbit/s", "burst": "15000 B"},
    "tcp": {
        "congestion_control": "cubic",
        "connections": 1,
        "header": "52 B",
        "initial_window": 10,
        "receive_window": "100 MB",
        "hystart": False,
        "idle_restart": True,
        "handshake": 1,
        "rto_minimum": "200 ms",
    },
    "request": {"size": "100 B", "reply": "100 B", "issue": "5 us", "service": "50 us"},
    "local": {"latency": "80 ns", "rate": "10 GB/s", "copy_rate": "5 GB/s"},
}
OVERHEAD = 55 * TICKS_PER_SECOND // 10**6
REQUEST = 100 * 8 * TICKS_PER_SECOND // 10**8  # 100 B at 100 Mbit/s
TAU = 120 * TICKS_PER_SECOND // 10**6  # 1500 B at 100 Mbit/s
RTT = 20 * MS


def parameters(**changes: Any) -> WanParameters:
    """PLAIN with changes, written section__key."""
    sections = {name: dict(section) for name, section in PLAIN.items()}
    for name, value in changes.items():
        section, key = name.split("__")
        sections[section][key] = value
    return WanParameters.model_validate(sections)


class Run:
    """A simulation of a link with one or more users."""

    def __init__(
        self, *, run_ahead: int = RUN_AHEAD, rounds: bool = True, seed: int = 1, **changes: Any
    ) -> None:
        self.env = Environment(run_ahead)
        self.link = WanLink(self.env, parameters(**changes), 1 << 40, seed=seed, rounds=rounds)
        self.local = self.link.local(1 << 40)
        self.times: list[list[int]] = []
        self.agents: list[Agent] = []
        self.ports: list[WanPort] = []

    def user(self, *steps: tuple[str, int]) -> WanPort:
        """Add a user; each step is an operation and its bytes or ticks."""
        port = self.link.attach()
        times: list[int] = []
        self.times.append(times)
        self.ports.append(port)

        async def body(agent: Agent) -> None:
            under_way = []
            for name, amount in steps:
                if name == "load":
                    await port.load(0, amount)
                elif name == "store":
                    await port.store(0, amount, None)
                elif name == "fetch":
                    under_way.append(await port.fetch(0, amount, self.local, 0))
                elif name == "flush":
                    under_way.append(await port.flush(0, amount, self.local, 0))
                elif name == "work":
                    await agent.work(amount)
                elif amount <= len(under_way):  # await the amount-th from the end
                    await under_way[-amount]
                times.append(agent.time)

        self.agents.append(self.env.start(body))
        return port

    def go(self) -> Run:
        self.env.run()
        for port in self.ports:  # acknowledgements that nobody waits for are taken late
            for connection in port.connections:
                connection.up._settle(1 << 80)
                connection.down._settle(1 << 80)
        return self

    def spans(self, user: int = 0) -> list[int]:
        times = self.times[user]
        return [b - a for a, b in zip([0, *times], times, strict=False)]


def cold(packets: int, window: int = 10, tau: int = TAU, rtt: int = RTT) -> int:
    """Design, section 5: handshake, full rounds, the last flight."""
    time = rtt
    while packets > window:
        time += max(rtt, window * tau)
        packets -= window
        window *= 2
    return time + rtt + packets * tau


def ramp(size: int = 40_000_000) -> tuple[str, int]:
    """A transfer that opens the window widely."""
    return ("load", size)


class Fixed:
    """Losses at chosen packets."""

    def __init__(self, *numbers: int) -> None:
        self.gaps = [b - a for a, b in zip((-1, *numbers), numbers, strict=False)]

    def __iter__(self) -> Fixed:
        return self

    def __next__(self) -> int:
        return self.gaps.pop(0) if self.gaps else 1 << 50


def lose(run: Run, *numbers: int) -> None:
    sender = run.ports[0].connections[0].down
    losses = Fixed(*numbers)
    sender._losses = losses
    sender._next_loss = next(losses) - 1


def ack(number: int) -> Train:
    """A packet that left at the beginning."""
    return Train(RTT, number, 1, MSS, left=0, group=0, step=TAU)


def senders(run: Run) -> list[Sender]:
    connections = [connection for port in run.ports for connection in port.connections]
    return [sender for connection in connections for sender in (connection.up, connection.down)]
