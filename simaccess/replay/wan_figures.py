"""The figures of a ``wan-link`` as a replay takes them, and its objects laid out in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from simaccess.replay.layout import QUEUE, Image, Own
from simaccess.replay.wan_layout import CONTROLS, LAYOUTS, TAGS
from simaccess.result import StationUse
from simaccess.sim.bottleneck import Bottleneck
from simaccess.sim.cross_traffic import CrossTraffic
from simaccess.sim.environment import TICKS_PER_SECOND, Environment
from simaccess.sim.station import Durations
from simaccess.sim.tcp import CongestionControl
from simaccess.sim.train import Alarm
from simaccess.sim.wan_link import WanLink
from simaccess.sim.wan_parameters import WanParameters

__all__ = ["WAN", "WanFigures", "figures_of", "why_not"]

WAN: Final = np.dtype(
    [
        ("local_per_byte", "f8"),
        ("copy_per_byte", "f8"),
        *(
            (name, "i8")
            for name in (
                "local_latency",
                "down",  # the addresses of the bottlenecks' stations
                "up",
                "issue",  # ticks of the processor for a request
                "request",  # bytes of what asks, and of what confirms a write
                "reply",
                "connections",  # of each user
                "consumers",
                "places",  # of transfers; a consumer's own for loads and stores are behind them
                "keep",
                "interval",
                "running",
                "last",
            )
        ),
    ]
)
"""A link and its replay."""

_FOREVER: Final = 1 << 62
_RINGS: Final = {"_take": 1, "_expire": 2, "_send": 3, "_overdue": 4}
"""What alarms are for, as `simaccess.replay.wan_sender` has it."""


_SLOWEST: Final = 10_000.0
"""Seconds of a time-out, or between bursts, that 64 bits hold with all that is computed of them."""

_UNLIKELY: Final = 40.0
"""Means that no exponential draw exceeds."""


def why_not(parameters: WanParameters) -> str | None:
    """Return why a link cannot be replayed, None if it can."""
    tcp, path, cross = parameters.tcp, parameters.path, parameters.cross
    if tcp.initial_window * path.mtu * TICKS_PER_SECOND >= _FOREVER:
        return "a first flight of more than 4 MB, which 64 bits do not hold in the terms of bbr"
    if path.rtt > 4:
        return "a round trip of more than 4 s, which 64 bits do not hold in the terms of bursts"
    packets = tcp.receive_window / (path.mtu - tcp.header) + tcp.initial_window
    slowest = (
        tcp.rto_minimum
        + path.rtt
        + path.buffer / path.rate
        + path.upstream_buffer / path.upstream_rate
        + _UNLIKELY * path.jitter
        + packets * tcp.host_time
    )
    if slowest > _SLOWEST:
        return f"a time-out may take {slowest:.0f} s, more than 64 bits hold with its multiples"
    if any(0 < rate < cross.burst / _SLOWEST for rate in (cross.rate, cross.upstream_rate)):
        return "bursts of cross traffic are hours apart, more than 64 bits hold"
    if cross.rate >= path.rate or cross.upstream_rate >= path.upstream_rate:
        return "cross traffic offers all that the path carries, too much to be drawn ahead"
    return None


@dataclass(frozen=True, eq=False, slots=True)
class WanFigures:
    """A link, and its memory.

    Attributes
    ----------
    wan : ndarray of WAN, shape (1,)
        The figures.
    memory : ndarray of int64
        All objects.
    environment : int
        The address of what is due.
    connections : ndarray of int64
        The addresses of the connections.
    link : WanLink
        As it began.
    bottlenecks : mapping of str to tuple of int
        Where in memory the stations of both bottlenecks and their cross traffic are.
    drawn : mapping of int to list of int
        The gaps drawn ahead for each, by its identity.
    """

    wan: NDArray[np.void]
    memory: NDArray[np.int64]
    environment: int
    connections: NDArray[np.int64]
    link: WanLink
    bottlenecks: Mapping[str, tuple[int, int]]
    drawn: Mapping[int, list[int]]

    def use(self, end: int) -> dict[str, StationUse]:
        """Return the use of both bottlenecks after the replay, up to the time `end`."""
        for name, (station, cross) in self.bottlenecks.items():
            bottleneck: Bottleneck = getattr(self.link, name)
            for field, (offset, _) in LAYOUTS["FifoStation"].items():
                setattr(bottleneck.station, field, int(self.memory[station + offset]))
            if bottleneck.cross.next < _FOREVER:
                self._go_on(bottleneck.cross, cross)
        return dict(self.link.use(end))

    def _go_on(self, cross: CrossTraffic, place: int) -> None:
        """Have cross traffic go on from where the replay left it."""
        offsets = LAYOUTS["CrossTraffic"]
        gaps = int(self.memory[place + offsets["_gaps"][0]]) - self.memory.ctypes.data >> 3
        left = int(self.memory[gaps + QUEUE.index("count")])
        cross.next = int(self.memory[place + offsets["next"][0]])
        cross.draw_first(self.drawn[id(cross)][-left:] if left else [])


def figures_of(
    parameters: WanParameters,
    consumers: int,
    places: int,
    *,
    agents: int,
    transfers: int,
    seed: int,
    draws: int,
) -> WanFigures:
    """Return a link as it begins.

    Parameters
    ----------
    parameters : WanParameters
        Its own.
    consumers, places : int
        Users, and places of their transfers.
    agents, transfers : int
        The addresses of the replay's consumers and transfers.
    seed : int
        Of losses, jitter and cross traffic.
    draws : int
        How many numbers to draw ahead of each generator.
    """
    link = WanLink(Environment(), parameters, 0, seed=seed)
    ports = [link.attach() for _ in range(consumers)]
    request, local = parameters.request, parameters.local
    header = parameters.tcp.header
    wan = np.zeros(1, WAN)
    for name, value in {
        "local_per_byte": 1 / local.rate * TICKS_PER_SECOND,
        "copy_per_byte": 1 / local.copy_rate * TICKS_PER_SECOND,
        "local_latency": Durations(local.latency)[1],
        "issue": link.issue,
        "request": request.size - header,
        "reply": request.reply - header,
        "connections": parameters.tcp.connections,
        "consumers": consumers,
        "places": places,
        "running": consumers,
    }.items():
        wan[name] = value
    values = _Values(link, agents, transfers, draws)
    image = Image(LAYOUTS, values.name, values.value, TAGS)
    environment = image.put(values.environment, values.arena)
    connections = [image.put(each) for port in ports for each in port.connections]
    bottlenecks = {
        name: (image.put(each.station), image.put(each.cross))
        for name, each in (("down", link.down), ("up", link.up))
    }
    memory = image.memory()
    for name, (station, _) in bottlenecks.items():
        wan[name] = memory.ctypes.data + 8 * station
    return WanFigures(
        wan,
        memory,
        memory.ctypes.data + 8 * environment,
        memory.ctypes.data + 8 * np.array(connections, np.int64),
        link,
        bottlenecks,
        values.drawn,
    )


class _Values:
    """The fields of a link's objects."""

    def __init__(self, link: WanLink, agents: int, transfers: int, draws: int) -> None:
        self._draws = draws
        self.drawn: dict[int, list[int]] = {}
        self.arena = Own("Arena", {"retired": []})
        self.environment = Own(
            "Environment",
            {
                "agents": agents,
                "transfers": transfers,
                "service": link.service,
                "handshake": link.handshake,
                "arena": self.arena,
            },
        )

    def name(self, thing: Any) -> str:
        """Return the class of an object in terms of `LAYOUTS`."""
        if isinstance(thing, CongestionControl):
            return "Control"
        return type(thing).__name__.lstrip("_")

    def value(self, thing: Any, field: str) -> Any:
        """Return a field of an object."""
        if field == "_env":
            return self.environment
        if field in ("_losses", "_jitter"):
            drawn: Iterator[int] | None = getattr(thing, field)
            return None if drawn is None else list(islice(drawn, self._draws))
        if isinstance(thing, CrossTraffic):
            return self._cross(thing, field)
        if isinstance(thing, CongestionControl) and field == "kind":
            return CONTROLS.index(type(thing))
        if isinstance(thing, Alarm) and field in ("what", "sender"):
            ring: Any = thing._ring  # noqa: SLF001  # a method of the sender
            return _RINGS[ring.__name__] if field == "what" else ring.__self__
        return getattr(thing, field, None if field in ("_starting", "_law", "_rates") else 0)

    def _cross(self, cross: CrossTraffic, field: str) -> Any:
        if field == "next":
            return min(cross.next, _FOREVER)
        if field != "_gaps":
            return getattr(cross, field)
        draws = 0 if cross.next > _FOREVER else self._draws
        return self.drawn.setdefault(id(cross), [cross.gap() for _ in range(draws)])
