"""What a sender still has to send for the first time: a stream of bytes, cut into packets."""

from __future__ import annotations

from collections import deque

from simaccess.sim.train import Message, Parcel

__all__ = ["Outbox"]


class Outbox:
    """Messages, of which the first may have been sent in part.

    A message's end leaves in a short packet, unless the next message is there by the time that it
    can leave: then packets are full across messages, as in Linux, whose write queue is one stream.

    Attributes
    ----------
    messages : deque of Message
        None of them all sent.
    """

    __slots__ = ("messages",)

    def __init__(self) -> None:
        self.messages: deque[Message] = deque()

    def waiting(self, most: int) -> int:
        """Return the bytes that wait, up to `most`."""
        if len(self.messages) == 1:
            return min(self.messages[0].sending, most)
        waiting = 0
        for message in self.messages:
            waiting += message.sending
            if waiting >= most:
                return most
        return waiting

    def packet(self, full: int) -> int:
        """Return the bytes of the next packet."""
        messages = self.messages
        size = messages[0].sending
        if size >= full:
            return full
        return size if len(messages) == 1 else self.waiting(full)

    def packets(self, full: int) -> int:
        """Return how many packets the first message fills, or ends in."""
        whole, rest = divmod(self.messages[0].sending, full)
        return whole + 1 if rest and len(self.messages) == 1 else whole

    def take(self, size: int) -> Message | Parcel:
        """Take bytes of the first message, and for the rest of those that follow it."""
        message = self.messages[0]
        if size <= message.sending:
            self._cut(message, size)
            return message
        parts = []
        while size:
            message = self.messages[0]
            share = min(size, message.sending)
            self._cut(message, share)
            parts.append((message, share))
            size -= share
        return Parcel(tuple(parts))

    def _cut(self, message: Message, size: int) -> None:
        message.sending -= size
        if not message.sending:
            self.messages.popleft()
