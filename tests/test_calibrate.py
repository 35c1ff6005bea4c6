"""Calibration and validation on links whose truth is known: simulated ones, measured with noise."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from simaccess.calibrate import Fit, Interrupted, begin, calibrate
from simaccess.cli import main
from simaccess.course import Progress
from simaccess.errors import InputError
from simaccess.measured import Cell, MeasuredSet, held_out
from simaccess.model import Model, load_model
from simaccess.pool import Pool
from simaccess.predict import predict
from simaccess.probe import task
from simaccess.validate import validate

SEGMENT = 8 << 20
HERE = Pool(None, lambda: None)

SIZES = [64, 512, 4096, 16384, 65536, 262144, 1 << 20]
SINGLE = [Cell(operation, size) for operation in ("load", "fetch") for size in SIZES]
PIPED = [Cell("fetch", size, depth=4, count=16) for size in (4096, 65536)]


def method(name: str, settings: str = "", size: int = 0) -> Cell:
    work = "sequential size=256 KiB length=4 KiB"
    return Cell("method", size, workload=work, method=name, settings=settings, count=64)


METHODS = [
    method("zero-copy"),
    *(
        method(name, f"block={block} KiB", block << 10)
        for name in ("copy-once", "hybrid", "prefetch")
        for block in (8, 64)
    ),
]


def measure(
    truth: Model, cells: Sequence[Cell], noise: float = 0.0, count: int = 10, seed: int = 7
) -> MeasuredSet:
    generator = np.random.default_rng(seed)
    rows = []
    for cell in cells:
        seconds = predict(truth, cell, segment=SEGMENT)
        factors = np.exp(noise * generator.standard_normal(count))
        rows += [(cell, i, seconds * factor, False, "") for i, factor in enumerate(factors)]
    return MeasuredSet.of({"link": "simulated", "segment": SEGMENT, "machine": "none"}, rows)


def fitted(fit: Fit) -> dict[str, float]:
    return {one.key: one.value for one in fit.fitted}


TRUTH = {
    "link.rate": "240 MB/s",
    "link.latency": "31 us",
    "dma.issue": "4 us",
    "dma.start": "55 us",
    "dma.completion": "1 us",
    "local.latency": "700 ns",
    "local.rate": "5 GB/s",
}


@pytest.mark.slow
def test_a_fifo_link_is_found_again() -> None:
    truth = load_model("example-link", TRUTH)
    measured = measure(truth, [*SINGLE, *PIPED, *METHODS])
    start = begin("fifo-link", measured, {"dma.completion": "1 us"})
    fit = calibrate(measured, start, HERE)
    assert fit.median_error < 1e-3
    assert fit.p95_error < 5e-3
    found = fitted(fit)
    for key in ("link.rate", "link.latency", "dma.issue", "dma.start"):
        assert found[key] == pytest.approx(truth.value(key), rel=0.005), key
    # Every read of the shadow is of 4 KiB, so that only the sum of these two is known.
    assert any(each.startswith("local.latency and local.rate: hardly") for each in fit.warnings)


@pytest.mark.slow
def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """Of 120 intervals of 95 % fewer than 105 hold the truth once in some 10,000 such tests."""
    truth = load_model("example-link", TRUTH)
    start = load_model("example-link", TRUTH | {"link.rate": "200 MB/s", "link.latency": "30 us"})
    vary = ["link.rate", "link.latency", "dma.start"]
    inside = 0
    for seed in range(40):
        measured = measure(truth, [*SINGLE, *PIPED], noise=0.05, count=20, seed=seed)
        for one in calibrate(measured, start, HERE, vary=vary).fitted:
            low, high = one.interval
            inside += low <= float(truth.value(one.key) or 0) <= high
            assert high / low < 1.3
    assert inside >= 105


def test_points_held_out_never_matter() -> None:
    truth = load_model("example-link", TRUTH)
    cells = [*SINGLE, *PIPED]
    usual = measure(truth, cells)
    hidden = held_out(cells, 0.5)
    assert 0 < len(hidden) < len(cells)
    other = MeasuredSet.of(
        usual.header,
        [
            (cell, number, seconds * (100 if cell in hidden else 1), False, "")
            for cell in usual.cells
            for number, seconds in enumerate(usual.seconds(cell).tolist())
        ],
    )
    start = begin("fifo-link", usual, {})
    vary = ["link.rate", "link.latency"]
    one = calibrate(usual, start, HERE, vary=vary, hold_out=0.5)
    two = calibrate(other, start, HERE, vary=vary, hold_out=0.5)
    assert fitted(one) == fitted(two)
    assert one.held_out == len(hidden)
    assert one.points == len(cells) - len(hidden)


def test_what_the_data_cannot_tell_is_said() -> None:
    truth = load_model("example-link", TRUTH)
    measured = measure(truth, [Cell("load", size) for size in SIZES], noise=0.01)
    fit = calibrate(measured, truth, HERE)
    text = "\n".join(fit.warnings)
    assert "dma.start: not fitted, since it changes none of these times" in text
    assert {one.key for one in fit.fitted} <= {"link.rate", "link.latency"}
    same = [Cell("fetch", 64), Cell("fetch", 64, count=2), Cell("fetch", 64, count=3)]
    tied = calibrate(measure(truth, same), truth, HERE, vary=["dma.start", "dma.completion"])
    assert any("told apart" in each or "do not tell" in each for each in tied.warnings)


@pytest.mark.parametrize(
    ("vary", "problem"),
    [
        (["link.speed"], "no number of this kind"),
        (["link.posted"], "no number of this kind"),
        (["link.rate", "link.rate"], "comes twice"),
        ([], "comes twice, or none"),
    ],
)
def test_what_cannot_be_fitted_is_refused(vary: list[str], problem: str) -> None:
    truth = load_model("example-link")
    with pytest.raises(InputError, match=problem):
        calibrate(measure(truth, SINGLE), truth, HERE, vary=vary)


def test_too_few_points_are_refused() -> None:
    truth = load_model("example-link")
    with pytest.raises(InputError, match="too few points to fit"):
        calibrate(measure(truth, SINGLE[:1]), truth, HERE, vary=["link.rate"])


def test_a_model_that_is_true_has_no_error_and_no_regret() -> None:
    truth = load_model("example-link", TRUTH)
    measured = measure(truth, [*SINGLE, *PIPED, *METHODS])
    found = validate(measured, truth, HERE)
    assert found.overall.points == len(SINGLE) + len(PIPED)
    assert found.overall.median_error == 0
    assert found.overall.p95_error == 0
    assert found.overall.split_half_p95 == 0
    assert found.rank_agreement == 1
    assert found.regret == 0
    assert found.overall.baseline_p95_error is not None
    assert found.overall.baseline_p95_error > 0.05  # no latency and rate fits requests in flight


def test_a_wrong_model_is_seen_to_be_wrong() -> None:
    truth = load_model("example-link", TRUTH)
    measured = measure(truth, [*SINGLE, *METHODS])
    slow_copies = truth.with_values({"dma.start": "50 ms"})
    found = validate(measured, slow_copies, HERE)
    (choice,) = found.choices
    assert choice.best == "prefetch"
    assert choice.chosen == "zero-copy"
    best = min(predict(truth, cell, segment=SEGMENT) for cell in METHODS)
    assert choice.regret == pytest.approx(choice.measured["zero-copy"] / best - 1)
    assert found.rank_agreement is not None
    assert found.rank_agreement < 1
    assert found.overall.p95_error is not None
    assert found.overall.p95_error > 1


@pytest.mark.slow
def test_chance_is_covered_by_the_models_own_interval() -> None:
    """Medians drawn from a lossy model lie in its 90 % interval about as often as they should."""
    truth = load_model("wan-20ms-100mbit", {"path.loss": "0.02"})
    cells = [
        Cell("fetch", size, state="warm", warm=warm)
        for size in (65536, 131072, 262144)
        for warm in (1, 2, 3, 4)
    ]
    rows = []
    for cell in cells:
        for number in range(15):
            seconds = predict(truth, cell, 1000 + number, segment=SEGMENT)
            rows.append((cell, number, seconds, False, ""))
    measured = MeasuredSet.of({"segment": SEGMENT}, rows)
    found = validate(measured, truth, HERE)
    assert found.overall.coverage is not None
    assert found.overall.coverage >= 0.66  # 8 of 12, which chance leaves in 99.6 % of such tests


def test_points_on_a_threshold_are_reported_apart() -> None:
    truth = load_model("example-link", TRUTH)
    rows = [(cell, 0, predict(truth, cell, segment=SEGMENT), False, "") for cell in SINGLE]
    rows += [(cell, 0, 100.0, True, "") for cell in PIPED]
    found = validate(MeasuredSet.of({"segment": SEGMENT}, rows), truth, HERE)
    assert found.overall.points == len(SINGLE)
    assert found.overall.p95_error == 0
    assert found.threshold.points == len(PIPED)
    assert found.threshold.median_error is not None
    assert found.threshold.median_error > 0.9


class Impatient(Pool):
    """Interrupts after some rounds of simulations."""

    def __init__(self, rounds: int) -> None:
        super().__init__(None, lambda: None)
        self.rounds = rounds

    def run(self, tasks, ended=None):  # type: ignore[no-untyped-def]  # as there
        self.rounds -= 1
        if self.rounds < 0:
            raise KeyboardInterrupt
        return super().run(tasks, ended)


def test_an_interrupt_leaves_the_best_try() -> None:
    truth = load_model("example-link", TRUTH)
    measured = measure(truth, [*SINGLE, *PIPED])
    start = begin("fifo-link", measured, {})
    vary = ["link.rate", "link.latency", "dma.start"]
    seen: list[Progress] = []
    with pytest.raises(Interrupted) as raised:
        calibrate(measured, start, Impatient(30), vary=vary, watch=seen.append)
    fit = raised.value.fit
    assert fit.interrupted
    assert fit.model.calibration["interrupted"] is True
    assert [one.key for one in fit.fitted] == vary
    assert all(one.interval == one.bounds for one in fit.fitted)
    again = start.with_values(start.written(fitted(fit)))
    times = [predict(again, cell, segment=SEGMENT) for cell in measured.cells]
    off = [
        abs(np.log(time / measured.seconds(cell)[0]))
        for cell, time in zip(measured.cells, times, strict=True)
    ]
    assert np.mean(off) == pytest.approx(seen[-1].error, rel=1e-6)
    first = next(each.error for each in seen if each.tries == 1)
    assert seen[-1].error <= first  # the last tries were at the ends of what is sought
    with pytest.raises(KeyboardInterrupt) as nothing:  # before the first try
        calibrate(measured, start, Impatient(2), vary=vary)
    assert not isinstance(nothing.value, Interrupted)


def test_progress_is_told() -> None:
    truth = load_model("example-link", TRUTH)
    measured = measure(truth, [*SINGLE, *PIPED])
    seen: list[Progress] = []
    fit = calibrate(
        measured, begin("fifo-link", measured, {}), HERE, vary=["link.rate"], watch=seen.append
    )
    shares = [each.share for each in seen]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert [each.tries for each in seen] == sorted(each.tries for each in seen)
    assert seen[-1].simulations <= fit.simulations
    assert {"looking around", "first fit", "last fit"} <= {each.stage for each in seen}


def test_methods_are_not_simulated_where_they_tell_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    truth = load_model("example-link", TRUTH)
    measured = measure(truth, [*SINGLE, *METHODS])
    asked: list[Cell] = []

    def noted(model: Model, cell: Cell, *given: object, **named: object) -> float:
        asked.append(cell)
        return predict(model, cell, *given, **named)  # type: ignore[arg-type]  # as it is

    monkeypatch.setattr("simaccess.predict.predict", noted)
    fit = calibrate(measured, truth, HERE, vary=["link.rate", "link.latency"])
    assert {cell.operation for cell in asked} == {"load", "fetch"}
    assert (fit.points, fit.spare) == (len(SINGLE), len(METHODS))


def test_accesses_that_are_drawn_give_no_interval() -> None:
    """The prediction is of the same accesses; only what a link draws could make it miss."""
    truth = load_model("example-link", TRUTH)
    work = "random size=1 MiB length=64 B requests=32"
    settings = "block=8 KiB shadow=64 KiB"
    cell = Cell("method", 8192, workload=work, method="copy-once", settings=settings, count=32)
    rows = [
        (cell, number, predict(truth, cell, number, segment=SEGMENT), False, "")
        for number in range(10)
    ]
    found = validate(MeasuredSet.of({"segment": SEGMENT}, rows), truth, HERE)
    (one,) = found.verified
    assert one.interval is None
    assert one.error == 0
    assert found.classes[cell.kind].coverage is None


# -- the commands ----------------------------------------------------------------------------------


@pytest.fixture
def data(tmp_path: Path) -> Path:
    truth = load_model("example-link", TRUTH)
    file = tmp_path / "measured.csv"
    measure(truth, [*SINGLE, *PIPED, *METHODS], noise=0.01).write(file)
    return file


@pytest.mark.slow
def test_the_commands_agree_about_what_was_held_out(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = tmp_path / "mine.toml"
    command = ["calibrate", str(data), "--kind", "fifo-link", "--out", str(mine), "--jobs", "1"]
    assert main([*command, "--hold-out", "0.4", "--vary", "link.rate", "--vary", "dma.start"]) == 0
    printed = capsys.readouterr().out
    assert "link.rate" in printed
    assert "held out" in printed
    model = load_model(mine)
    assert model.calibration["hold_out"] == 0.4
    assert model.provenance["link.rate"].status == "derived"
    assert main(["validate", str(data), "--model", str(mine), "--jobs", "1", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    for key in (
        *("median_error", "p95_error", "baseline_median_error", "baseline_p95_error"),
        *("split_half_p95", "rank_agreement", "regret", "classes"),
    ):
        assert key in document, key
    held = sum(each["points"] for each in document["classes"])
    assert held == model.calibration["held_out"]


def test_what_a_file_takes_from_its_disk_is_left_out_and_said_to_be(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    truth = load_model("example-link", TRUTH | {"dma.mover": "waiter"})
    rows = []
    for state in ("cold", "warm"):
        cells = [
            Cell(each.operation, each.size, state=state, warm=state == "warm") for each in SINGLE
        ]
        slow = 100 if state == "cold" else 1
        rows += [
            (each, 0, slow * predict(truth, each, segment=SEGMENT), False, "") for each in cells
        ]
    file, mine = tmp_path / "measured.csv", tmp_path / "mine.toml"
    MeasuredSet.of({"link": "file:/data/x", "segment": SEGMENT}, rows).write(file)
    command = ["calibrate", str(file), "--kind", "fifo-link", "--out", str(mine), "--jobs", "1"]
    command += ["--hold-out", "0.5", "--set", "dma.issue=4 us", "--set", "dma.issue_rate=0 B/s"]
    assert main([*command, "--vary", "link.rate", "--vary", "link.latency"]) == 0
    printed = capsys.readouterr().out
    assert "dma.mover=waiter" in printed
    assert f"left out: {len(SINGLE)} cold and idle points" in printed
    assert main(["validate", str(file), "--model", str(mine), "--jobs", "1", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["left_out"] == len(SINGLE)
    assert {each["state"] for each in document["classes"]} == {"warm"}
    assert main(["validate", str(file), "--model", str(mine), "--jobs", "1"]) == 0
    assert f"left out, as the fit did: {len(SINGLE)} points" in capsys.readouterr().out


def test_what_was_fitted_is_known_by_its_rows_and_not_by_its_name(tmp_path: Path) -> None:
    truth = load_model("example-link", TRUTH)
    cells = [*SINGLE, *PIPED]
    measured = measure(truth, cells, noise=0.01)
    vary = ["link.rate", "link.latency"]
    model = calibrate(measured, truth, HERE, vary=vary, hold_out=0.5).model
    measured.write(tmp_path / "renamed.csv")
    again = MeasuredSet.read(tmp_path / "renamed.csv")
    assert len(validate(again, model, HERE).verified) == len(held_out(cells, 0.5))
    other = measure(truth, cells, noise=0.01, seed=8)
    assert len(validate(other, model, HERE).verified) == len(cells)


def test_a_large_error_ends_with_1(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figure = tmp_path / "off.png"
    command = ["validate", str(data), "--model", "example-link", "--jobs", "1"]
    assert main([*command, "--max-error", "0.05", "--figure", str(figure)]) == 1
    assert "is above 5.00 %" in capsys.readouterr().err
    assert figure.stat().st_size > 10_000
    assert main([*command, "--max-error", "1e9"]) == 0


def test_mistakes_end_in_one_line(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "mine.toml")
    for command, problem in [
        (["calibrate", str(data), "--out", out], "--kind, --model"),
        (["calibrate", str(data), "--out", out, "--kind", "fifo"], "no such kind"),
        (["calibrate", "none.csv", "--out", out, "--kind", "fifo-link"], "none.csv"),
        (["calibrate", str(data), "--out", "mine.txt", "--kind", "fifo-link"], "no model file"),
        (
            ["calibrate", str(data), "--out", out, "--kind", "fifo-link", "--hold-out", "2"],
            "0 to 1",
        ),
        (
            [
                "calibrate",
                str(data),
                "--out",
                out,
                "--kind",
                "fifo-link",
                "--vary",
                "link.rate",
                "--set",
                "link.rate=1 GB/s",
            ],
            "--vary, --set = 'link.rate': both to be fitted and set",
        ),
        (["validate", str(data), "--model", "none"], "no such model"),
        (["validate", str(data), "--model", "example-link", "--max-error", "-1"], "0 or more"),
        (["validate", str(data), "--model", "example-link", "--max-error", "foo"], "= 'foo': not"),
        (["validate", str(data), "--model", "example-link", "--figure", "a.xyz"], "no format"),
        (["validate", str(data), "--model", "example-link", "--figure", "no/a.png"], "--figure"),
    ]:
        assert main([*command, "--jobs", "1"]) == 2
        error = capsys.readouterr().err
        assert problem in error
        assert error.count("\n") == 1
    assert not Path(out).exists()


def test_tasks_of_methods_are_as_the_cells_say() -> None:
    for cell in METHODS:
        assert task(cell, SEGMENT).cell == cell


def test_an_interrupted_command_keeps_the_best_try(
    data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mine = tmp_path / "mine.toml"
    command = ["calibrate", str(data), "--kind", "fifo-link", "--out", str(mine), "--verbose"]
    patience = 40

    @contextmanager
    def impatient(*_: object, **__: object) -> Iterator[Pool]:
        yield Impatient(patience)

    monkeypatch.setattr("simaccess.pool.processes", impatient)
    assert main(command) == 130
    *lines, last = capsys.readouterr().err.splitlines()
    assert last.startswith(f"simaccess: interrupted; {mine} holds the best try so far, ")
    assert lines[0].startswith("0 s, about 0 %: looking around; no try yet, 0 tries, ")
    assert load_model(mine).calibration["interrupted"] is True
    patience = 1
    mine.unlink()
    assert main(command) == 130
    assert not mine.exists()


def test_the_file_says_what_the_fit_found(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = tmp_path / "mine.toml"
    command = ["calibrate", str(data), "--kind", "fifo-link", "--out", str(mine), "--jobs", "1"]
    assert main([*command, "--vary", "link.rate", "--vary", "dma.start", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    model = load_model(mine)
    for one in document["parameters"]:
        low, high = one["interval"]
        assert model.value(one["key"]) == pytest.approx(one["value"], abs=(high - low) / 200)
        text = str(model.provenance[one["key"]].value)
        assert len(text.split(maxsplit=1)[0].replace(".", "").strip("0")) <= 7


def test_what_is_set_is_known_and_not_fitted(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = tmp_path / "mine.toml"
    command = ["calibrate", str(data), "--kind", "fifo-link", "--out", str(mine), "--jobs", "1"]
    assert main([*command, "--set", "link.rate=1 GB/s", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    fitted = [one["key"] for one in found["parameters"]]
    assert fitted
    assert "link.rate" not in fitted
    assert load_model(mine).value("link.rate") == 1e9


@pytest.mark.slow
def test_what_a_kind_fits_is_found_in_a_measured_wan(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An emulated path of 100 Mbit/s, 20 ms and 250 kB."""
    data = Path(__file__).parents[1] / "notebooks" / "measured" / "wan-20ms-100mbit-cubic.csv"
    mine = tmp_path / "mine.toml"
    command = ["calibrate", str(data), "--kind", "wan-link", "--out", str(mine), "--jobs", "2"]
    assert main([*command, "--hold-out", "0.5", "--json"]) == 0
    capsys.readouterr()
    model = load_model(mine)
    assert model.value("path.rate") == pytest.approx(12.5e6, rel=0.05)
    assert model.value("path.rtt") == pytest.approx(0.020, rel=0.05)
    assert model.value("path.buffer") == pytest.approx(250e3, rel=0.1)
