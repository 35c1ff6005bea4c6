"""The works in simaccess, through the whole stack, in timing-only mode.

A consumer, a buffer with all its counters, an access method, and a simulated link: zero-copy where
every access holds the bus, copy-once where transfers go through DMA engines.
"""

from __future__ import annotations

import time
from array import array
from dataclasses import replace

from simaccess.buffer import Buffer, Shadow
from simaccess.consumer import replay
from simaccess.methods.blocks import FixedBlocks
from simaccess.methods.copy_once import CopyOnce
from simaccess.methods.zero_copy import ZeroCopy
from simaccess.operations import AccessMethod
from simaccess.sim.environment import Agent, Environment
from simaccess.sim.fifo_link import FifoLink, FifoParameters
from simulators.works import Bus, Engines, Measured, Work, measured

__all__ = ["LINK", "columns", "method", "simpy_engine"]

LINK = FifoParameters.model_validate(
    {
        "link": {"rate": "1 GB/s", "latency": "0 s"},
        "dma": {"channels": 2, "issue": "0 s", "start": "2 us", "completion": "0 s"},
        "local": {"latency": "5 ns", "rate": "1 TB/s", "copy_rate": "5 GB/s"},
    }
)


def method(work: Work) -> AccessMethod:
    """Return the access method that does a work."""
    return ZeroCopy() if isinstance(work, Bus) else CopyOnce(FixedBlocks(work.length), 2)


def _fits(work: Work) -> bool:
    """Say whether a work's times are those of the link."""
    expected = Bus(1, 1) if isinstance(work, Bus) else Engines(1, 1)
    return replace(work, clients=1, accesses=1) == expected


def columns(work: Work) -> tuple[range, list[int]]:
    """Return the places and the lengths of each client's accesses.

    Raises
    ------
    ValueError
        If a work's times are not those of `LINK`.
    """
    if not _fits(work):
        raise ValueError(f"{work}: its times are not those of the link")
    return range(0, work.accesses * work.length, work.length), [work.length] * work.accesses


def simpy_engine(work: Work) -> Measured:
    """Run a work on the SimPy engine.

    Raises
    ------
    ValueError
        If its times are not those of `LINK`.
    """
    offsets, lengths = columns(work)
    env = Environment()
    link = FifoLink(env, LINK, work.accesses * work.length)
    agents: list[Agent] = []
    latencies: list[array[int]] = []
    for _ in range(work.clients):
        shadow = Shadow(method(work), link.local)
        port = link.attach()
        own = array("q")
        agent = env.start(
            lambda clock, shadow=shadow, port=port, own=own: replay(  # type: ignore[misc]
                clock,
                Buffer(shadow, port, clock),
                [(offsets, lengths, None, None, None, None)],
                own,
            )
        )
        agents.append(agent)
        latencies.append(own)
    begin = time.process_time()
    env.run()
    seconds = time.process_time() - begin
    return measured(seconds, max(agent.end or 0 for agent in agents), latencies)
