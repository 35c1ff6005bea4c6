"""Measure what a sweep adds to its points, and what a second job gains.

The overhead a point is what a sweep takes of the processor beyond the same points simulated in a
plain loop: small ones, each with a link of its own, stored as the command stores them. Beside
workers all that the parent takes is overhead. Processor time, since others may use the machine.

What two jobs gain is the time of one job over that of two, on points of about 50 ms, with workers
that were started before. Beside it stands what two bare processes gain that simulate half of the
same points each, which is all that the machine has to give. Each round has its own ratios: machines
drift. Run it as ``make bench``.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path

from simaccess.sweep.executors import PRELOAD
from simaccess.sweep.experiment import Experiment
from simaccess.sweep.grid import Grid
from simaccess.sweep.runner import Runner
from simaccess.sweep.store import Store
from simaccess.sweep.task import ModelRef, Run, WorkloadRef
from simaccess.sweep.walk import walk
from simaccess.workers import Workers


def experiment(points: int, requests: int, methods: list[str]) -> Experiment:
    return Experiment.model_validate(
        {
            "question": "How long does it take?",
            "engine": "simpy",
            "methods": methods,
            "models": [{"model": "example-link"}],
            "workloads": [{"workload": "random", "set": {"requests": requests}}],
            "axes": {
                "model.link.latency": {"low": "1 us", "high": "1 ms", "points": points},
            },
        }
    )


def swept(
    asked: Experiment,
    executor: Executor | None,
    width: int,
    folder: Path,
    clock: Callable[[], float] = time.perf_counter,
) -> float:
    """Return the time of a sweep into a new store, by a clock."""
    with tempfile.TemporaryDirectory(dir=folder) as place, Store(Path(place) / "a.sqlite") as store:
        begun = clock()
        done = walk(asked, Runner(executor, store, width=lambda: width))
        took = clock() - begun
    assert done.simulated == len(asked.methods) * (asked.axes["model.link.latency"].points or 0)
    return took


def looped(asked: Experiment) -> float:
    """Return the processor time of the same points in a plain loop, which keeps nothing."""
    grid = Grid(asked)
    runs = [grid.run(cell, method) for cell in grid.cells() for method in asked.methods]
    begun = time.process_time()
    each(runs)
    return time.process_time() - begun


def warm(executor: Executor, jobs: int) -> None:
    """Let every worker import what it needs."""
    work = WorkloadRef("random", (("requests", 10),))
    link = ModelRef("example-link")
    runs = [Run(link, work, "copy-once", seed=seed) for seed in range(8 * jobs)]
    for future in [executor.submit(run) for run in runs]:
        future.result()


def overheads(points: int, rounds: int, folder: Path) -> dict[str, list[float]]:
    """Return the overhead a point of each round, in seconds, by where it ran."""
    asked = experiment(points, 20, ["zero-copy", "copy-once"])
    count = 2 * points
    found: dict[str, list[float]] = {"in this process": [], "beside workers": []}
    cpu = time.process_time
    with Workers(1, PRELOAD) as worker:
        warm(worker, 1)
        for _ in range(rounds):
            plain = looped(asked)
            found["in this process"].append((swept(asked, None, 1, folder, cpu) - plain) / count)
            found["beside workers"].append(swept(asked, worker, 1, folder, cpu) / count)
    return found


def gains(points: int, requests: int, rounds: int, folder: Path) -> list[tuple[float, float]]:
    """Return of each round what two jobs gain, and what two bare processes do."""
    asked = experiment(points, requests, ["copy-once"])
    grid = Grid(asked)
    runs = [grid.run(cell, "copy-once") for cell in grid.cells()]
    found = []
    with Workers(2, PRELOAD) as workers:
        warm(workers, 2)
        for _ in range(rounds):
            one = swept(asked, None, 1, folder)
            two = swept(asked, workers, 2, folder)
            begun = time.perf_counter()
            for future in [workers.submit(each, runs[half::2]) for half in (0, 1)]:
                future.result()
            bare = time.perf_counter() - begun
            found.append((one / two, one / bare))
    return found


def each(runs: list[Run]) -> None:
    """Simulate some runs, one after the other."""
    for run in runs:
        run()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--points", type=int, default=1000, help="cells of the overhead's sweep")
    parser.add_argument("--requests", type=int, default=12_000, help="of the points that take long")
    parser.add_argument("--folder", type=Path, help="where stores are; default: the system's")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as place:
        folder = Path(place)
        print(
            f"overhead of a sweep, us of processor time a point ({2 * given.points} points, {given.rounds} rounds)"
        )
        for name, seconds in overheads(given.points, given.rounds, folder).items():
            shown = ", ".join(f"{1e6 * each:.0f}" for each in sorted(seconds))
            print(f"  {name:16} median {1e6 * statistics.median(seconds):5.0f}   ({shown})")
        long = Run(
            ModelRef("example-link"),
            WorkloadRef("random", (("requests", given.requests),)),
            "copy-once",
        )
        long()
        begun = time.perf_counter()
        long()
        print(f"two jobs over one, points of {1e3 * (time.perf_counter() - begun):.0f} ms")
        found = gains(80, given.requests, given.rounds, folder)
        for name, ratios in zip(
            ("two jobs", "two bare loops"), zip(*found, strict=True), strict=True
        ):
            shown = ", ".join(f"{ratio:.2f}" for ratio in sorted(ratios))
            print(f"  {name:16} median {statistics.median(ratios):5.2f}   ({shown})")


if __name__ == "__main__":
    main()
