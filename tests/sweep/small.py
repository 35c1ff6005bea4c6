"""Small sweeps, and what runs them."""

from __future__ import annotations

from pathlib import Path

from simaccess.sweep.experiment import Experiment
from simaccess.sweep.experiment_file import load_experiment
from simaccess.sweep.runner import Runner
from simaccess.sweep.store import Store
from simaccess.sweep.walk import Walked, walk

BASE = """
question = "Which is best where?"
methods = ["zero-copy", "copy-once", "hybrid"]
[[models]]
model = "example-link"
[[workloads]]
workload = "random"
set = { requests = 60, size = "1 MiB" }
[[workloads]]
workload = "sequential"
set = { size = "16 KiB" }
"""
AXES = """
[axes]
model.link.latency = { low = "1 us", high = "1 ms", points = 3, scale = "log" }
workload.length = ["64 B", "1 KiB"]
method.threshold = ["0 B", "54 B"]
"""

SAMPLED = """
[sample]
points = 8
[axes]
model.link.latency = { low = "1 us", high = "1 ms", scale = "log" }
model.link.rate = { low = "100 MB/s", high = "1 GB/s" }
workload.length = ["64 B", "1 KiB"]
consumers = [1, 2]
"""


def loaded(folder: Path, text: str) -> Experiment:
    file = folder / "sweep.toml"
    file.write_text(text, encoding="utf-8")
    return load_experiment(file)


def walked(experiment: Experiment, store: Store) -> Walked:
    return walk(experiment, Runner(store=store))
