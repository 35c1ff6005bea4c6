"""Probes: a cell's time on simulated links by closed forms, and the same code on a real one."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from simaccess import probe as probing
from simaccess.errors import InputError
from simaccess.measured import Cell, assignments
from simaccess.model import Model, load_model
from simaccess.predict import predict
from simaccess.probe import PATTERN, probe, task
from simaccess.real.clock import run
from simaccess.scenario import Scenario
from simaccess.segment import Local, Segment
from simaccess.simulate import simulate
from simaccess.workload.registry import workload
from tests.real.memory_link import MemoryLink

SEGMENT = 1 << 24
SEQUENTIAL = "sequential size=1 MiB length=4 KiB"


def fifo(**changes: str) -> Model:
    values = {"link.rate": "100 MB/s", "link.latency": "10 us", "dma.start": "0 s"}
    return load_model(
        "example-link", values | {key.replace("__", "."): value for key, value in changes.items()}
    )


wan = partial(load_model, "wan-20ms-100mbit")


def test_loads_add_up() -> None:
    model = fifo()
    one = predict(model, Cell("load", 1000), segment=SEGMENT)
    ten = predict(model, Cell("load", 1000, count=10), segment=SEGMENT)
    assert ten == pytest.approx(10 * one, rel=1e-9)
    assert predict(model, Cell("load", 2000), segment=SEGMENT) - one == pytest.approx(10e-6)


def test_fetches_in_flight_hide_the_round_trips() -> None:
    """A warm pipeline of small requests takes a round trip for each `depth` of them."""
    cells = [
        Cell("fetch", 64, depth, "warm", warm=100, pattern="random", count=32)
        for depth in (1, 2, 8, 32)
    ]
    times = [predict(wan(), cell, segment=SEGMENT) for cell in cells]
    for cell, seconds in zip(cells, times, strict=True):
        assert seconds == pytest.approx(0.02 * 32 / cell.depth, rel=0.1)


def test_a_cold_connection_is_open_and_has_its_initial_window() -> None:
    """Tiny: no handshake is timed. 280 KB take 10, 20, 40, 80 segments and the rest: 4 more RTT."""
    tiny = Cell("load", 64, state="cold")
    assert predict(wan(), tiny, segment=SEGMENT) == pytest.approx(0.02, rel=0.05)
    cold = Cell("fetch", 160 * 1448, state="cold")
    warm = Cell("fetch", 160 * 1448, state="warm", warm=10)
    slower = predict(wan(), cold, segment=SEGMENT) - predict(wan(), warm, segment=SEGMENT)
    assert 0.04 < slower < 0.08


def test_silence_restarts_a_window_and_is_not_timed() -> None:
    model = wan({"tcp.idle_restart": "true", "tcp.congestion_control": "reno"})
    warm = Cell("fetch", 160 * 1448, state="warm", warm=10)
    silent = replace(warm, state="idle", idle_s=5.0)
    before, after = (predict(model, cell, segment=SEGMENT) for cell in (warm, silent))
    assert before + 0.02 < after < 1


def test_consumers_share_a_link_and_start_together() -> None:
    model = fifo()
    one = predict(model, Cell("fetch", 1 << 20), segment=SEGMENT)
    four = predict(model, Cell("fetch", 1 << 20, consumers=4), segment=SEGMENT)
    assert four == pytest.approx(4 * one, rel=0.05)


@pytest.mark.parametrize("method", ["zero-copy", "copy-once", "hybrid", "prefetch"])
@pytest.mark.parametrize("consumers", [1, 2])
def test_a_method_takes_what_its_simulation_takes(method: str, consumers: int) -> None:
    settings = "" if method == "zero-copy" else "block=16 KiB shadow=256 KiB"
    cell = Cell(
        "method", 0, workload=SEQUENTIAL, method=method, settings=settings, consumers=consumers,
        count=256,
    )  # fmt: skip
    model = fifo()
    scenario = Scenario(
        model,
        workload("sequential", {"size": "1 MiB", "length": "4 KiB"}),
        method,
        {} if method == "zero-copy" else {"block": "16 KiB", "shadow": "256 KiB"},
        consumers=consumers,
    )
    assert predict(model, cell, segment=1 << 20) == simulate(scenario).elapsed_s


def test_random_places_are_those_of_the_repetition() -> None:
    cell = Cell("load", 64, pattern="random", count=50)
    prepared = task(cell, SEGMENT)
    assert prepared.offsets(3, 0) == prepared.offsets(3, 0)
    assert prepared.offsets(3, 0) != prepared.offsets(4, 0)
    assert prepared.offsets(3, 0) != prepared.offsets(3, 1)
    assert all(offset % 64 == 0 and offset < SEGMENT for offset in prepared.offsets(3, 0))
    assert task(Cell("load", 4, count=6), 10).offsets(0, 0) == [0, 4, 0, 4, 0, 4]
    assert task(Cell("load", 1, consumers=2, count=2), 10).offsets(0, 1) == [5, 6]


class Warm(MemoryLink):
    """Memory that says it can be cooled, and notes what it is asked for."""

    def __init__(self, data: bytearray) -> None:
        super().__init__(data)
        self.asked: list[tuple[str, int, int]] = []

    def cool(self) -> bool:
        self.asked.append(("cool", 0, 0))
        return True

    async def load(self, offset: int, length: int):  # type: ignore[no-untyped-def]  # as there
        self.asked.append(("load", offset, length))
        return await super().load(offset, length)


def test_the_same_code_runs_on_a_real_link() -> None:
    link = Warm(bytearray(1000))
    begin, end = run(probe(link, task(Cell("load", 100, state="warm", warm=3, count=2), 1000)))
    assert end > begin
    loads = [("load", offset, 100) for offset in (0, 100, 0, 0, 100)]
    assert link.asked == [("cool", 0, 0), ("load", 936, 64), *loads]


@pytest.mark.parametrize("views", [False, True])
def test_views_are_read(views: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bytes of loads that return views are brought into the consumer's memory."""
    made: list[probing._Read] = []

    class Noted(probing._Read):
        def __init__(self, segment: Segment, local: Local) -> None:
            super().__init__(segment, local)
            made.append(self)

    monkeypatch.setattr(probing, "_Read", Noted)
    link = MemoryLink(bytearray(range(100)))
    link.views = views
    run(probe(link, task(Cell("load", 10, count=3), 100)))
    sequential = "sequential size=100 B length=10 B requests=4"
    cell = Cell("method", 0, workload=sequential, method="zero-copy", count=4)
    run(probe(link, task(cell, 100)))
    rooms = [bytes(each.room) for each in made]
    assert rooms == ([bytes(range(20, 30)), bytes(range(30, 40))] if views else [])
    assert link.moved == 2 * 64 + 30 + 40


def test_bulk_transfers_are_all_awaited() -> None:
    data = bytearray(1000)
    link = MemoryLink(data)
    run(probe(link, task(Cell("fetch", 10, depth=4, count=7), 1000)))
    assert link.under_way == 0
    run(probe(link, task(Cell("flush", 10, depth=4, count=7), 1000)))
    assert link.under_way == 0
    assert bytes(data[:40]) == (PATTERN * 3)[:40]
    assert bytes(data[70:]) == bytes(930)


@pytest.mark.parametrize("method", ["zero-copy", "copy-once", "hybrid", "prefetch"])
@pytest.mark.parametrize("name", ["filter", SEQUENTIAL, "header-payload size=1 MiB"])
def test_methods_run_on_a_real_link(method: str, name: str) -> None:
    asked = workload(*assignments(name))
    content = asked.content(0)
    assert content is not None
    link = MemoryLink(bytearray(content))
    count = asked.accesses(0).requests
    cell = Cell("method", 0, workload=name, method=method, warm=1, count=count)
    begin, end = run(probe(link, task(cell, len(content)), 2))
    assert end > begin
    assert link.under_way == 0


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (Cell("load", 2000), "size = 2000: larger than the segment; allowed: 1 to 1000 bytes"),
        (
            Cell("method", 0, workload="sequential", method="zero-copy"),
            "workload = 'sequential': goes over 16777216 bytes",
        ),
        (
            Cell("method", 0, workload="sequential size=1000 B length=10 B", method="zero-copy"),
            "count = 1: not the requests of its workload; allowed: 100",
        ),
        (
            Cell("method", 0, workload="random size=1000 B writes=0.5", method="zero-copy"),
            "workload = 'random size=1000 B writes=0.5': writes what nobody knows",
        ),
        (
            Cell("method", 0, workload="sequential size=1000 B length=10 B", method="zero"),
            "method = 'zero'",
        ),
    ],
)
def test_a_cell_that_does_not_fit_is_refused(cell: Cell, message: str) -> None:
    with pytest.raises(InputError) as error:
        task(cell, 1000)
    assert message in str(error.value)


def test_a_link_without_a_cold_state_refuses_it() -> None:
    with pytest.raises(InputError, match="state = 'cold': this link has no such state"):
        run(probe(MemoryLink(bytearray(1000)), task(Cell("load", 1, state="cold"), 1000)))
