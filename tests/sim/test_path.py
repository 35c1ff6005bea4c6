"""A path that crosses two links: what a device moves by DMA crosses the bus and host memory."""

from __future__ import annotations

from dataclasses import replace

import pytest

from simaccess.errors import InputError
from simaccess.model import load_model
from simaccess.registry import names
from simaccess.result import Result
from simaccess.scenario import Scenario
from simaccess.simulate import simulate
from simaccess.workload.filter import Filter
from simaccess.workload.registry import workload

BULK = workload("sequential", {"size": "512 KiB"})


def bulk(**memory: str) -> Result:
    """Copy a segment in bulk into a host memory with other parameters."""
    changes = {key.replace("__", "."): value for key, value in memory.items()}
    return simulate(
        Scenario(
            load_model("pci-64-66"),
            BULK,
            "copy-once",
            {"block": "64 KiB", "shadow": "128 KiB"},
            memory=load_model("shared-memory-ddr3").with_values(changes),
        )
    )


def test_what_crosses_the_bus_crosses_the_memory() -> None:
    result = bulk(dma__allocate="false")
    size = 512 << 10
    assert result.links["bus"].payload_bytes == size
    # Lines written by the device, and read by the processor, which finds none in its caches.
    assert result.links["memory"].payload_bytes == pytest.approx(2 * size, rel=0.01)


def test_dma_into_the_cache_spares_the_memory() -> None:
    result = bulk(dma__allocate="true")
    assert result.links["memory"].payload_bytes < 0.1 * (512 << 10)


def test_the_slower_of_the_two_binds() -> None:
    fast = bulk(dma__allocate="false")
    slow = bulk(dma__allocate="false", memory__channels="1", memory__rate="100 MB/s")
    assert slow.throughput_bytes_per_s < 0.5 * fast.throughput_bytes_per_s
    assert slow.throughput_bytes_per_s < 100e6
    assert slow.links["memory"].utilisation > 0.9
    assert slow.links["bus"].utilisation < fast.links["bus"].utilisation


def test_others_at_the_memory_delay_what_the_bus_brings() -> None:
    quiet = bulk(dma__allocate="false", memory__channels="1", memory__rate="600 MB/s")
    busy = bulk(
        dma__allocate="false",
        memory__channels="1",
        memory__rate="600 MB/s",
        background__rate="300 MB/s",
    )
    assert busy.throughput_bytes_per_s < 0.9 * quiet.throughput_bytes_per_s
    assert busy.links["memory"].other > 0.3


@pytest.mark.parametrize("method", names())
def test_bytes_and_times_are_the_same_in_every_mode(method: str) -> None:
    work = workload("filter", {})
    assert isinstance(work, Filter)
    memory = load_model("shared-memory-ddr4")
    scenario = Scenario(load_model("pci-64-66"), work, method, consumers=2, memory=memory)
    result = simulate(scenario)
    assert simulate(replace(scenario, run_ahead=0)) == result
    through_bytes = simulate(replace(scenario, real=True))
    assert through_bytes.matched == work.matches.sum()
    assert replace(through_bytes, matched=None) == result


def test_only_a_pci_bus_has_a_memory_behind_it() -> None:
    scenario = Scenario(load_model("lan-1gbit"), BULK, "zero-copy", memory=load_model("pci-64-66"))
    with pytest.raises(InputError, match=r"no path.*pci-bus"):
        simulate(scenario)


def test_a_transfer_ends_when_its_bytes_are_in_the_memory() -> None:
    """Hardly a byte is read here, so that it is the copy that waits for the memory."""
    size, rate = 512 << 10, 100e6
    scenario = Scenario(
        load_model("pci-64-66"),
        workload("strided", {"size": "512 KiB", "stride": "64 KiB", "length": "8 B"}),
        "copy-once",
        {"block": "64 KiB", "shadow": "128 KiB"},
        memory=load_model("shared-memory-ddr3").with_values(
            {"dma.allocate": "false", "memory.channels": "1", "memory.rate": "100 MB/s"}
        ),
    )
    result = simulate(scenario)
    assert result.processor_s.wait > size / rate
    assert result.links["bus"].utilisation < 0.6
