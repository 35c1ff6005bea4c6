"""The DMA engine of a PCI bus: doorbell, descriptors, bursts, completion, and who is told."""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import partial
from typing import Any, Protocol

from simaccess.sim.bus_job import Job
from simaccess.sim.bus_use import OVERHEAD, PAYLOAD
from simaccess.sim.dma import DmaEngine
from simaccess.sim.environment import Actor, Environment
from simaccess.sim.pci_parameters import PciParameters
from simaccess.sim.pci_path import Path
from simaccess.sim.round_robin import RoundRobin
from simaccess.sim.station import Durations, FifoStation
from simaccess.sim.transfer import Transfer

__all__ = ["FifoMemory", "HostMemory", "PciDma", "PciTransfer"]


class HostMemory(Protocol):
    """The memory behind the host bridge, which DMA data cross too."""

    @property
    def piece(self) -> int:
        """Bytes that it takes at once."""

    def dma(self, now: int, address: int, length: int, *, write: bool) -> int:
        """Take `length` bytes from `now` on, called in the order of time; return the end."""


class FifoMemory:
    """Host memory as a FIFO station.

    Parameters
    ----------
    rate : float
        Bytes a second.
    piece : int
        Bytes that it takes at once.
    """

    def __init__(self, rate: float, piece: int = 1 << 62) -> None:
        self.piece = piece
        self.station = FifoStation()
        self._service = Durations(1 / rate)

    def dma(self, now: int, address: int, length: int, *, write: bool) -> int:  # noqa: ARG002  # neither where nor which way matters
        """Serve in the order of arrival."""
        return self.station.serve(now, self._service[length], length)


class PciTransfer(Transfer):
    """A bulk copy over the bus.

    Parameters
    ----------
    far, near : int
        Where the bytes lie in the segment, and in host memory.
    length : int
        Bytes.
    inwards : bool
        Whether they go to the host.
    interval : int
        Ticks between two looks of a polling processor; 0 if it sees the end at once.
    """

    __slots__ = ("_interval", "crossed", "far", "inwards", "moved", "near")

    def __init__(
        self,
        env: Environment,
        number: int,
        *,
        far: int,
        near: int,
        length: int,
        inwards: bool,
        interval: int,
    ) -> None:
        super().__init__(env, number, length)
        self.far = far
        self.near = near
        self.inwards = inwards
        self.crossed: int | None = 0  # when its bytes have crossed the memory; None: not known
        self.moved: int | None = None  # when they have crossed the bus
        self._interval = interval

    def __await__(self) -> Generator[Any, Any, None]:
        agent = self.env.agent
        before = agent.time
        if self.end is None:
            self._waiting = (*self._waiting, agent)
            yield False
        assert self.end is not None
        end = max(before, self.end)
        if self._interval:
            end = before - (before - end) // self._interval * self._interval
        agent.time = end
        agent.wait += end - before
        agent.time += self.handling
        agent.issue += self.handling
        self.handling = 0


class _Crossing(Actor):
    """A transfer on its way through host memory, a piece each time that the bus brings one."""

    __slots__ = ("_address", "_done", "_end", "_left", "_memory", "_pace", "_transfer")

    def __init__(
        self,
        transfer: PciTransfer,
        number: int,
        memory: HostMemory,
        pace: Durations,
        done: Callable[[PciTransfer], None],
    ) -> None:
        super().__init__(transfer.env, number, 0)
        self._transfer = transfer
        self._memory = memory
        self._pace = pace
        self._done = done
        self._address = transfer.near
        self._left = transfer.length
        self._end = 0

    def start(self, now: int) -> None:
        """Take the first piece."""
        self.time = now
        if self.send(None):
            self._transfer.env.enter(self)

    def send(self, _: None, /) -> object:
        """Take a piece; ask for a turn when the next one is there."""
        size = min(self._left, self._memory.piece)
        end = self._memory.dma(self.time, self._address, size, write=self._transfer.inwards)
        self._end = max(self._end, end)
        self._address += size
        self._left -= size
        if self._left:
            self.time += self._pace[size]
            return True
        self._transfer.crossed = self._end
        self._done(self._transfer)
        return False


class PciDma:
    """The engine.

    Parameters
    ----------
    env : Environment
        The simulation.
    bus : RoundRobin
        The bus.
    parameters : PciParameters
        The figures.
    master : int
        The engine's place among the bus's masters.
    inwards, outwards : Path
        Data towards the host, and away from it.
    reading, writing : Path
        The engine's reads and writes of host memory.
    memory : HostMemory, optional
        What the data cross on the host's side.
    """

    def __init__(
        self,
        env: Environment,
        bus: RoundRobin,
        parameters: PciParameters,
        *,
        master: int,
        inwards: Path,
        outwards: Path,
        reading: Path,
        writing: Path,
        memory: HostMemory | None,
    ) -> None:
        dma, interrupt, polling = parameters.dma, parameters.interrupt, parameters.polling
        self.env = env
        self._bus = bus
        self._master = master
        self.inwards = inwards
        self.outwards = outwards
        self.reading = reading
        self.writing = writing
        self._memory = memory
        self._crossings = env.arbiter()
        self._pace = Durations(1 / (parameters.bus.width * parameters.bus.clock))
        self._remote = remote = dma.side == "device"
        self._descriptor = dma.descriptor if remote else 0
        self._span = dma.span
        self._writeback = dma.writeback if remote else 0
        self._polled = dma.completion == "polling"
        self._interval = Durations(polling.interval)[1] if self._polled else 0
        self._cost = Durations(polling.cost if self._polled else interrupt.cost)[1]
        self._latency = Durations(interrupt.latency)[1]
        self._moderation = Durations(interrupt.moderation)[1]
        self._interrupt: int | None = None  # when the last interrupt was or will be raised
        self.interrupts = 0
        self._engine = DmaEngine(env, dma.channels, Durations(dma.start)[1], self._start)

    def transfer(self, far: int, near: int, length: int, *, inwards: bool) -> PciTransfer:
        """Make a transfer for the engine; it begins once submitted."""
        return PciTransfer(
            self.env,
            self._engine.number,
            far=far,
            near=near,
            length=length,
            inwards=inwards,
            interval=self._interval,
        )

    def submit(self, transfer: Transfer) -> None:
        """Take a transfer at its scheduled time, when the doorbell has rung."""
        self._engine.submit(transfer, transfer.time)

    def _start(self, transfer: Transfer) -> None:
        if self._descriptor:
            size = -(-transfer.length // self._span) * self._descriptor
            job = Job(self._bus, self._master, self.reading, 0, size, OVERHEAD)
            self._move(job, transfer.time, partial(self._data, transfer))
        else:
            self._data(transfer, transfer.time)

    def _data(self, transfer: Transfer, now: int) -> None:
        assert isinstance(transfer, PciTransfer)
        if self._memory is not None:
            transfer.crossed = None
            _Crossing(transfer, self._crossings, self._memory, self._pace, self._met).start(now)
        path = self.inwards if transfer.inwards else self.outwards
        # Bursts end at the page boundaries of the target, which is on the engine's other side.
        address = transfer.near if self._remote else transfer.far
        job = Job(self._bus, self._master, path, address, transfer.length, PAYLOAD)
        self._move(job, now, partial(self._moved, transfer))

    def _moved(self, transfer: PciTransfer, now: int) -> None:
        transfer.moved = now
        self._met(transfer)

    def _met(self, transfer: PciTransfer) -> None:
        """Go on once the bytes have crossed both the bus and the memory."""
        moved, crossed = transfer.moved, transfer.crossed
        if moved is None or crossed is None:
            return
        if crossed > moved:
            transfer.schedule(crossed, self._write_back)
        else:
            transfer.time = moved
            self._write_back(transfer)

    def _write_back(self, transfer: Transfer) -> None:
        notify = partial(self._notify, transfer)
        if self._writeback:
            job = Job(self._bus, self._master, self.writing, 0, self._writeback, OVERHEAD)
            self._move(job, transfer.time, notify)
        else:
            notify(transfer.time)

    def _notify(self, transfer: Transfer, now: int) -> None:
        if self._polled:
            transfer.handling = self._cost
            self._engine.finish(transfer, now)
            return
        if self._interrupt is None or self._interrupt < now:
            last = self._interrupt
            self._interrupt = now if last is None else max(now, last + self._moderation)
            self.interrupts += 1
            transfer.handling = self._cost
        self._engine.finish(transfer, now, self._interrupt - now + self._latency)

    def _move(self, job: Job, now: int, then: Callable[[int], None]) -> None:
        """Ask for the bus, and go on when the bytes are over."""
        job.done = lambda done: then(done.time)
        self._bus.request(job, now)
        job.watch()
