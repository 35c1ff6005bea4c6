"""Measuring: batches, rounds, interrupts, several consumers, and what is kept of it all."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import numpy as np
import pytest

from simaccess import measure as measuring
from simaccess.errors import InputError, LinkError
from simaccess.measure import FEWEST, FEWEST_WITH_LOSS, measure, measure_with
from simaccess.measured import Cell, MeasuredSet, interval
from simaccess.model import load_model
from simaccess.plan import Plan, Traits, plan
from simaccess.predict import predict
from simaccess.real.link import RealLink
from simaccess.timing import RealTimer, SimulatedTimer
from tests.real.memory_link import MemoryLink
from tests.real.socket_link import Server, open_link, serving
from tests.real.stepped_link import SteppedLink

SEGMENT = 1 << 20
CELLS = (
    Cell("load", 64, state="cold"),
    Cell("load", 4096, state="warm", warm=2),
    Cell("fetch", 4096, 4, "warm", warm=4, count=16),
    Cell("fetch", 4096, state="idle", warm=1, idle_s=0.001),
    Cell("load", 64, pattern="random", count=4),
    Cell(
        "method", 65536, state="warm", warm=1, workload="sequential size=256 KiB length=4 KiB",
        method="prefetch", settings="block=64 KiB depth=2", count=64,
    ),
)  # fmt: skip


@pytest.fixture(autouse=True)
def _no_looking_around(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "load", lambda: {"average": [0.0]})


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(bytearray(os.urandom(SEGMENT))) as served:
        yield served


class Steady:
    """Times cells by a script, and notes them."""

    url, segment, exact = "scripted:", SEGMENT, False

    def __init__(self, seconds: float = 1e-3) -> None:
        self.seconds = seconds
        self.timed: list[tuple[Cell, int]] = []
        self.draw: dict[Cell, Callable[[], float]] = {}

    def traits(self, writes: bool) -> Traits:
        return Traits(SEGMENT, False, writes)

    def time(self, cell: Cell, repetition: int) -> float:
        self.timed.append((cell, repetition))
        if cell in self.draw:
            return self.draw[cell]()
        return self.seconds * cell.count

    def close(self) -> None:
        pass


@pytest.mark.parametrize("name", ["wan-20ms-100mbit", "pci-64-66", "shared-memory-ddr4"])
def test_what_is_measured_on_a_simulated_link_is_what_is_predicted(name: str) -> None:
    model = load_model(name)
    timer = SimulatedTimer(model, SEGMENT)
    cells = plan("quick", timer.traits(False)).cells
    first = {(cell.operation, cell.pattern, cell.consumers): cell for cell in reversed(cells)}
    outcome = measure_with(timer, Plan("some", tuple(first.values()), most=10))
    assert outcome.short == 0
    assert {cell.operation for cell in outcome.measured.cells} == {"load", "fetch", "method"}
    for cell in outcome.measured.cells:
        numbers = outcome.measured.repetitions(cell)
        assert len(numbers) == FEWEST
        seconds = [predict(model, cell, number, segment=SEGMENT) for number in numbers[:2]]
        assert outcome.measured.seconds(cell)[:2].tolist() == seconds


@pytest.mark.parametrize("name", ["wan-20ms-100mbit", "pci-64-66", "example-link"])
def test_a_stand_in_for_a_real_link_is_measured_as_it_is_predicted(name: str) -> None:
    """Every call blocks, as on a real link, and every time is the one that is predicted."""
    model = load_model(name)
    cells = plan("quick", Traits(SEGMENT, cools=True, writes=True, patient=True)).cells
    fresh = [
        cell
        for cell in cells
        if cell.state != "steady" and cell.consumers == 1 and cell.workload[:6] != "random"
    ]
    some = fresh[::4] if name == "wan-20ms-100mbit" else fresh[:24:6] + fresh[-9:]
    outcome = measure(lambda: SteppedLink(model, SEGMENT), Plan("some", tuple(some), seconds=0.0))
    assert {cell.operation for cell in outcome.measured.cells} > {"fetch", "method"}
    for cell in some:
        numbers = outcome.measured.repetitions(cell)
        assert len(numbers) == FEWEST
        predicted = [predict(model, cell, number, segment=SEGMENT) for number in numbers[:2]]
        assert outcome.measured.seconds(cell)[:2].tolist() == predicted


def test_a_real_link_is_measured(server: Server) -> None:
    outcome = measure(partial(open_link, server.url), Plan("some", CELLS, seconds=0.0))
    measured = outcome.measured
    assert outcome.short == 0
    assert outcome.failure is None
    assert measured.header["link"] == server.url
    assert measured.segment == SEGMENT
    assert {"machine", "kernel", "python", "placement", "clock", "date"} <= set(measured.header)
    assert set(measured.header["load"]) == {"before", "after"}
    assert {cell.kind for cell in measured.cells} == {cell.kind for cell in CELLS}
    for cell in measured.cells:
        assert len(measured.seconds(cell)) == FEWEST
        assert (measured.seconds(cell) > 0).all()


def test_consumers_at_once_are_processes(server: Server) -> None:
    cell = Cell("fetch", 4096, consumers=2, state="warm", warm=1, count=4)
    outcome = measure(partial(open_link, server.url), Plan("two", (cell,), seconds=0.0))
    assert len(outcome.measured.seconds(cell)) == FEWEST
    # Each repetition, and the one untimed: two connections, each with a touch, 1 and 4 requests.
    assert server.asked >= 2 * (FEWEST + 1) * 6


def test_a_consumer_that_fails_ends_the_measurement(server: Server) -> None:
    cells = (CELLS[0], Cell("load", 64, consumers=2, state="warm", warm=1))
    server.left = 60
    outcome = measure(partial(open_link, server.url), Plan("two", cells, seconds=60.0))
    assert outcome.failure is not None
    assert "connection" in str(outcome.failure)
    assert outcome.short == 2
    assert len(outcome.measured.frame) < 40


def third_fails(url: str, marks: str, dies: bool) -> RealLink:
    """Open a link, but not the third one: that of one of two consumers."""
    for number in range(2):
        with suppress(FileExistsError), Path(marks, str(number)).open("x"):
            return open_link(url)
    if dies:
        os._exit(3)
    raise LinkError("no third one", url)


@pytest.mark.parametrize("dies", [False, True])
def test_a_consumer_does_not_wait_for_one_that_fails(
    server: Server, tmp_path: Path, dies: bool
) -> None:
    cell = Cell("load", 64, consumers=2, state="warm", warm=1)
    factory = partial(third_fails, server.url, str(tmp_path), dies)
    outcome = measure(factory, Plan("two", (cell,), seconds=60.0))
    said = "the process of a consumer died" if dies else "no third one"
    assert str(outcome.failure) == f"{server.url}: {said}"


def test_a_link_that_fails_midway_leaves_what_was_measured(server: Server) -> None:
    timer = RealTimer(partial(open_link, server.url))

    def warming(done: int, cells: int) -> None:
        if done == cells:
            server.left = 30

    outcome = measure_with(timer, Plan("some", CELLS), warming=warming)
    timer.close()
    assert isinstance(outcome.failure, LinkError)
    assert not outcome.interrupted
    assert 0 < len(outcome.measured.frame) < 6 * FEWEST
    assert outcome.short == 6


def test_an_interrupt_waits_until_the_consumers_have_been_started(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process whose parent goes while it is started would print a traceback."""
    started: list[int] = []
    start = ForkServerProcess.start

    def interrupted(process: ForkServerProcess) -> None:
        signal.raise_signal(signal.SIGINT)
        start(process)
        started.append(process.pid or 0)

    monkeypatch.setattr(ForkServerProcess, "start", interrupted)
    timer = RealTimer(partial(open_link, server.url))
    with pytest.raises(KeyboardInterrupt):
        timer.time(Cell("load", 1, consumers=2), 0)
    assert len(started) == 4
    timer.close()
    for pid in started:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_an_interrupt_leaves_what_was_measured() -> None:
    def interrupt(cell: Cell, number: int, _: float) -> str:
        if cell == CELLS[1] and number == 4:
            raise KeyboardInterrupt
        return ""

    outcome = measure_with(Steady(), Plan("some", CELLS), verify=interrupt)
    assert outcome.interrupted
    assert outcome.short == 6
    assert 4 * 6 <= len(outcome.measured.frame) < 5 * 6


def test_cells_take_turns() -> None:
    timer = Steady()
    outcome = measure_with(timer, Plan("some", CELLS, most=12))
    rows = outcome.measured.frame
    names = list(zip(rows["operation"], rows["size"], rows["state"], rows["depth"], strict=True))
    orders = set()
    for number in range(FEWEST):
        turn = names[number * 6 : number * 6 + 6]
        assert len(set(turn)) == 6
        assert set(rows["repetition"][number * 6 : number * 6 + 6]) == {number}
        orders.add(tuple(turn))
    assert len(orders) > 5
    assert len(rows) == FEWEST * 6  # all equal: the interval is as narrow as can be


def test_what_is_not_known_yet_goes_on() -> None:
    draws = np.random.default_rng(0)
    timer = Steady()
    noisy = Cell("load", 64, state="cold")
    times: dict[Cell, Callable[[], float]] = {
        noisy: lambda: draws.lognormal(0, 1),
        CELLS[1]: lambda: draws.lognormal(0, 0.01),
    }
    timer.draw = times
    outcome = measure_with(timer, Plan("two", tuple(times), most=25))
    assert outcome.wide == (noisy,)
    assert len(outcome.measured.seconds(noisy)) == 25
    assert len(outcome.measured.seconds(CELLS[1])) == FEWEST
    limited = measure_with(timer, Plan("two", tuple(times), most=25, seconds=0.0))
    assert Counter(len(limited.measured.seconds(cell)) for cell in times) == {FEWEST: 2}


def test_time_that_the_user_limits_is_up_before_the_fewest() -> None:
    outcome = measure_with(Steady(), Plan("some", CELLS), seconds=1e-9)
    assert outcome.short == 6
    assert not len(outcome.measured.frame)


def test_untimed_first_runs_are_told_and_take_none_of_the_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By a clock that each run moves by a second."""
    seconds = 0

    class Counted(Steady):
        def time(self, cell: Cell, repetition: int) -> float:
            nonlocal seconds
            seconds += 1
            return super().time(cell, repetition)

    monkeypatch.setattr("simaccess.measure.monotonic", lambda: seconds)
    warmed: list[tuple[int, int]] = []
    outcome = measure_with(
        Counted(),
        Plan("some", CELLS),
        seconds=4,
        warming=lambda done, total: warmed.append((done, total)),
    )
    assert warmed == [(number, len(CELLS)) for number in range(len(CELLS) + 1)]
    assert len(outcome.measured.frame) == 4


def test_discarded_repetitions_are_kept_and_made_again() -> None:
    def late(_: Cell, number: int, __: float) -> str:
        return "2 packets late" if number % 2 else ""

    outcome = measure_with(Steady(), Plan("some", CELLS[:1]), verify=late)
    (cell,) = outcome.measured.cells
    assert len(outcome.measured.seconds(cell)) == FEWEST
    assert outcome.measured.discarded(cell) == FEWEST - 1
    always = measure_with(Steady(), Plan("some", CELLS[:1]), verify=lambda *_: "never good")
    assert always.short == 1
    assert not len(always.measured.seconds(CELLS[0]))


def test_short_operations_are_timed_in_batches() -> None:
    timer = Steady(1e-6)
    cells = (Cell("load", 64, warm=1), Cell("load", 64, pattern="random"), CELLS[0])
    outcome = measure_with(timer, Plan("some", cells, most=10))
    warmed, cold, fresh = outcome.measured.cells
    assert warmed.count == warmed.warm
    assert 200 <= warmed.count < 1000
    assert cold.count == warmed.count
    assert cold.warm == 0
    assert fresh == CELLS[0]
    assert warmed.share == cells[0].share


def test_loss_asks_for_more_repetitions() -> None:
    outcome = measure_with(Steady(), Plan("one", CELLS[:1]), facts={"loss": "0.5 %"})
    assert len(outcome.measured.frame) == FEWEST_WITH_LOSS
    assert outcome.measured.header["facts"] == {"loss": "0.5 %"}
    outcome = measure_with(Steady(), Plan("one", CELLS[:1]), facts={"loss": "0 %"})
    assert len(outcome.measured.frame) == FEWEST


def test_cells_on_a_threshold_are_named() -> None:
    cells = (Cell("fetch", 1 << 18, state="cold"), Cell("fetch", 1 << 12, state="cold"))
    facts = {"rate": "100 Mbit/s", "rtt": "20 ms", "buffer": "250 kB"}
    outcome = measure_with(Steady(), Plan("two", cells), facts=facts)
    assert [outcome.measured.on_threshold(cell) for cell in cells] == [True, False]
    assert outcome.measured.header["threshold"]["bursts"] == [250_000, 500_000]
    with pytest.raises(InputError, match="rate = 'fast': not a number with a unit"):
        measure_with(Steady(), Plan("two", cells), facts={"rate": "fast"})


def test_what_was_measured_is_given_away_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "CHECKPOINT", 0.0)
    kept: list[int] = []

    def keep(measured: MeasuredSet) -> None:
        kept.append(len(measured.frame))

    measure_with(Steady(), Plan("some", CELLS, most=10), keep=keep)
    assert kept == list(range(1, 6 * FEWEST + 1))


def test_the_interval_of_a_median_holds_it_as_often_as_it_says() -> None:
    draws = np.random.default_rng(1)
    for count in (10, 30):
        held = 0
        for _ in range(2000):
            low, high = interval(draws.exponential(size=count))
            held += low <= np.log(2) <= high
        assert 0.94 <= held / 2000 <= 0.99
    assert interval([1.0] * 5) == (-np.inf, np.inf)
    assert interval([3.0, 1.0, 2.0, 5.0, 4.0, 6.0]) == (1.0, 6.0)


def memory() -> RealLink:
    return MemoryLink(bytearray(SEGMENT))


def test_a_named_plan_suits_the_link() -> None:
    with pytest.raises(InputError, match=r"plan = 'quack': no such plan \(did you mean 'quick'"):
        measure(memory, "quack")
    timer = RealTimer(memory)
    assert timer.traits(False) == Traits(SEGMENT, False, False, False, 4)
    assert timer.traits(True).writes
    timer._link.writable = False
    with pytest.raises(InputError, match="writes = 'memory:': this link cannot be written"):
        timer.traits(True)


def test_processes_are_pinned_where_asked() -> None:
    before = os.sched_getaffinity(0)
    cpu = min(before)
    seen = []

    def look(*_: object) -> str:
        seen.append(os.sched_getaffinity(0))
        return ""

    outcome = measure(memory, Plan("one", CELLS[4:5], most=10), cpus=[cpu], verify=look)
    assert seen[0] == {cpu}
    assert os.sched_getaffinity(0) == before
    assert outcome.measured.header["placement"]["pinned"] == [cpu]
    with pytest.raises(InputError, match="cpu = 4095: cannot be used; allowed: "):
        measure(memory, Plan("one", CELLS[4:5]), cpus=[4095])


class _Unsteady:
    """Times cells of other sizes than 1 now so, now twice as long."""

    url, segment, exact = "unsteady:", 1000, True

    def traits(self, writes: bool) -> Traits:
        return Traits(self.segment, cools=False, writes=writes)

    def time(self, cell: Cell, repetition: int) -> float:
        return 1.0 + (repetition % 2 if cell.size > 1 else 0)

    def close(self) -> None:
        pass


@pytest.mark.parametrize(("sizes", "most"), [((1, 2, 3), 20), ((1, 1, 2), FEWEST)])
def test_a_cell_that_is_known_goes_on_as_long_as_most_do(sizes: tuple[int, ...], most: int) -> None:
    cells = tuple(Cell("load", size, warm=number) for number, size in enumerate(sizes))
    measured = measure_with(_Unsteady(), Plan("some", cells, most=20)).measured
    assert [len(measured.seconds(cell)) for cell in cells] == [
        most if cell.size == 1 else 20 for cell in cells
    ]
