"""The figures of a ``memory-bus``."""

from __future__ import annotations

from typing import Annotated, Self, TypeAlias

from pydantic import Field, model_validator

from simaccess import present
from simaccess.errors import InputError
from simaccess.parameters import Parameters, Section
from simaccess.quantities import Duration, Rate, Size
from simaccess.sim.caches import SECTOR
from simaccess.sim.environment import TICKS_PER_SECOND
from simaccess.sim.station import whole_ticks

__all__ = [
    "BackgroundSection",
    "CacheSection",
    "CoherenceSection",
    "CoreSection",
    "DmaSection",
    "MemoryBusParameters",
    "MemorySection",
    "PageSection",
    "PrefetcherSection",
]

Positive: TypeAlias = Annotated[int, Field(ge=1)]
PositiveRate: TypeAlias = Annotated[Rate, Field(gt=0)]
PositiveShare: TypeAlias = Annotated[float, Field(gt=0, le=1)]


class CacheSection(Section):
    """Line, capacities and load-to-use latencies; L1 and L2 are each core's, L3 is shared."""

    line: Size
    l1: Size
    l1_latency: Duration
    l2: Size
    l2_latency: Duration
    l3: Size
    l3_latency: Duration

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.line < 8 or self.line & (self.line - 1):
            raise ValueError(
                "caches.line must be a power of two from 8 B on; allowed: as in '64 B'"
            )
        if not self.line <= self.l1 <= self.l2 <= self.l3:
            raise ValueError("caches must grow: line <= l1 <= l2 <= l3")
        if self.l3 < SECTOR * self.line:
            raise ValueError(f"caches.l3 must hold {SECTOR} lines or more")
        return self


class CoherenceSection(Section):
    """Sockets, and the latency of a line that another core wrote, or has to give up."""

    sockets: Positive = 1
    near: Duration
    far: Duration


class CoreSection(Section):
    """What one core has under way, and how fast it moves bytes that are in its L1."""

    outstanding: Positive
    store_buffer: Positive
    load_rate: PositiveRate
    copy_rate: PositiveRate
    copy_issue: Duration
    non_temporal: bool = False


class PrefetcherSection(Section):
    """The hardware prefetcher: how far ahead of a sequential reader, after how many lines."""

    enabled: bool = True
    lines: Positive
    trigger: Positive


class PageSection(Section):
    """Page size, reach of the TLB in pages, and what walks and fresh pages cost."""

    size: Size
    tlb_entries: Positive
    walk: Duration
    first_touch: Duration
    segment_fresh: bool = False

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.size < 1 or self.size & (self.size - 1):
            raise ValueError("pages.size must be a power of two; allowed: as in '4 KiB'")
        return self


class MemorySection(Section):
    """Idle latencies, and the channels: their rate, and the share of it that traffic reaches.

    `efficiency` holds when all lines are read, `efficiency_mixed` with a write for each read.
    """

    latency: Duration
    far_latency: Duration
    channels: Positive
    rate: PositiveRate
    efficiency: PositiveShare
    efficiency_mixed: PositiveShare
    granule: Positive

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.efficiency_mixed > self.efficiency:
            raise ValueError("memory.efficiency_mixed must not exceed memory.efficiency")
        return self

    @property
    def read_rate(self) -> float:
        """Bytes a second of all channels when all lines are read."""
        return self.channels * self.rate * self.efficiency

    @property
    def write_rate(self) -> float:
        """Bytes a second of writes, from 2 / mixed = 1 / read + 1 / write."""
        peak = self.channels * self.rate
        return peak / (2 / self.efficiency_mixed - 1 / self.efficiency)


class DmaSection(Section):
    """Whether a device's writes go into the L3; if not they go to memory."""

    allocate: bool = True


class BackgroundSection(Section):
    """Other masters: the rate of their Poisson stream of requests, and the bytes of each."""

    rate: Rate
    request: Size

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.request < 1:
            raise ValueError("background.request must be 1 B or more")
        return self


class MemoryBusParameters(Parameters):
    """Parameters of a ``memory-bus``."""

    caches: CacheSection
    coherence: CoherenceSection
    core: CoreSection
    prefetcher: PrefetcherSection
    pages: PageSection
    memory: MemorySection
    dma: DmaSection
    background: BackgroundSection

    @model_validator(mode="after")
    def _check(self) -> Self:
        memory, background = self.memory, self.background
        # What the station takes for a request, which is rounded to a tick.
        service = whole_ticks(background.request, TICKS_PER_SECOND / memory.read_rate)
        if background.rate * service >= background.request * TICKS_PER_SECOND:
            limit = background.request * TICKS_PER_SECOND / service / 1e9
            raise InputError(
                "as much as the memory carries or more, so that its queue would grow without end",
                key="background.rate",
                value=present.rate(background.rate),
                allowed=f"less than {limit:.6g} GB/s, which memory.channels = {memory.channels} of"
                f" memory.rate = {present.rate(memory.rate)} carry with"
                f" memory.efficiency = {memory.efficiency:g}",
            )
        if self.pages.size < self.caches.line:
            raise ValueError("pages.size must be a line or more")
        return self

    def remembers(self) -> tuple[int, ...] | None:
        """Return what the caches and the translations hold; None under other masters' load."""
        if self.background.rate:
            return None
        caches, pages = self.caches, self.pages
        return caches.l1, caches.l2, caches.l3, pages.tlb_entries * pages.size
