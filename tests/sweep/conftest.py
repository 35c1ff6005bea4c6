from pathlib import Path

import pytest

from simaccess.sweep.experiment import Experiment
from simaccess.sweep.experiment_file import load_experiment
from simaccess.sweep.store import Store

SMALL = """
question = "Does it work?"
methods = ["zero-copy", "copy-once", "hybrid", "prefetch"]
tune = true
seeds = 3
draws = 2

[[models]]
model = "example-link"
label = "a link"

[[workloads]]
workload = "sequential"
set = { size = "64 KiB" }

[[workloads]]
workload = "header-payload"
label = "filtering"
set = { requests = 40, size = "64 KiB", payload_probability = 0.3 }

[figure]
ratios = [0.01, 0.9]
probabilities = [0.2, 1.0]
records = 16
"""


@pytest.fixture(scope="session")
def small_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("experiments") / "small.toml"
    file.write_text(SMALL, encoding="utf-8")
    return file


@pytest.fixture(scope="session")
def small(small_file: Path) -> Experiment:
    return load_experiment(small_file)


@pytest.fixture
def store() -> Store:
    """Return a store in memory."""
    return Store()
