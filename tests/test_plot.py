import math
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure

from simaccess.analytic import Conditions
from simaccess.plot import STYLES, method_map, method_maps, save
from simaccess.sweep.drawing import Map
from simaccess.sweep.outcome import MapPanel, MapPoint
from simaccess.sweep.plane import APART, METHODS, panels, tasks
from simaccess.sweep.runner import Runner, State
from simaccess.sweep.task import ModelRef
from simaccess.verdict import verdict

mpl.use("Agg")

AWAY = 0.1  # of a lead by which a point is away from a border


@pytest.fixture(scope="module")
def panel() -> MapPanel:
    """Return points all over the plane of a link with reads of 8 bytes."""
    plane = Map(
        ratios=[0.002, 0.02, 0.08, 0.5],
        probabilities=[0.05, 0.3, 0.6, 1.0],
        records=24,
        record="240 B",
        header="24 B",
    )
    ran = 0

    def watch(state: State) -> None:
        nonlocal ran
        ran = state.done

    values = (("link.rate", "50 MB/s"), ("link.latency", "0.1 us"), ("dma.start", "6 us"))
    (made,) = panels(
        plane, [("a link", ModelRef("example-link", values))], Runner(watch=watch), seed=1
    )
    assert ran == tasks(plane, 1)
    return made


def test_away_from_the_borders_the_simulation_agrees_with_the_closed_forms(panel: MapPanel) -> None:
    away = [point for point in panel.points if point.swept and point.margin > AWAY]
    assert len(away) >= 10
    assert {point.analytic for point in away} >= {"zero-copy", "copy-once"}
    for point in away:
        assert point.verdict.best == point.analytic, point
        assert point.verdict.lead == pytest.approx(point.margin, rel=0.05)


def test_hybrid_wins_where_its_closed_form_is_least() -> None:
    plane = Map(ratios=[0.06, 0.1], probabilities=[0.1, 0.4], records=24)
    values = (("link.rate", "10 MB/s"), ("link.latency", "5 us"))
    (made,) = panels(plane, [("slow", ModelRef("example-link", values))], Runner(), 1)
    swept = [point for point in made.points if point.swept and point.margin > AWAY]
    assert len(swept) == 4
    assert {point.analytic for point in swept} == {"hybrid"}
    assert {point.verdict.best for point in swept} == {"hybrid"}


def test_no_swept_point_lies_under_one_of_the_links_own() -> None:
    """Swept to the link's own t/T and beside it: what would hide it is left out, and counts."""
    values = (("link.rate", "50 MB/s"), ("link.latency", "0.1 us"), ("dma.start", "6 us"))
    ref = ModelRef("example-link", values)
    (alone,) = panels(Map(ratios=[0.5], probabilities=[1.0], records=8), [("x", ref)], Runner(), 1)
    own = alone.conditions.t / alone.conditions.T
    ratios = [own, own * 1.25, own * 0.8, own * 1.5, own * 0.6]
    plane = Map(ratios=ratios, probabilities=[0.2, 1.0], records=8)
    seen: list[State] = []
    (made,) = panels(plane, [("a link", ref)], Runner(watch=seen.append), seed=1)
    swept = {point.ratio for point in made.points if point.swept}
    assert len(swept) == 2
    for ratio in swept:
        assert abs(math.log10(ratio / own)) > 0.9 * APART
    assert seen[-1].done == tasks(plane, 1)


def test_what_is_drawn(panel: MapPanel) -> None:
    ax = method_map(panel)
    assert ax.get_xscale() == "log"
    assert "t / T" in ax.get_xlabel()
    assert panel.model in ax.get_title()
    assert len(ax.collections) == 1 + len(panel.points)
    assert len(ax.lines) == 2 * 3


def test_given_axes_are_drawn_into_and_returned(panel: MapPanel) -> None:
    ax = Figure().subplots()
    assert method_map(panel, ax) is ax


def test_close_points_are_hollow_and_others_full() -> None:
    seen = Conditions(t=1e-6, w=8, T=20e-6, T_payload=19e-6, p=1.0, n_h=7, n_p=180)

    def point(other: float) -> MapPoint:
        found = verdict({"hybrid": [100.0], "copy-once": [other]})
        return MapPoint(ratio=0.05, p=0.5, swept=True, analytic="hybrid", margin=0.3, verdict=found)

    panel = MapPanel("made up", seen, (point(99.0), point(50.0)))
    *_, close, clear = method_map(panel, Figure().subplots()).collections
    assert np.allclose(close.get_facecolor()[0], 1.0)
    assert np.allclose(clear.get_facecolor()[0], mpl.colors.to_rgba(STYLES["hybrid"].colour))


def test_points_that_meet_are_all_seen() -> None:
    seen = Conditions(t=1e-6, w=8, T=1.1e-6, T_payload=1e-6, p=1.0, n_h=1, n_p=1)
    found = verdict({"copy-once": [100.0], "hybrid": [50.0]})
    points = (
        MapPoint(0.9, 0.5, swept=True, analytic="copy-once", margin=0.3, verdict=found),
        MapPoint(0.9, 0.5, swept=False, analytic="copy-once", margin=0.3, verdict=found),
    )
    *_, swept, own = method_map(MapPanel("made up", seen, points), Figure().subplots()).collections
    assert isinstance(swept, PathCollection)
    assert isinstance(own, PathCollection)
    assert swept.get_zorder() > own.get_zorder()
    assert swept.get_sizes()[0] < own.get_sizes()[0]
    assert not np.allclose(swept.get_edgecolor()[0], own.get_edgecolor()[0])


@pytest.mark.parametrize("n_p", [0.1, 1, 20, 180])
def test_labels_stay_inside_and_cover_no_point(n_p: float) -> None:
    seen = Conditions(t=1e-6, w=8, T=20e-6, T_payload=19e-6, p=1.0, n_h=1, n_p=n_p)
    found = verdict({"copy-once": [100.0], "hybrid": [50.0]})
    points = tuple(
        MapPoint(ratio, p, swept=True, analytic="copy-once", margin=0.3, verdict=found)
        for ratio in (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 0.6, 0.9)
        for p in (0.05, 0.25, 0.55, 0.85, 1.0)
    )
    figure = method_maps([MapPanel("made up", seen, points)] * 3, Figure(layout="constrained"))
    figure.draw_without_rendering()
    for ax in figure.axes:
        assert ax.texts
        for text in ax.texts:
            box = text.get_window_extent()
            assert ax.bbox.x0 <= box.x0
            assert box.x1 <= ax.bbox.x1
            for point in points:
                assert not box.contains(*ax.transData.transform((point.ratio, point.p)))


def test_the_legend_explains_letters_lines_and_who_is_missing(panel: MapPanel) -> None:
    figure = method_maps([panel], Figure(layout="constrained"))
    entries = " ".join(text.get_text() for text in figure.legends[0].get_texts())
    for said in ("(Z)", "(C)", "(H)", "border", "n_h", "T'", "prefetch has no closed form"):
        assert said in entries


def test_colours_and_markers_differ() -> None:
    assert len({style.colour for style in STYLES.values()}) == len(STYLES)
    assert len({style.marker for style in STYLES.values()}) == len(STYLES)
    assert set(METHODS) <= set(STYLES)


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_a_saved_figure_is_the_same_each_time(panel: MapPanel, suffix: str, tmp_path: Path) -> None:
    saved = []
    for number in range(2):
        path = tmp_path / f"{number}.{suffix}"
        save(method_maps([panel, panel], Figure(layout="constrained")), path)
        saved.append(path.read_bytes())
    assert saved[0] == saved[1]
    assert len(saved[0]) > 10_000
