"""What a client's own software costs it: the code of a method and its buffer, in processor time.

A real consumer's processor runs the method's decision, the buffer's books and the calls between
them at each access. Beside a wide-area round trip that is nothing; beside a copy within one machine
it is as long as the copy of a block. In simulation that code takes no time of its own accord, so it
is charged here: where the method decides, before what it has decided is done.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import Any

from simaccess.operations import AccessMethod, Operation, Operations
from simaccess.parameters import Section
from simaccess.quantities import Duration
from simaccess.sim.environment import Environment
from simaccess.sim.station import Durations

__all__ = ["Client", "ClientSection"]


class ClientSection(Section):
    """What the client's software costs beside the link's operations and the shadow's.

    Parameters
    ----------
    access : float
        Seconds of each read or write of a client: the calls, the check of its range, the method's
        look at its directory, the client's own loop.
    miss : float
        Seconds more where one look decides on a copy, the wait for it and what serves the read.
    step : float
        Seconds of each operation that is decided by itself, because an access takes several blocks,
        a header in place and a payload, or copies ahead.
    """

    access: Duration = 0.0
    miss: Duration = 0.0
    step: Duration = 0.0


class Client:
    """Makes the methods of buffers on a simulated link take a processor's time.

    Parameters
    ----------
    env : Environment
        The simulation.
    parameters : ClientSection
        What it takes.
    """

    def __init__(self, env: Environment, parameters: ClientSection) -> None:
        self.env = env
        self.access = Durations(parameters.access)[1]
        self.miss = Durations(parameters.miss)[1]
        self.step = Durations(parameters.step)[1]

    def __call__(self, method: AccessMethod) -> AccessMethod:
        """Return a method that decides the same, for a price; the same one if it is free."""
        return _Charged(self, method) if self.access or self.miss or self.step else method

    def charge(self, ticks: int) -> None:
        """Have whoever is running compute."""
        agent = self.env.agent
        agent.time += ticks
        agent.compute += ticks


class _Charged:
    """A method whose decisions take time."""

    def __init__(self, client: Client, method: AccessMethod) -> None:
        self.timed = method.timed
        self.slots = method.slots
        self.slot_bytes = method.slot_bytes
        self.share = method.share
        self.abandon = method.abandon
        self._method = method
        self._client = client

    def read(self, offset: int, length: int, limit: int) -> Operations:
        """Decide, and charge."""
        return self._accessed(self._method.read(offset, length, limit))

    def write(self, offset: int, length: int, limit: int) -> Operations:
        """Decide, and charge."""
        return self._accessed(self._method.write(offset, length, limit))

    def release(self, end: int) -> Operations:
        """Charge each operation."""
        return self._stepped(self._method.release(end))

    def sync(self) -> Operations:
        """Charge each operation."""
        return self._stepped(self._method.sync())

    def _accessed(self, operations: Operations) -> Operations:
        client = self._client
        if not isinstance(operations, tuple):
            client.charge(client.access)
            return self._stepped(operations)
        client.charge(client.access + client.miss if len(operations) > 1 else client.access)
        return operations

    def _stepped(self, operations: Iterable[Operation]) -> Generator[Operation, Any, None]:
        """Hand on operations, each after its decision, and the answers that a timed method gets."""
        client = self._client
        if not isinstance(operations, Generator):
            for operation in operations:
                client.charge(client.step)
                yield operation
            return
        answer = None
        try:
            while True:
                operation = operations.send(answer)
                client.charge(client.step)
                answer = yield operation
        except StopIteration:
            return
