"""The shipped PCI models: what they must reproduce, and what was measured elsewhere."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from simaccess.figures import Scalar
from simaccess.model import load_model
from simaccess.sim.environment import Environment
from simaccess.sim.pci_bus import PciBus, PciParameters
from tests.sim.pci import bulk, run

MEASURED = Path(__file__).parents[3] / "shared" / "data" / "pci_measured.csv"
BARE = {
    "dma.issue": "0 s", "dma.doorbell": "0 B", "dma.start": "0 s", "dma.descriptor": "0 B",
    "dma.writeback": "0 B", "interrupt.latency": "0 s", "interrupt.cost": "0 s",
}  # fmt: skip


def rate(name: str, *, inwards: bool, **changes: Scalar) -> float:
    """Return the MB/s of bursts alone, as the boards' own tests measure them."""
    parameters = load_model(name).with_values({**BARE, **changes}).parameters
    assert isinstance(parameters, PciParameters)
    env = Environment()
    length = 1 << 22
    link = PciBus(env, parameters, length)
    (agent,) = run(env, bulk(link, length, inwards=inwards))
    return length / agent.time * 1e6


@pytest.mark.parametrize(
    ("name", "changes", "inwards", "expected"),
    [
        ("pci-64-66", {"dma.burst": "256 B"}, False, 145.7),
        ("pci-64-66", {}, False, 228.3),
        ("pci-64-66", {}, True, 315.8),
        ("pci-x-133", {}, False, 936.5),
    ],
)
def test_models_meet_the_closed_forms(
    name: str, changes: dict[str, str], inwards: bool, expected: float
) -> None:
    assert rate(name, inwards=inwards, **changes) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize(("name", "clocks"), [("pci-32-33", 4), ("pci-64-66", 4), ("pci-x-133", 5)])
def test_requests_of_delayed_reads_follow_from_devsel(name: str, clocks: int) -> None:
    for devsel in (1, 2, 3):
        parameters = load_model(name, {"host.devsel": str(devsel)}).parameters
        assert isinstance(parameters, PciParameters)
        bus = PciBus(Environment(), parameters, 0)
        period = round((clocks + devsel - 2) * 1e12 / parameters.bus.clock)
        assert bus.dma.outwards.request == pytest.approx(period, abs=1)
        assert bus.reading.request == 0  # these devices answer at once: DEVSEL# is in the latency


def test_an_uncached_read_at_33_mhz_takes_what_people_remember() -> None:
    parameters = load_model("pci-32-33").parameters
    assert isinstance(parameters, PciParameters)
    env = Environment()
    link = PciBus(env, parameters, 4)
    agent = env.start(lambda _: link.attach().load(0, 4))
    env.run(until=10**9)
    assert 0.4e6 <= agent.stall <= 1e6


def measured() -> dict[str, dict[str, str]]:
    if not MEASURED.exists():
        pytest.skip(f"{MEASURED.name} is not here: public measurements are kept beside a checkout")
    with MEASURED.open(newline="") as file:
        return {row["condition"].split(":")[0]: row for row in csv.DictReader(file)}


def test_another_burst_is_predicted() -> None:
    """The 84 clocks were fitted to 256 B bursts; those of 512 B were not."""
    row = measured()["512B bursts (64 data phases)"]
    # Both bursts of 256 B are given as 147; of those of 512 B, one direction as 227. The source
    # says "reading from the board", the table takes that for the board's writes into the host;
    # the model has the slower figure for whatever is not posted.
    figures = sorted((float(row["device_reads_host_MBps"]), float(row["device_writes_host_MBps"])))
    assert rate("pci-64-66", inwards=False) == pytest.approx(figures[0], rel=0.02)


def test_another_clock_is_predicted() -> None:
    """The model was fitted to a host at 133 MHz; this one has 100 MHz."""
    row = measured()["IBM HS20 Xeon blade"]
    slow = {"bus.clock": "100 MHz"}
    reads = rate("pci-x-133", inwards=False, **slow)
    writes = rate("pci-x-133", inwards=True, **slow)
    assert reads == pytest.approx(float(row["device_reads_host_MBps"]), rel=0.03)
    assert writes == pytest.approx(float(row["device_writes_host_MBps"]), rel=0.03)


def test_the_ranges_hold_the_other_hosts() -> None:
    """Every measured host at 133 MHz lies between the model's slowest and fastest figures."""
    delays = load_model("pci-x-133").provenance["host.read_delay"].range
    assert delays is not None
    fast, slow = (rate("pci-x-133", inwards=False, **{"host.read_delay": d}) for d in delays)
    for name, row in measured().items():
        if "133" in row["bus"]:
            assert slow <= float(row["device_reads_host_MBps"]) <= fast, name
