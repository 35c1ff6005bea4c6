"""What a client's own software costs it: the code of a method and its buffer, in processor time.

A real consumer's processor runs the method's decision, the buffer's books and the calls between
them at each access. Beside a wide-area round trip that is nothing; beside a copy within one machine
it is as long as the copy of a block. In simulation that code takes no time of its own accord, so it
is charged here: where the method decides, before what it has decided is done.

What that code and its books need lies in the processor's own cache, as long as copies leave it
there. Bytes that are brought into a cache of C push out, with random replacement, all but a share
exp(-n / C) of what lay there before, and the next access waits until it has come back.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from math import expm1
from typing import Any

from simaccess.operations import AccessMethod, Operation, Operations
from simaccess.parameters import Section
from simaccess.quantities import Duration
from simaccess.sim.environment import Environment
from simaccess.sim.station import Durations, whole_ticks

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
    seek : float
        Seconds more where an access through a shadow does not begin where the last one ended: the
        block is looked up, and the books of what has been read get one more interval.
    layer : float
        Seconds of each layer of a method around its directory of blocks, whatever is found there:
        how many there are says the method, as its `layers`.
    look : float
        Seconds more of each of these layers where a copy is decided on.
    step : float
        Seconds of each operation that is decided by itself, because an access takes several blocks,
        a header in place and a payload, or copies ahead.
    cold : float
        Seconds more of an access before which copies have pushed all that it needs out of the
        processor's own cache; of what they have left there it takes none.
    """

    access: Duration = 0.0
    miss: Duration = 0.0
    seek: Duration = 0.0
    layer: Duration = 0.0
    look: Duration = 0.0
    step: Duration = 0.0
    cold: Duration = 0.0


class Client:
    """Makes the methods of buffers on a simulated link take a processor's time.

    Parameters
    ----------
    env : Environment
        The simulation.
    parameters : ClientSection
        What it takes.
    cache : int
        Bytes of the processor's own cache; 0: whatever is copied, its code stays there.
    """

    def __init__(self, env: Environment, parameters: ClientSection, cache: int = 0) -> None:
        self.env = env
        self.access = Durations(parameters.access)[1]
        self.miss = Durations(parameters.miss)[1]
        self.seek = Durations(parameters.seek)[1]
        self.layer = Durations(parameters.layer)[1]
        self.look = Durations(parameters.look)[1]
        self.step = Durations(parameters.step)[1]
        self._cold = Durations(parameters.cold)[1] if cache else 0
        self._cache = cache
        self._pushed = 0  # bytes that have come into the cache since the last access

    def __call__(self, method: AccessMethod) -> AccessMethod:
        """Return a method that decides the same, for a price; the same one if it is free."""
        return _Charged(self, method) if self._takes_time() else method

    def _takes_time(self) -> bool:
        software = self.access, self.miss, self.seek, self.layer, self.look, self.step, self._cold
        return any(software)

    def push_out(self, length: int) -> None:
        """Note that bytes have been brought into the processor's own cache."""
        self._pushed += length

    def begin(self, more: int) -> None:
        """Charge the beginning of an access, and some more."""
        ticks = self.access + more
        if self._pushed and self._cold:
            ticks += whole_ticks(self._cold, -expm1(-self._pushed / self._cache))
        self._pushed = 0
        self.charge(ticks)

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
        layers: int = getattr(method, "layers", 0)
        self._through = client.layer * layers
        self._missed = client.miss + client.look * layers
        self._end = 0  # of the last access

    def read(self, offset: int, length: int, limit: int) -> Operations:
        """Decide, and charge."""
        return self._accessed(self._method.read(offset, length, limit), offset, length)

    def write(self, offset: int, length: int, limit: int) -> Operations:
        """Decide, and charge."""
        return self._accessed(self._method.write(offset, length, limit), offset, length)

    def release(self, end: int) -> Operations:
        """Charge each operation."""
        return self._stepped(self._method.release(end))

    def sync(self) -> Operations:
        """Charge each operation."""
        return self._stepped(self._method.sync())

    def _accessed(self, operations: Operations, offset: int, length: int) -> Operations:
        client = self._client
        client.begin(self._through)
        there, self._end = self._end, offset + length
        if offset != there and self.slots:
            client.charge(client.seek)
        if not isinstance(operations, tuple):
            return self._stepped(operations)
        if len(operations) > 1:
            client.charge(self._missed)
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
        finally:  # also when the call has failed
            operations.close()
