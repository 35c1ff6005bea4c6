"""What a worker does, whoever runs it: a chunk of tasks, and their results as text."""

from __future__ import annotations

import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass

from simaccess.errors import InputError
from simaccess.result import Result
from simaccess.sweep.identity import key
from simaccess.sweep.store import Stored
from simaccess.sweep.task import Search, Task
from simaccess.sweep.text import Answer, to_text

__all__ = ["Failed", "perform"]


@dataclass(frozen=True, slots=True)
class Failed:
    """Why a task gave nothing: the user's error, or what went wrong and where."""

    error: Exception
    trace: str = ""


def perform(tasks: Sequence[Task], keys: Sequence[str] | None = None) -> list[Stored | Failed]:
    """Perform tasks in order.

    Parameters
    ----------
    tasks : sequence of Task
        What is to be done.
    keys : sequence of str, optional
        Their keys, as whoever asks has them. If this process, on whatever machine, gets others
        since its code or its files differ, the tasks are not performed.
    """
    made: list[Stored | Failed] = []
    for number, task in enumerate(tasks):
        begun = time.perf_counter()
        try:
            if keys is not None:
                _check(task, keys[number])
            answer, one_s, engine, why = _timed(task)
            text = to_text(answer)
        except InputError as error:
            made.append(Failed(error))
        except Exception as error:  # noqa: BLE001  # whatever it is, the other tasks go on
            made.append(Failed(_told(error), traceback.format_exc()))
        else:
            made.append(Stored(text, engine, time.perf_counter() - begun, one_s, why))
    return made


def _timed(task: Task) -> tuple[Answer, float | None, str, str]:
    """Return what a task gives, a search's seconds a simulation, what engine served, and why."""
    if isinstance(task, Search):
        return *task.timed(), ""
    answer = task()
    if isinstance(answer, Result):
        return answer, None, answer.engine, answer.why
    return answer, None, "simpy", ""


def _check(task: Task, expected: str) -> None:
    if key(task) != expected:
        problem = "a worker's simaccess, libraries or files differ from those of the sweep"
        raise InputError(problem, allowed="the same versions and files everywhere")


def _told(error: Exception) -> RuntimeError:
    """Return an error that every process can unpickle."""
    return RuntimeError(f"{type(error).__name__}: {error}")
