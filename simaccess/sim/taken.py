"""Copies whose bytes the consumer's processor takes out of a buffer, as out of a socket's.

A far end's processor puts bytes into the buffer piece by piece, and the consumer's takes them out:
beside the far end while more is coming, and alone once all has come. So bytes that have been there
for a while cost the consumer all of the taking, and those that it waits for as they come little
more than that of the last piece.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from simaccess.sim.environment import Agent, Environment
from simaccess.sim.station import Durations
from simaccess.sim.transfer import Transfer

__all__ = ["Takes"]


class Takes:
    """What taking bytes out of a buffer takes.

    Parameters
    ----------
    rate : float
        Bytes a second at which the consumer takes them.
    filled : float
        Bytes a second at which they come.
    piece : int
        Bytes that come at once; 0: all of them.
    announced : bool
        Whether they are told of before they come.

    Attributes
    ----------
    told : mapping of int to int
        By bytes, the ticks by which they are told of before the end of the first piece.
    """

    def __init__(self, rate: float, filled: float, piece: int, announced: bool = False) -> None:
        self.whole = Durations(1 / rate)
        self.told = _Told(1 / filled if announced else 0.0, piece)
        self._filling = Durations(1 / filled)
        self._piece = piece

    def last(self, length: int) -> int:
        """Return the ticks from the end of their coming for whoever has waited for all of them.

        With p = min(n, piece) bytes in the first piece, taking begins when that has come,
        (n - p) / filled before the end; it ends n / rate later, and p / rate after the end at
        least.
        """
        piece = min(length, self._piece or length)
        return max(self.whole[length] - self._filling[length - piece], self.whole[piece])

    def transfer(self, env: Environment, number: int, length: int, handling: int) -> Transfer:
        """Return a copy whose bytes are taken by whoever awaits it first."""
        return _Taken(env, number, length, handling, self)


class _Told(Durations):
    """Ticks of the first piece's coming, by bytes."""

    __slots__ = ("_piece",)

    def __init__(self, seconds: float, piece: int) -> None:
        super().__init__(seconds)
        self._piece = piece

    def __missing__(self, units: int) -> int:
        piece = min(units, self._piece or units)
        ticks = self[units] = super().__missing__(piece)
        return ticks


class _Taken(Transfer):
    """A copy whose bytes are taken by whoever awaits it first."""

    __slots__ = ("_takes",)

    def __init__(
        self, env: Environment, number: int, length: int, handling: int, takes: Takes
    ) -> None:
        super().__init__(env, number, length, handling)
        self._takes: Takes | None = takes

    def __await__(self) -> Generator[Any, Any, None]:
        agent: Agent = self.env.agent
        before = agent.time
        takes, self._takes = self._takes, None
        handling, self.handling = self.handling, 0
        yield from super().__await__()
        if takes is not None:
            assert self.end is not None
            length = self.length
            come = agent.time
            # Beside what is coming, if whoever awaits it was there when it was told of.
            told = max(before, self.end - takes.told[length])
            agent.time = max(come, told + handling)
            handled = agent.time - come
            agent.issue += handled
            begun = max(before + takes.whole[length], self.end + takes.last(length))
            taking = max(begun - come, 0)
            agent.time += taking
            agent.copy += taking
