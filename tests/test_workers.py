"""Worker processes: one that dies takes only its own task along, and none outlives its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import Future, wait
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from simaccess.pool import TRIES, Pool
from simaccess.workers import WorkerDied, Workers

BOUND = 60.0  # seconds; far more than anything here takes


@pytest.fixture
def workers(monkeypatch: pytest.MonkeyPatch) -> Workers:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    return Workers(2, "simaccess.workers")


def double(number: int) -> int:
    return 2 * number


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_once(mark: Path) -> str:
    if not mark.exists():
        mark.touch()
        die()
    return "done"


def refuse() -> None:
    raise ValueError("no")


def unpicklable() -> object:
    return lambda: None


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def until(holds: partial[bool]) -> bool:
    end = time.monotonic() + BOUND
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def test_calls_and_errors_come_back(workers: Workers) -> None:
    with workers:
        assert list(workers.map(double, range(50))) == [2 * number for number in range(50)]
        with pytest.raises(ValueError, match="no") as raised:
            workers.submit(refuse).result(BOUND)
        assert any("in refuse" in note for note in raised.value.__notes__)
        with pytest.raises(RuntimeError, match="cannot be pickled"):
            workers.submit(unpicklable).result(BOUND)
        with pytest.raises(Exception, match=r"pickle|local object"):
            workers.submit(lambda: None).result(BOUND)
        assert workers.submit(double, 4).result(BOUND) == 8
    with pytest.raises(RuntimeError, match="after shutdown"):
        workers.submit(double, 1)


def test_every_future_ends_however_many_workers_die(workers: Workers) -> None:
    """Deaths among submissions, which leave futures of the standard library's pool pending."""
    with workers:
        futures: list[Future[Any]] = [
            workers.submit(die) if number % 12 == 5 else workers.submit(double, 1)
            for number in range(120)
        ]
        assert not wait(futures, BOUND).not_done
        errors = [future.exception() for future in futures]
        assert [number for number, error in enumerate(errors) if error] == list(range(5, 120, 12))
        assert all(isinstance(error, WorkerDied) for error in errors if error)
        assert "signal 9" in str(errors[5])


def test_a_worker_that_is_killed_while_idle_is_replaced(workers: Workers) -> None:
    with workers:
        wait([workers.submit(time.sleep, 0.1) for _ in range(2)], BOUND)
        assert until(partial(lambda: len(workers.processes) == 2))
        pids = workers.processes
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        assert all(until(partial(gone, pid)) for pid in pids)
        assert list(workers.map(double, range(4))) == [0, 2, 4, 6]


def test_there_are_never_more_workers_than_tasks(workers: Workers) -> None:
    many = Workers(12, "simaccess.workers")
    with workers, many:
        assert many.processes == []
        for turn in range(3):  # one at a time is what one worker does
            assert many.submit(double, turn).result(BOUND) == 2 * turn
            assert len(many.processes) == 1
        for _ in range(3):
            many.submit(time.sleep, 0.2)
        assert until(partial(lambda: len(many.processes) == 3))
        for _ in range(3):
            workers.submit(time.sleep, 0.05)
        assert until(partial(lambda: len(workers.processes) == 2))


def test_a_pool_does_a_task_again_whose_worker_died(workers: Workers, tmp_path: Path) -> None:
    done: list[int] = []
    with workers:
        pool = Pool(workers, lambda: done.append(1), 4)
        tasks = [partial(die_once, tmp_path / "a"), partial(die_once, tmp_path / "b")]
        assert pool.run(tasks) == ["done", "done"]
        assert len(done) == 2
        with pytest.raises(WorkerDied, match=f"{TRIES} times; is there enough memory"):
            pool.run([die])


def test_kill_drops_all_and_leaves_no_process(workers: Workers) -> None:
    futures = [workers.submit(time.sleep, 1000) for _ in range(6)]
    assert until(partial(lambda: len(workers.processes) == 2))
    pids = workers.processes
    workers.kill()
    assert all(future.done() for future in futures)
    assert all(gone(pid) for pid in pids)
    assert workers.processes == []
    workers.kill()  # nothing more to do
    workers.shutdown()


def test_what_has_not_begun_can_be_dropped(workers: Workers) -> None:
    futures = [workers.submit(time.sleep, 0.2) for _ in range(20)]
    workers.shutdown(cancel_futures=True)
    assert all(future.done() for future in futures)
    assert sum(future.cancelled() for future in futures) >= 10


SCRIPT = """
import sys, time
from simaccess.workers import Workers
workers = Workers(2, "simaccess.workers")
for _ in range(2):
    workers.submit(time.sleep, 1000)
while len(workers.processes) < 2:
    time.sleep(0.02)
print(*workers.processes, flush=True)
time.sleep(1000)
"""


@pytest.mark.parametrize("how", ["killed", "forgotten"])
def test_workers_end_with_their_parent(how: str) -> None:
    script = SCRIPT if how == "killed" else SCRIPT.replace("time.sleep(1000)\n", "")
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        pids = [int(pid) for pid in process.stdout.readline().split()]
        assert len(pids) == 2
        if how == "killed":
            process.kill()
        process.wait(BOUND)
    assert all(until(partial(gone, pid)) for pid in pids)


UNGUARDED = """
from simaccess.workers import Workers
workers = Workers(1, "simaccess.workers")
print(workers.submit(abs, -1).result(60), flush=True)
workers.shutdown()
"""


def test_a_script_without_a_guard_ends_with_the_reason(tmp_path: Path) -> None:
    """Its workers import it, too, and must not start workers of their own."""
    script = tmp_path / "script.py"
    script.write_text(UNGUARDED, encoding="utf-8")
    made = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=BOUND, check=False
    )
    assert made.returncode != 0
    assert "__name__ == '__main__'" in made.stderr
    assert "Exception in thread" not in made.stderr


def test_they_are_killed_after_an_ending_that_was_cut_short(workers: Workers) -> None:
    """As where an interrupt came between a shutdown's two halves."""
    assert workers.submit(double, 2).result(BOUND) == 4
    workers._closed = True
    end = threading.Thread(target=workers.kill, daemon=True)
    end.start()
    end.join(BOUND)
    assert not end.is_alive()
