"""What a sender has under way: messages, trains of packets, lost packets, alarms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias

from simaccess.sim.environment import Actor, Environment

__all__ = ["Alarm", "Hole", "Message", "Parcel", "Place", "Train"]


Place: TypeAlias = Literal["in order", "beyond", "fills", "leaps"]
"""Where a packet stands among the data that has come: the next; behind a gap; it fills a gap before
another one; or it joins what has come before it to what has come behind it."""


class Message:
    """Bytes to deliver in order.

    Parameters
    ----------
    length : int
        Bytes, at least 1.
    notify : callable
        ``notify(time)`` is called as soon as it is known when the last byte arrives in order.
    """

    __slots__ = ("arrival", "arriving", "length", "notify", "sending")

    def __init__(self, length: int, notify: Callable[[int], None]) -> None:
        self.length = self.sending = self.arriving = length
        self.arrival = 0
        self.notify = notify


class Parcel:
    """What a packet holds of several messages: the end of one, the next ones, a beginning.

    A sender makes one where a message's end had to wait while the next message came.

    Attributes
    ----------
    parts : tuple of (Message, int)
        The messages, and the bytes of each.
    """

    __slots__ = ("parts",)

    def __init__(self, parts: tuple[tuple[Message, int], ...]) -> None:
        self.parts = parts


class Train:
    """Packets in flight whose acknowledgements come a packet's time apart.

    Parameters
    ----------
    ack, number, count, last : int
        See below.
    left, group, step : int
        When the first packet left; the others did so together, or `group` each `step`.
    """

    __slots__ = (
        "_group",
        "_left",
        "_number",
        "_step",
        "ack",
        "advances",
        "count",
        "delivered",
        "due",
        "joined",
        "last",
        "limited",
        "number",
        "place",
        "repairs",
        "since",
    )

    def __init__(
        self, ack: int, number: int, count: int, last: int, *, left: int, group: int, step: int
    ) -> None:
        self.ack = ack  # when the next acknowledgement comes
        self.number = number  # of the packet that it is for
        self.count = count
        self.last = last  # payload bytes of the last packet; the others are full
        self.repairs: Hole | None = None  # what the packet makes good
        # For delivery rates: what was delivered when the packet left, since when, and whether the
        # sender had run out of data.
        self.delivered = self.since = 0
        self.limited = False
        self.joined = False  # whether the next one's acknowledgement covers it
        self.due = ack  # when its acknowledgement comes if it is sent at once
        self.place: Place = "in order"
        self.advances = True  # whether nothing is missing before it: it is acknowledged in order
        self._left = left
        self._number = number
        self._group = group
        self._step = step

    def left(self, number: int) -> int:
        """Return when a packet of the train left."""
        if not self._group:
            return self._left
        return self._left + (number - self._number) // self._group * self._step

    def continues(
        self, ack: int, number: int, count: int, *, left: int, group: int, full: int
    ) -> bool:
        """Say whether packets go on with the train, their acknowledgements too; fit it to them."""
        return (
            self.last == full
            and self.repairs is None
            and self.number + self.count == number
            and self.goes_on(number, count, left, group)
            and self.ack + self.count * self._step == ack
        )

    def goes_on(self, number: int, count: int, left: int, group: int) -> bool:
        """Say whether packets from `number` on leave as the train's do; fit the train to them."""
        before = number - self._number
        if not self._group and left == self._left + self._step and count <= before:
            self._group = before  # those so far left together, as these do a packet's time later
        if self._group:
            place = before % self._group
            alike = place + count <= self._group if not group else not place
            return alike and group in (0, self._group) and self.left(number) == left
        return not group and left == self._left


class Hole:
    """A packet that got lost: the sender does not know yet, or has not yet sent it again."""

    __slots__ = ("left", "message", "number", "original", "size")

    def __init__(
        self, number: int, size: int, message: Message | Parcel, original: int, left: int
    ) -> None:
        self.number = number
        self.left = left
        self.size = size
        self.message = message
        self.original = original


class Alarm(Actor):
    """Something that a sender does later; it is in the queue at most once."""

    __slots__ = ("_env", "_ring", "_set")

    def __init__(self, env: Environment, number: int, ring: Callable[[int], None]) -> None:
        super().__init__(env, number, 0)
        self._env = env
        self._ring = ring
        self._set = False

    def set(self, time: int) -> None:
        """Ring at `time`, or earlier if that was asked for before."""
        if not self._set:
            self._set = True
            self.time = time
            self._env.enter(self)

    def send(self, _: None, /) -> object:
        """Ring."""
        self._set = False
        self._ring(self.time)
        return False
