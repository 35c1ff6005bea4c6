"""Calibration and validation on links whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from simaccess.calibrate import Interrupted, begin, calibrate
from simaccess.errors import InputError
from simaccess.fitting.course import Progress
from simaccess.measured import Cell, MeasuredSet, held_out
from simaccess.model import Model, load_model
from simaccess.predict import predict
from simaccess.validate import validate
from tests.fitting.known_truth import (
    HERE,
    METHODS,
    PIPED,
    SEGMENT,
    SINGLE,
    SIZES,
    TRUTH,
    Impatient,
    fitted,
    measure,
)


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
