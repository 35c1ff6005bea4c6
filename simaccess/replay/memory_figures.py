"""The figures of a ``memory-bus`` as a replay takes them, and its objects laid out in memory."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from simaccess.replay.layout import Image, Own
from simaccess.replay.memory_layout import LAYOUTS
from simaccess.replay.record import Record, Track
from simaccess.replay.state import STATION
from simaccess.result import StationUse
from simaccess.sim.environment import TICKS_PER_SECOND, Environment
from simaccess.sim.memory_bus import MemoryBus
from simaccess.sim.memory_moves import Copying, Reading, Writing
from simaccess.sim.memory_parameters import MemoryBusParameters

__all__ = ["MEMORY", "MemoryFigures", "why_not"]

MEMORY: Final = np.dtype(
    [
        ("local_per_byte", "f8"),
        ("copy_per_byte", "f8"),
        *(
            (name, "i8")
            for name in (
                "local_latency",
                "begun",
                "keep",
                "interval",
                "running",
                "ready",
                "last",
            )
        ),
    ]
)
"""A memory bus and its replay."""

_LARGEST: Final = 1 << 40
"""Bytes, lines, pages and the like that 64 bits hold with all that is computed of them."""

_FOREVER: Final = 1 << 62


def why_not(parameters: MemoryBusParameters) -> str | None:
    """Return why a memory bus cannot be replayed, None if it can."""
    for section, figures in parameters.model_dump().items():
        for key, value in figures.items():
            if isinstance(value, int) and value > _LARGEST:
                return (
                    f"{section}.{key} is more than 2**40, more than 64 bits hold with its products"
                )
    return None


class MemoryFigures:
    """A memory bus, and its memory.

    Parameters
    ----------
    parameters : MemoryBusParameters
        Its own.
    record : Record
        What its users do.
    seed : int
        Of the other masters' arrivals.

    Attributes
    ----------
    memory : ndarray of MEMORY, shape (1,)
        The figures.
    bus : int
        The address of the bus.
    users : ndarray of int64, shape (consumers,)
        The addresses of what the consumers have of it.
    """

    def __init__(self, parameters: MemoryBusParameters, record: Record, seed: int) -> None:
        def made() -> MemoryBus:
            return MemoryBus(Environment(), parameters, record.size, seed=seed)

        self._link = made()
        self._others = made().channel  # which draws
        self._drawn: NDArray[np.int64] = np.zeros(0, np.int64)
        self._served = 0
        self.memory = np.zeros(1, MEMORY)
        self.memory["copy_per_byte"] = 1 / parameters.core.copy_rate * TICKS_PER_SECOND
        self.memory["running"] = len(record.tracks)
        arena = Own("Arena", {"retired": []})
        image = Image(LAYOUTS, _name, partial(_value, arena), {})
        bus = image.put(self._link, arena)
        users = [image.put(_user(self._link, track)) for track in record.tracks]
        self._channel = image.put(self._link.channel)
        self._users = np.array(users, np.int64)
        self._words = image.memory()
        self.bus = self._words.ctypes.data + 8 * bus
        self.users = self._words.ctypes.data + 8 * self._users

    def draw(self) -> None:
        """Draw when more of the other masters arrive."""
        served = self._of_channel("_index")
        self._served += served
        blocks = [self._drawn[served:], *(self._others.take() for _ in range(_BLOCKS))]
        self._drawn = np.concatenate(blocks)
        some = len(self._drawn) > 0
        for field, value in {
            "_index": 0,
            "_arrivals": self._drawn.ctypes.data,
            "_next": self._drawn[0] if some else _FOREVER,
            "last": self._drawn[-1] if some else _FOREVER,
        }.items():
            self._words[self._channel + _CHANNEL[field][0]] = value

    def use(self, end: int) -> dict[str, StationUse]:
        """Return the use of the channel after the replay, up to the time `end`."""
        channel = self._link.channel
        for field in STATION:
            setattr(channel, field, self._of_channel(field))
        channel.skip(self._served + self._of_channel("_index"))
        return dict(self._link.use(end))

    def of_users(self, field: str) -> NDArray[np.int64]:
        """Return a figure of each user after the replay."""
        found: NDArray[np.int64] = self._words[self._users + LAYOUTS["User"][field][0]]
        return found

    def _of_channel(self, field: str) -> int:
        return int(self._words[self._channel + _CHANNEL[field][0]])


_BLOCKS: Final = 16
"""Blocks of arrivals that are drawn at once."""

_CHANNEL: Final = LAYOUTS["MemoryChannel"]


def _user(link: MemoryBus, track: Track) -> Own:
    """Return what a consumer has of a bus; in the order of `simaccess.simulate`."""
    shadow = link.local(track.shadow)
    port = link.attach()
    core = link.new_core(0, port.socket)
    core.index = -1  # it gets its number with its first access
    values = {
        "shadow": shadow.base,
        "shadow_limit": shadow.limit,
        "limit": port.limit,
        "socket": port.socket,
        "core": core,
        "reading": Reading(),
        "writing": Writing(),
        "copying": Copying(),
    }
    return Own("User", values)


def _name(thing: Any) -> str:
    """Return the class of an object in terms of `LAYOUTS`."""
    return type(thing).__name__


def _value(arena: Own, thing: Any, field: str) -> Any:
    """Return a field of an object; 0 or None for what is written before it is read."""
    if field == "arena":
        return arena
    if field in ("_arrivals", "_next"):
        return 0
    return getattr(thing, field, None if field == "_core" else 0)
