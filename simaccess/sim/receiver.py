"""The far end of a connection's direction: when messages are through, in order."""

from __future__ import annotations

from collections import deque

from simaccess.sim.train import Message

__all__ = ["Receiver"]


class Receiver:
    """Delivers messages in the order in which they were sent."""

    __slots__ = ("_arriving", "_in_order")

    def __init__(self) -> None:
        self._arriving: deque[Message] = deque()  # not all through
        self._in_order = 0  # when all before has arrived

    def expect(self, message: Message) -> None:
        """Note that a message follows those before it."""
        self._arriving.append(message)

    def arrive(self, message: Message, size: int, arrival: int) -> None:
        """Note that bytes of a message arrive, and tell whoever has got all in order."""
        message.arriving -= size
        if arrival > message.arrival:
            message.arrival = arrival
        arriving = self._arriving
        while arriving and not arriving[0].arriving:
            message = arriving.popleft()
            if message.arrival > self._in_order:
                self._in_order = message.arrival
            message.notify(self._in_order)
