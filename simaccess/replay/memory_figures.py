"""The figures of a ``memory-bus`` as a replay takes them, and its objects laid out in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from simaccess.replay.layout import Image
from simaccess.replay.memory_layout import LAYOUTS
from simaccess.replay.record import Record
from simaccess.replay.state import STATION
from simaccess.result import StationUse
from simaccess.sim.channel import MemoryChannel
from simaccess.sim.environment import TICKS_PER_SECOND, Environment
from simaccess.sim.memory_bus import MemoryBus
from simaccess.sim.memory_core import Core
from simaccess.sim.memory_moves import Copying, Reading, Writing
from simaccess.sim.memory_parameters import MemoryBusParameters

__all__ = ["MEMORY", "MemoryFigures", "figures_of", "why_not"]

MEMORY: Final = np.dtype(
    [
        ("local_per_byte", "f8"),
        ("copy_per_byte", "f8"),
        *(
            (name, "i8")
            for name in (
                "local_latency",
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

_CORES: Final = 62
"""Cores whose numbers are the bits of a word."""

_LARGEST: Final = 1 << 40
"""Bytes, lines, pages and the like that 64 bits hold with all that is computed of them."""

_FOREVER: Final = 1 << 62


def why_not(parameters: MemoryBusParameters, consumers: int) -> str | None:
    """Return why a memory bus cannot be replayed, None if it can."""
    if consumers > _CORES:
        return f"more than {_CORES} consumers, whose caches a word of 64 bits does not tell apart"
    for section, figures in parameters.model_dump().items():
        for key, value in figures.items():
            if isinstance(value, int) and value > _LARGEST:
                return f"{section}.{key} is more than 2**40, more than 64 bits hold with its products"
    return None


@dataclass(frozen=True, eq=False, slots=True)
class _Own:
    """Something of the replay's own, by the names of a layout's fields."""

    name: str
    values: Mapping[str, Any]


@dataclass(frozen=True, eq=False, slots=True)
class MemoryFigures:
    """A memory bus, and its memory.

    Attributes
    ----------
    memory : ndarray of MEMORY, shape (1,)
        The figures.
    words : ndarray of int64
        All objects.
    bus : int
        The address of the bus.
    users : ndarray of int64, shape (consumers,)
        The addresses of what the consumers have of it.
    link : MemoryBus
        As it began.
    places : tuple of int
        Where in `words` the channel and the users are.
    """

    memory: NDArray[np.void]
    words: NDArray[np.int64]
    bus: int
    users: NDArray[np.int64]
    link: MemoryBus
    places: tuple[int, NDArray[np.int64]]

    def use(self, end: int) -> dict[str, StationUse]:
        """Return the use of the channel after the replay, up to the time `end`."""
        channel, (place, _) = self.link.channel, self.places
        offsets = LAYOUTS["MemoryChannel"]

        def left(field: str) -> int:
            return int(self.words[place + offsets[field][0]])

        for field in STATION:
            setattr(channel, field, left(field))
        channel.skip(left("_index"))
        return dict(self.link.use(end))

    def of_users(self, field: str) -> NDArray[np.int64]:
        """Return a figure of each user after the replay."""
        found: NDArray[np.int64] = self.words[self.places[1] + LAYOUTS["User"][field][0]]
        return found


def figures_of(
    parameters: MemoryBusParameters, record: Record, *, seed: int, draws: int
) -> MemoryFigures:
    """Return a memory bus as it begins.

    Parameters
    ----------
    parameters : MemoryBusParameters
        Its own.
    record : Record
        What its users do.
    seed : int
        Of the other masters' arrivals.
    draws : int
        How many of those to draw ahead.
    """

    def made() -> MemoryBus:
        return MemoryBus(Environment(), parameters, record.size, seed=seed)

    link, consumers = made(), len(record.tracks)
    memory = np.zeros(1, MEMORY)
    memory["copy_per_byte"] = 1 / parameters.core.copy_rate * TICKS_PER_SECOND
    memory["running"] = consumers
    arena = _Own("Arena", {"retired": []})
    image = Image(LAYOUTS, _name, _Values(arena, made().channel.take(draws)).value, {})
    bus = image.put(link, arena)
    users = []
    for track in record.tracks:
        shadow = link.local(track.shadow)
        port = link.attach()
        values = {
            "shadow": shadow.base,
            "shadow_limit": shadow.limit,
            "limit": port.limit,
            "socket": port.socket,
            "core": link.new_core(0, 0),
            "reading": Reading(),
            "writing": Writing(),
            "copying": Copying(),
        }
        users.append(image.put(_Own("User", values)))
    channel = image.put(link.channel)
    words = image.memory()
    places = np.array(users, np.int64)
    return MemoryFigures(
        memory,
        words,
        words.ctypes.data + 8 * bus,
        words.ctypes.data + 8 * places,
        link,
        (channel, places),
    )


def _name(thing: Any) -> str:
    """Return the class of an object in terms of `LAYOUTS`."""
    return thing.name if isinstance(thing, _Own) else type(thing).__name__


@dataclass(frozen=True, eq=False, slots=True)
class _Values:
    """The fields of a bus's objects."""

    arena: _Own
    arrivals: list[int]

    def value(self, thing: Any, field: str) -> Any:
        """Return a field of an object."""
        if isinstance(thing, _Own):
            return thing.values.get(field, 0)
        if isinstance(thing, MemoryBus) and field == "arena":
            return self.arena
        if isinstance(thing, MemoryChannel):
            if field == "_arrivals":
                return self.arrivals[1:]
            if field == "_next":
                return self.arrivals[0] if self.arrivals else _FOREVER
        if isinstance(thing, Core) and field == "bit":
            return 0  # it gets its number with its first access
        # What a move begins with is written when it begins.
        return getattr(thing, field, None if field == "_core" else 0)
