"""The command ``sweep`` of an experiment without axes: its files, and where they go."""

import json
from pathlib import Path

import pytest

from simaccess.sweep.store import NAME, Store
from tests.cli.conftest import Run

EXPERIMENT = """
question = "Small?"
methods = ["zero-copy", "copy-once", "hybrid"]
seeds = 2
draws = 2
[[models]]
model = "example-link"
[[workloads]]
workload = "random"
set = { requests = 40 }
[figure]
ratios = [0.05]
probabilities = [0.5]
records = 8
"""


@pytest.fixture
def experiment(tmp_path: Path) -> Path:
    file = tmp_path / "question.toml"
    file.write_text(EXPERIMENT, encoding="utf-8")
    return file


def test_a_sweep_writes_its_files_and_says_where(
    run: Run, experiment: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    code, said, err = run("sweep", str(experiment), "--out", str(out), "--jobs", "1")
    assert (code, err) == (0, "")
    names = ["results.csv", "results.json", "table.txt", "map.png", "map.svg"]
    assert [line for line in said.splitlines() if line.startswith("wrote")] == [
        f"wrote {out / name}" for name in names
    ]
    assert sorted(path.name for path in out.iterdir()) == sorted((*names, NAME))
    assert (out / "table.txt").read_text(encoding="utf-8").splitlines()[0] == "Small?"


def test_sweeps_of_any_number_of_jobs_write_the_same(
    run: Run, experiment: Path, tmp_path: Path
) -> None:
    written = []
    for jobs in ("1", "2"):
        out = tmp_path / jobs
        code, said, _ = run("sweep", str(experiment), "--out", str(out), "--jobs", jobs, "--json")
        assert code == 0
        assert json.loads(said) == json.loads((out / "results.json").read_text(encoding="utf-8"))
        files = {path.name: path.read_bytes() for path in out.iterdir()}
        del files[NAME]  # it tells how long each took, too
        with Store(out / NAME, reading=True) as store:
            results = [(row.place, row.stored.text) for row in store.rows()]
        written.append((files, results))
    assert written[0] == written[1]


@pytest.mark.parametrize(
    ("out", "said"),
    [
        ("", "--out = '': empty"),
        ("question.toml", "question.toml is not a folder"),
        ("question.toml/below", "question.toml is not a folder"),
        ("nowhere", "nowhere is not a folder"),
        ("taken", "taken/map.svg is a folder"),
        ("/proc", "/proc cannot be written to"),
    ],
)
def test_where_nothing_can_be_written_is_known_before_simulating(
    out: str, said: str, run: Run, experiment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def simulates(*_: object) -> None:
        pytest.fail("simulated")

    monkeypatch.setattr("simaccess.sweep.run.run", simulates)
    monkeypatch.chdir(experiment.parent)
    Path("nowhere").symlink_to("missing")
    Path("taken/map.svg").mkdir(parents=True)
    before = sorted(Path().rglob("*"))
    code, printed, err = run("sweep", str(experiment), "--out", out)
    assert (code, printed) == (2, "")
    assert "--out" in err
    assert said in err
    assert err.count("\n") == 1
    assert sorted(Path().rglob("*")) == before
