"""The memory bus: a segment in memory that the consumer shares with its producer.

Cores reach lines of 64 B through caches of their own and a shared one; what no cache holds comes
over the memory channel, which everybody shares. The bytes of a segment and of the shadows beside
it lie at addresses of one memory, so a copy between them crosses the bus twice or more, and what
it leaves behind in the caches is found there.

Which lines wait for each other follows from the accesses:

* Separate loads are dependent: each begins when the one before has returned.
* The lines of one load are independent: `core.outstanding` of them are under way at once.
* Loads that continue where one ended are a stream. After `prefetcher.trigger` lines the
  prefetcher keeps `prefetcher.lines` of them under way, the one that is waited for included.
  A load of more lines than that trigger is a stream by itself.

Stores are posted: the core goes on while the store buffer gets the lines to write to. Bulk copies
are made by the processor, so `fetch` and `flush` return when they have ended.
"""

from __future__ import annotations

from collections.abc import Mapping

from simaccess.result import StationUse
from simaccess.sim.caches import HIT, SECTOR, Caches, Found, ones, sectors
from simaccess.sim.channel import MemoryChannel
from simaccess.sim.environment import Agent, Environment
from simaccess.sim.link import Link
from simaccess.sim.memory_core import Core
from simaccess.sim.memory_parameters import MemoryBusParameters
from simaccess.sim.memory_port import BusMemory, MemoryPort
from simaccess.sim.station import Durations

__all__ = ["MemoryBus", "MemoryBusParameters"]


class MemoryBus(Link):
    """Memory with its channel, and the caches of all cores.

    An agent runs on a core of its own, which it gets with its first access; children share their
    parent's.

    Parameters
    ----------
    env : Environment
        The simulation.
    parameters : MemoryBusParameters
        Its figures.
    size, data
        As for `Link`.
    seed : int
        Seed of the other masters' arrivals.

    Attributes
    ----------
    channel : MemoryChannel
        The station that all lines from and to memory cross.
    caches : Caches
        Who holds which line.
    cores : dict of int to Core
        The cores by their agents' numbers.
    """

    def __init__(
        self,
        env: Environment,
        parameters: MemoryBusParameters,
        size: int,
        data: memoryview | None = None,
        *,
        seed: int = 0,
    ) -> None:
        super().__init__(env, size, data)
        self.parameters = parameters
        self.number = env.arbiter()
        caches, memory, pages = parameters.caches, parameters.memory, parameters.pages
        self.line_shift = caches.line.bit_length() - 1
        self.page_shift = pages.size.bit_length() - 1
        self.caches = Caches(caches.l3 >> self.line_shift)
        self.channel = MemoryChannel(
            line=caches.line,
            read=caches.line / memory.read_rate,
            write=caches.line / memory.write_rate,
            other_rate=parameters.background.rate,
            other_request=parameters.background.request,
            seed=seed,
        )
        self._l1_latency = Durations(caches.l1_latency)[1]
        self.load_ticks = Durations(caches.line / parameters.core.load_rate)
        self.copy_ticks = Durations(1 / parameters.core.copy_rate)
        self.non_temporal = parameters.core.non_temporal
        self.copy_issue = Durations(parameters.core.copy_issue)[1]
        prefetcher = parameters.prefetcher
        self._ahead = prefetcher.lines if prefetcher.enabled else 0
        self._trigger = prefetcher.trigger
        granule, outstanding = memory.granule, parameters.core.outstanding
        batches = -(-outstanding // granule)
        self._independent = outstanding // batches
        self._batches = batches
        self._streamed = max(1, self._ahead // max(2, -(-self._ahead // granule)))
        self.store_batch = min(parameters.core.store_buffer, granule)
        self._store_buffer = parameters.core.store_buffer
        self._l2_latency = Durations(caches.l2_latency)[1]
        self._l3_latency = Durations(caches.l3_latency)[1]
        self._near = Durations(parameters.coherence.near)[1]
        self._far = Durations(parameters.coherence.far)[1]
        self._memory_latency = [
            Durations(memory.latency)[1],
            *[Durations(memory.far_latency)[1]] * (parameters.coherence.sockets - 1),
        ]
        self._walk = Durations(pages.walk)[1]
        self._first_touch = Durations(pages.first_touch)[1]
        self._touched: set[int] = set()
        self._end = self._page_end(size)
        self._touched_before = 0 if pages.segment_fresh else self._end >> self.page_shift
        self._ports = 0
        self.cores: dict[int, Core] = {}

    # -- what a link offers ----------------------------------------------------------------------

    def attach(self, socket: int | None = None) -> MemoryPort:
        """Connect one more user; without a `socket` users fill the sockets in turn."""
        if socket is None:
            socket = self._ports % self.parameters.coherence.sockets
        self._ports += 1
        return MemoryPort(self, 0, self.size, self.data, socket)

    def producer(self) -> MemoryPort:
        """Connect the producer, a user like all others: it writes its lines by this bus."""
        return self.attach()

    def local(self, size: int) -> BusMemory:
        """Return `size` bytes of this memory, behind all that was given out before."""
        base = self._end
        self._end = self._page_end(base + size)
        data = None if self.data is None else memoryview(bytearray(size))
        return BusMemory(self, base, size, data, 0)

    def use(self, end: int) -> Mapping[str, StationUse]:
        """Return the use of the channel."""
        return {"memory": self.channel.use(end)}

    @property
    def piece(self) -> int:
        """Bytes that a device's transfer puts on the channel at once."""
        return self.parameters.memory.granule << self.line_shift

    def dma(self, now: int, address: int, length: int, *, write: bool) -> int:
        """Serve a device's read or write of memory.

        To be called in the order of time, with not much more than `memory.granule` lines at
        once: they are put on the channel together.

        Parameters
        ----------
        now : int
            Time at which the request reaches the memory, in picoseconds.
        address : int
            Where, ``memory.base`` and the offset; the segment begins at 0.
        length : int
            Bytes.
        write : bool
            Whether the device writes.

        Returns
        -------
        int
            When the device has the bytes, or the memory has them for good, in picoseconds.
        """
        first = address >> self.line_shift
        count = ((address + length - 1) >> self.line_shift) + 1 - first
        caches, channel = self.caches, self.channel
        if not write:
            missing = count
            for sector, bits in sectors(first, count):
                missing -= caches.snoop(sector, bits).bit_count()
            end = now + self._l3_latency if missing < count else now
            if missing:
                step = channel.read_ticks[missing] - channel.read_ticks[1]
                end = max(end, channel.read(now, missing) + self._memory_latency[0] + step)
            return end
        if not self.parameters.dma.allocate:
            for sector, bits in sectors(first, count):
                caches.discard(sector, bits)
            return channel.write(now, count)
        written_back = 0
        for sector, bits in sectors(first, count):
            written_back += caches.inject(sector, bits)
        if written_back:
            channel.write(now, written_back)
        return now + self._l3_latency

    # -- for the memory's users: all with the turn taken, at the time `now` ----------------------

    def core(self, agent: Agent, socket: int) -> Core:
        """Return the core of an agent, a new one in `socket` at its first access."""
        core = self.cores.get(agent.number)
        if core is None:
            core = self.cores[agent.number] = self.new_core(len(self.cores), socket)
            self.caches.cores.append(core)
        return core

    def new_core(self, index: int, socket: int) -> Core:
        """Return a core."""
        caches = self.parameters.caches
        return Core(
            index,
            socket,
            caches.l1 >> self.line_shift,
            caches.l2 >> self.line_shift,
            self.parameters.pages.tlb_entries,
        )

    def translate(self, core: Core, address: int, length: int) -> int:
        """Return the ticks that finding the pages of an access takes."""
        shift = self.page_shift
        first = address >> shift
        last = (address + length - 1) >> shift
        if first == last == core.page:
            return 0
        ticks = 0
        for page in range(first, last + 1):
            if core.translate(page):
                ticks += self._walk
                if page >= self._touched_before and page not in self._touched:
                    self._touched.add(page)
                    ticks += self._first_touch
        return ticks

    def demand(self, core: Core, first: int, count: int, now: int, limit: int) -> tuple[int, int]:
        """Read lines, and fetch ahead of a stream, up to the line `limit`.

        Returns
        -------
        resume, end : int
            When the core can ask for more, and when it has the last line.
        """
        last = first + count - 1
        stream = core.follow(first, last)
        if not self._ahead or stream.run < self._trigger:
            returned, step = self._read(core, first, count, now)
            stream.head = last
            return returned, returned + step * (count - 1)
        resume = end = now
        head = stream.head
        if head >= first:
            known = min(head, last)
            returned, step = self._read(core, first, known + 1 - first, now)
            resume = max(returned, stream.ready(first))
            end = max(returned + step * (known - first), stream.ready(known))
        target = min(limit, max(last, first - 1 + self._ahead))
        if target > head:
            new = head + 1
            returned, step = self._read(core, new, target - head, now)
            if head < first:
                resume = returned
            if target > last:
                stream.expect(new, target, returned, step, now)
            if last > head:
                end = max(end, returned + step * (last - new))
            stream.head = target
        return resume, end

    def own(self, core: Core, first: int, count: int, now: int) -> int:
        """Make lines the core's own, to write to them; return when they all are."""
        returned, step = self._reach(core, first, count, now, owns=True)
        return returned + step * (count - 1)

    def write_around(self, core: Core, first: int, count: int, now: int) -> int:
        """Write lines to memory past the caches; return the end."""
        end = first + count
        while first < end:
            bit = first % SECTOR
            take = min(SECTOR - bit, end - first)
            self.caches.discard(first // SECTOR, ones(bit, take))
            first += take
        core.taken += count
        return self.channel.write(now, count)

    def pace(self, lines: int) -> tuple[int, int]:
        """Return how many of so many lines a core asks for at once, and batches under way."""
        if self._ahead and lines >= self._trigger:
            return self._streamed, 1
        return self._independent, self._batches

    async def pass_until(self, agent: Agent, now: int) -> None:
        """Have the agent wait for lines or a walk until `now`, and take the turn."""
        agent.stall += now - agent.time
        agent.time = now
        if now < self.env.horizon:
            self.env.jump(now)
        else:
            await self.env.turn

    def room(self, core: Core, lines: int, now: int) -> int:
        """Return when to ask again for room in the store buffer: `now` if there is some."""
        core.retire(now)
        if core.posted and core.buffered + lines > self._store_buffer:
            return core.posted[0][0]
        return now

    def _read(self, core: Core, first: int, count: int, now: int) -> tuple[int, int]:
        """Read lines; return when the first is there, and the ticks from line to line."""
        bit = first % SECTOR
        if bit + count <= SECTOR:
            found = self.caches.read(core, first // SECTOR, ones(bit, count))
            if found is HIT:
                return now + self._l1_latency, 0
            latency = self._slowest(core, found, self._l1_latency)
            return self._returned(
                core, count, now, latency, missing=found[4].bit_count(), written_back=found[5]
            )
        return self._reach(core, first, count, now, owns=False)

    def _reach(
        self, core: Core, first: int, count: int, now: int, *, owns: bool
    ) -> tuple[int, int]:
        """Reach lines of any number of sectors, to read or to own them, as `_read` does."""
        caches = self.caches
        latency = self._l1_latency
        missing = written_back = 0
        end = first + count
        while first < end:
            bit = first % SECTOR
            take = min(SECTOR - bit, end - first)
            if owns:
                found = caches.write(core, first // SECTOR, ones(bit, take))
            else:
                found = caches.read(core, first // SECTOR, ones(bit, take))
            latency = self._slowest(core, found, latency)
            missing += found[4].bit_count()
            written_back += found[5]
            first += take
        return self._returned(
            core,
            count,
            now,
            latency,
            missing=missing,
            written_back=written_back,
            overhead=missing if owns else 0,
        )

    def _slowest(self, core: Core, found: Found, latency: int) -> int:
        """Return the latency of lines found so if it is more than that of the others."""
        l2, l3, near, far, _, _ = found
        if far or near:
            latency = max(latency, self._far if far else self._near)
            core.taken += (far | near).bit_count()
        if l3 and latency < self._l3_latency:
            latency = self._l3_latency
        if l2 and latency < self._l2_latency:
            latency = self._l2_latency
        return latency

    def _returned(
        self,
        core: Core,
        count: int,
        now: int,
        latency: int,
        *,
        missing: int,
        written_back: int,
        overhead: int = 0,
    ) -> tuple[int, int]:
        """Return when lines come back: the first, and the ticks from line to line."""
        returned = now + latency
        step = 0
        if missing:
            channel = self.channel
            core.taken += missing
            start = channel.read(now, missing, overhead)
            returned = max(returned, start + self._memory_latency[core.socket])
            if missing > 1:
                span = channel.read_ticks[missing] - channel.read_ticks[1]
                step = span // (count - 1)
            if written_back:
                channel.write(now, written_back)
        return returned, step

    def _page_end(self, address: int) -> int:
        return -(-address >> self.page_shift) << self.page_shift
