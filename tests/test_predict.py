"""A part of a batch tells the whole: exactly on a queue, and closely where caches remember."""

from __future__ import annotations

import pytest

from simaccess.measured import Cell
from simaccess.model import load_model
from simaccess.predict import predict, predict_each, shorten

SEGMENT = 4 << 20
SMALL = {"caches.l2": "64 KiB", "caches.l3": "256 KiB", "pages.tlb_entries": "32"}
QUEUE = load_model("example-link")
CACHES = load_model("shared-memory-ddr4", SMALL)


@pytest.mark.parametrize("warm", [0, 1024])
@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize("operation", ["load", "store", "fetch", "flush"])
def test_it_is_exact_on_a_queue(operation: str, depth: int, warm: int) -> None:
    if depth > 1 and operation in ("load", "store"):
        return
    cell = Cell(operation, 3000, depth, warm=warm, count=1024)  # type: ignore[arg-type]  # one of them
    assert shorten(QUEUE.parameters, cell, SEGMENT).count == 128 * depth
    (part,) = predict_each(QUEUE, [(cell, 0)], segment=SEGMENT, short=True)
    assert part == pytest.approx(predict(QUEUE, cell, segment=SEGMENT), rel=1e-12)


@pytest.mark.parametrize(
    ("operation", "size", "count"),
    [
        ("load", 64, 16384),  # 1 MiB: beyond all caches
        ("load", 1000, 4096),
        ("load", 4096, 2048),
        ("fetch", 1024, 1024),
        ("fetch", 16384, 512),  # 8 MiB: around the segment twice
        ("store", 4096, 1024),
    ],
)
@pytest.mark.parametrize("warmed", [False, True])
def test_it_is_close_where_caches_remember(
    operation: str, size: int, count: int, warmed: bool
) -> None:
    cell = Cell(operation, size, warm=count if warmed else 0, count=count)  # type: ignore[arg-type]  # one of them
    assert shorten(CACHES.parameters, cell, SEGMENT).count < count
    (part,) = predict_each(CACHES, [(cell, 0)], segment=SEGMENT, short=True)
    assert part == pytest.approx(predict(CACHES, cell, segment=SEGMENT), rel=2e-3)


@pytest.mark.parametrize(
    "cell",
    [
        Cell("load", 64, count=100),  # short
        Cell("load", 64, pattern="random", count=4096),
        Cell("load", 64, count=4096, consumers=2),
        Cell("load", 64, count=4096, warm=3),
        Cell("load", 64, count=4500, warm=4500),  # 281 KiB, of which the L3 holds all but a little
    ],
)
def test_what_cannot_be_shortened_is_whole(cell: Cell) -> None:
    assert shorten(CACHES.parameters, cell, SEGMENT) == cell


def test_what_remembers_for_long_is_whole() -> None:
    cell = Cell("load", 64, warm=4096, count=4096)
    busy = load_model("shared-memory-ddr4", {"background.rate": "1 GB/s"})
    for model in (load_model("wan-20ms-100mbit"), busy):
        assert shorten(model.parameters, cell, SEGMENT) == cell


def test_a_link_that_gives_up_is_slow_and_no_error() -> None:
    cell = Cell("load", 64, count=4)
    kept = predict(load_model("wan-20ms-100mbit"), cell, segment=SEGMENT)
    lossy = load_model("wan-20ms-100mbit", {"path.loss": "0.9999"})
    assert 100 < predict(lossy, cell, segment=SEGMENT) < 1000
    assert kept < 1
