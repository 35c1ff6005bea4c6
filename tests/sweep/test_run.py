"""Tasks run once each, wherever they run, and their results are the same bits."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from multiprocessing import get_context
from pathlib import Path

import pytest

from simaccess.errors import InputError
from simaccess.pool import TRIES, WorkerDied, local_workers
from simaccess.result import Result
from simaccess.sweep.chunk import Failed, perform
from simaccess.sweep.executors import PRELOAD
from simaccess.sweep.run import complete, run
from simaccess.sweep.store import Store
from simaccess.sweep.task import Measure, ModelRef, Run, Search, Task, WorkloadRef
from simaccess.sweep.text import from_text, to_text

LINK = ModelRef("example-link")
WORK = WorkloadRef("random", (("requests", 40),))


def runs(number: int, method: str = "copy-once") -> list[Run]:
    return [Run(LINK, WORK, method, seed=seed) for seed in range(number)]


@dataclass(frozen=True)
class Deadly(Run):
    """A run that ends its process as an out-of-memory killer would."""

    def __call__(self) -> Result:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError


@dataclass(frozen=True)
class Broken(Run):
    """A run that has a fault."""

    def __call__(self) -> Result:
        raise ZeroDivisionError("a fault")


@dataclass(frozen=True)
class Counted(Run):
    """A run that leaves a mark each time."""

    marks: str = ""

    def __call__(self) -> Result:
        with Path(self.marks).open("a", encoding="utf-8") as stream:
            stream.write(f"{self.seed}\n")
        return super().__call__()


@pytest.fixture(scope="module")
def workers() -> Iterator[Executor]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parent))
        with local_workers(2, preload=PRELOAD) as made:
            assert made is not None
            yield made


@pytest.mark.parametrize("made", [ThreadPoolExecutor, ProcessPoolExecutor])
def test_any_executor_gives_the_same_bits(made: Callable[..., Executor], workers: Executor) -> None:
    tasks = [*runs(6), *runs(3, "hybrid")]
    expected = run(tasks)
    context = {"mp_context": get_context("forkserver")} if made is ProcessPoolExecutor else {}
    with made(2, **context) as executor:
        assert run(tasks, executor) == expected
    assert run(tasks, workers) == expected


@pytest.mark.parametrize(
    "task",
    [
        Run(LINK, WORK, "prefetch"),
        Search(Run(LINK, WORK, "copy-once"), "latency"),
        Measure(LINK, WORK, 0),
        Run(LINK, WorkloadRef("filter", (("port", 80),)), "hybrid", real=True),
    ],
    ids=lambda task: task.kind,
)
def test_text_reads_back_as_the_same_result(task: Task) -> None:
    result = task()
    assert from_text(task.kind, to_text(result)) == result


def test_equal_tasks_run_once(tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    tasks = [Counted(LINK, WORK, "zero-copy", seed=seed % 2, marks=str(marks)) for seed in range(6)]
    assert run(tasks) == run([tasks[seed % 2] for seed in range(6)])
    assert len(marks.read_text().splitlines()) == 4


def test_what_is_stored_does_not_run_again(tmp_path: Path, workers: Executor) -> None:
    marks = tmp_path / "marks"
    tasks = [Counted(LINK, WORK, "zero-copy", seed=seed, marks=str(marks)) for seed in range(8)]
    with Store(tmp_path / "some.sqlite") as store:
        first = run(tasks[:5], workers, store)
    with Store(tmp_path / "some.sqlite") as store:
        every = run(tasks, None, store)
        assert every[:5] == first
        assert [done.fresh for done in complete(tasks, workers, store)] == [False] * 8
    assert sorted(marks.read_text().split()) == sorted(str(seed) for seed in range(8))


def test_a_task_that_ends_its_workers_has_failed_and_the_others_go_on(workers: Executor) -> None:
    tasks: list[Task] = [*runs(150), Deadly(LINK, WORK, "zero-copy"), *runs(30, "hybrid")]
    done = {each.index: each for each in complete(tasks, workers)}
    assert sorted(done) == list(range(len(tasks)))
    (failed,) = [each for each in done.values() if each.error is not None]
    assert failed.index == 150
    assert isinstance(failed.error, WorkerDied)
    assert f"signal 9 before its task was done, {TRIES} times" in str(failed.error)
    assert [done[seed].result for seed in range(150)] == run(runs(150))


def test_a_fault_is_told_with_its_place(workers: Executor) -> None:
    (done,) = complete([Broken(LINK, WORK, "zero-copy")], workers)
    assert str(done.error) == "ZeroDivisionError: a fault"
    assert "in __call__" in done.trace
    with pytest.raises(RuntimeError, match="a fault"):
        run([Broken(LINK, WORK, "zero-copy")])


def test_a_refusal_keeps_its_parts(workers: Executor) -> None:
    both = (("slots", "2"), ("shadow", "1 MiB"))
    with pytest.raises(InputError) as raised:
        run([Run(LINK, WORK, "copy-once", both)], workers)
    assert raised.value.key == "method.shadow"


def test_a_broken_executor_ends_the_run() -> None:
    with ProcessPoolExecutor(1, get_context("forkserver")) as executor:
        executor.submit(os._exit, 3)
        with pytest.raises(WorkerDied, match="can do no more"):
            run(runs(40), executor)


def test_tasks_are_taken_as_there_is_room(workers: Executor) -> None:
    """There may be more tasks than anybody would hold."""
    taken = count()

    def endless() -> Iterator[Run]:
        for seed in taken:
            yield Run(LINK, WORK, "zero-copy", seed=seed)

    for executor in (None, workers):
        sweep = complete(endless(), executor, width=lambda: 2)
        for _ in range(300):
            next(sweep)
        sweep.close()
    assert next(taken) < 20_000


def test_workers_with_other_code_or_files_refuse() -> None:
    task = Run(LINK, WORK, "zero-copy")
    (made,) = perform([task], ["another key"])
    assert isinstance(made, Failed)
    assert "differ from those of the sweep" in str(made.error)
    (done,) = complete([task], None, verify=True)
    assert done.error is None
