"""Predictions: the seconds that a cell takes on a model's simulated link, by the probe's code.

A batch is the same request over and over, at places that follow each other. Where its link reaches
a steady state, a part of the batch tells the rest (`shorten`): each request beyond that part takes
what the ones in its middle half took. So that the part is in the batch's own state, it is longer
than whatever the link remembers and the batch exceeds (`Parameters.remembers`).
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from dataclasses import replace
from functools import lru_cache
from typing import Any

from simaccess.errors import GivenUpError
from simaccess.kinds import kind_named
from simaccess.measured import Cell
from simaccess.model import Model
from simaccess.parameters import Parameters
from simaccess.probe import Task, probe, task
from simaccess.segment import Gate
from simaccess.sim.environment import TICKS_PER_SECOND, Agent, Environment
from simaccess.sim.link import Link

__all__ = ["predict", "predict_each", "shorten"]

FEWEST = 128
"""Requests, at least, that stand for a batch."""

MARGIN = 1.25
"""How many times as long as what the link remembers they are, where the whole batch is longer."""


class _Simulated:
    """A simulated consumer's link."""

    def __init__(self, link: Link, clock: Agent) -> None:
        self.size = link.size
        self.clock = clock
        self.views = False  # a simulated load takes the time in which the bytes come
        self.attach = link.attach
        self.local = link.local

    def cool(self) -> bool:
        """Say that it is fresh: each prediction has a simulation of its own."""
        return True


def predict(
    model: Model, cell: Cell, repetition: int = 0, *, segment: int, seed: int | None = None
) -> float:
    """Return the seconds that a cell takes on a model's simulated link.

    Where the link gives up, those until then: a fit that tries such a model finds it slow.

    Parameters
    ----------
    model : Model
        The interconnect.
    cell : Cell
        What is timed.
    repetition : int
        Seed of the offsets and accesses, which are those of the measured repetition, and of what
        the link draws, unless that has its own.
    segment : int
        Bytes of the segment, as in the measured set's header.
    seed : int, optional
        Seed of what the link draws.

    Raises
    ------
    InputError
        If the cell does not fit the segment or the link.
    """
    prepared = _prepared(cell, segment)
    env = Environment()
    seed = repetition if seed is None else seed
    link = kind_named(model.kind).make_link(env, model.parameters, segment, None, seed)
    try:
        spans = simulated_probes(env, link, prepared, repetition)
    except GivenUpError:
        return env.now / TICKS_PER_SECOND
    return (max(end for _, end in spans) - min(begin for begin, _ in spans)) / TICKS_PER_SECOND


def predict_each(
    model: Model, wanted: Iterable[tuple[Cell, int]], *, segment: int, short: bool = False
) -> list[float]:
    """Return the seconds of several pairs of a cell and a repetition, as `predict` does.

    With `short`, batches are cut to what tells the rest (`shorten`).
    """
    seconds = []
    for cell, repetition in wanted:
        part = shorten(model.parameters, cell, segment) if short else cell
        if part == cell:
            seconds.append(predict(model, cell, repetition, segment=segment))
        else:
            seconds.append(_extended(model, cell, part, repetition, segment))
    return seconds


def shorten(parameters: Parameters, cell: Cell, segment: int) -> Cell:
    """Return a cell with fewer requests that tell what each further one of the cell's takes.

    The same cell where it is short, where there is none, or where nothing says what its link
    remembers. Requests in sequence, by one consumer, go over `count * size` bytes, at most the
    segment's, and `depth * size` beside it; whatever the link remembers (the lines of its caches,
    the pages of its translations) is exceeded by both or by neither of the two.

    Parameters
    ----------
    parameters : Parameters
        The link's.
    cell : Cell
        What is timed.
    segment : int
        Bytes of the segment.
    """
    remembers = parameters.remembers()
    plain = cell.operation != "method" and cell.state == "steady" and cell.pattern == "sequential"
    if remembers is None or not plain or cell.consumers > 1 or cell.warm not in (0, cell.count):
        return cell
    beside = cell.depth * cell.size
    whole = min(cell.count * cell.size, segment) + beside
    below = max((most for most in remembers if most < whole), default=0)
    above = min((most for most in remembers if most >= whole), default=None)
    count = FEWEST * cell.depth
    while count * cell.size + beside < MARGIN * below:
        count *= 2
    part = count * cell.size + beside
    if count > cell.count // 2 or part > whole or (above is not None and part > above / MARGIN):
        return cell
    return replace(cell, count=count, warm=count if cell.warm else 0)


def _extended(model: Model, cell: Cell, part: Cell, repetition: int, segment: int) -> float:
    """Return the seconds of a cell by a part of it."""
    env = Environment()
    link = kind_named(model.kind).make_link(env, model.parameters, segment, None, repetition)
    begun: list[int] = []

    def passing() -> None:
        begun.append(env.agent.time)

    ((begin, end),) = simulated_probes(env, link, _prepared(part, segment), repetition, passing)
    first, last = part.count // 4, 3 * part.count // 4
    middle = begun[last] - begun[first]
    ticks = end - begin + (cell.count - part.count) * middle / (last - first)
    return ticks / TICKS_PER_SECOND


@lru_cache(maxsize=1024)
def _prepared(cell: Cell, segment: int) -> Task:
    """Prepare a cell once for all models that it is predicted with."""
    return task(cell, segment)


def simulated_probes(
    env: Environment,
    link: Link,
    prepared: Task,
    repetition: int,
    passing: Callable[[], None] | None = None,
) -> list[tuple[int, int]]:
    """Run a cell's consumers on a simulated link; return when each began and ended, in ticks."""
    gates: list[Gate] = []
    missing = prepared.cell.consumers
    spans: list[tuple[int, int]] = []

    def body(consumer: int) -> Callable[[Agent], Coroutine[Any, Any, None]]:
        async def run(clock: Agent) -> None:
            async def ready() -> None:
                nonlocal missing
                await clock.instant()
                gates[:] = gates or [clock.gate()]
                missing -= 1
                if missing:
                    await gates[0]
                else:
                    gates[0].open()

            simulated = _Simulated(link, clock)
            spans.append(
                await probe(
                    simulated,
                    prepared,
                    repetition,
                    consumer=consumer,
                    ready=ready,
                    passing=passing,
                )
            )

        return run

    env.run_agents([env.start(body(number)) for number in range(prepared.cell.consumers)])
    return spans
