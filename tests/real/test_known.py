"""What is known of links of one machine: by their URLs, as models, and what a fit begins with."""

from __future__ import annotations

import pytest

from simaccess.calibrate import begin, fitted_by, known_of
from simaccess.cell import Cell
from simaccess.measured import MeasuredSet
from simaccess.real.known import known

EPYC = {"cpu": "AMD EPYC", "caches": {"L1": "48K", "L2": "1024K", "L3": "32768K"}}
LOCAL = (
    "shm:ring",
    "shm:ring?copier=process",
    "file:/data/x",
    "file:/data/x?mode=mapped",
    "file:/data/x?mode=direct",
    "file:/data/x?mode=direct&copier=inline",
    "nbd+unix:///?socket=/run/nbd.sock",
    "nbd://127.0.0.1:10809/",
)


def measured(link: str) -> MeasuredSet:
    rows = [
        (Cell(operation, size), 0, 1e-6 + size * 1e-9, False, "")
        for operation in ("load", "fetch")
        for size in (64, 4096, 65536)
    ]
    return MeasuredSet.of({"link": link, "segment": 1 << 20, "machine": EPYC}, rows)


MOVERS = ("issuer", "engine", "waiter", "waiter", "engine", "issuer", "engine", "engine")


@pytest.mark.parametrize(("link", "mover"), [*zip(LOCAL, MOVERS, strict=True)])
def test_a_fit_begins_with_what_is_known_and_fits_what_is_not(link: str, mover: str) -> None:
    found = measured(link)
    start = begin("fifo-link", found, {})
    assert start.value("dma.mover") == mover
    own = known_of("fifo-link", found)
    assert own is not None
    fitted = fitted_by(start, own)
    assert set(own.guesses) <= set(fitted)
    assert not set(own.facts) & set(fitted)
    for key in fitted:
        assert start.value(key), key  # else it could not be fitted
    for key, value in own.facts.items():
        assert start.value(key) == start.with_values({key: value}).value(key)


def test_the_user_comes_first() -> None:
    settings = {"dma.mover": "engine", "client.miss": "5 us"}
    start = begin("fifo-link", measured("shm:ring"), settings)
    assert start.value("dma.mover") == "engine"
    assert start.value("client.miss") == pytest.approx(5e-6)


def test_long_copies_are_known_where_the_machine_tells() -> None:
    for machine in ({}, {"cpu": "Some", "caches": EPYC["caches"]}, {"cpu": "AMD EPYC"}):
        own = known("shm:ring", machine)
        assert own is not None
        assert "link.long" not in own.facts
        assert "link.long_rate" not in own.fitted
    own = known("shm:ring", EPYC)
    assert own is not None
    assert own.facts["link.long"] == "1024 KiB"


def test_what_is_near_is_known_where_the_machine_tells() -> None:
    odd: tuple[dict[str, object], ...] = (
        {},
        {"caches": {"L1": "48K"}},
        {"caches": {"L2": "big", "L3": "32768K"}},
        {"caches": 3},
    )
    for link in ("shm:ring", "file:/data/x"):
        for machine in odd:
            own = known(link, machine)
            assert own is not None
            assert not [key for key in own.settings if key.startswith("cache.")]
            assert "client.cold" not in own.fitted
        own = known(link, {"caches": {"L2": "512K"}})
        assert own is not None
        assert own.facts["cache.size"] == "512 KiB"
        assert "cache.shared_rate" not in own.fitted
        own = known(link, EPYC)
        assert own is not None
        assert (own.facts["cache.size"], own.facts["cache.shared"]) == ("1024 KiB", "32768 KiB")
        assert {"cache.rate", "cache.shared_rate", "client.cold"} <= set(own.fitted)
    other = known("nbd+unix:///?socket=/run/nbd.sock", EPYC)
    assert other is not None
    assert not [key for key in other.settings if key.startswith("cache.")]


def test_only_a_file_that_a_page_cache_holds_has_a_cold_state_of_its_own() -> None:
    cold = [link for link in LOCAL if (own := known(link)) is not None and own.cools]
    assert cold == ["file:/data/x", "file:/data/x?mode=mapped"]


@pytest.mark.parametrize(
    "link", ["", "https://host/x", "nbd://far.example/x", "file:/x?mode=odd", "simulated:some"]
)
def test_of_other_links_nothing_is_known(link: str) -> None:
    assert known(link) is None
    assert known_of("wan-link", measured("shm:ring")) is None
