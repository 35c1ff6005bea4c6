"""The buffer of a host bridge: what processors have posted, and who waits for a place in it."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from typing import Any

from simaccess.sim.bus_job import Job
from simaccess.sim.environment import Agent
from simaccess.sim.round_robin import RoundRobin

__all__ = ["PostedWrites"]


class PostedWrites:
    """So many places, taken in the order of the turns in which they are asked for.

    A write gives its place back at the end of its last data phase, after whatever processors do at
    that instant. Then the first of those that wait has it, and nobody else is woken. The bridge
    carries writes in order, so that the oldest is always the next to leave.

    ``await posted`` waits for a place, at the caller's turn; the caller takes it by `put` at once.

    Parameters
    ----------
    bus : RoundRobin
        Where the writes go.
    depth : int
        Places.
    """

    __slots__ = ("_bus", "_depth", "_jobs", "_line")

    def __init__(self, bus: RoundRobin, depth: int) -> None:
        self._bus = bus
        self._depth = depth
        self._jobs: deque[Job] = deque()
        self._line: deque[Agent] = deque()

    def __await__(self) -> Generator[Any, Any, None]:
        bus, jobs, line = self._bus, self._jobs, self._line
        agent = bus.env.agent
        if not line:
            now = agent.time
            bus.advance(now + bus.arbitration)
            while jobs and bus.ending(jobs[0]) < now:
                jobs.popleft()
            if len(jobs) < self._depth:
                return
            jobs[0].rouse(agent)
        line.append(agent)
        yield False
        jobs.popleft()
        line.popleft()

    def put(self, job: Job) -> None:
        """Put in a write, whose end is known or which has been requested."""
        jobs = self._jobs
        jobs.append(job)
        if self._line:
            jobs[0].rouse(self._line[0])
