"""Time cells: on real links, with one consumer here and several in processes, or on simulated ones.

Consumers at once are processes, each with a link of its own. They make ready, meet at a barrier
and begin at one moment, which is a little after the last one came so that all have been woken.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from ctypes import c_int64
from functools import cache, partial
from multiprocessing.connection import Connection, wait
from threading import BrokenBarrierError
from time import perf_counter_ns
from typing import Any, Protocol, TypeAlias

from simaccess import fork_server
from simaccess.errors import InputError, LinkError
from simaccess.measured import Cell
from simaccess.model import Model
from simaccess.plan import Traits
from simaccess.predict import predict
from simaccess.probe import probe, task
from simaccess.real.clock import TICKS_PER_SECOND, RealClock, run
from simaccess.real.link import RealLink
from simaccess.real.memory import RealMemory
from simaccess.segment import Segment
from simaccess.workers import HEARD

__all__ = ["LinkFactory", "RealTimer", "SimulatedTimer", "Timer", "pinned"]

LinkFactory: TypeAlias = Callable[[], RealLink]
"""Opens a link; for several consumers it must be one that can be pickled."""

_Answer: TypeAlias = tuple[int, int] | InputError | LinkError | None
"""When a consumer began and ended; why it could not; or that another one could not."""

_PATIENT = 1e-3  # seconds of an operation from which on a link is a patient one's
_TOGETHER = 1_000_000  # ticks from the last consumer's coming to the beginning


class Timer(Protocol):
    """Who times cells.

    Attributes
    ----------
    url : str
        The link, for the header.
    segment : int
        Bytes of its segment.
    exact : bool
        Whether the shortest operation can be timed by itself.
    """

    # ruff: noqa: D102  # the properties are described above, each once
    @property
    def url(self) -> str: ...
    @property
    def segment(self) -> int: ...
    @property
    def exact(self) -> bool: ...

    def traits(self, writes: bool) -> Traits:
        """Return what a plan depends on; `writes` says whether the segment may be written."""
        ...

    def time(self, cell: Cell, repetition: int) -> float:
        """Return the seconds of one repetition."""
        ...

    def close(self) -> None:
        """Give everything back."""
        ...


class SimulatedTimer:
    """Times cells on a model's simulated link: what a perfect measurement of it would give.

    Parameters
    ----------
    model : Model
        The interconnect.
    segment : int
        Bytes of the segment.
    """

    exact = True

    def __init__(self, model: Model, segment: int) -> None:
        self.url = f"simulated:{model.name}"
        self._model = model
        self.segment = segment

    def traits(self, writes: bool) -> Traits:
        """Return those of a link whose connections, if it has any, can be fresh."""
        cools = self._model.kind == "wan-link"
        return Traits(self.segment, cools, writes, self.time(Cell("load", 1), 0) >= _PATIENT)

    def time(self, cell: Cell, repetition: int) -> float:
        """Predict."""
        return predict(self._model, cell, repetition, segment=self.segment)

    def close(self) -> None:
        """Do nothing."""


class _Reused:
    """A link whose local memory is kept: fresh pages would be timed, or at least waited for."""

    def __init__(self, link: RealLink) -> None:
        self.size = link.size
        self.views = link.views
        self._link = link
        self.attach: Callable[[], Segment] = link.attach
        self.cool = link.cool
        self.local: Callable[[int], RealMemory] = cache(link.local)

    @property
    def clock(self) -> RealClock:
        """The consumer's clock."""
        return self._link.clock


class RealTimer:
    """Times cells on real links.

    Parameters
    ----------
    factory : callable
        Opens a link.
    cpus : sequence of int
        The processors that consumers are pinned to, in turn; those of the process if empty.
    most : int
        Consumers at once, at most.

    Raises
    ------
    InputError, LinkError
        If the link cannot be opened.
    """

    exact = False

    def __init__(self, factory: LinkFactory, cpus: Sequence[int] = (), most: int = 4) -> None:
        self._link = factory()
        self.url = self._link.url
        self.segment = self._link.size
        self._own = _Reused(self._link)
        self._task = cache(partial(task, segment=self.segment))
        self._start = partial(_Crew, factory, tuple(cpus), most, self.url)
        self._crew: _Crew | None = None
        self._most = most

    def traits(self, writes: bool) -> Traits:
        """Try what the link can."""
        if writes and not self._link.writable:
            raise InputError("this link cannot be written", key="writes", value=self.url)
        cools = self._link.cool()
        first = self.time(Cell("load", 1), 0)
        patient = min(first, self.time(Cell("load", 1), 1)) >= _PATIENT
        return Traits(self.segment, cools, writes, patient, self._most)

    def time(self, cell: Cell, repetition: int) -> float:
        """Run the cell's consumers."""
        if cell.consumers == 1:
            with _uncollected():
                begin, end = run(probe(self._own, self._task(cell), repetition))
            return (end - begin) / self._own.clock.ticks_per_second
        if self._crew is None:
            with _uninterrupted():
                self._crew = self._start()
        spans = self._crew.time(cell, repetition)
        ticks = max(end for _, end in spans) - min(begin for begin, _ in spans)
        return ticks / TICKS_PER_SECOND

    def close(self) -> None:
        """Close the link and end the other consumers' processes."""
        if self._crew is not None:
            self._crew.close()
        self._link.close()


class _Crew:
    """Consumers in processes of their own."""

    def __init__(self, factory: LinkFactory, cpus: tuple[int, ...], most: int, url: str) -> None:
        methods = multiprocessing.get_all_start_methods()
        # Not fork, which copies whatever locks the threads of the process hold.
        context: Any = multiprocessing.get_context(
            "forkserver" if "forkserver" in methods else "spawn"
        )
        if "forkserver" in methods:
            fork_server.started(__name__)
        self._url = url
        self._begin = context.Value(c_int64, 0, lock=False)
        meet = partial(_set, self._begin)
        self._barriers = {number: context.Barrier(number, meet) for number in range(2, most + 1)}
        self._members: list[tuple[Any, Connection]] = []
        for consumer in range(most):
            here, there = context.Pipe()
            process = context.Process(
                target=_consume,
                args=(there, factory, consumer, cpus, self._barriers, self._begin),
                name=f"{fork_server.NAME}, consumer {consumer}",
                daemon=True,
            )
            process.start()
            there.close()
            self._members.append((process, here))

    def time(self, cell: Cell, repetition: int) -> list[tuple[int, int]]:
        """Return when each consumer began and ended.

        Raises
        ------
        InputError, LinkError
            If one of them does; the others end too.
        """
        members = self._members[: cell.consumers]
        sentinels = [process.sentinel for process, _ in members]
        try:
            for _, connection in members:
                connection.send((cell, repetition))
            answers = [_hear(connection, sentinels) for _, connection in members]
        except (EOFError, OSError):
            raise LinkError("the process of a consumer died", self._url) from None
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        return [answer for answer in answers if isinstance(answer, tuple)]

    def close(self) -> None:
        """End all processes."""
        for process, connection in self._members:
            connection.close()
            process.terminate()
        for process, _ in self._members:
            process.join()
        self._members = []


def _hear(connection: Connection, sentinels: Sequence[int]) -> _Answer:
    """Return a consumer's answer.

    Raises
    ------
    EOFError
        If the process of any consumer ended before, for whom this one may be waiting.
    """
    if connection not in wait([connection, *sentinels]):
        raise EOFError
    answer: _Answer = connection.recv()
    return answer


@contextmanager
def pinned(cpus: Sequence[int]) -> Iterator[None]:
    """Keep this process on the first of some processors, where any are given.

    Raises
    ------
    InputError
        If one of them cannot be used.
    """
    if not cpus:
        yield
        return
    before = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    for cpu in cpus:
        if cpu not in before:
            allowed = ", ".join(map(str, sorted(before))) or "none: this system pins no process"
            raise InputError("cannot be used", key="cpu", value=cpu, allowed=allowed)
    os.sched_setaffinity(0, {cpus[0]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Answer an interrupt or a termination at the end, when what is begun can be ended again.

    A process whose parent goes while it is started says so, in many lines.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # no signal arrives here
        return
    came: list[int] = []
    before = {number: signal.getsignal(number) for number in HEARD}
    for number, handler in before.items():
        if callable(handler):
            signal.signal(number, lambda each, _frame: came.append(each))
    try:
        yield
    finally:
        for number, handler in before.items():
            if callable(handler):
                signal.signal(number, handler)
        if came:
            signal.raise_signal(came[0])


@contextmanager
def _uncollected() -> Iterator[None]:
    """Keep the garbage collector out, as `timeit` does.

    What it takes grows with all that the program holds, and falls on whatever allocates next: a
    method that enters many blocks paid half as much again for each of them.
    """
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


def _set(begin: Any) -> None:
    """Fix the moment at which all begin; called by the last one to come."""
    begin.value = perf_counter_ns() + _TOGETHER


def _consume(  # noqa: PLR0917  # a process takes them by place
    connection: Connection,
    factory: LinkFactory,
    consumer: int,
    cpus: Sequence[int],
    barriers: Mapping[int, Any],
    begin: Any,
) -> None:
    """Be a consumer: run the cells that come through the connection until it is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent's to answer
    link: RealLink | None = None
    with suppress(EOFError, BrokenPipeError):
        while True:
            cell, repetition = connection.recv()
            barrier = barriers[cell.consumers]

            async def meet(barrier: Any = barrier) -> None:
                barrier.wait()
                while perf_counter_ns() < begin.value:
                    pass

            answer: _Answer
            try:
                if link is None:
                    if cpus:
                        os.sched_setaffinity(0, {cpus[consumer % len(cpus)]})
                    link = factory()
                    own, prepare = _Reused(link), cache(partial(task, segment=link.size))
                with _uncollected():
                    answer = run(
                        probe(own, prepare(cell), repetition, consumer=consumer, ready=meet)
                    )
            except (InputError, LinkError) as error:
                barrier.abort()  # nobody shall wait for this one
                answer = error
            except BrokenBarrierError:
                answer = None
            connection.send(answer)
    if link is not None:
        link.close()
