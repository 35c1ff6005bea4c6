"""Figures that do not fit together: the line names the key, its value, the others and what fits."""

import pytest

from simaccess.errors import InputError
from simaccess.model import load_model

CACHE = {"cache.size": "1 MiB", "cache.rate": "10 GB/s"}


@pytest.mark.parametrize(
    ("model", "settings", "line"),
    [
        (
            "wan-20ms-100mbit",
            {"path.mtu": "52 B"},
            "path.mtu = '52 B': not more than tcp.header = 52 B; allowed: more than 52 B",
        ),
        (
            "wan-20ms-100mbit",
            {"request.reply": "40 B"},
            "request.reply = '40 B': not more than tcp.header = 52 B; allowed: more than 52 B",
        ),
        (
            "wan-20ms-100mbit",
            {"tcp.receive_window": "1 kB"},
            (
                "tcp.receive_window = '1 kB': does not hold what a packet carries, path.mtu less"
                " tcp.header; allowed: 1448 B or more"
            ),
        ),
        (
            "wan-20ms-100mbit",
            {"path.upstream_buffer": "1 kB"},
            (
                "path.upstream_buffer = '1 kB': does not hold a packet, path.mtu = 1500 B; allowed:"
                " 1500 B or more"
            ),
        ),
        (
            "pci-x-133",
            {"bus.width": "3 B"},
            (
                "bus.boundary = '128 B': not whole data phases of bus.width = 3 B; allowed: 3 B or a"
                " multiple of it"
            ),
        ),
        (
            "pci-64-66",
            {"device.devsel": "3", "device.write_latency": "2"},
            "device.write_latency = 2: contains DEVSEL#, devsel = 3; allowed: 3 or more",
        ),
        (
            "pci-64-66",
            {"host.delayed": "false", "host.read_delay": "3"},
            "host.read_delay = 3: is that of a delayed read; allowed: 0, or with delayed = true",
        ),
        (
            "pci-64-66",
            {"device.read_latency": "17"},
            "device.read_latency = 17: not what device.devsel = 2 leaves; allowed: 2 to 16 clocks",
        ),
        (
            "pci-64-66",
            {"host.write_latency": "33"},
            "host.write_latency = 33: too many clocks; allowed: 2 to 32 clocks",
        ),
        (
            "pci-64-66",
            {"other.masters": "2", "other.rate": "0 B/s"},
            "other.masters = 2: without other.rate; allowed: 0, or with other.rate above 0",
        ),
        (
            "shared-memory-ddr4",
            {"caches.line": "48 B"},
            "caches.line = '48 B': no line; allowed: a power of two from 8 B on, as in '64 B'",
        ),
        (
            "shared-memory-ddr4",
            {"caches.l2": "1 KiB"},
            "caches.l2 = '1 KiB': less than caches.l1 = 32 KiB; allowed: 32 KiB or more",
        ),
        (
            "shared-memory-ddr4",
            {"memory.efficiency_mixed": "0.99"},
            (
                "memory.efficiency_mixed = 0.99: more than memory.efficiency = 0.88; allowed: above 0, up"
                " to 0.88"
            ),
        ),
        (
            "shared-memory-ddr4",
            {"pages.size": "32 B"},
            "pages.size = '32 B': less than a line, caches.line = 64 B; allowed: 64 B or more",
        ),
        (
            "example-link",
            {"link.long_rate": "1 GB/s"},
            "link.long_rate = '1 GB/s': without link.long; allowed: 0, or with link.long above 0",
        ),
        (
            "example-link",
            {"dma.take_rate": "1 GB/s", "dma.mover": "waiter"},
            (
                "dma.take_rate = '1 GB/s': needs dma.mover = 'engine'; allowed: 0, or with dma.mover ="
                " 'engine'"
            ),
        ),
        (
            "example-link",
            {**CACHE, "cache.shared": "1 MiB"},
            (
                "cache.shared = '1 MiB': without cache.shared_rate; allowed: 0, or with"
                " cache.shared_rate above 0"
            ),
        ),
        (
            "example-link",
            {**CACHE, "cache.shared": "512 KiB", "cache.shared_rate": "5 GB/s"},
            "cache.shared = '512 KiB': less than cache.size = 1 MiB; allowed: 0, or 1 MiB or more",
        ),
    ],
)
def test_what_does_not_fit_is_named_whole(model: str, settings: dict[str, str], line: str) -> None:
    with pytest.raises(InputError) as failure:
        load_model(model, settings)
    assert str(failure.value) == line
