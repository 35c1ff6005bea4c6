"""The far end of a connection's direction: when messages are through, and what is missing."""

from __future__ import annotations

from collections import deque

from simaccess.sim.train import Message, Parcel, Train

__all__ = ["Gaps", "Receiver"]


class Receiver:
    """Delivers messages in the order in which they were sent."""

    __slots__ = ("_arriving", "_in_order")

    def __init__(self) -> None:
        self._arriving: deque[Message] = deque()  # not all through
        self._in_order = 0  # when all before has arrived

    def expect(self, message: Message) -> None:
        """Note that a message follows those before it."""
        self._arriving.append(message)

    def arrive(self, message: Message | Parcel, size: int, arrival: int) -> None:
        """Note that bytes of messages arrive, and tell whoever has got all in order."""
        if isinstance(message, Parcel):
            for part, share in message.parts:
                self._arrive(part, share, arrival)
        else:
            self._arrive(message, size, arrival)

    def _arrive(self, message: Message, size: int, arrival: int) -> None:
        message.arriving -= size
        if arrival > message.arrival:
            message.arrival = arrival
        arriving = self._arriving
        while arriving and not arriving[0].arriving:
            message = arriving.popleft()
            if message.arrival > self._in_order:
                self._in_order = message.arrival
            message.notify(self._in_order)


class Gaps:
    """Which data has not come, while later data has, in the order in which packets arrive.

    Attributes
    ----------
    missing : list of int
        Numbers of the packets that first carried it, rising.
    """

    __slots__ = ("missing",)

    def __init__(self) -> None:
        self.missing: list[int] = []

    def lose(self, original: int) -> None:
        """Note that data is lost, for the first time or again."""
        if original not in self.missing:
            self.missing.append(original)

    def come(self, train: Train) -> None:
        """Note that a packet comes, and in its train whether it comes in order."""
        missing = self.missing
        if train.repairs is None:
            train.advances = not missing
        else:
            train.advances = missing[0] == train.repairs.original
            missing.remove(train.repairs.original)
