"""Crossovers, against the borders that closed forms tell, and against made-up curves."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from simaccess.analytic import zero_copy_beats_copy_once
from simaccess.errors import InputError
from simaccess.model import load_model
from simaccess.quantities import parse_duration
from simaccess.questions.axis import Axis, Scale, axis
from simaccess.questions.case import Case, pairs
from simaccess.questions.crossover import crossover
from simaccess.questions.crossover_draws import spread
from simaccess.questions.log_times import Spot
from simaccess.statistics.stopping import StopRule
from tests.questions.analytic_times import ENGINE, Analytic, free_link, simulated

BULK = ("zero-copy", "copy-once")


def test_the_latency_at_which_a_record_is_better_copied_is_the_analytic_one() -> None:
    """Z < C <=> p < (T - n_h t) / (n_p t), with t the latency and T = t + the engine's time."""
    case = free_link(
        "header-payload", BULK, workload__requests="20", workload__payload_probability="1"
    )
    along = axis("link.latency", "100 ns", "100 us", case)
    found = crossover(case, along, simulated())
    assert not found.drawn
    (change,) = found.changes
    assert (change.before, change.after) == (("zero-copy",), ("copy-once",))
    border = ENGINE  # where p = 1
    assert zero_copy_beats_copy_once(t=border, T=border + ENGINE, n_h=1, n_p=1) == pytest.approx(1)
    assert change.low <= border <= change.high
    assert change.high / change.low <= 1.0011
    # Z / C = 2 l / (l + ENGINE) is 1.02 or its inverse there.
    assert change.level_low == pytest.approx(ENGINE / (2 * 1.02 - 1), rel=2e-3)
    assert change.level_high == pytest.approx(ENGINE / (2 / 1.02 - 1), rel=2e-3)


def test_the_interval_of_a_noisy_crossover_holds_the_analytic_border() -> None:
    """With payloads drawn at p, the border is where p = (T - t) / t, that is, t = ENGINE / p."""
    p, held, experiments = 0.4, 0, 12
    case = free_link(
        "header-payload", BULK, workload__requests="40", workload__payload_probability=str(p)
    )
    along = axis("link.latency", "1 us", "50 us", case)
    for seed in range(experiments):
        found = crossover(case, along, simulated(seed), replications=5, places=3, tolerance=1e-3)
        assert found.drawn
        assert found.replications == 5
        (change,) = found.changes
        assert change.high / change.low > 1.01  # wider than the tolerance
        held += change.low <= ENGINE / p <= change.high
    # 95 of 100 hold it: fewer than 9 of 12 do so once in 4,000 such tests.
    assert held >= 9


def test_whole_bytes_of_a_block_cross_where_the_engine_is_paid_back() -> None:
    """A block of b bytes in place: b / 64 latencies; in bulk: the engine's time and one.

    They are equal at 224 bytes, of which the segment has 64, as it has of blocks of up to 227.
    """
    case = free_link("sequential", BULK, workload__length="64 B", workload__size=f"{224 * 64} B")
    along = axis("method.block", "64 B", "4 KiB", case)
    (change,) = crossover(case, along, simulated()).changes
    border = 64 * (ENGINE + 1e-6) / 1e-6
    assert border == pytest.approx(224)
    assert (change.low, change.place, change.high) == (223, 224, 228)
    assert (change.before, change.after) == (("zero-copy",), ("copy-once",))


def made_up(
    scale: Scale = "auto", methods: tuple[str, ...] = ("zero-copy", "copy-once", "hybrid")
) -> tuple[Case, Axis]:
    case = free_link("random", methods)
    return case, axis("link.latency", "1 us", "100 us", case, scale)


def curves(*lines: Callable[[float], float], noise: float = 0.0) -> Callable[[Spot, int], float]:
    """Return log times of the methods as functions of the share of the way along the axis."""

    def formula(spot: Spot, number: int) -> float:
        seconds = parse_duration(dict(spot.values)["link.latency"])
        u = math.log10(seconds / 1e-6) / 2
        at = spot.case.methods.index(spot.method)
        draw = np.random.default_rng([number, at]).normal()
        return lines[at](u) + noise * draw

    return formula


def share(case_axis: Axis, place: float) -> float:
    span = case_axis.span
    return (span.at(place) - span.at(span.low)) / (span.at(span.high) - span.at(span.low))


def test_a_third_method_between_two_places_of_the_scan_is_found() -> None:
    case, along = made_up()
    lines = (lambda u: u, lambda u: 1 - u, lambda _: 0.47)
    (one, other) = crossover(case, along, Analytic(curves(*lines)), places=2).changes
    assert (one.before, one.after) == (("zero-copy",), ("hybrid",))
    assert (other.before, other.after) == (("hybrid",), ("copy-once",))
    assert share(along, one.place) == pytest.approx(0.47, abs=1e-3)
    assert share(along, other.place) == pytest.approx(0.53, abs=1e-3)


def test_several_changes_are_told_in_order_and_a_fine_pair_is_missed() -> None:
    case, along = made_up()
    lines = (lambda u: 0.2 * math.cos(2 * math.pi * u), lambda _: 0.0, lambda _: 1.0)
    found = crossover(case, along, Analytic(curves(*lines)))
    assert [share(along, each.place) for each in found.changes] == pytest.approx(
        [0.25, 0.75], abs=1e-3
    )
    assert [each.after for each in found.changes] == [("zero-copy",), ("copy-once",)]
    assert not crossover(case, along, Analytic(curves(*lines)), places=2).changes


def test_methods_that_take_equally_long_lead_together() -> None:
    case, along = made_up()
    lines = (lambda u: u, lambda _: 0.5, lambda _: 0.5)
    (change,) = crossover(case, along, Analytic(curves(*lines))).changes
    assert change.after == ("copy-once", "hybrid")
    assert share(along, change.place) == pytest.approx(0.5, abs=1e-3)


def test_no_change_and_nothing_sure_are_told_apart() -> None:
    case, along = made_up()
    flat = (lambda _: 0.0, lambda _: 0.5, lambda _: 1.0)
    found = crossover(case, along, Analytic(curves(*flat)))
    assert (found.changes, found.undecided) == ((), ())
    assert {each.best for each in found.scan} == {("zero-copy",)}
    assert found.scan[0].lead == pytest.approx(math.expm1(0.5))
    noisy = crossover(case, along, Analytic(curves(*flat, noise=20.0)))
    assert noisy.changes == ()
    assert len(noisy.undecided) == 9


def test_replication_goes_on_until_the_change_is_known_well_enough() -> None:
    case, along = made_up()
    lines = (lambda u: u, lambda u: 1 - u, lambda _: 9.0)

    def width(target: float, most: int = 500) -> tuple[int, float]:
        rule = StopRule(target, first=5, most=most)
        found = crossover(case, along, Analytic(curves(*lines, noise=0.1)), rule=rule)
        (change,) = found.changes
        assert share(along, change.low) < 0.5 < share(along, change.high)
        return found.replications, (math.log(change.high / change.low)) / 2

    few, wide = width(0.5)
    many, narrow = width(0.05)
    assert wide <= 0.5
    assert narrow <= 0.05
    assert few < many < 500
    assert width(0.05, most=20)[0] == 20


def test_few_simulations_are_asked_for() -> None:
    case, along = made_up()
    lines = (lambda u: u, lambda u: 1 - u, lambda _: 9.0)
    asked = Analytic(curves(*lines))
    crossover(case, along, asked)
    # The scan of 9 twice, to see whether seeds matter, and a few places of the search.
    assert asked.simulations <= 3 * (2 * 9 + 12)


def test_one_method_alone_cannot_be_overtaken() -> None:
    case, along = made_up(methods=("hybrid",))
    with pytest.raises(InputError, match="two methods or more"):
        crossover(case, along, Analytic(curves(lambda _: 0.0)))


def test_the_spread_over_draws_is_that_of_the_closed_form() -> None:
    """Zero-copy's 2 l and copy-once's l + ENGINE meet at l = ENGINE, of which one part is drawn."""
    whole = free_link(
        "header-payload",
        ("zero-copy", "copy-once"),
        workload__requests="5",
        workload__payload_probability="1",
    )
    settings = tuple(each for each in whole.settings if each[0] != "dma.start")
    case = Case(whole.model, whole.workload, whole.methods, settings)
    along = axis("link.latency", "100 ns", "100 us", case)
    found = spread(case, along, simulated(), 20, seed=3, places=4)
    model = load_model("example-link").with_values(
        {key: value for key, value in settings if not key.startswith("workload.")}
    )
    assert list(model.bounds()) == ["dma.start"]
    starts = [float(str(each.value("dma.start"))) for each in model.draws(20, 3)]
    borders = [ENGINE - 1e-6 + start for start in starts]
    (change,) = found.changes
    assert (change.before, change.after, change.count) == (("zero-copy",), ("copy-once",), 20)
    low, median, high = np.quantile(borders, (0.025, 0.5, 0.975))
    assert change.median == pytest.approx(median, rel=1e-3)
    assert (change.low, change.high) == pytest.approx((low, high), rel=1e-3)
    assert change.interval[0] > 0.8
    assert (found.refused, found.throughout) == (0, ())


def test_what_is_best_throughout_a_draw_is_told() -> None:
    asked = {"workload.requests": "10", "dma.completion": "1 ms"}
    case = Case("example-link", "random", BULK, pairs(asked))
    found = spread(case, axis("link.rate", "1 GB/s", "2 GB/s", case), simulated(), 3, places=2)
    assert found.changes == ()
    assert found.throughout == ((("zero-copy",), 3),)
    fixed = free_link("random", BULK)
    with pytest.raises(InputError, match="no parameter but the axis has a range"):
        spread(fixed, axis("link.rate", "1 GB/s", "2 GB/s", fixed), simulated(), 3)
