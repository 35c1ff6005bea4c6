"""Figures of results: what is drawn, not how it looks."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from simaccess.compare import compare, scenarios
from simaccess.errors import InputError
from simaccess.plot import (
    along,
    comparison,
    latency_cdf,
    regime_map,
    regimes,
    scatter,
    winner_points,
)
from simaccess.plot.style import STYLES, label, style
from simaccess.result import frame
from simaccess.simulate import latencies, simulate

mpl.use("Agg")

LINK = {"link.rate": "100 MB/s", "link.latency": "1 us", "workload.size": "64 KiB"}


@pytest.fixture
def ax() -> Axes:
    made: Axes = Figure().subplots()
    return made


def rows(**columns: float) -> pd.DataFrame:
    """Return a made-up frame: method, seed, throughput, and columns of one value."""
    made = pd.DataFrame(
        [(method, seed, rate + seed) for method, rate in (("zero-copy", 10.0), ("copy-once", 20.0))
         for seed in range(3)],
        columns=["method", "seed", "throughput_bytes_per_s"],
    )  # fmt: skip
    return made.assign(**columns)


def grid(leads: np.ndarray) -> pd.DataFrame:
    """Return a made-up frame over x and y, where copy-once is so many times as good."""
    made = [
        pd.DataFrame(
            {
                "method": ["zero-copy", "copy-once"],
                "x": 10.0**column,
                "y": 2.0**row,
                "throughput_bytes_per_s": [1.0, float(times)],
            }
        )
        for (row, column), times in np.ndenumerate(leads)
    ]
    return pd.concat(made, ignore_index=True)


def test_latencies_are_those_whose_percentiles_a_result_has() -> None:
    (scenario,) = scenarios(
        "example-link", "random", ["copy-once"], settings=LINK, consumers=3, seed=4
    )
    seconds = latencies(scenario)
    result = simulate(scenario)
    assert len(seconds) == sum(one.requests for one in result.consumers)
    assert np.percentile(seconds, [50, 99.9]).tolist() == [
        result.latency_s.p50,
        result.latency_s.p999,
    ]


def test_a_comparison_has_means_and_intervals_of_replications(ax: Axes) -> None:
    comparison(rows(), ax=ax)
    bars, points = ax.lines[0::2], ax.lines[1::2]
    assert [float(point.get_xdata()[0]) for point in points] == [11.0, 21.0]  # type: ignore[index, arg-type]
    low, high = np.asarray(bars[0].get_xdata(), float)
    assert 11 - low == pytest.approx(high - 11)
    assert high - 11 == pytest.approx(4.302652729911275 / np.sqrt(3))  # t(0.975, 2), s = 1
    assert [text.get_text() for text in ax.get_yticklabels()] == ["zero-copy", "copy-once"]
    assert ax.get_xlabel() == "throughput"
    assert ax.xaxis.get_major_formatter()(2e6) == "2 MB/s"


def test_a_comparison_in_groups_has_a_row_a_group_and_method(ax: Axes) -> None:
    both = pd.concat([rows().assign(workload="a"), rows().assign(workload="b")])
    comparison(both, by="workload", ax=ax)
    assert [text.get_text() for text in ax.get_yticklabels()] == [
        "a: zero-copy", "a: copy-once", "b: zero-copy", "b: copy-once",
    ]  # fmt: skip


@pytest.mark.parametrize("count", [1, 7, 50_000])
def test_a_distribution_ends_at_its_extremes(count: int, ax: Axes) -> None:
    seconds = np.random.default_rng(1).exponential(1e-6, count)
    latency_cdf({"hybrid": seconds}, ax=ax)
    (line,) = ax.lines
    x, y = np.asarray(line.get_xdata(), float), np.asarray(line.get_ydata(), float)
    assert (x[0], x[-1]) == (seconds.min(), seconds.max())
    assert y[-1] == 1
    assert (np.diff(x) >= 0).all()
    middle = x[np.searchsorted(y, 0.5)]
    assert middle == pytest.approx(np.median(seconds), rel=0.01 if count > 10 else 1)


def test_a_tail_keeps_the_slowest_of_many(ax: Axes) -> None:
    seconds = np.arange(1, 100_001) * 1e-6
    latency_cdf({"hybrid": seconds}, tail=True, ax=ax)
    x, y = (np.asarray(each, float) for each in ax.lines[0].get_data())
    assert {99_999e-6, 99_990e-6} <= set(np.round(x, 9))
    known = np.isfinite(y)
    np.testing.assert_allclose(y[known], 1 - x[known] * 10, rtol=1e-6, atol=1e-9)


def test_along_an_axis_each_method_has_a_line_in_order(ax: Axes) -> None:
    data = pd.concat([rows(rtt=0.01), rows(rtt=0.001)])
    data.attrs["units"] = {"rtt": "s"}
    along(data, "rtt", ax=ax)
    assert [line.get_label() for line in ax.lines] == ["zero-copy", "copy-once"]
    assert np.asarray(ax.lines[0].get_xdata()).tolist() == [0.001, 0.01]
    assert len(ax.collections) == 2
    assert ax.xaxis.get_major_formatter()(0.001) == "1 ms"


def test_regimes_of_a_link_change_with_its_latency() -> None:
    data = []
    for microseconds in (0.1, 200.0):
        for record in (192, 1536):
            settings = {
                **LINK,
                "link.latency": f"{microseconds} us",
                "workload.record": f"{record} B",
                "method.block": "4 KiB",
            }
            methods = ["zero-copy", "copy-once"]
            some = frame(compare("example-link", "header-only", methods, settings=settings))
            data.append(some.assign(latency=microseconds, record=record))
    found = regimes(pd.concat(data), "latency", "record")
    assert list(found) == sorted(found)
    assert len(found) == 4
    assert found[0.1, 1536].best == "zero-copy"
    assert found[200.0, 192].best == "copy-once"


def test_a_method_without_draws_needs_no_replications() -> None:
    drawn = rows(x=1.0, y=1.0)
    once = drawn[(drawn["method"] == "copy-once") | (drawn["seed"] == 0)]
    (found,) = regimes(once, "x", "y").values()
    assert (found.best, found.replications) == ("copy-once", 3)
    (rival,) = found.rivals
    assert rival.interval is not None


def test_a_regime_map_has_cells_hatches_and_lines(ax: Axes) -> None:
    regime_map(grid(np.array([[0.25, 1.001, 4.0], [0.5, 1.2, 8.0]])), "x", "y", ax=ax)
    mesh = ax.collections[0]
    assert isinstance(mesh.get_cmap(), ListedColormap)
    values = mesh.get_array()
    assert values is not None
    assert np.asarray(values).astype(int).tolist() == [[0, 1, 1], [0, 1, 1]]
    hatched = [one for one in ax.patches if isinstance(one, Rectangle)]
    assert len(hatched) == 1
    left, bottom = hatched[0].get_xy()
    assert left < 10 < left + hatched[0].get_width()
    assert bottom < 1 < bottom + hatched[0].get_height()
    (left_end, right_end), (low, high) = ax.get_xlim(), ax.get_ylim()
    assert left_end == pytest.approx(10**-0.5)
    assert right_end == pytest.approx(10**2.5)
    assert (low, high) == pytest.approx((2**-0.5, 2**1.5))


def test_what_the_draws_leave_uncertain_is_dotted(ax: Axes) -> None:
    stands = grid(np.array([[0.25, 1.001, 4.0], [0.5, 1.2, 8.0]])).assign(draw=-1)
    turned = stands[(stands["x"] == 100) & (stands["y"] == 2)].copy()
    swapped = {"zero-copy": "copy-once", "copy-once": "zero-copy"}
    turned["method"] = turned["method"].map(swapped)
    others = stands[(stands["x"] != 100) | (stands["y"] != 2)]
    draws = [pd.concat([others, turned]).assign(draw=draw) for draw in range(3)]
    data = pd.concat([stands, *draws])
    regime_map(data, "x", "y", ax=ax)
    assert sorted(one.get_hatch() for one in ax.patches) == ["...", "////"]
    legend = ax.get_legend()
    assert legend is not None
    assert any("draws" in text.get_text() for text in legend.get_texts())
    found = regimes(data, "x", "y")[100, 2]
    assert (found.draws, found.shares) == (3, {"copy-once": 0.0, "zero-copy": 1.0})


def test_points_of_a_sample_have_their_means_and_their_winners() -> None:
    figure = Figure()
    some = [rows(x=x, y=y, z=z) for x, y, z in ((1.0, 2.0, 3), (1.0, 2.0, 4), (5.0, 0.5, 6))]
    data = pd.concat(some)
    ax = scatter(data, "x", point=["z"], ax=figure.add_subplot(1, 2, 1))
    assert [len(np.asarray(line.get_xdata())) for line in ax.lines] == [3, 3]
    for line, (_, each) in zip(ax.lines, data.groupby("method", sort=False), strict=True):
        means = each.groupby(["x", "z"])["throughput_bytes_per_s"].mean()
        assert np.asarray(line.get_ydata()).tolist() == means.tolist()
    ax = winner_points(data, "x", "y", point=["z"], ax=figure.add_subplot(1, 2, 2))
    assert len(ax.lines) == 3
    with pytest.raises(InputError, match="no such column"):
        winner_points(data, "x", "q", ax=ax)


def test_a_regime_map_draws_given_borders(ax: Axes) -> None:
    data = grid(np.array([[0.25, 4.0], [0.5, 8.0]]))
    regime_map(data, "x", "y", borders={"Z = C": ([2.0, 3.0], [1.0, 2.0])}, ax=ax)
    legend = ax.get_legend()
    assert legend is not None
    assert "Z = C" in [text.get_text() for text in legend.get_texts()]


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (grid(np.ones((2, 2))).iloc[:-2], "do not fill a grid"),
        (grid(np.ones((1, 3))), "do not fill a grid"),
        (grid(np.ones((2, 2))).drop(columns="x"), "no such column"),
        (grid(np.ones((2, 2))).iloc[:0], "no row"),
        (
            pd.concat(
                [
                    grid(np.ones((2, 2))),
                    grid(np.ones((2, 2))).iloc[:1].assign(throughput_bytes_per_s=2.0),
                    grid(np.ones((2, 2))).iloc[1:2].assign(throughput_bytes_per_s=2.0),
                    grid(np.ones((2, 2))).iloc[1:2].assign(throughput_bytes_per_s=3.0),
                ]
            ),
            "different numbers",
        ),
        (grid(np.ones((2, 2))).assign(x=0.0), "do not fill a grid"),
        (grid(np.ones((2, 2))).replace({"x": {1.0: 0.0}}), "not above 0"),
    ],
)
def test_what_is_no_grid_is_refused(data: pd.DataFrame, problem: str, ax: Axes) -> None:
    with pytest.raises(InputError, match=problem):
        regime_map(data, "x", "y", ax=ax)


def test_nothing_to_draw_is_refused() -> None:
    with pytest.raises(InputError, match="none"):
        latency_cdf({})
    with pytest.raises(InputError, match="no latency"):
        latency_cdf({"hybrid": []})


def test_unknown_methods_have_looks_of_their_own() -> None:
    names = ("zero-copy", "mine", "yours")
    looks = [style(name, names) for name in names]
    assert looks[0] is STYLES["zero-copy"]
    assert len({look.colour for look in looks}) == len({look.marker for look in looks}) == 3


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ("throughput_bytes_per_s", ("throughput", "B/s")),
        ("requests_per_s", ("requests", "1/s")),
        ("elapsed_s", ("elapsed", "s")),
        ("latency_s.p999", ("latency, p999", "s")),
        ("bytes.moved", ("bytes moved", "B")),
        ("loads", ("loads", "")),
    ],
)
def test_columns_tell_their_units(column: str, expected: tuple[str, str]) -> None:
    assert label(column) == expected


def test_a_share_has_no_unit() -> None:
    assert label("workload.payload_probability", "1") == ("workload.payload_probability", "")
