"""What a bus moves for a master, and a master that asks for the bus by itself."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, Protocol

from simaccess.sim.environment import Actor, Agent
from simaccess.sim.pci_path import Path

if TYPE_CHECKING:
    from simaccess.sim.round_robin import RoundRobin

__all__ = ["Job", "Source"]


class Job(Actor):
    """Bytes that a master moves over the bus, in one burst or many.

    It is an actor for the sake of whoever waits for it; without a waiter it is in no queue but
    the bus's.

    Attributes
    ----------
    end : int or None
        When its last data phase ends, once that is settled.
    done : callable or None
        Called at that time, with the job.
    """

    __slots__ = (
        "_armed",
        "_waiting",
        "address",
        "at",
        "bus",
        "done",
        "end",
        "home",
        "master",
        "path",
        "purpose",
        "remaining",
        "requesting",
        "source",
        "ticket",
    )

    def __init__(  # noqa: PLR0917  # made for every posted write: keywords cost time
        self, bus: RoundRobin, master: int, path: Path, address: int, length: int, purpose: int
    ) -> None:
        super().__init__(bus.env, bus.number, 0)
        self.bus = bus
        self.home = self.master = master
        self.path = path
        self.address = address
        self.remaining = length
        self.purpose = purpose
        self.at = 0
        self.requesting = path.request > 0
        self.end: int | None = None
        self.done: Callable[[Job], None] | None = None
        self.source: Source | None = None
        self.ticket = -1  # its number among its master's ready jobs; -1: it is not ready
        self._armed = False
        self._waiting: list[Agent] = []

    def watch(self) -> None:
        """Have the end noticed when it comes."""
        if not self._armed:
            self._armed = True
            self.time = self.bus.ending(self)
            self.bus.env.enter(self)

    def send(self, _: None, /) -> object:
        """Look at the bus: the job has ended, or will not do so before some later time."""
        self.bus.advance(self.time)
        end = self.bus.ending(self)
        if end > self.time:
            self.time = end
            return True
        self.end = end
        for agent in self._waiting:
            self.bus.env.wake(agent, end)
        if self.done is not None:
            self.done(self)
        return False

    def rouse(self, agent: Agent) -> None:
        """Wake an agent at the end."""
        self.watch()
        self._waiting.append(agent)

    def __await__(self) -> Generator[Any, Any, None]:
        self.rouse(self.bus.env.agent)
        yield False


class Source(Protocol):
    """A master that asks for the bus by itself."""

    def following(self) -> tuple[int, Job] | None:
        """Return when it asks next, never before it did last, and for what."""
