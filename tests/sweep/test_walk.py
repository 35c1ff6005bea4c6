"""A sweep goes through every point that is allowed, and its results go out."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from simaccess.compare import compare
from simaccess.errors import InputError
from simaccess.pool import local_workers
from simaccess.sweep.executors import PRELOAD
from simaccess.sweep.export import as_text, export
from simaccess.sweep.grid import Grid
from simaccess.sweep.measures import measured, static_measures, unit_of
from simaccess.sweep.runner import Runner, State
from simaccess.sweep.store import Store
from simaccess.sweep.summary import summary
from simaccess.sweep.tabulate import dataset, frame
from simaccess.sweep.walk import walk
from tests.sweep.small import AXES, BASE, SAMPLED, loaded, walked


def test_every_point_has_the_result_of_a_comparison_by_itself(tmp_path: Path, store: Store) -> None:
    done = walked(loaded(tmp_path, BASE + AXES), store)
    # Of 2 x 3 x 2 x 2 cells and 3 methods; the threshold is hybrid's alone.
    assert (done.points, done.simulated, done.failed) == (72, 2 * 3 * 2 * (1 + 1 + 2), [])
    made = frame(store)
    assert len(made) == 72
    assert made.attrs["units"]["model.link.latency"] == "s"
    assert made.attrs["units"]["method.threshold"] == "B"
    for row in made.to_dict("records")[::7]:
        settings = {
            "link.latency": f"{row['model.link.latency']!r} s",
            "workload.length": f"{row['workload.length']} B",
            "method.threshold": f"{row['method.threshold']} B",
            **({"workload.requests": 60} if row["workload"] == "random" else {}),
            "workload.size": "1 MiB" if row["workload"] == "random" else "16 KiB",
        }
        if row["method"] != "hybrid":
            del settings["method.threshold"]
        (alone,) = compare(row["model"], row["workload"], [row["method"]], settings=settings)
        assert row["elapsed_s"] == alone.elapsed_s
        assert row["latency_s.p99"] == alone.latency_s.p99
        assert row["links.link.utilisation"] == alone.links["link"].utilisation


def test_a_dataset_has_named_axes_with_units(tmp_path: Path, store: Store) -> None:
    pytest.importorskip("xarray")
    walked(loaded(tmp_path, BASE + AXES), store)
    data, table = dataset(store), frame(store)
    assert data.sizes == {
        "model": 1,
        "workload": 2,
        "model.link.latency": 3,
        "workload.length": 2,
        "method.threshold": 2,
        "method": 3,
        "seed": 1,
    }
    assert data["model.link.latency"].attrs["units"] == "s"
    assert data["throughput_bytes_per_s"].attrs["units"] == "B/s"
    for row in table.to_dict("records")[::5]:
        place = {name: row[name] for name in data.sizes}
        assert float(data["latency_s.p50"].sel(place)) == row["latency_s.p50"]


def test_the_order_is_fair_and_complete(tmp_path: Path) -> None:
    axes = AXES.replace("points = 3", "points = 50")
    grid = Grid(loaded(tmp_path, BASE + axes))
    cells = [cell.number for cell in grid.cells()]
    assert sorted(cells) == list(range(grid.size)) == list(range(2 * 50 * 2 * 2))
    # The first few are spread over every axis.
    first = [grid.cell(number).at for number in cells[:16]]
    for axis, length in enumerate(grid.shape):
        assert len({at[axis] for at in first}) >= min(length, 8)


def test_constraints_leave_points_out(tmp_path: Path, store: Store) -> None:
    text = BASE.replace(
        "[[models]]",
        """constraints = ["workload != 'sequential' or workload.length >= '1 KiB'",
"method == 'hybrid' or method.threshold == 0"]
[[models]]""",
        1,
    )
    experiment = loaded(tmp_path, text + AXES)
    assert Grid(experiment).counts == Counter({"zero-copy": 9, "copy-once": 9, "hybrid": 18})
    assert walked(experiment, store).points == 36
    made = frame(store)
    assert made[made["workload"] == "sequential"]["workload.length"].min() == 1024
    assert set(made[made["method"] != "hybrid"]["method.threshold"]) == {0}
    if pytest.importorskip("xarray"):
        data = dataset(store)["elapsed_s"]
        assert int(data.notnull().sum()) == 36
    none = text.replace("workload.length >= '1 KiB'", "1 > 2").replace("!= 'seq", "== 'seq")
    with pytest.raises(InputError, match="no point is left"):
        loaded(
            tmp_path,
            none.replace("method == 'hybrid' or", "workload == 'x' or")
            + AXES.replace('"54 B"', '"55 B"').replace('"0 B", ', ""),
        )


def test_what_is_sampled_varies_together(tmp_path: Path, store: Store) -> None:
    axes = """
[axes]
model.link.latency = { low = "1 us", high = "1 ms", scale = "log" }
model.link.rate = { low = "100 MB/s", high = "1 GB/s" }
workload.length = ["64 B", "1 KiB"]
[sample]
kind = "sobol"
points = 8
"""
    done = walked(loaded(tmp_path, BASE + axes), store)
    assert done.points == 2 * 2 * 8 * 3
    made = frame(store)
    assert len(made[["model.link.latency", "model.link.rate"]].drop_duplicates()) == 8
    if pytest.importorskip("xarray"):
        data = dataset(store)
        assert data.sizes["sample"] == 8
        assert data["model.link.rate"].dims == ("sample",)
        assert data["model.link.rate"].attrs["units"] == "B/s"
        assert not bool(data["elapsed_s"].isnull().any())


def test_each_method_is_tuned_at_each_place(tmp_path: Path, store: Store) -> None:
    text = 'tune = ["copy-once"]\nseeds = 2\n' + BASE
    axes = '[axes]\nmodel.link.latency = ["1 us", "1 ms"]\n'
    done = walked(loaded(tmp_path, text + axes), store)
    assert not done.failed
    made = frame(store)
    for latency, rows in made[made["method"] == "copy-once"].groupby("model.link.latency"):
        for workload, each in rows.groupby("workload"):
            sizes = (
                {"requests": 60, "size": "1 MiB"} if workload == "random" else {"size": "16 KiB"}
            )
            settings = {"link.latency": f"{latency!r} s"}
            settings |= {f"workload.{name}": str(value) for name, value in sizes.items()}
            (tuned,) = compare(
                "example-link", str(workload), ["copy-once"], settings=settings, tune=True
            )
            assert set(each["settings.block"]) == {tuned.settings["block"]}
    assert made[made["method"] == "hybrid"]["settings.block"].isna().all()


@pytest.mark.parametrize(
    ("model", "axis", "why"),
    [
        ("shared-memory-ddr4", 'background.rate = ["1 GB/s", "80 GB/s"]', "as much as the memory"),
        ("wan-20ms-100mbit", 'path.loss = ["0.0", "0.98"]', "TCP gives a connection up"),
    ],
)
def test_points_that_others_overload_fail_alone(
    model: str, axis: str, why: str, tmp_path: Path, store: Store
) -> None:
    text = f"""
question = "Which is best beside others?"
methods = ["copy-once"]
[[models]]
model = "{model}"
[[workloads]]
workload = "random"
set = {{ requests = 60 }}
[axes]
model.{axis}
"""
    done = walked(loaded(tmp_path, text), store)
    assert (done.points, len(done.failed)) == (1, 1)
    assert why in done.failed[0][1]


def test_points_that_are_refused_fail_alone(tmp_path: Path, store: Store) -> None:
    axes = '[axes]\nworkload.length = ["64 B", "1 KiB", "1 MiB"]\n'  # the last one: no room
    done = walked(loaded(tmp_path, BASE + axes), store)
    assert done.points == 2 * 3 * 2 + 3
    assert len(done.failed) == 3
    place, problem = done.failed[0]
    assert place["workload"] == "sequential"
    assert place["workload.length"] == 1 << 20
    assert problem.startswith("workload.length = ")
    assert [why for _, _, why in store.failures()] == [problem] * 3
    assert len(json.loads(as_text(store, "json"))["failures"]) == 3


def test_progress_tells_points_time_and_the_best(tmp_path: Path) -> None:
    seen: list[State] = []
    with local_workers(2, preload=PRELOAD) as workers:
        runner = Runner(workers, watch=seen.append, width=lambda: 2)
        walk(loaded(tmp_path, BASE + AXES), runner)
    assert (seen[-1].done, seen[-1].total, seen[-1].failed) == (72, 72, 0)
    assert all(one.done <= other.done for one, other in pairwise(seen))
    assert seen[-1].left_s == 0 or seen[-1].left_s is not None
    assert "best at" in seen[-1].best
    assert seen[-1].best.endswith("of 12 places")


def test_the_summary_counts_who_is_best(tmp_path: Path, store: Store) -> None:
    walked(loaded(tmp_path, BASE + AXES), store)
    found = summary(store)
    assert found.places == {("example-link", "random"): 6, ("example-link", "sequential"): 6}
    made = frame(store)
    rows = made[made["workload"] == "random"].groupby(["model.link.latency", "workload.length"])
    best = Counter(
        max(each.to_dict("records"), key=lambda row: float(row["throughput_bytes_per_s"]))["method"]
        for _, each in rows
    )
    assert found.best["example-link", "random"] == best


def test_results_go_into_every_format_and_back(tmp_path: Path, store: Store) -> None:
    import pandas as pd  # noqa: PLC0415  # only here

    text = 'measures = ["throughput_bytes_per_s", "latency_s.p50"]\n' + BASE + AXES
    walked(loaded(tmp_path, text), store)
    made = frame(store)
    own = [name for name in made if name in static_measures()]
    assert own == ["throughput_bytes_per_s", "latency_s.p50"]
    for form, name in (("csv", "a.csv"), ("json", "a.json")):
        export(store, form, tmp_path / name)  # type: ignore[arg-type]  # two of the formats
    read = pd.read_csv(tmp_path / "a.csv")
    assert read["throughput_bytes_per_s"].tolist() == made["throughput_bytes_per_s"].tolist()
    document = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    assert document["units"]["throughput_bytes_per_s"] == "B/s"
    assert document["results"][3]["latency_s.p50"] == made["latency_s.p50"][3]
    parquet = pytest.importorskip("pyarrow.parquet")
    export(store, "parquet", tmp_path / "a.parquet")
    back = pd.read_parquet(tmp_path / "a.parquet")
    assert back["latency_s.p50"].tolist() == made["latency_s.p50"].tolist()
    assert back.attrs["units"] == made.attrs["units"]
    columns = parquet.read_schema(tmp_path / "a.parquet")
    for name, unit in (("model.link.latency", b"s"), ("throughput_bytes_per_s", b"B/s")):
        assert columns.field(name).metadata == {b"units": unit}
    assert columns.field("method").metadata is None
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("h5netcdf")
    export(store, "netcdf", tmp_path / "a.nc")
    with xarray.open_dataset(tmp_path / "a.nc", engine="h5netcdf") as data:
        assert data["latency_s.p50"].attrs["units"] == "s"
        assert data["model.link.latency"].attrs["units"] == "s"
        assert data.equals(dataset(store))
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_every_measure_has_a_unit(tmp_path: Path, store: Store) -> None:
    walked(loaded(tmp_path, BASE + AXES), store)
    row = next(iter(store.rows()))
    names = [name for name in measured(row.stored.text) if not name.startswith("settings.")]
    units = {name: unit_of(name) for name in names}
    assert {name for name, unit in units.items() if unit == "B"} == {
        *(f"bytes.{kind}" for kind in ("requested", "used", "moved", "wasted")),
        *(f"links.link.{kind}_bytes" for kind in ("payload", "overhead", "other")),
    }
    assert units["requests_per_s"] == "1/s"
    assert all(unit == "s" for name, unit in units.items() if name.startswith("latency_s."))
    assert set(static_measures()) <= {*names, "matched"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (BASE + '[axes]\nmodel.link.latncy = ["1 us"]', "model.link.latncy: no such parameter of"),
        (BASE + '[axes]\nworkload.stride = ["64 B"]', "no such parameter of random"),
        (BASE + "[axes]\nmethod.depth = [1]", "method.depth: no such parameter of zero-copy"),
        (BASE + '[axes]\nproducer.rat = ["1 kHz"]', "did you mean 'rate'"),
        (
            BASE + "[axes]\nmodel.link.rate = {}\nconsumers = [1]",
            "rate: neither values nor a range",
        ),
        (BASE + "[axes]\nconsumer = [1]", "did you mean 'consumers'"),
        (BASE + "[axes]\nconsumers = [0]", "consumers = 0: not a count"),
        (BASE + '[axes]\nmodel.link.rate = ["1 kHz"]', "model.link.rate = '1 kHz'"),
        (BASE + '[axes]\nworkload.length = ["1 ms"]', "workload.length = '1 ms'"),
        (
            "[figure]\nratios = [0.1]\nprobabilities = [1]\n" + BASE + AXES,
            "figure: not for a sweep",
        ),
        ('constraints = ["a < 1"]\n' + BASE + AXES, "a is no axis"),
        ('measures = ["throughput"]\n' + BASE + AXES, "measures = 'throughput': no such measure"),
        (BASE + AXES + '[[figures]]\nx = "workload.size"', "figures.x = 'workload.size': no axis"),
        (BASE + AXES + '[[figures]]\nx = "workload.length"\nz = 1', "figures.0.z: unknown key"),
        (
            BASE + AXES + '[[figures]]\nx = "workload.length"\ny = "latency"',
            "figures.y = 'latency': no such measure",
        ),
        (
            BASE
            + AXES
            + '[[figures]]\nkind = "regimes"\nx = "workload.length"\ny = "workload.length"',
            "figures.y = 'workload.length': the same axis twice",
        ),
        (
            BASE + AXES.replace("points = 3", "points = 9") + '[[figures]]\nx = "workload.length"',
            "figures.at: 36 panels",
        ),
        (BASE + AXES.replace("points = 3, ", ""), "a range without points"),
        (BASE + AXES + "[sample]\npoints = 8", "nothing to sample"),
        (BASE + SAMPLED + '[[figures]]\nx = "workload.length"', "nothing to join by lines"),
        (
            BASE
            + SAMPLED
            + '[[figures]]\nkind = "regimes"\nx = "workload.length"\ny = "consumers"',
            "neither is sampled",
        ),
        (
            BASE + SAMPLED + '[[figures]]\nkind = "points"\nx = "consumers"\n'
            'at = { model.link.latency = "1 us" }',
            "figures.at = 'model.link.latency': varies with the sample",
        ),
        (BASE + AXES.replace("points = 3", "ponits = 3"), "ponits: unknown key"),
        ('[set]\nworkload.length = "64 B"\n' + BASE + AXES, "set.workload.length: an axis, too"),
        (
            '[settings.hybrid]\nthreshold = "54 B"\n' + BASE + AXES,
            "settings.hybrid.threshold: an axis, too",
        ),
        ('tune = ["hybird"]\n' + BASE + AXES, "tune: is not compared"),
    ],
)
def test_a_mistake_is_told_before_anything_runs(text: str, said: str, tmp_path: Path) -> None:
    # Tables end what stands before them: keys of the top come first.
    head, _, rest = text.partition(BASE)
    if head.startswith("["):
        text = BASE + head + rest
    with pytest.raises(InputError) as raised:
        loaded(tmp_path, text)
    assert said in str(raised.value)
    assert str(raised.value).startswith(str(tmp_path))
    assert "\n" not in str(raised.value)
