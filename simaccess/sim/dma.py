"""A DMA engine: channels that take requests in order, each until its transfer has ended."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from heapq import heapify, heappop, heappush

from simaccess.sim.environment import Environment
from simaccess.sim.transfer import Transfer

__all__ = ["DmaEngine"]


class DmaEngine:
    """Channels in front of a shared link.

    A request takes the channel that is free first; after the start latency it reaches the link,
    and the channel is its own until the link has moved it.

    Parameters
    ----------
    env : Environment
        The simulation.
    channels : int
        Requests that are under way at once.
    start : int
        Ticks from taking a channel to reaching the link.
    carry : callable
        ``carry(transfer)`` hands the transfer to the link, in the order of time; the link calls
        `finish` as soon as it knows the end.
    """

    def __init__(
        self,
        env: Environment,
        channels: int,
        start: int,
        carry: Callable[[Transfer], None],
    ) -> None:
        self.number = env.arbiter()
        self.channels = channels
        self.start = start
        self._carry = carry
        self._free = [0] * channels  # a heap of the times from which channels are free
        self._queue: deque[Transfer] = deque()

    def rests(self, now: int) -> bool:
        """Say whether no request is under way at a time."""
        free = self._free
        return len(free) == self.channels and max(free) <= now

    def restore(self, free: list[int]) -> None:
        """Say from when its channels are free that are not taken."""
        heapify(free)
        self._free = free

    def submit(self, transfer: Transfer, now: int) -> None:
        """Take a request at its issuer's turn."""
        if self._free:
            begin = max(now, heappop(self._free))
            transfer.schedule(begin + self.start, self._carry)
        else:
            self._queue.append(transfer)

    def finish(self, transfer: Transfer, end: int, completion: int = 0) -> None:
        """Give the channel back at `end`; the bytes are seen `completion` ticks later."""
        if self._queue:
            self._queue.popleft().schedule(end + self.start, self._carry)
        else:
            heappush(self._free, end)
        transfer.complete(end + completion)
