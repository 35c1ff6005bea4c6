"""A simulated link that blocks as a real one does: each call runs the simulation until it is over.

It stands in for a real link whose every time is known.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from typing import Any, TypeVar

from simaccess.kinds import kind_named
from simaccess.model import Model
from simaccess.real.link import RealLink
from simaccess.segment import Data, Local, Segment, Transfer
from simaccess.sim.environment import Agent, Environment

__all__ = ["SteppedLink"]

_Result = TypeVar("_Result")


class _Asleep:
    """Waits until the agent is woken."""

    def __await__(self) -> Generator[Any, Any, None]:
        yield False


class SteppedLink(RealLink):
    MEANING = dict.fromkeys(("load", "fetch", "clock", "overlap"), "as simulated")

    def __init__(self, model: Model, size: int) -> None:
        super().__init__(f"stepped:{model.name}", size, timeout=1.0)
        self.model = model
        self.cool()

    def cool(self) -> bool:
        """Begin a simulation anew."""
        self.env = Environment(run_ahead=0)  # nobody gets ahead of whoever calls next
        kind = kind_named(self.model.kind)
        self.link = kind.make_link(self.env, self.model.parameters, self.size)
        self.todo: list[Callable[[], Awaitable[Any]]] = []
        self.results: list[Any] = []
        self.agent = self.env.start(self.serve)
        self.clock = _Clock(self)  # type: ignore[assignment]  # simulated time, not real time
        self.env.step()  # it falls asleep
        return True

    async def serve(self, _: Agent) -> None:
        while True:
            while self.todo:
                self.results.append(await self.todo.pop()())
            await _Asleep()

    def act(self, body: Callable[[], Awaitable[_Result]]) -> _Result:
        self.todo.append(body)
        self.env.wake(self.agent, self.agent.time)
        while not self.results:
            self.env.step()
        result: _Result = self.results.pop()
        return result

    def attach(self) -> Segment:
        return _Port(self, self.link.attach())

    def local(self, size: int) -> Local:  # type: ignore[override]  # simulated memory
        return _Memory(self, size)

    def close(self) -> None:
        pass


class _Clock:
    """The agent's clock, for somebody who is not the agent."""

    def __init__(self, link: SteppedLink) -> None:
        self.link = link

    def __getattr__(self, name: str) -> Any:
        return getattr(self.link.agent, name)

    def mark(self) -> int:
        return self.link.agent.time

    def waited(self) -> int:
        return self.link.agent.wait

    async def instant(self) -> int:
        return self.link.act(self.link.agent.instant)


class _Port:
    """A segment whose calls are over when they return."""

    def __init__(self, link: SteppedLink, port: Segment) -> None:
        self.link, self.port = link, port
        self.size, self.posted = port.size, port.posted

    @property
    def moved(self) -> int:
        return self.port.moved

    async def load(self, offset: int, length: int) -> Data:
        return self.link.act(lambda: self.port.load(offset, length))

    async def store(self, offset: int, length: int, data: Data) -> None:
        self.link.act(lambda: self.port.store(offset, length, data))

    async def fetch(self, offset: int, length: int, into: Local, at: int) -> Transfer:
        assert isinstance(into, _Memory)
        return _Over(
            self.link, self.link.act(lambda: self.port.fetch(offset, length, into.now, at))
        )

    async def flush(self, offset: int, length: int, source: Local, at: int) -> Transfer:
        assert isinstance(source, _Memory)
        return _Over(
            self.link, self.link.act(lambda: self.port.flush(offset, length, source.now, at))
        )


class _Over:
    """A transfer that is over when the call that awaits it returns."""

    def __init__(self, link: SteppedLink, transfer: Transfer) -> None:
        self.link, self.transfer = link, transfer

    def __await__(self) -> Generator[Any, Any, None]:
        self.link.act(lambda: self.transfer)
        yield from ()

    async def poll(self) -> bool:
        return self.link.act(self.transfer.poll)

    async def cancel(self) -> bool:
        return self.link.act(self.transfer.cancel)


class _Memory:
    """Local memory, in whichever simulation is the link's."""

    base = 0

    def __init__(self, link: SteppedLink, size: int) -> None:
        self.link, self.size = link, size
        self.made: tuple[Environment, Local] | None = None

    @property
    def now(self) -> Local:
        if self.made is None or self.made[0] is not self.link.env:
            self.made = self.link.env, self.link.link.local(self.size)
        return self.made[1]

    async def load(self, offset: int, length: int) -> Data:
        return self.link.act(lambda: self.now.load(offset, length))

    async def store(self, offset: int, length: int, data: Data) -> None:
        self.link.act(lambda: self.now.store(offset, length, data))

    def view(self, at: int, length: int) -> Data:
        return self.now.view(at, length)

    async def gather(self, length: int) -> None:
        self.link.act(lambda: self.now.gather(length))
