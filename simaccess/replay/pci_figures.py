"""The figures of a ``pci-bus`` as a replay takes them."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simaccess.replay.state import structure
from simaccess.result import StationUse
from simaccess.sim.bus_use import BusUse
from simaccess.sim.environment import TICKS_PER_SECOND, Environment
from simaccess.sim.pci_bus import DEVICE, ENGINE, PciBus, PciParameters
from simaccess.sim.pci_path import Path
from simaccess.sim.station import Durations

__all__ = [
    "BUS",
    "JOB",
    "MASTER",
    "MASTERS",
    "PATH",
    "PciFigures",
    "figures_of",
    "use_of",
    "why_not",
]

MASTERS: Final = ENGINE + 1

PATH: Final = np.dtype(
    [
        ("per_clock", "f8"),
        *(
            (name, "i8")
            for name in (
                "width",
                "latency",
                "idle",
                "limit",
                "page",
                "guaranteed",
                "boundary",
                "request",
                "delay",
                "gap",
                "completer",  # -1: none
            )
        ),
    ]
)
"""The attributes of a `simaccess.sim.pci_path.Path`; a clock in place of its durations."""

JOB: Final = structure(
    "master",
    "home",
    "path",
    "address",
    "remaining",
    "purpose",
    "at",  # as in `simaccess.sim.bus_job.Job`
    "order",  # of its request among all
    "requesting",
    "end",
    "ticket",
    "armed",
    "waiting",  # the agent that waits for it
    "done",  # what comes at its end (`simaccess.replay.pci_bus`)
    "transfer",  # whose it is
    "next",  # the one behind it in its queue
    "holds",  # who still knows it
)
"""Bytes that a master moves."""

MASTER: Final = structure(
    "ordered",  # whether it keeps its jobs in order
    "ready",  # how many of them are
    "head",  # the first of those
    "tail",  # and the last
    "first",  # the number of its first one
    "following",  # and of the next that will be
    "resting",  # whether it waits after a written burst
    "rested",  # when its last rest ends
)
"""A master of the bus."""

BUS: Final = np.dtype(
    [
        ("clock", "f8"),
        ("local_per_byte", "f8"),
        ("copy_per_byte", "f8"),
        *(
            (name, "i8")
            for name in (
                # Figures, in ticks, bytes or numbers.
                "local_latency",
                "arbitration",
                "reading",  # paths
                "writing",
                "inwards",
                "outwards",
                "fetching",
                "reporting",
                "read_width",
                "write_width",
                "depth",
                "store",
                "outbound",
                "inbound",
                "engine",  # the engine's place among the masters
                "remote",  # whether it is the device's
                "submission",
                "doorbell",
                "start",
                "descriptor",
                "span",
                "writeback",
                "polled",
                "interval",
                "cost",
                "report",
                "moderation",
                # The bus at work, as in `simaccess.sim.round_robin.RoundRobin`.
                "free",
                "waiting",
                "coming",
                "requests",
                "last_master",
                "least",
                "seen",
                "job",
                "begun",
                "phases",
                "size",
                "gone",
                "limit",
                # Its use, as in `simaccess.sim.bus_use.BusUse`.
                "waited",
                "payload",
                "overhead",
                "payload_bytes",
                "overhead_bytes",
                "booked_start",
                "booked_first",
                "booked_last",
                "booked_free",
                "booked_purpose",
                # Posted writes, the engine, and the run.
                "posted",
                "first_posted",
                "first_in_line",  # consumers that wait for a place
                "last_in_line",
                "channels",
                "first_queued",
                "last_queued",
                "interrupt",
                "free_job",
                "events",
                "inserted",
                "keep",
                "running",
                "last",
                "ready",
            )
        ),
    ]
)
"""A bus at work."""


class PciFigures(NamedTuple):
    """The figures of one bus.

    Attributes
    ----------
    bus : ndarray of BUS, shape (1,)
        The figures, and the state before anything has happened.
    paths : ndarray of PATH, shape (paths,)
        Its paths.
    masters : ndarray of MASTER, shape (MASTERS,)
        Its masters.
    """

    bus: NDArray[np.void]
    paths: NDArray[np.void]
    masters: NDArray[np.void]


def why_not(parameters: PciParameters) -> str | None:
    """Return why a bus cannot be replayed, None if it can."""
    if parameters.other.masters:
        return "other masters load the bus, whose arrivals are drawn as it goes"
    if parameters.pio.mapping != "uncached":
        return "the processor combines writes"
    if not parameters.dma.enabled:
        return "the processor makes bulk copies itself"
    return None


def _paths_of(link: PciBus) -> list[Path]:
    """Return the distinct paths of a bus."""
    engine = link.dma
    every = (
        link.reading,
        link.writing,
        engine.inwards,
        engine.outwards,
        engine.reading,
        engine.writing,
    )
    return list({id(path): path for path in every}.values())


def figures_of(parameters: PciParameters) -> PciFigures:
    """Return the figures of a bus, as `simaccess.sim.pci_bus.PciBus` has them."""
    link = PciBus(Environment(), parameters, 0)
    paths = _paths_of(link)
    pio, dma, local = parameters.pio, parameters.dma, parameters.local
    interrupt, polling = parameters.interrupt, parameters.polling

    def number(path: Path) -> int:
        return next(index for index, known in enumerate(paths) if known is path)

    remote, polled = dma.side == "device", dma.completion == "polling"
    values = {
        "clock": TICKS_PER_SECOND / parameters.bus.clock,
        "local_per_byte": 1 / local.rate * TICKS_PER_SECOND,
        "copy_per_byte": 1 / local.copy_rate * TICKS_PER_SECOND,
        "local_latency": Durations(local.latency)[1],
        "arbitration": link.bus.arbitration,
        "reading": number(link.reading),
        "writing": number(link.writing),
        "inwards": number(link.dma.inwards),
        "outwards": number(link.dma.outwards),
        "fetching": number(link.dma.reading),
        "reporting": number(link.dma.writing),
        "read_width": pio.width,
        "write_width": pio.width,
        "depth": pio.depth,
        "store": Durations(pio.issue)[1],
        "outbound": Durations(pio.outbound)[1],
        "inbound": Durations(pio.inbound)[1],
        "engine": DEVICE if remote else ENGINE,
        "remote": remote,
        "submission": Durations(dma.issue)[1],
        "doorbell": dma.doorbell if remote else 0,
        "start": Durations(dma.start)[1],
        "descriptor": dma.descriptor if remote else 0,
        "span": dma.span,
        "writeback": dma.writeback if remote else 0,
        "polled": polled,
        "interval": Durations(polling.interval)[1] if polled else 0,
        "cost": Durations(polling.cost if polled else interrupt.cost)[1],
        "report": Durations(interrupt.latency)[1],
        "moderation": Durations(interrupt.moderation)[1],
        "channels": dma.channels,
        "least": 1 << 62,
        "job": -1,
        "first_queued": -1,
        "first_in_line": -1,
        "interrupt": -1,
        "free_job": MASTERS,  # the places before it stand for the ends of the masters' rests
    }
    bus = np.zeros(1, BUS)
    for name, value in values.items():
        bus[name] = value
    table = np.zeros(len(paths), PATH)
    for row, path in zip(table, paths, strict=True):
        row["per_clock"] = 1 / parameters.bus.clock * TICKS_PER_SECOND
        for name in PATH.names[1:-1]:  # type: ignore[index]  # it has names
            row[name] = getattr(path, name)
        row["completer"] = -1 if path.completer is None else path.completer
    masters = np.zeros(MASTERS, MASTER)
    masters["ordered"] = [True, False, False]
    masters["head"] = masters["tail"] = -1
    return PciFigures(bus, table, masters)


def use_of(
    figures: PciFigures, jobs: NDArray[np.void], parameters: PciParameters, end: int
) -> StationUse:
    """Return the use of a bus that has been advanced to the time `end`."""
    bus = {name: int(figures.bus[name][0]) for name in figures.bus.dtype.names or () if name}
    use = BusUse()
    use.restore(
        busy=[bus["payload"], bus["overhead"], 0],
        moved=[bus["payload_bytes"], bus["overhead_bytes"], 0],
        waited=bus["waited"],
        booked=(
            bus["booked_start"],
            bus["booked_first"],
            bus["booked_last"],
            bus["booked_free"],
            bus["booked_purpose"],
        ),
    )
    if bus["job"] < 0:
        return use.until(end)
    job = jobs[bus["job"]]
    path = _paths_of(PciBus(Environment(), parameters, 0))[job["path"]]
    return use.within(
        end, path, bus["begun"], bus["phases"], bus["size"], bus["free"], int(job["purpose"])
    )
