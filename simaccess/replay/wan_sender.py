"""The senders of a replayed ``wan-link``, compiled, and the queue of what is due.

The methods are those of `simaccess.sim.sender` and of what a sender consists of, translated
(`simaccess.replay.translation`). Here is what they reach beside that: the queue of events, in the
order of `simaccess.sim.environment`, and what becomes of a message.

This module needs numba.
"""

# ruff: noqa: PLR0917, SLF001  # compiled functions take no keywords; fields are their classes'
from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from simaccess.replay import queues
from simaccess.replay.arena import allocate, give_back, maker, retire
from simaccess.replay.compiled import compiled
from simaccess.replay.objects import address_of, put_word, register, seen_as, word
from simaccess.replay.queues import append, at, popleft
from simaccess.replay.translation import translated
from simaccess.replay.wan_layout import CLASSES, LAYOUTS

__all__ = ["FOREVER", "METHODS", "drop_first", "push", "schedule"]

register(LAYOUTS)

FOREVER: Final = 1 << 62

# What an event is for.
AGENT: Final = 0
TAKE: Final = 1  # the alarms of a sender
EXPIRE: Final = 2
PACE: Final = 3
OVERDUE: Final = 4
OPENED: Final = 5  # a request whose connection is open
ANSWER: Final = 6  # a request that is answered
STOP: Final = 7

# What a message is: what happens when it is through.
NOTHING_MORE: Final = 0
REACHES: Final = 1  # the server
RETURNS: Final = 2  # to the user

_EVENT: Final = 5  # words: time, rank, order, what for, and whose

agent_at = seen_as("Agent")
transfer_at = seen_as("Transfer")
alarm_at = seen_as("Alarm")
request_at = seen_as("Request")
_AGENT: Final = 8 * len(LAYOUTS["Agent"])
_TRANSFER: Final = 8 * len(LAYOUTS["Transfer"])


# -- the queue of events ---------------------------------------------------------------------------


@compiled
def sooner(one: int, time: int, rank: int, order: int) -> bool:
    """Say whether the event at an address comes before one of these."""
    if word(one) != time:
        return bool(word(one) < time)
    if word(one + 8) != rank:
        return bool(word(one + 8) < rank)
    return bool(word(one + 16) < order)


@compiled
def copy(one: int, other: int) -> None:
    """Copy an event."""
    for place in range(_EVENT):
        put_word(other + 8 * place, word(one + 8 * place))


@compiled
def write(there: int, time: int, rank: int, order: int, what: int, who: int) -> None:
    """Write an event."""
    put_word(there, time)
    put_word(there + 8, rank)
    put_word(there + 16, order)
    put_word(there + 24, what)
    put_word(there + 32, who)


def _push(env: Any, time: int, rank: int, what: int, who: int) -> None:
    """Put an event into the heap."""
    if env.count == env.room:
        room = max(64, 2 * env.room)
        events = allocate(env.arena, room * _EVENT)
        for number in range(env.count):
            copy(env.events + 8 * _EVENT * number, events + 8 * _EVENT * number)
        if env.room:
            give_back(env.arena, env.events, env.room * _EVENT)
        env.events = events
        env.room = room
    place = env.count
    env.count += 1
    env.inserted += 1
    order = env.inserted
    events = env.events
    while place:
        above = (place - 1) >> 1
        there = events + 8 * _EVENT * above
        if sooner(there, time, rank, order):
            break
        copy(there, events + 8 * _EVENT * place)
        place = above
    write(events + 8 * _EVENT * place, time, rank, order, what, who)


push = compiled(_push, inline=False)


def _drop_first(env: Any) -> None:
    """Take the first event out of the heap."""
    env.count -= 1
    events = env.events
    last = events + 8 * _EVENT * env.count
    time, rank, order = word(last), word(last + 8), word(last + 16)
    place = 0
    while True:
        below = 2 * place + 1
        if below >= env.count:
            break
        there = events + 8 * _EVENT * below
        if below + 1 < env.count:
            beside = there + 8 * _EVENT
            if sooner(beside, word(there), word(there + 8), word(there + 16)):
                below += 1
                there = beside
        if not sooner(there, time, rank, order):
            break
        copy(there, events + 8 * _EVENT * place)
        place = below
    copy(last, events + 8 * _EVENT * place)


drop_first = compiled(_drop_first, inline=False)


@compiled
def schedule(env: Any, request: Any, time: int, what: int) -> None:
    """Have a request go on at a time."""
    push(env, time, request.connection.number, what, address_of(request))


# -- what the senders ask for ----------------------------------------------------------------------


@compiled
def peek(env: Any) -> int:
    """Return when the next event is due."""
    return int(word(env.events)) if env.count else FOREVER


@compiled
def enter(env: Any, alarm: Any) -> None:
    """Put an alarm into the queue."""
    push(env, alarm.time, alarm.number, alarm.what, address_of(alarm))


@compiled
def next_burst(cross: Any) -> None:
    """Draw when the burst after this one arrives."""
    cross.next += queues.draw(cross._gaps)


@compiled
def no_crowd(
    _cross: Any, _station: Any, _service: int, _size: int, _buffer: int, _now: int
) -> bool:
    """Take bursts one by one: of too many of them nothing is replayed."""
    return False


@compiled
def give_up(sender: Any) -> None:
    """Say which way the connection ends that gives up, by the station."""
    sender._env.given_up = address_of(sender._path.station)


_TRAIN: Final = len(LAYOUTS["Train"])
_HOLE: Final = len(LAYOUTS["Hole"])
_MESSAGE: Final = len(LAYOUTS["Message"])
_REQUEST: Final = len(LAYOUTS["Request"])
_QUEUE: Final = 5


@compiled
def drop_train(trains: Any) -> None:
    """Take the first train out; nothing knows it after this event."""
    train = popleft(trains)
    if address_of(train.repairs):
        retire(trains.arena, address_of(train.repairs), _HOLE)
    retire(trains.arena, address_of(train), _TRAIN)


room_for_message = maker("Message")
parts_at = seen_as("[pair]")
message_at = seen_as("Message")
hole_at = seen_as("Hole")
train_at = seen_as("Train")


def _take(outbox: Any, size: int) -> Any:
    """Take bytes of the first message, and for the rest of those that follow it."""
    messages = outbox.messages
    message = at(messages, 0)
    if size <= message.sending:
        cut(outbox, message, size)
        return message
    arena = messages.arena
    parcel = room_for_message(arena)
    parts = parts_at(allocate(arena, _QUEUE))
    parts.arena = arena
    parts.capacity = 8
    parts.storage = allocate(arena, 16)
    parcel.parts = parts
    while size:
        message = at(messages, 0)
        share = min(size, message.sending)
        cut(outbox, message, share)
        append(parts, (address_of(message), share))
        size -= share
    return parcel


@compiled
def cut(outbox: Any, message: Any, size: int) -> None:
    """Take bytes of the first message."""
    message.sending -= size
    if not message.sending:
        popleft(outbox.messages)


take = compiled(_take, inline=False)


@compiled
def agent_of(env: Any, number: int) -> Any:
    """Return a consumer."""
    return agent_at(env.agents + _AGENT * number)


@compiled
def returned(env: Any, request: Any, time: int) -> None:
    """Say when the bytes of a request are there, and wake whoever waits for that."""
    transfer = transfer_at(env.transfers + _TRANSFER * request.place)
    transfer.end = time
    agent = agent_of(env, request.owner)
    if agent.blocked == request.place:
        push(env, max(agent.time, time), request.owner, AGENT, request.owner)


def _notify(message: Any, time: int) -> None:
    """Do what is due when the last byte of a message arrives in order."""
    request = message.request
    if message.then == REACHES:
        env = request.connection.up._env
        schedule(env, request, time + env.service, ANSWER)
        retire(env.arena, address_of(message), _MESSAGE)
    elif message.then == RETURNS:
        env = request.connection.up._env
        append(request.connection.under_way, (time, request.upload + request.response))
        returned(env, request, time)
        retire(env.arena, address_of(message), _MESSAGE)
        retire(env.arena, address_of(request), _REQUEST)


notify = compiled(_notify, inline=False)


# -- the classes -----------------------------------------------------------------------------------


@compiled
def no_hole() -> Any:
    """Return a hole in place of None."""
    return hole_at(0)


@compiled
def no_train() -> Any:
    """Return a train in place of None."""
    return train_at(0)


def _arrival(part_arrives: Callable[..., None]) -> Any:
    """Return what takes note of packets that arrive, by what takes note of each message's bytes."""

    def arrive(receiver: Any, message: Any, size: int, arrival: int) -> None:
        parts = message.parts
        if not address_of(parts):
            part_arrives(receiver, message, size, arrival)
            return
        for number in range(parts.count):
            address, share = at(parts, number)
            part_arrives(receiver, message_at(address), share, arrival)
        retire(parts.arena, parts.storage, 2 * parts.capacity)
        retire(parts.arena, address_of(parts), _QUEUE)
        retire(parts.arena, address_of(message), _MESSAGE)

    return compiled(arrive, inline=False)


def _methods() -> dict[str, Any]:
    """Return the compiled functions by their names, ``Class__method`` and those above."""
    names: dict[str, Any] = {f"queues__{name}": getattr(queues, name) for name in queues.__all__}
    names |= {
        "Hole__room": maker("Hole"),
        "Train__room": maker("Train"),
        "drop_train": drop_train,
        "enter": enter,
        "give_up": give_up,
        "next_burst": next_burst,
        "no_crowd": no_crowd,
        "no_Hole": no_hole,
        "no_Train": no_train,
        "notify": notify,
        "peek": peek,
        "take": take,
    }
    functions = {each.name: each.function() for each in translated(CLASSES)}
    names |= {name: compiled(function, inline=False) for name, function in functions.items()}
    names["arrive"] = _arrival(names["Receiver___arrive"])
    for function in functions.values():
        function.__globals__.update(names)
    return names


METHODS: Final = _methods()
"""The compiled functions by their names, ``Class__method``."""
