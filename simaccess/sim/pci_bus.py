"""A PCI bus between a processor and a device that holds the segment (the kind ``pci-bus``).

The processor loads and stores through the host bridge (programmed I/O), one round trip a load and
posted stores; a DMA engine makes bulk copies in bursts; other masters load the bus.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from simaccess.result import StationUse
from simaccess.segment import Data, Local
from simaccess.sim.bus_job import Job
from simaccess.sim.bus_use import OVERHEAD, PAYLOAD
from simaccess.sim.environment import TICKS_PER_SECOND, Environment
from simaccess.sim.link import Link
from simaccess.sim.local_memory import LocalMemory, LocalTicks
from simaccess.sim.memory_bus import MemoryBus
from simaccess.sim.other_master import OtherMaster
from simaccess.sim.pci_dma import FifoMemory, HostMemory, PciDma
from simaccess.sim.pci_parameters import PciParameters, TargetSection
from simaccess.sim.pci_path import Path
from simaccess.sim.posted_writes import PostedWrites
from simaccess.sim.round_robin import RoundRobin
from simaccess.sim.station import Durations
from simaccess.sim.transfer import Transfer

__all__ = ["PciBus", "PciParameters", "PciPort"]

HOST: Final = 0
DEVICE: Final = 1
ENGINE: Final = 2  # an engine on the host's side, with a REQ# of its own
FIRST_OTHER: Final = 3


class PciBus(Link):
    """A shared, multi-master, half-duplex bus.

    Parameters
    ----------
    env : Environment
        The simulation.
    parameters : PciParameters
        Its figures.
    size, data
        As for `Link`.
    memory : MemoryBus or FifoMemory, optional
        What the data of DMA cross on the host's side.
    seed : int
        For the other masters' Poisson arrivals.
    lumps : bool
        See `RoundRobin`.
    """

    def __init__(
        self,
        env: Environment,
        parameters: PciParameters,
        size: int,
        data: memoryview | None = None,
        *,
        memory: MemoryBus | FifoMemory | None = None,
        seed: int = 0,
        lumps: bool = True,
    ) -> None:
        super().__init__(env, size, data)
        self.parameters = parameters
        bus, other, pio = parameters.bus, parameters.other, parameters.pio
        clock = Durations(1 / bus.clock)
        self._ticks = clock
        self._memory = memory
        self._near = LocalTicks(parameters.local)
        self.bus = RoundRobin(
            env,
            clock=TICKS_PER_SECOND / bus.clock,
            arbitration=clock[bus.arbitration],
            ordered=[True, False, False] + [False] * other.masters,
            lumps=lumps,
        )
        self.posted = PostedWrites(self.bus, pio.depth)
        self.reading = self._path(parameters.device, read=True, completer=DEVICE)
        self.writing = self._path(parameters.device, read=False)
        self.combining = pio.mapping == "write-combining"
        host_write = self._path(parameters.host, read=False, limit=parameters.dma.burst)
        self.dma = self._engine(host_write, memory)
        spare = self._path(parameters.host, read=False)
        for index in range(other.masters):
            gap = other.burst * other.masters / other.rate * TICKS_PER_SECOND
            poisson = other.arrivals == "poisson"
            key = np.random.SeedSequence(seed, spawn_key=(*b"pci-bus", index))
            generator = np.random.default_rng(key) if poisson else None
            first = 0.0 if poisson else -gap * (other.masters - index) / other.masters
            self.bus.add(
                OtherMaster(
                    self.bus,
                    master=FIRST_OTHER + index,
                    path=spare,
                    burst=other.burst,
                    gap=gap,
                    first=first,
                    generator=generator,
                )
            )

    def attach(self) -> PciPort:
        """Connect one more user: a processor behind the host bridge."""
        return PciPort(self)

    def local(self, size: int) -> Local:
        """Return memory beside a processor: of the host memory, if that is simulated."""
        if isinstance(self._memory, MemoryBus):
            return self._memory.local(size)
        return LocalMemory(self.env, size, self._near, real=self.data is not None)

    def use(self, end: int) -> Mapping[str, StationUse]:
        """Return the use of the bus, and of the host memory if that is simulated."""
        use = {"bus": self.bus.use(end)}
        if isinstance(self._memory, MemoryBus):
            use.update(self._memory.use(end))
        return use

    def _engine(self, host_write: Path, memory: HostMemory | None) -> PciDma:
        parameters = self.parameters
        host, device, burst = parameters.host, parameters.device, parameters.dma.burst
        host_read = self._path(host, read=True, limit=burst, completer=HOST)
        if parameters.dma.side == "device":
            master, inwards, outwards = DEVICE, host_write, host_read
        else:
            master = ENGINE
            inwards = self._path(device, read=True, limit=burst, completer=DEVICE)
            outwards = self._path(device, read=False, limit=burst)
        return PciDma(
            self.env,
            self.bus,
            parameters,
            master=master,
            inwards=inwards,
            outwards=outwards,
            reading=host_read,
            writing=host_write,
            memory=memory,
        )

    def _path(
        self, target: TargetSection, *, read: bool, limit: int = 0, completer: int | None = None
    ) -> Path:
        bus, ticks = self.parameters.bus, self._ticks
        delayed = read and target.delayed
        latency = target.read_latency if read else target.write_latency
        limits = [size for size in (limit, target.disconnect, target.page) if size]
        page = target.page
        if not bus.burst:
            limits, page = [bus.width], bus.width
        return Path(
            ticks=ticks,
            width=bus.width,
            latency=latency,
            idle=bus.idle,
            limit=min(limits, default=1 << 62),
            page=page,
            guaranteed=max(1, bus.latency_timer - latency),
            boundary=bus.boundary,
            request=ticks[target.request(split=bus.split)] if delayed else 0,
            delay=ticks[target.read_delay] if delayed else 0,
            gap=0 if read else ticks[target.write_delay],
            completer=completer if delayed and bus.split else None,
        )


class PciPort:
    """One processor's access to the segment behind a `PciBus`."""

    posted = True

    __slots__ = (
        "_bus",
        "_data",
        "_dma_issue",
        "_doorbell",
        "_enabled",
        "_env",
        "_inbound",
        "_issue",
        "_line",
        "_link",
        "_open",
        "_outbound",
        "_read_width",
        "_write_width",
        "moved",
        "size",
    )

    def __init__(self, link: PciBus) -> None:
        self.size = link.size
        self.moved = 0
        self._link = link
        self._env = link.env
        self._bus = link.bus
        self._data = link.data
        pio, dma = link.parameters.pio, link.parameters.dma
        self._read_width = pio.streaming if link.combining else pio.width
        self._write_width = pio.width
        self._line = pio.combined if link.combining else 0
        self._open = (0, 0)  # bytes that the processor combines, not yet posted
        self._issue = Durations(pio.issue)[1]
        self._outbound = Durations(pio.outbound)[1]
        self._inbound = Durations(pio.inbound)[1]
        self._enabled = dma.enabled
        self._dma_issue = Durations(dma.issue)[1]
        self._doorbell = dma.doorbell if dma.side == "device" else 0

    @property
    def copies(self) -> bool:
        """Whether the processor makes bulk copies itself."""
        return not self._enabled

    async def load(self, offset: int, length: int) -> Data:
        """Read in place: uncached reads, each a round trip."""
        agent = self._env.agent
        begin = agent.time
        await self._read(offset, length)
        agent.stall += agent.time - begin
        self.moved += length
        return None if self._data is None else self._data[offset : offset + length]

    async def store(self, offset: int, length: int, data: Data) -> None:
        """Write in place: posted."""
        agent = self._env.agent
        begin = agent.time
        await self._write(offset, length)
        agent.stall += agent.time - begin
        if self._line:  # not posted yet, but its bytes are seen by others
            if agent.time < self._env.horizon:
                self._env.jump(agent.time)
            else:
                await self._env.turn
        self.moved += length
        if self._data is not None and data is not None:
            self._data[offset : offset + length] = data

    async def fetch(self, offset: int, length: int, into: Local, at: int) -> Transfer:
        """Start a bulk copy into host memory, or make it where there is no engine."""
        if self._enabled:
            transfer = await self._submit(offset, into.base + at, length, inwards=True)
        else:
            transfer = await self._copy(offset, length, inwards=True)
        if self._data is not None:
            view = into.view(at, length)
            assert view is not None
            view[:] = self._data[offset : offset + length]
        return transfer

    async def flush(self, offset: int, length: int, source: Local, at: int) -> Transfer:
        """Start a bulk copy out of host memory, or make it where there is no engine."""
        if self._enabled:
            transfer = await self._submit(offset, source.base + at, length, inwards=False)
        else:
            transfer = await self._copy(offset, length, inwards=False)
        if self._data is not None:
            view = source.view(at, length)
            assert view is not None
            self._data[offset : offset + length] = view
        return transfer

    # -- programmed I/O --------------------------------------------------------------------------

    async def _read(self, offset: int, length: int) -> None:
        env, bus = self._env, self._bus
        agent = env.agent
        path, width = self._link.reading, self._read_width
        await self._drain()
        end = offset + length
        while offset < end:
            size = min(end - offset, width - offset % width)
            agent.time += self._outbound
            if agent.time < env.horizon:
                env.jump(agent.time)
            else:
                await env.turn
            last = bus.take(HOST, path, offset, size, PAYLOAD, agent.time)
            if last and last < env.horizon:  # nobody does anything until then
                agent.time = last
            else:
                job = Job(bus, HOST, path, offset, size, PAYLOAD)
                if last:
                    job.end = last
                else:
                    bus.request(job, agent.time)
                await job
            agent.time += self._inbound
            offset += size

    async def _write(self, offset: int, length: int) -> None:
        agent = self._env.agent
        end = offset + length
        width = self._write_width
        line = self._line
        while offset < end:
            size = min(end - offset, width - offset % width)
            agent.time += self._issue
            if not line:
                await self._post(self._link.writing, offset, size, PAYLOAD)
                offset += size
                continue
            size = min(size, line - offset % line)
            first, last = self._open
            if last != offset or last == first:
                await self._drain()
                first = offset
            offset += size
            self._open = (first, offset)
            if offset % line == 0:
                await self._drain()

    async def _drain(self) -> None:
        """Post what the processor has combined."""
        first, last = self._open
        if last > first:
            self._open = (0, 0)
            await self._post(self._link.writing, first, last - first, PAYLOAD)

    async def _post(self, path: Path, offset: int, size: int, purpose: int) -> Job:
        """Put a write into the bridge's buffer; wait for room in it."""
        env, bus, posted = self._env, self._bus, self._link.posted
        agent = env.agent
        if agent.time < env.horizon:
            env.jump(agent.time)
        else:
            await env.turn
        await posted
        job = Job(bus, HOST, path, offset, size, purpose)
        last = bus.take(HOST, path, offset, size, purpose, agent.time)
        if last:
            job.end = last
        else:
            bus.request(job, agent.time)
        posted.put(job)
        return job

    async def _copy(self, offset: int, length: int, *, inwards: bool) -> Transfer:
        env = self._env
        agent = env.agent
        begin = agent.time
        if inwards:
            await self._read(offset, length)
        else:
            await self._write(offset, length)
        agent.copy += agent.time - begin
        self.moved += length
        transfer = Transfer(env, self._bus.number, length)
        transfer.complete(agent.time)
        return transfer

    # -- DMA -------------------------------------------------------------------------------------

    async def _submit(self, offset: int, at: int, length: int, *, inwards: bool) -> Transfer:
        env, link = self._env, self._link
        agent = env.agent
        begin = agent.time
        await self._drain()
        agent.time += self._dma_issue
        transfer = link.dma.transfer(offset, at, length, inwards=inwards)
        if self._doorbell:
            job = await self._post(link.writing, 0, self._doorbell, OVERHEAD)
            if job.end is None:

                def ring(done: Job) -> None:
                    transfer.schedule(done.time, link.dma.submit)

                job.done = ring
                job.watch()
            else:
                transfer.schedule(job.end, link.dma.submit)
        else:
            if agent.time < env.horizon:
                env.jump(agent.time)
            else:
                await env.turn
            transfer.time = agent.time
            link.dma.submit(transfer)
        agent.issue += agent.time - begin
        self.moved += length
        return transfer
