"""A sweep on a Dask cluster of processes: the same bits, whatever workers are killed."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from simaccess import cli
from simaccess.errors import InputError
from simaccess.sweep.executors import cluster
from simaccess.sweep.run import complete, run
from simaccess.sweep.store import NAME, Store
from simaccess.sweep.task import ModelRef, Run, WorkloadRef

pytest.importorskip("distributed", reason="needs distributed: simaccess[dask]")

BOUND = 120.0
RUNS = [
    Run(ModelRef("example-link"), WorkloadRef("random", (("requests", 1500),)), method, seed=seed)
    for seed in range(60)
    for method in ("copy-once", "hybrid")
]

Worker = Callable[[], "subprocess.Popen[bytes]"]


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Worker]]:
    """A scheduler on loopback: its address, and what starts a worker of it."""
    folder = tmp_path_factory.mktemp("dask")
    file = folder / "scheduler.json"
    with ExitStack() as stack:

        def start(*arguments: str) -> subprocess.Popen[bytes]:
            process = subprocess.Popen(
                [sys.executable, "-m", *arguments, "--host", "127.0.0.1", "--no-dashboard"],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd=folder,
            )
            stack.callback(process.wait, BOUND)
            stack.callback(process.kill)
            return process

        start("distributed.cli.dask_scheduler", "--port", "0", "--scheduler-file", str(file))
        end = time.monotonic() + BOUND
        while not file.exists() and time.monotonic() < end:
            time.sleep(0.05)
        address = json.loads(file.read_text(encoding="utf-8"))["address"]

        def worker() -> subprocess.Popen[bytes]:
            of = "distributed.cli.dask_worker"
            return start(of, address, "--nthreads", "1", "--no-nanny")

        yield address, worker


@pytest.mark.slow
def test_a_worker_is_killed_and_every_point_comes(processes: tuple[str, Worker]) -> None:
    address, worker = processes
    expected = run(RUNS)
    first, second = worker(), worker()
    with cluster(address) as place:
        end = time.monotonic() + BOUND
        while place.width() < 2 and time.monotonic() < end:
            time.sleep(0.05)
        found = {}
        for done in complete(RUNS, place.executor, width=place.width, verify=place.verify):
            assert done.error is None
            found[done.index] = done.result
            if len(found) == 5:
                first.kill()
        assert first.wait(BOUND) != 0
        assert second.poll() is None
    assert [found[index] for index in range(len(RUNS))] == expected
    second.kill()


@pytest.mark.slow
def test_the_command_runs_on_a_cluster(
    processes: tuple[str, Worker], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    address, worker = processes
    third = worker()
    file = tmp_path / "sweep.toml"
    file.write_text(
        """
question = "The same?"
methods = ["zero-copy", "hybrid"]
[[models]]
model = "example-link"
[[workloads]]
workload = "random"
set = { requests = 50 }
[axes]
model.link.latency = ["1 us", "2 us", "3 us"]
""",
        encoding="utf-8",
    )
    tables = []
    for name, where in (("here", ["--jobs", "1"]), ("there", ["--scheduler", address])):
        assert cli.main(["sweep", str(file), "--out", str(tmp_path / name), *where]) == 0
        assert capsys.readouterr().err == ""
        with Store(tmp_path / name / NAME, reading=True) as store:
            tables.append([(row.place, row.stored.text) for row in store.rows()])
    assert tables[0] == tables[1]
    assert len(tables[0]) == 6
    third.kill()


def test_where_no_scheduler_answers_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simaccess.sweep.executors.WAIT", 1.0)
    with (
        pytest.raises(InputError, match=r"--scheduler = 'tcp://127\.0\.0\.1:1': no scheduler"),
        cluster("tcp://127.0.0.1:1"),
    ):
        pass


def test_what_is_no_address_makes_no_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that failed would wait, and complain, when it is dropped."""
    distributed = pytest.importorskip("distributed")
    monkeypatch.setattr(distributed, "Client", None)
    for wrong in ("nonsense://x", "nonsense", "tcp://host", ""):
        with pytest.raises(InputError, match="no scheduler answers"), cluster(wrong):
            pass
