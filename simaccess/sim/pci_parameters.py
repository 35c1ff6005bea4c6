"""The figures of a ``pci-bus``."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveInt, model_validator

from simaccess import present
from simaccess.parameters import Parameters, Section
from simaccess.quantities import Count, Duration, PositiveFrequency, PositiveSize, Rate, Size
from simaccess.sim.local_memory import LocalSection

__all__ = [
    "BusSection",
    "DmaSection",
    "InterruptSection",
    "OtherSection",
    "PciParameters",
    "PioSection",
    "PollingSection",
    "TargetSection",
]


class BusSection(Section):
    """The wires and the arbiter.

    ``arbitration`` is the clocks from REQ# to FRAME# on an idle bus; ``boundary`` the bytes at
    whose multiples a burst may be cut (an ADB of PCI-X); ``split`` says that the target of a
    delayed read brings its data itself (PCI-X) rather than having the master ask again.
    """

    clock: PositiveFrequency
    width: PositiveSize
    arbitration: Count
    idle: Count
    burst: bool
    latency_timer: Count
    boundary: Size
    split: bool


class TargetSection(Section):
    """How a target answers: the host bridge to a device's DMA, or the device to the processor.

    Latencies are in clocks from FRAME# to the first data phase, as PCI counts them, so that they
    contain DEVSEL# (``devsel``: 1 fast, 2 medium, 3 slow), which is their least value. ``delayed``
    says that reads are not answered at once: a request, whose clocks follow from ``devsel``, and
    ``read_delay`` come first. ``write_delay`` follows a written burst. Both delays are off the bus.
    ``disconnect`` and ``page`` end a transaction; 0 bytes for no such limit.
    """

    devsel: int = Field(ge=1, le=3)
    read_latency: PositiveInt
    write_latency: PositiveInt
    delayed: bool
    read_delay: Count
    write_delay: Count
    disconnect: Size
    page: Size

    @model_validator(mode="after")
    def _agree(self) -> TargetSection:
        if self.write_latency < self.devsel:
            problem = f"contains DEVSEL#, devsel = {self.devsel}"
            raise self.unfit("write_latency", problem, f"{self.devsel} or more")
        if self.read_delay and not self.delayed:
            problem = "is that of a delayed read"
            raise self.unfit("read_delay", problem, "0, or with delayed = true")
        return self

    def request(self, *, split: bool) -> int:
        """Return the clocks that the request of a delayed read holds the bus.

        They are those of the address, DEVSEL# (with STOP#, or the response of a split read), and
        an idle one; in PCI-X, that of the attributes besides.
        """
        return 1 + split + self.devsel + 1 if self.delayed else 0


class PioSection(Section):
    """The processor's own loads and stores.

    ``width`` is the bytes of one uncached transaction; in a write-combining mapping stores
    combine to ``combined`` bytes and a load reads ``streaming`` bytes. ``depth`` counts the posted
    writes that the bridge holds. ``issue`` is the processor's time for one store, ``outbound``
    and ``inbound`` what a read takes between processor and bus.
    """

    mapping: Literal["uncached", "write-combining"]
    width: PositiveSize
    combined: PositiveSize
    streaming: PositiveSize
    depth: PositiveInt
    issue: Duration
    outbound: Duration
    inbound: Duration


class DmaSection(Section):
    """The engine for bulk copies; without it (``enabled = false``) the processor copies.

    An engine in the device fetches its descriptors (``descriptor`` bytes for each ``span`` bytes
    of data) over the bus, is told by a doorbell and writes back its completions; one on the host's
    side has those at hand. ``burst`` is the longest transaction that it asks for.
    """

    enabled: bool
    side: Literal["device", "host"]
    channels: PositiveInt
    issue: Duration
    doorbell: Size
    start: Duration
    descriptor: Size
    span: PositiveSize
    burst: PositiveSize
    writeback: Size
    completion: Literal["interrupt", "polling"]


class InterruptSection(Section):
    """``moderation`` is the least time between two interrupts."""

    latency: Duration
    cost: Duration
    moderation: Duration


class PollingSection(Section):
    """A waiting processor looks every ``interval``; noticing a completion costs ``cost``."""

    interval: Duration
    cost: Duration


class OtherSection(Section):
    """Other masters, that together write ``rate`` bytes a second in bursts of ``burst``."""

    masters: Count
    rate: Rate
    burst: PositiveSize
    arrivals: Literal["poisson", "periodic"]


class PciParameters(Parameters):
    """Parameters of a ``pci-bus``."""

    bus: BusSection
    host: TargetSection
    device: TargetSection
    pio: PioSection
    dma: DmaSection
    interrupt: InterruptSection
    polling: PollingSection
    other: OtherSection
    local: LocalSection

    @model_validator(mode="after")
    def _agree(self) -> PciParameters:
        bus = self.bus
        if bus.boundary % bus.width or not bus.boundary:
            width = present.size(bus.width)
            problem = f"not whole data phases of bus.width = {width}"
            raise self.unfit("bus.boundary", problem, f"{width} or a multiple of it")
        for name, target, limit in (("host", self.host, 32), ("device", self.device, 16)):
            # AD turns around in the clock after the address, unless the data are split off.
            least = target.devsel if bus.split and target.delayed else max(target.devsel, 2)
            if not least <= target.read_latency <= limit:
                problem = f"not what {name}.devsel = {target.devsel} leaves"
                raise self.unfit(f"{name}.read_latency", problem, f"{least} to {limit} clocks")
            if target.write_latency > limit:
                allowed = f"{target.devsel} to {limit} clocks"
                raise self.unfit(f"{name}.write_latency", "too many clocks", allowed)
        if self.other.masters and not self.other.rate:
            allowed = "0, or with other.rate above 0"
            raise self.unfit("other.masters", "without other.rate", allowed)
        return self
