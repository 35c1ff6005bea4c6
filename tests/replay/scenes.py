"""Random scenarios with round figures, so that ties are common."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import strategies as st

from simaccess.methods.blocks import Blocks, FixedBlocks
from simaccess.model import Model, load_model
from simaccess.parameters import Section
from simaccess.scenario import Scenario
from simaccess.workload.accesses import Accesses

SIZE = 4096


@dataclass(frozen=True, eq=False)
class Asked:
    """A workload of given accesses."""

    made: Accesses
    name: str = "given"
    parameters: Section = field(default_factory=Section)
    blocks: Blocks = field(default_factory=lambda: FixedBlocks(64))
    header: int = 16
    arrivals: None = None

    @property
    def size(self) -> int:
        return self.made.size

    def content(self, seed: int = 0) -> None:  # noqa: ARG002
        return None

    def accesses(self, seed: int) -> Accesses:  # noqa: ARG002
        return self.made


@st.composite
def workloads(draw: st.DrawFn) -> Asked:
    """Draw accesses, sequential in parts, some of which write, perhaps at their times."""
    count = draw(st.integers(1, 40))
    lengths = draw(
        st.lists(st.sampled_from([1, 8, 8, 32, 64, 100]), min_size=count, max_size=count)
    )
    jumps = draw(st.lists(st.integers(-1, 60), min_size=count, max_size=count))
    place, offsets = 0, []
    for length, jump in zip(lengths, jumps, strict=True):
        if jump > 30:
            place = jump * 64 % (SIZE - 128)
        elif place + length > SIZE:
            place = 0
        offsets.append(place)
        place += length
    writes = draw(st.sampled_from([0.0, 0.0, 0.3, 1.0]))
    generator = np.random.default_rng(draw(st.integers(0, 99)))
    last = generator.random(count) < draw(st.sampled_from([0.5, 1.0]))
    last[-1] = True
    work = time = None
    if draw(st.booleans()):
        work = generator.choice([0.0, 1e-9, 10e-9, 20e-9], count)
    if draw(st.booleans()):
        time = np.sort(generator.choice(40, count)).astype(np.float64) * 10e-9
    return Asked(
        Accesses(
            size=SIZE,
            offset=np.array(offsets, np.int64),
            length=np.array(lengths, np.int64),
            write=generator.random(count) < writes,
            last=last,
            work=work,
            time=time,
        )
    )


@st.composite
def methods(draw: st.DrawFn) -> tuple[str, dict[str, str]]:
    """Draw an access method with small shadows, so that blocks make room for others."""
    name = draw(st.sampled_from(["zero-copy", "copy-once", "hybrid", "prefetch"]))
    if name == "zero-copy":
        return name, {}
    settings = {
        "block": f"{draw(st.sampled_from([16, 48, 64, 128]))} B",
        "slots": str(draw(st.integers(1, 6))),
        "eviction": draw(st.sampled_from(["lru", "fifo"])),
    }
    if name == "hybrid":
        settings["threshold"] = f"{draw(st.sampled_from([0, 8, 54]))} B"
    if name == "prefetch":
        depth = draw(st.integers(1, 4))
        settings |= {"depth": str(depth), "initial": str(draw(st.integers(1, depth)))}
    return name, settings


def scenarios(models: st.SearchStrategy[Model]) -> st.SearchStrategy[Scenario]:
    """Draw scenarios on one of these links."""

    def build(model: Model, workload: Asked, method: Any, consumers: int) -> Scenario:
        name, settings = method
        return Scenario(model, workload, name, settings, consumers=consumers)

    return st.builds(build, models, workloads(), methods(), st.integers(1, 5))


durations = st.sampled_from(["0 s", "1 ns", "8 ns", "10 ns", "64 ns", "0.1 us"])


def fifo_links() -> st.SearchStrategy[Model]:
    """Draw links of kind ``fifo-link``."""
    return st.fixed_dictionaries(
        {
            "link.rate": st.sampled_from(["1 GB/s", "3 GB/s", "8 GB/s"]),
            "link.latency": durations,
            "link.posted": st.sampled_from(["true", "false"]),
            "dma.channels": st.sampled_from(["1", "2", "3"]),
            "dma.issue": durations,
            "dma.start": durations,
            "dma.completion": durations,
            "local.latency": st.sampled_from(["0 s", "1 ns", "8 ns"]),
            "local.rate": st.sampled_from(["1 GB/s", "8 GB/s"]),
            "local.copy_rate": st.sampled_from(["1 GB/s", "3 GB/s"]),
            "link.load_rate": st.sampled_from(["0 B/s", "2 GB/s"]),
            "link.load_wait": durations,
            "link.piece": st.sampled_from(["0 B", "32 B"]),
            "link.window": st.sampled_from(["48 B", "64 B"]),
            "link.wake": st.sampled_from(["0 s", "0 s", "8 ns"]),
            "dma.handling": st.sampled_from(["0 s", "8 ns"]),
            "dma.issue_rate": st.sampled_from(["0 B/s", "8 GB/s"]),
            "client.access": st.sampled_from(["0 s", "0 s", "1 ns"]),
            "client.miss": st.sampled_from(["0 s", "8 ns"]),
            "client.step": st.sampled_from(["0 s", "1 ns"]),
        }
    ).map(lambda values: load_model("example-link", values))


clocks = st.sampled_from(["0", "1", "4", "16", "60"])


def pci_buses() -> st.SearchStrategy[Model]:
    """Draw links of kind ``pci-bus``, on either side of whose engine clocks are round."""
    figures = st.fixed_dictionaries(
        {
            "bus.clock": st.sampled_from(["33 MHz", "100 MHz", "125 MHz"]),
            "bus.arbitration": st.sampled_from(["0", "1", "2"]),
            "bus.idle": st.sampled_from(["0", "1"]),
            "bus.burst": st.sampled_from(["true", "true", "false"]),
            "bus.latency_timer": st.sampled_from(["0", "8", "64"]),
            "host.write_delay": clocks,
            "host.page": st.sampled_from(["0 B", "64 B", "4 KiB"]),
            "host.disconnect": st.sampled_from(["0 B", "48 B"]),
            "device.write_delay": clocks,
            "device.page": st.sampled_from(["0 B", "64 B"]),
            "pio.depth": st.sampled_from(["1", "2", "4"]),
            "pio.issue": durations,
            "pio.outbound": durations,
            "pio.inbound": durations,
            "dma.side": st.sampled_from(["device", "host"]),
            "dma.channels": st.sampled_from(["1", "2", "3"]),
            "dma.issue": durations,
            "dma.doorbell": st.sampled_from(["0 B", "4 B"]),
            "dma.start": durations,
            "dma.descriptor": st.sampled_from(["0 B", "16 B"]),
            "dma.span": st.sampled_from(["32 B", "4 KiB"]),
            "dma.burst": st.sampled_from(["16 B", "64 B", "512 B"]),
            "dma.writeback": st.sampled_from(["0 B", "8 B"]),
            "dma.completion": st.sampled_from(["interrupt", "polling"]),
            "interrupt.latency": durations,
            "interrupt.cost": durations,
            "interrupt.moderation": durations,
            "polling.interval": durations,
            "polling.cost": durations,
        }
    )
    delayed = st.sampled_from([("false", "0"), ("true", "0"), ("true", "16")])
    names = st.sampled_from(["pci-32-33", "pci-64-66", "pci-x-133"])

    def build(
        name: str, values: dict[str, str], host: tuple[str, str], device: tuple[str, str]
    ) -> Model:
        targets = {
            "host.delayed": host[0],
            "host.read_delay": host[1],
            "device.delayed": device[0],
            "device.read_delay": device[1],
        }
        return load_model(name, {**values, **targets})

    return st.builds(build, names, figures, delayed, delayed)


def wan_links() -> st.SearchStrategy[Model]:
    """Draw links of kind ``wan-link`` with round figures, small windows and small buffers."""
    return st.fixed_dictionaries(
        {
            "path.rate": st.sampled_from(["8 Mbit/s", "100 Mbit/s"]),
            "path.upstream_rate": st.sampled_from(["8 Mbit/s", "100 Mbit/s"]),
            "path.rtt": st.sampled_from(["0.2 ms", "2 ms", "20 ms"]),
            "path.mtu": st.sampled_from(["100 B", "152 B"]),
            "path.loss": st.sampled_from(["0", "0", "0.02", "0.2"]),
            "path.jitter": st.sampled_from(["0 s", "0 s", "0 s", "0.1 ms"]),
            "path.buffer": st.sampled_from(["304 B", "1 kB", "100 kB"]),
            "path.upstream_buffer": st.sampled_from(["304 B", "100 kB"]),
            "cross.rate": st.sampled_from(["0 Mbit/s", "0 Mbit/s", "4 Mbit/s"]),
            "cross.burst": st.sampled_from(["152 B", "500 B"]),
            "tcp.congestion_control": st.sampled_from(["reno", "cubic", "bbr"]),
            "tcp.connections": st.sampled_from(["1", "1", "2", "3"]),
            "tcp.initial_window": st.sampled_from(["1", "2", "10"]),
            "tcp.receive_window": st.sampled_from(["100 B", "500 B", "1 MiB"]),
            "tcp.hystart": st.sampled_from(["true", "false"]),
            "tcp.idle_restart": st.sampled_from(["true", "false"]),
            "tcp.handshake": st.sampled_from(["0", "1", "2"]),
            "tcp.host_time": st.sampled_from(["0 s", "1 us", "10 us"]),
            "tcp.delayed_ack": st.sampled_from(["false", "false", "true"]),
            "tcp.offload": st.sampled_from(["false", "false", "true"]),
            "request.size": st.sampled_from(["72 B", "100 B"]),
            "request.reply": st.sampled_from(["72 B", "100 B"]),
            "request.issue": st.sampled_from(["0 s", "5 us"]),
            "request.service": st.sampled_from(["0 s", "50 us"]),
            "request.negotiation": st.sampled_from(["0", "0", "3"]),
            "local.latency": st.sampled_from(["0 s", "8 ns"]),
        }
    ).map(lambda values: load_model("wan-20ms-100mbit", values))


@st.composite
def memory_buses(draw: st.DrawFn) -> Model:
    """Draw links of kind ``memory-bus``, with lines and caches so small that all are contended."""
    line = draw(st.sampled_from([8, 8, 16, 64]))
    l1 = line * draw(st.sampled_from([1, 3, 8]))
    l2 = l1 * draw(st.sampled_from([1, 2, 8]))
    sizes = {"line": line, "l1": l1, "l2": l2}
    sizes["l3"] = line * draw(st.sampled_from([64, 70, 96, 1024]))
    figures = st.fixed_dictionaries(
        {
            "caches.l1_latency": durations,
            "caches.l2_latency": durations,
            "caches.l3_latency": durations,
            "coherence.sockets": st.sampled_from(["1", "2", "3"]),
            "coherence.near": durations,
            "coherence.far": durations,
            "core.outstanding": st.sampled_from(["1", "2", "3", "10"]),
            "core.store_buffer": st.sampled_from(["1", "2", "8"]),
            "core.load_rate": st.sampled_from(["1 GB/s", "8 GB/s", "64 GB/s"]),
            "core.copy_rate": st.sampled_from(["1 GB/s", "3 GB/s", "8 GB/s"]),
            "core.copy_issue": durations,
            "core.non_temporal": st.sampled_from(["false", "false", "true"]),
            "prefetcher.enabled": st.sampled_from(["true", "true", "false"]),
            "prefetcher.lines": st.sampled_from(["1", "2", "5", "20"]),
            "prefetcher.trigger": st.sampled_from(["1", "2", "3"]),
            "pages.size": st.sampled_from(["64 B", "256 B", "4 KiB"]),
            "pages.tlb_entries": st.sampled_from(["1", "2", "8"]),
            "pages.walk": durations,
            "pages.first_touch": durations,
            "pages.segment_fresh": st.sampled_from(["true", "false"]),
            "memory.latency": durations,
            "memory.far_latency": durations,
            "memory.channels": st.just("1"),
            "memory.rate": st.sampled_from(["1 GB/s", "8 GB/s"]),
            "memory.efficiency": st.sampled_from(["0.5", "1"]),
            "memory.efficiency_mixed": st.sampled_from(["0.25", "0.5"]),
            "memory.granule": st.sampled_from(["1", "2", "4", "16"]),
            "background.rate": st.sampled_from(["0 B/s", "0 B/s", "300 MB/s"]),
            "background.request": st.sampled_from(["8 B", "64 B"]),
        }
    )
    values = draw(figures) | {f"caches.{name}": f"{size} B" for name, size in sizes.items()}
    return load_model("shared-memory-ddr3", values)
