"""Worker processes of this machine as an executor; a dying one takes no other along.

Each worker has a pipe and a thread of its own, and shares no queue and no lock with the others, so
that none can leave one locked when it is killed. The thread hands the worker a task at a time,
and starts another process where the worker has ended. What a worker was doing when it ended fails
with `WorkerDied`, and nothing else does.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import pickle
import queue
import signal
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from typing import Any, ParamSpec, TypeVar

from simaccess import fork_server

__all__ = ["HEARD", "WorkerDied", "Workers"]

_P = ParamSpec("_P")
_T = TypeVar("_T")

HEARD = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
"""Signals that are the parent's to answer, also where a whole process group is sent them."""


class WorkerDied(RuntimeError):  # noqa: N818  # says what happened
    """A worker process ended before its task did."""


@dataclass(frozen=True, slots=True)
class _Task:
    """A call, and the future that is told of its end."""

    future: Future[Any]
    call: tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]


@dataclass(slots=True)
class _Worker:
    """A process and the parent's end of its pipe."""

    process: BaseProcess
    pipe: Connection


class Workers(Executor):
    """Performs calls on processes of this machine.

    Parameters
    ----------
    processes : int
        How many at most, at least 1. Each is started when a task has to wait for it, so that there
        are never more than tasks, and again where it ends.
    preload : str
        A module that workers need not import each by itself, where the system lets them share it.
    """

    def __init__(self, processes: int, preload: str) -> None:
        methods = multiprocessing.get_all_start_methods()
        # Not fork, which copies whatever locks the threads of the process hold.
        self._context: BaseContext = multiprocessing.get_context(
            "forkserver" if "forkserver" in methods else "spawn"
        )
        self._preload = preload
        self._tasks: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        self._most = processes
        self._lock = threading.Lock()  # of the next five
        self._threads: list[threading.Thread] = []
        self._open = 0  # tasks that are not done
        self._workers: dict[int, _Worker] = {}
        self._closed = False
        self._killed = False
        atexit.register(self.kill)
        # Daemons, so that a forgotten executor does not keep the interpreter.
        self._preparing = threading.Thread(target=self._prepare, daemon=True)
        self._preparing.start()

    def submit(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_T]:
        """Have a call performed; its function, arguments and result must be picklable.

        Raises
        ------
        RuntimeError
            After `shutdown`.
        """
        future: Future[_T] = Future()
        with self._lock:
            if self._closed:
                raise RuntimeError("cannot submit after shutdown")
            self._tasks.put(_Task(future, (fn, args, kwargs)))
            self._open += 1
            number = len(self._threads)
            if number < min(self._open, self._most):
                thread = threading.Thread(target=self._serve, args=(number,), daemon=True)
                self._threads.append(thread)
                thread.start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Let the workers end when all is done, or when what has begun is.

        Parameters
        ----------
        wait : bool
            Whether to return only then.
        cancel_futures : bool
            Whether to drop what has not begun.
        """
        with self._lock:
            first, self._closed = not self._closed, True
        if cancel_futures:
            self._drop()
        if first:
            for _ in self._threads:
                self._tasks.put(None)
        if wait:
            self._join()

    def kill(self) -> None:
        """Drop what has not begun, and end the workers at once, whatever they do."""
        with _undisturbed():
            with self._lock:
                self._closed = self._killed = True
                for worker in self._workers.values():
                    worker.process.kill()
            self._drop()
            for _ in self._threads:  # again, if an interrupt has kept `shutdown` from doing it
                self._tasks.put(None)
            self._join()

    @property
    def processes(self) -> list[int]:
        """The numbers of the processes that are there."""
        with self._lock:
            workers = list(self._workers.values())
        return [worker.process.pid for worker in workers if worker.process.pid is not None]

    def _prepare(self) -> None:
        """Have what forks the workers import what they need, while the first task is made."""
        with suppress(Exception), self._lock:  # tried again, and told of, when there is a task
            if not self._killed:
                self._ensure_server()

    def _ensure_server(self) -> None:
        if self._context.get_start_method() == "forkserver":
            fork_server.started(self._preload)

    def _join(self) -> None:
        for thread in (self._preparing, *self._threads):
            if thread.ident is not None:  # else an interrupt came before it was started
                thread.join()
        atexit.unregister(self.kill)

    def _drop(self) -> None:
        ends = 0
        with suppress(queue.Empty):
            while True:
                task = self._tasks.get_nowait()
                if task is None:
                    ends += 1
                else:
                    task.future.cancel()
                    task.future.set_running_or_notify_cancel()
        for _ in range(ends):
            self._tasks.put(None)

    # -- one thread a worker -----------------------------------------------------------------------

    def _serve(self, number: int) -> None:
        """Hand tasks to a worker until there are no more."""
        worker: _Worker | None = None
        try:
            with suppress(Exception):  # tried again, and told of, when there is a task
                worker = self._start(number)
            while (task := self._tasks.get()) is not None:
                if not task.future.set_running_or_notify_cancel():
                    self._did()
                    continue
                try:
                    message = pickle.dumps(task.call, pickle.HIGHEST_PROTOCOL)
                    if worker is not None and not worker.process.is_alive():  # ended while idle
                        self._end(number, worker)
                        worker = None
                    worker = worker or self._start(number)
                except Exception as error:  # noqa: BLE001  # the future's owner sees it
                    self._tell(task.future, good=False, value=error)
                    continue
                if worker is None:
                    ended = WorkerDied("the workers were ended")
                    self._tell(task.future, good=False, value=ended)
                elif not self._perform(worker, message, task.future):
                    self._end(number, worker)
                    worker = None
        finally:
            if worker is not None:
                self._end(number, worker)

    def _perform(self, worker: _Worker, message: bytes, future: Future[Any]) -> bool:
        """Have a worker perform a call; say whether it lives on."""
        try:
            worker.pipe.send_bytes(message)
            # The pipe ends with the worker, unless something that it started holds it, too.
            wait([worker.pipe, worker.process.sentinel])
            answer = worker.pipe.recv_bytes() if worker.pipe.poll() else b""
        except (EOFError, OSError):
            answer = b""
        if not answer:
            worker.process.join(_PATIENCE)
            code = worker.process.exitcode
            how = f"was killed by signal {-code}" if code is not None and code < 0 else "ended"
            died = WorkerDied(f"a worker process {how} before its task was done")
            self._tell(future, good=False, value=died)
            return False
        try:
            good, value = pickle.loads(answer)
        except Exception as error:  # noqa: BLE001  # as above
            good, value = False, error
        self._tell(future, good=good, value=value)
        return True

    def _tell(self, future: Future[Any], *, good: bool, value: Any) -> None:
        """Tell a future of its task's end; before, this thread counts as free for another."""
        self._did()
        if good:
            future.set_result(value)
        else:
            future.set_exception(value)

    def _did(self) -> None:
        with self._lock:
            self._open -= 1

    def _start(self, number: int) -> _Worker | None:
        """Start a process; nothing once all are killed."""
        with self._lock:
            if self._killed:
                return None
            here, there = self._context.Pipe()
            process: BaseProcess = self._context.Process(  # type: ignore[attr-defined]  # every context has it
                target=_work, args=(there,), name=f"{fork_server.NAME} {number}", daemon=True
            )
            try:
                self._ensure_server()
                process.start()
            finally:
                there.close()
            worker = self._workers[number] = _Worker(process, here)
            return worker

    def _end(self, number: int, worker: _Worker) -> None:
        """Let a process end, if it has not; one that does not is killed."""
        worker.pipe.close()
        worker.process.join(_PATIENCE)
        if worker.process.exitcode is None:
            worker.process.kill()
            worker.process.join()
        with self._lock:
            del self._workers[number]
        worker.process.close()


_PATIENCE = 5.0
"""Seconds that a process which has nothing more to do is given to end."""


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Pass over further interrupts while what one has begun is brought to its end."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in HEARD}
    for number in before:
        signal.signal(number, signal.SIG_IGN)
    try:
        yield
    finally:
        for number, handler in before.items():
            if handler is not None:  # one that is not Python's is not known
                signal.signal(number, handler)


# -- in a worker -----------------------------------------------------------------------------------


def _work(pipe: Connection) -> None:
    """Perform calls until the parent closes the pipe, or ends."""
    for number in HEARD:
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with suppress(EOFError, OSError):
        while True:
            pipe.send_bytes(_answer(pipe.recv_bytes()))


def _answer(message: bytes) -> bytes:
    """Return whether a call was good, and its value or its error."""
    answer: tuple[bool, Any]
    try:
        function, args, kwargs = pickle.loads(message)
        answer = True, function(*args, **kwargs)
    except Exception as error:  # noqa: BLE001  # whatever it is, the parent is to see it
        error.add_note(traceback.format_exc())
        answer = False, error
    try:
        made = pickle.dumps(answer, pickle.HIGHEST_PROTOCOL)
        if not answer[0]:
            pickle.loads(made)  # an error may be picklable one way only
    except Exception:  # noqa: BLE001  # as above
        wrong = RuntimeError(f"a result that cannot be pickled: {answer[1]!r}")
        made = pickle.dumps((False, wrong), pickle.HIGHEST_PROTOCOL)
    return made


def _end_with_parent() -> None:
    """End when the parent has, however it did."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
