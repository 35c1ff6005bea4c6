"""The ``wan-link`` kind: a segment on a server, at the far end of a wide-area path, over TCP.

A request goes up in a packet, the server spends its service time, and the response comes down.
In-place reads and writes wait for that; bulk copies are pipelined: any number of them may be
under way, in order on each connection. Both directions have a bottleneck (`bottleneck`) that all
users share, and each connection has a sender at either end (`sender`), whose congestion control
(`tcp`) remembers what went before.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np

from simaccess.result import StationUse
from simaccess.segment import Data, Local
from simaccess.sim.bottleneck import Bottleneck
from simaccess.sim.congestion import congestion_control
from simaccess.sim.cross_traffic import CrossTraffic
from simaccess.sim.environment import TICKS_PER_SECOND, Environment
from simaccess.sim.host import Host
from simaccess.sim.link import Link
from simaccess.sim.local_memory import LocalMemory, LocalTicks
from simaccess.sim.sender import Sender
from simaccess.sim.station import Durations
from simaccess.sim.tcp import RoundTripTime
from simaccess.sim.train import Message
from simaccess.sim.transfer import Transfer
from simaccess.sim.wan_parameters import WanParameters

__all__ = ["SAID", "WanLink", "WanParameters", "WanPort"]

_DOWN, _UP, _CROSS = 0, 1, 2
_LOSS, _JITTER = 0, 1
_DRAWS = 1024
SAID = 20
"""Payload bytes of each packet of a negotiation."""


class WanLink(Link):
    """A path with a bottleneck in each direction, shared by users with TCP connections.

    Parameters
    ----------
    env : Environment
        The simulation.
    parameters : WanParameters
        Its figures.
    size, data
        As for `Link`.
    seed : int
        Seed of losses, jitter and cross traffic.
    rounds : bool
        Whether connections advance by rounds where that is exact; False takes every packet by
        itself, for the same times.
    """

    def __init__(
        self,
        env: Environment,
        parameters: WanParameters,
        size: int,
        data: memoryview | None = None,
        *,
        seed: int = 0,
        rounds: bool = True,
    ) -> None:
        super().__init__(env, size, data)
        self.parameters = parameters
        self._near = LocalTicks(parameters.local)
        path = parameters.path
        # A round trip is twice the one-way delay to the tick.
        self.delay = int(path.rtt * TICKS_PER_SECOND / 2 + 0.5)
        self.issue = Durations(parameters.request.issue)[1]
        self.service = Durations(parameters.request.service)[1]
        self.handshake = parameters.tcp.handshake * 2 * self.delay
        self._seed = seed
        self._rounds = rounds
        self._users = 0
        cross = parameters.cross
        self.down = self._bottleneck(_DOWN, path.rate, path.buffer, cross.rate)
        self.up = self._bottleneck(
            _UP, path.upstream_rate, path.upstream_buffer, cross.upstream_rate
        )

    def attach(self) -> WanPort:
        """Connect one more user; its connections are opened when they are first needed."""
        user = self._users
        self._users += 1
        connections = []
        for index in range(self.parameters.tcp.connections):
            number = self.env.arbiter()
            up = self._sender(number, user, index, _UP)
            down = self._sender(number, user, index, _DOWN)
            connections.append(_Connection(self, number, up, down))
        return WanPort(self, connections)

    def local(self, size: int) -> LocalMemory:
        """Return memory beside a user."""
        return LocalMemory(self.env, size, self._near, real=self.data is not None)

    def use(self, end: int) -> Mapping[str, StationUse]:
        """Return the use of both bottlenecks."""
        return {"down": self.down.use(end), "up": self.up.use(end)}

    def _bottleneck(self, direction: int, rate: float, buffer: int, cross: float) -> Bottleneck:
        parameters = self.parameters
        generator = self._generator(_CROSS, direction)
        return Bottleneck(
            rate,
            mtu=parameters.path.mtu,
            header=parameters.tcp.header,
            buffer=buffer,
            delay=self.delay,
            cross=CrossTraffic(cross, parameters.cross.burst, generator),
            overfull=cross >= rate,
            refusal=partial(parameters.given_up, upstream=direction == _UP),
        )

    def _sender(self, number: int, user: int, index: int, direction: int) -> Sender:
        path, tcp = self.parameters.path, self.parameters.tcp
        rtt = RoundTripTime(2 * self.delay, Durations(tcp.rto_minimum)[1])
        control = congestion_control(
            tcp.congestion_control,
            path.mtu - tcp.header,
            tcp.initial_window,
            rtt,
            hystart=tcp.hystart,
            fine=tcp.delayed_ack,
        )
        key = (direction, user, index)
        loss = path.upstream_loss if direction == _UP else path.loss
        return Sender(
            self.env,
            number,
            self.up if direction == _UP else self.down,
            self.delay,
            control,
            receive_window=tcp.receive_window,
            idle_restart=tcp.idle_restart,
            rounds=self._rounds,
            host=Host(Durations(tcp.host_time)[1], tcp.delayed_ack, tcp.offload),
            losses=_gaps(self._generator(*key, _LOSS), loss) if loss else None,
            lag=self.service if direction == _DOWN else 0,
            jitter=_delays(self._generator(*key, _JITTER), path.jitter) if path.jitter else None,
        )

    def _generator(self, *key: int) -> np.random.Generator:
        return np.random.default_rng(np.random.SeedSequence(self._seed, spawn_key=key))


def _gaps(generator: np.random.Generator, probability: float) -> Iterator[int]:
    """Yield the packets from one loss to the next."""
    while True:
        yield from generator.geometric(probability, _DRAWS).tolist()


def _delays(generator: np.random.Generator, mean: float) -> Iterator[int]:
    """Yield the ticks by which packets come later."""
    while True:
        draws = generator.exponential(mean * TICKS_PER_SECOND, _DRAWS)
        yield from (int(ticks + 0.5) for ticks in draws.tolist())


class _Request(Transfer):
    """A request on its way up, at the server, and its response on its way down."""

    __slots__ = ("_connection", "_response", "_upload")

    def __init__(self, connection: _Connection, upload: int, response: int, length: int) -> None:
        super().__init__(connection.link.env, connection.number, length)
        self._connection = connection
        self._upload = upload
        self._response = response

    def ask(self, now: int) -> None:
        """Hand the request to its connection."""
        self._connection.up.send(Message(self._upload, self._reaches), now)

    def opened(self, _: Transfer) -> None:
        """Ask, now that the handshake is over."""
        self._connection.negotiate(self.time)
        self.ask(self.time)

    def _reaches(self, time: int) -> None:
        self.schedule(time + self._connection.link.service, self._answer)

    def _answer(self, _: Transfer) -> None:
        self._connection.down.send(Message(self._response, self._returns), self.time)

    def _returns(self, time: int) -> None:
        self._connection.under_way.append((time, self._upload + self._response))
        self.complete(time)


class _Connection:
    """A TCP connection of one user.

    Attributes
    ----------
    up, down : Sender
        The senders of requests and of responses.
    under_way : deque
        When requests whose end is known will have ended, and their bytes.
    """

    __slots__ = (
        "_open",
        "_outstanding",
        "_unsaid",
        "down",
        "link",
        "number",
        "under_way",
        "up",
    )

    def __init__(self, link: WanLink, number: int, up: Sender, down: Sender) -> None:
        self.link = link
        self.number = number
        self.up = up
        self.down = down
        self.under_way: deque[tuple[int, int]] = deque()
        self._outstanding = 0
        self._open: int | None = None
        self._unsaid = link.parameters.request.negotiation  # packets

    def outstanding(self, now: int) -> int:
        """Return the bytes of requests and responses that are not through by `now`."""
        under_way = self.under_way
        while under_way and under_way[0][0] <= now:
            self._outstanding -= under_way.popleft()[1]
        return self._outstanding

    def request(self, upload: int, response: int, length: int, now: int) -> _Request:
        """Start a request at its issuer's turn."""
        self._outstanding += upload + response
        request = _Request(self, upload, response, length)
        if self._open is None:
            self._open = now + self.link.handshake
        if now < self._open:
            request.schedule(self._open, request.opened)
        else:
            self.negotiate(now)
            request.ask(now)
        return request

    def negotiate(self, now: int) -> None:
        """Send what the server says before its first response, once."""
        packets, self._unsaid = self._unsaid, 0
        for _ in range(packets):
            self.down.send(Message(SAID, lambda _time: None), now)


class WanPort:
    """One user's access to the segment behind a `WanLink`."""

    __slots__ = (
        "_data",
        "_env",
        "_issue",
        "_reply",
        "_request",
        "connections",
        "moved",
        "posted",
        "size",
    )

    def __init__(self, link: WanLink, connections: list[_Connection]) -> None:
        request, header = link.parameters.request, link.parameters.tcp.header
        self.size = link.size
        self.moved = 0
        self.posted = False
        self.connections = connections
        self._env = link.env
        self._data = link.data
        self._issue = link.issue
        self._request = request.size - header
        self._reply = request.reply - header

    async def load(self, offset: int, length: int) -> Data:
        """Ask for bytes and wait for them."""
        request = await self._start(self._request, length, length)
        await self._stall(request)
        return None if self._data is None else self._data[offset : offset + length]

    async def store(self, offset: int, length: int, data: Data) -> None:
        """Send bytes and wait for the confirmation."""
        request = await self._start(self._request + length, self._reply, length)
        if self._data is not None and data is not None:
            self._data[offset : offset + length] = data
        await self._stall(request)

    async def fetch(self, offset: int, length: int, into: Local, at: int) -> Transfer:
        """Ask for bytes; the transfer ends when the last one has come."""
        request = await self._start(self._request, length, length)
        if self._data is not None:
            view = into.view(at, length)
            assert view is not None
            view[:] = self._data[offset : offset + length]
        return request

    async def flush(self, offset: int, length: int, source: Local, at: int) -> Transfer:
        """Send bytes; the transfer ends when the confirmation has come."""
        request = await self._start(self._request + length, self._reply, length)
        if self._data is not None:
            view = source.view(at, length)
            assert view is not None
            self._data[offset : offset + length] = view
        return request

    async def _start(self, upload: int, response: int, length: int) -> _Request:
        env = self._env
        agent = env.agent
        agent.time += self._issue
        agent.issue += self._issue
        now = agent.time
        if now < env.horizon:
            env.jump(now)
        else:
            await env.turn
        connections = self.connections
        connection = connections[0]
        least = connection.outstanding(now)
        for other in connections[1:]:
            outstanding = other.outstanding(now)
            if outstanding < least:
                connection, least = other, outstanding
        self.moved += length
        return connection.request(upload, response, length, now)

    async def _stall(self, request: _Request) -> None:
        """Wait as a load does: the time is a stall."""
        agent = self._env.agent
        waited = agent.wait
        await request
        agent.stall += agent.wait - waited
        agent.wait = waited
