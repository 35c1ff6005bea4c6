"""Replaying a record on a ``wan-link``: requests, connections and consumers, compiled.

What takes coroutines in `simaccess.sim.wan_link` is events here; the senders are compiled as they
stand (`simaccess.replay.wan_sender`). A consumer stands in the queue with its next request, or with
the end of what it waits for, just as in `simaccess.sim.environment`.

This module needs numba.
"""

# ruff: noqa: PLR0917, SLF001  # compiled functions take no keywords; fields are their classes'
from __future__ import annotations

from typing import Any, Final

from simaccess.replay.arena import discard, maker, recycle
from simaccess.replay.compiled import compiled, stamp_of
from simaccess.replay.consumers import advance, fill, note, resume
from simaccess.replay.layout import NOTHING
from simaccess.replay.objects import seen_as, word
from simaccess.replay.queues import at, popleft
from simaccess.replay.rows import FETCH, FLUSH, KIND, MARKED, STORE
from simaccess.replay.state import NOWHERE, Ints, Structs
from simaccess.replay.wan_sender import (
    AGENT,
    ANSWER,
    EXPIRE,
    METHODS,
    OPENED,
    OVERDUE,
    PACE,
    REACHES,
    RETURNS,
    STOP,
    TAKE,
    agent_of,
    alarm_at,
    drop_first,
    peek,
    push,
    request_at,
    schedule,
)
from simaccess.sim.wan_link import SAID

__all__ = ["GIVEN_UP", "GIVEN_UP_UPSTREAM", "LONG", "SHORT", "replay_wan"]

LONG: Final = 1
SHORT: Final = 2
GIVEN_UP: Final = 3
GIVEN_UP_UPSTREAM: Final = 4
"""How a replay may end: it lasts too long, draws ran out, or TCP gives a connection up."""

_LATEST: Final = 1 << 61

# An agent's next step.
TURN: Final = 0  # it asks for what its row says
SERVED: Final = 1  # what it asked for in place is there
WOKEN: Final = 2  # the transfer that it awaits has ended

send = METHODS["Sender__send"]
take = METHODS["Sender___take"]
expire = METHODS["Sender___expire"]
go_on = METHODS["Sender___send"]
overdue = METHODS["Sender___overdue"]
connection_at = seen_as("Connection")
environment_at = seen_as("Environment")
station_at = seen_as("FifoStation")
new_request = maker("Request")
new_message = maker("Message")


@compiled
def message(arena: Any, length: int, then: int, request: Any) -> Any:
    """Return a message; see `simaccess.sim.train.Message`."""
    made = new_message(arena)
    made.length = length
    made.sending = length
    made.arriving = length
    made.then = then
    made.request = request
    return made


# -- requests --------------------------------------------------------------------------------------


@compiled
def outstanding(connection: Any, now: int) -> int:
    """Return the bytes of requests and responses that are not through by `now`."""
    under_way = connection.under_way
    while under_way.count and at(under_way, 0)[0] <= now:
        connection._outstanding -= popleft(under_way)[1]
    return int(connection._outstanding)


@compiled
def no_request() -> Any:
    """Return a request in place of None."""
    return request_at(0)


def _ask(env: Any, request: Any, now: int) -> None:
    """Send what the server says first, once, and hand the request to its connection."""
    connection = request.connection
    packets = connection._unsaid
    connection._unsaid = 0
    for _ in range(packets):
        send(connection.down, message(env.arena, SAID, 0, no_request()), now)
    send(connection.up, message(env.arena, request.upload, REACHES, request), now)


ask = compiled(_ask, inline=False)


@compiled
def start(
    wan: Structs, env: Any, connections: Ints, owner: int, place: int, kind: int, length: int
) -> None:
    """Start a request on the connection that has the least to do."""
    agent = agent_of(env, owner)
    now = agent.time
    first = owner * wan.connections
    connection = connection_at(connections[first])
    least = outstanding(connection, now)
    for number in range(first + 1, first + wan.connections):
        other = connection_at(connections[number])
        busy = outstanding(other, now)
        if busy < least:
            connection = other
            least = busy
    request = new_request(env.arena)
    writes = kind in (STORE, FLUSH)
    request.upload = wan.request + length if writes else wan.request
    request.response = wan.reply if writes else length
    request.place = place
    request.owner = owner
    request.connection = connection
    connection._outstanding += request.upload + request.response
    if connection._open == NOTHING:
        connection._open = now + env.handshake
    if now < connection._open:
        schedule(env, request, connection._open, OPENED)
    else:
        ask(env, request, now)


# -- consumers -------------------------------------------------------------------------------------


def _turn(
    wan: Structs,
    env: Any,
    connections: Ints,
    rows: Structs,
    delays: Structs,
    requests: Structs,
    transfers: Structs,
    agents: Structs,
    latencies: Ints,
    who: int,
    now: int,
) -> None:
    """Let a consumer go on until it has to wait for its turn, or for a transfer."""
    agent = agents[who]
    row = rows[agent.row]
    kind = row.what & KIND
    if agent.step == TURN:
        length = requests[row.item].length
        if kind < FETCH:
            place = wan.places + who
            transfers[place].end = NOWHERE
            agent.blocked = place
            agent.step = SERVED
            start(wan, env, connections, who, place, kind, length)
            return
        place = agent.place + row.extra
        transfers[place].end = NOWHERE
        transfers[place].handling = 0
        start(wan, env, connections, who, place, kind, length)
        agent.row += 1
        more = advance(wan, agent, rows, delays, requests, transfers, latencies)
    elif agent.step == SERVED:
        agent.blocked = NOWHERE
        agent.time = now
        if row.what & MARKED:
            note(wan, agent, now - agent.begin, 1, latencies)
            agent.begin = now
        agent.left -= 1
        if agent.left:
            agent.time += delays[row.delay].all
            more = True
        else:
            agent.row += 1
            more = advance(wan, agent, rows, delays, requests, transfers, latencies)
    else:
        more = resume(wan, agent, rows, delays, requests, transfers, latencies)
    line_up(wan, env, agent, who, more)


@compiled
def line_up(wan: Structs, env: Any, agent: Structs, who: int, more: bool) -> None:
    """Have a consumer that goes on ask at its turn, and the last one's end noticed."""
    if more:
        agent.time += wan.issue
        agent.issue += wan.issue
        agent.step = TURN
        push(env, agent.time, who, AGENT, who)
        return
    agent.step = WOKEN
    if not wan.running:
        wan.running = NOWHERE
        push(env, wan.last, wan.consumers, STOP, 0)


turn = compiled(_turn, inline=False)


@compiled
def ring(number: int, now: int) -> None:
    """Do what a sender has set an alarm for."""
    alarm = alarm_at(number)
    alarm._set = 0
    sender = alarm.sender
    what = alarm.what
    if what == TAKE:
        take(sender, now)
    elif what == EXPIRE:
        expire(sender, now)
    elif what == PACE:
        go_on(sender, now)
    else:
        overdue(sender, now)


@compiled
def run(
    wan: Structs,
    env: Any,
    connections: Ints,
    rows: Structs,
    delays: Structs,
    requests: Structs,
    transfers: Structs,
    agents: Structs,
    latencies: Ints,
) -> int:
    """Replay until the last consumer ends; return 0, or why it cannot."""
    down, up = station_at(wan.down), station_at(wan.up)
    for who in range(len(agents)):
        more = advance(wan, agents[who], rows, delays, requests, transfers, latencies)
        line_up(wan, env, agents[who], who, more)
    while True:
        now = peek(env)
        what, number = word(env.events + 24), word(env.events + 32)
        drop_first(env)
        if now > _LATEST or max(down.waited, up.waited) > _LATEST:
            return LONG
        if what == AGENT:
            turn(
                wan, env, connections, rows, delays, requests, transfers, agents, latencies,
                number, now,
            )  # fmt: skip
        elif what <= OVERDUE:
            ring(number, now)
        elif what == OPENED:
            ask(env, request_at(number), now)
        elif what == ANSWER:
            request = request_at(number)
            answer = message(env.arena, request.response, RETURNS, request)
            send(request.connection.down, answer, now)
        else:
            return 0
        if env.arena.short:
            return SHORT
        if env.given_up:
            return GIVEN_UP if env.given_up == wan.down else GIVEN_UP_UPSTREAM
        recycle(env.arena)


def _entry(stamp: int):  # type: ignore[no-untyped-def]  # a compiled function
    """Return `replay_wan`; `stamp` tells the cache on disk of all that it is made of."""

    def replay_wan(
        wans: Structs,
        environment: int,
        connections: Ints,
        rows: Structs,
        delays: Structs,
        parts: Structs,
        requests: Structs,
        transfers: Structs,
        agents: Structs,
        latencies: Ints,
    ) -> int:
        if stamp < 0:
            return stamp
        wan = wans[0]
        env = environment_at(environment)
        fill(wan, delays, parts)
        how = run(wan, env, connections, rows, delays, requests, transfers, agents, latencies)
        discard(env.arena)
        return how

    return compiled(replay_wan, cache=True)


replay_wan = _entry(stamp_of(__name__))
"""Replay a record on a link.

Parameters
----------
wans : ndarray of WAN, shape (1,)
    The figures (`simaccess.replay.wan_figures`).
environment : int
    The address of what is due, and of the link's own memory behind it.
connections : ndarray of int64
    The addresses of the connections, one user's after another's.
rows, delays, parts, requests, agents
    The record; see `simaccess.replay.state.Flat`. Of delays and agents, what became of them.
transfers : ndarray of TRANSFER, shape (places + consumers,)
    Room.
latencies : ndarray of int64
    Receives latencies, as `wans.keep` says.

Returns
-------
int
    0, or why it did not come to an end: LONG, SHORT, GIVEN_UP, GIVEN_UP_UPSTREAM.
"""
