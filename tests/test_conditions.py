import numpy as np
import pytest

from simaccess.conditions import conditions, payload_share
from simaccess.model import Model, load_model
from simaccess.workload.records import HeaderPayloadParameters
from simaccess.workload.registry import workload

SETTINGS = {"record": "1024 B", "alignment": "1024 B", "size": "1 MiB", "requests": 200}


@pytest.fixture(scope="module")
def link() -> Model:
    values = {
        "link.rate": "1 GB/s",
        "link.latency": "2 us",
        "dma.issue": "1 us",
        "dma.start": "3 us",
        "dma.completion": "4 us",
        "dma.channels": "1",
        "local.latency": "0 s",
        "local.rate": "1000 TB/s",
    }
    return load_model("example-link", values)


def test_a_plain_links_conditions_follow_from_its_parameters(link: Model) -> None:
    asked = workload("header-payload", {**SETTINGS, "header": "64 B", "payload_probability": 0.5})
    seen = conditions(link, asked)
    # Reads of up to 16 B differ from one of 1 B by less than 1 % of 2.001 us.
    assert seen.w == 16
    assert seen.t == pytest.approx(2.016e-6)
    assert pytest.approx(1e-6 + 3e-6 + 1.024e-6 + 2e-6 + 4e-6) == seen.T
    assert seen.T_payload == pytest.approx(seen.T - 64e-9)
    assert seen.n_h * seen.t == pytest.approx(2.064e-6)
    assert seen.n_p * seen.t == pytest.approx(2.96e-6)
    times = seen.times()
    assert times["zero-copy"] == pytest.approx(2.064e-6 + seen.p * 2.96e-6)
    assert times["hybrid"] == pytest.approx(2.064e-6 + seen.p * seen.T_payload)


def test_the_share_is_that_of_the_requests_that_go_beyond_the_header() -> None:
    asked = workload("header-payload", {**SETTINGS, "payload_probability": 0.3})
    assert isinstance(asked.parameters, HeaderPayloadParameters)
    made = asked.accesses(5)
    expected = np.count_nonzero(made.length > 54) / np.count_nonzero(made.last)
    assert payload_share(asked, 5) == expected
    assert 0.2 < expected < 0.4
    assert payload_share(workload("header-only", SETTINGS)) == 0
    assert payload_share(workload("random", {"requests": 10})) == 1


def test_a_link_without_payload_reads_has_no_payload_time(link: Model) -> None:
    seen = conditions(link, workload("header-only", SETTINGS))
    assert (seen.p, seen.n_p) == (0, 0)
    assert seen.n_h > 0


def test_a_copy_of_a_methods_own_block_is_measured_at_that_block(link: Model) -> None:
    asked = workload("header-payload", {**SETTINGS, "header": "64 B", "payload_probability": 0.5})
    settings = {"copy-once": {"block": "16 KiB"}, "hybrid": {"block": "8 KiB"}, "prefetch": {}}
    seen = conditions(link, asked, settings=settings)
    fixed_s = 1e-6 + 3e-6 + 2e-6 + 4e-6
    assert seen.copies == pytest.approx(
        {"copy-once": fixed_s + 16_384e-9, "hybrid": fixed_s + (8192 - 64) * 1e-9}
    )
    plain = conditions(link, asked)
    assert (plain.copies, plain.T) == ({}, seen.T)
    in_place = {"hybrid": {"block": "64 B", "threshold": "64 B"}}
    assert conditions(link, asked, settings=in_place).copies == {}  # a block is all header


def test_without_records_a_block_is_copied(link: Model) -> None:
    asked = workload("sequential", {"size": "256 KiB", "block": "4 KiB", "length": "1 KiB"})
    seen = conditions(link, asked)
    assert seen.T == seen.T_payload == pytest.approx(10e-6 + 4.096e-6)
    assert (seen.n_h, seen.p) == (0, 1)
    assert seen.n_p * seen.t == pytest.approx(3.024e-6)


@pytest.mark.parametrize(("model", "width", "reads"), [("pci-64-66", 8, 7), ("pci-32-33", 4, 14)])
def test_on_a_pci_bus_a_read_in_place_is_as_wide_as_the_bus(
    model: str, width: int, reads: int
) -> None:
    asked = workload("header-payload", {"requests": 100, "payload_probability": 1.0})
    seen = conditions(load_model(model), asked)
    assert seen.w == width
    assert seen.n_h == pytest.approx(reads, rel=0.02)  # ceil(54 / w): nothing overlaps
    assert seen.n_p == pytest.approx(1460 / width, rel=0.02)


def test_over_a_wan_anything_in_place_is_a_round_trip() -> None:
    asked = workload("header-payload", {"requests": 50, "payload_probability": 1.0})
    seen = conditions(load_model("wan-20ms-100mbit"), asked)
    assert seen.t == pytest.approx(20e-3, rel=0.02)
    # Fifty copies, and the handshake before the first.
    assert pytest.approx(20e-3 * 51 / 50, rel=0.02) == seen.T
    assert (seen.n_h, seen.n_p) == pytest.approx((1, 1), rel=0.02)
    assert seen.best() == "copy-once"
