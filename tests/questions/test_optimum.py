"""Optima, against those that closed forms tell."""

import math

import pytest

from simaccess.errors import InputError
from simaccess.quantities import parse_size
from simaccess.questions.axis import axis
from simaccess.questions.case import Case, pairs
from simaccess.questions.log_times import Spot
from simaccess.questions.optimum import Weighted, having, optimum, usual_axis
from tests.questions.analytic_times import Analytic, free_link, simulated


def test_the_best_block_for_unaligned_runs_is_the_root_of_size_time_and_rate() -> None:
    """A run of R bytes that starts anywhere touches 1 + (R - 1) / b blocks of s + b / r each.

    So the cost (1 + R / b) (s + b / r) is least at b = sqrt(R s r); at x times that it is
    (2 + x + 1 / x) / 4 of the least, which is 1.05 where x + 1 / x = 2.2.
    """
    run, start, rate = 10_007, 10e-6, 1e9
    case = free_link(
        "random",
        ("copy-once",),
        link__rate="1 GB/s",
        link__latency="0 s",
        dma__issue="0 s",
        dma__start="10 us",
        dma__completion="0 s",
        workload__length=f"{run} B",
        workload__requests="300",
        method__slots="2",
    )
    along = axis("method.block", "1 KiB", "128 KiB", case)
    found = optimum([Weighted(case)], "copy-once", along, simulated(), replications=4)
    best = math.sqrt(run * start * rate)
    wide, narrow = (y / 2 + math.sqrt(y**2 / 4 - 1) for y in (2.2, 2.04))
    assert found.drawn
    assert best / narrow <= found.place <= best * narrow
    flat = {each.share: each for each in found.flat}[0.05]
    assert flat.low == pytest.approx(best / wide, rel=0.05)
    assert flat.high == pytest.approx(best * wide, rel=0.05)
    # The default is the workload's blocks of 4 KiB.
    assert found.default == 4096
    x = best / 4096
    assert found.lead == pytest.approx((2 + x + 1 / x) / 4 - 1, rel=0.1)
    assert found.interval is not None
    assert found.interval[0] < found.lead < found.interval[1]
    assert list(found.leads) == pytest.approx([found.lead])


def test_the_best_block_for_aligned_runs_is_the_run() -> None:
    """Runs of 16 KiB every 64 KiB: smaller blocks pay more often, larger ones for the jumps."""
    case = free_link(
        "skip",
        ("copy-once", "hybrid"),
        link__rate="1 GB/s",
        workload__size="512 KiB",
        workload__skip_read="16 KiB",
        workload__skip_jump="48 KiB",
    )
    assert having("method.block", case.methods) == ["copy-once", "hybrid"]
    along = usual_axis("method.block", [case])
    assert (along.span.low, along.span.high) == (256, 128 << 10)
    found = optimum([Weighted(case)], "copy-once", along, simulated())
    assert found.place == 16 << 10
    assert (found.drawn, found.interval) == (False, None)
    # Four copies of 4 KiB in place of one of 16 KiB: three engine times and latencies more.
    assert found.lead == pytest.approx(3 * 3.5e-6 / (3.5e-6 + 16384e-9), rel=1e-3)


def parabola(best: float) -> Analytic:
    """Return log times that are least at a block size, of `random` at 16 times that."""

    def formula(spot: Spot, _number: int) -> float:
        size = parse_size(dict(spot.values).get("method.block", "4096 B"))
        middle = best * (16 if spot.case.workload == "random" else 1)
        return 0.1 * math.log(size / middle) ** 2

    return Analytic(formula)


def block_case(workload: str) -> Case:
    return Case("example-link", workload, ("copy-once",), pairs())


def test_a_smooth_optimum_and_how_flat_it_is() -> None:
    case = block_case("sequential")
    along = axis("method.block", "256 B", "1 MiB", case)
    found = optimum([Weighted(case)], "copy-once", along, parabola(5000))
    assert found.place == pytest.approx(5000, rel=0.02)
    for flat in found.flat:
        reach = math.exp(math.sqrt(math.log1p(flat.share) / 0.1))
        assert flat.low == pytest.approx(5000 / reach, rel=0.01)
        assert flat.high == pytest.approx(5000 * reach, rel=0.01)
    assert len(found.scan) == 13  # every factor of 2
    at_end = optimum([Weighted(case)], "copy-once", along, parabola(100))
    assert at_end.place == 256
    assert at_end.flat[0].low == 256


def test_weights_are_shares_of_the_bytes() -> None:
    one, other = block_case("sequential"), block_case("random")
    along = axis("method.block", "256 B", "1 MiB", one)

    def best(weight: float) -> float:
        workloads = [Weighted(one, weight), Weighted(other, 1.0)]
        return optimum(workloads, "copy-once", along, parabola(4096)).place

    # By symmetry the even mix is best halfway, at 4 times 4 KiB.
    assert best(1.0) == pytest.approx(16384, rel=0.02)
    assert best(1e9) == pytest.approx(4096, rel=0.02)
    assert best(1e-9) == pytest.approx(65536, rel=0.02)
    assert 4096 < best(3.0) < 16384


def test_a_second_valley_is_searched_too() -> None:
    def valleys(spot: Spot, _number: int) -> float:
        u = math.log2(parse_size(dict(spot.values).get("method.block", "4096 B")))
        # Level at the scan's 2^9, deeper between 2^14 and 2^15.
        return min(0.1 * abs(u - 9), 0.4 * abs(u - 14.4) - 0.1)

    case = block_case("sequential")
    along = axis("method.block", "256 B", "1 MiB", case)
    found = optimum([Weighted(case)], "copy-once", along, Analytic(valleys))
    assert found.place == pytest.approx(2**14.4, rel=0.01)


def test_the_lead_is_that_of_seeds_which_the_search_has_not_seen() -> None:
    def lucky(spot: Spot, number: int) -> float:
        """The search's four seeds favour 5,000 bytes; the others know of no difference."""
        size = parse_size(dict(spot.values).get("method.block", "1 MiB"))
        return 0.1 * math.log(size / 5000) ** 2 + number if number < 4 else 0.01 * number

    case = block_case("sequential")
    along = axis("method.block", "256 B", "1 MiB", case)
    found = optimum([Weighted(case)], "copy-once", along, Analytic(lucky), replications=4)
    assert found.place == pytest.approx(5000, rel=0.02)
    assert (found.lead, found.interval) == (0, (0, 0))


def test_every_depth_may_be_tried_and_the_lowest_of_equals_is_best() -> None:
    def formula(spot: Spot, _number: int) -> float:
        return -min(int(dict(spot.values).get("method.depth", 8)), 5) / 10

    case = Case("example-link", "sequential", ("prefetch",))
    along = axis("method.depth", "1", "9", case)
    found = optimum([Weighted(case)], "prefetch", along, Analytic(formula))
    assert (found.place, found.default, found.lead) == (5, 8, 0)
    assert [place for place, _ in found.scan] == [1, 2, 3, 4, 5, 6, 7, 8, 9]


def test_what_no_method_has_or_has_no_usual_ends_is_refused() -> None:
    case = Case("example-link", "sequential", ("zero-copy", "copy-once"))
    with pytest.raises(InputError, match=r"method\.depth: no method here has it"):
        having("method.depth", case.methods)
    assert having("workload.length", case.methods) == ["zero-copy", "copy-once"]
    with pytest.raises(InputError, match=r"method\.slots=LOW:HIGH"):
        usual_axis("method.slots", [case])
