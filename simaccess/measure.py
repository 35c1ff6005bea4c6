"""Measure a link: time the cells of a plan again and again, all in turn, until they are known.

In every round each cell that is not yet known well enough is timed once, in an order drawn for the
round, so that what drifts hits all cells alike and none always follows the same other one. Before
the first round each cell is run once, untimed: to warm up, and to see how long a batch must be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Any, TypeAlias

import numpy as np

from simaccess.errors import LinkError
from simaccess.machine import load, record
from simaccess.measured import Cell, MeasuredSet, interval, parsed_facts
from simaccess.plan import Plan, check_plan
from simaccess.plan import plan as make_plan
from simaccess.threshold import FACTOR, Path, on_threshold
from simaccess.timing import LinkFactory, RealTimer, Timer, pinned
from simaccess.workload.draws import generator

__all__ = ["Outcome", "Verify", "measure", "measure_with", "path_of"]

FEWEST, FEWEST_WITH_LOSS = 10, 30
"""Repetitions of a cell at least, unless time is up."""

NARROW = 0.02
"""Half of the 95 % interval of the median, as a share of it, from which on a cell is known."""

BATCH = 200e-6
"""Seconds of a batch at least: of shorter operations several are timed together. One by one, what
other cells have left in the caches, and what waking costs on the day, would be timed with them."""

TRIES = 5
"""Runs whose least time tells how many requests make a batch."""

CHECKPOINT = 10.0
"""Seconds from one report of what has been measured to the next."""

Row: TypeAlias = tuple[Cell, int, float, bool, str]

Verify: TypeAlias = Callable[[Cell, int, float], str]
"""``verify(cell, repetition, seconds)`` is called after a repetition; what it returns is why the
repetition is discarded, empty if it is not."""


@dataclass(frozen=True)
class Outcome:
    """What came of a measurement.

    Attributes
    ----------
    measured : MeasuredSet
        What was measured, up to its end.
    short : int
        How many of the plan's cells have fewer repetitions than there should be.
    wide : tuple of Cell
        The cells whose interval is not narrow.
    interrupted : bool
        Whether the user ended it.
    failure : LinkError or None
        What ended it, if the link did.
    """

    measured: MeasuredSet
    short: int
    wide: tuple[Cell, ...]
    interrupted: bool = False
    failure: LinkError | None = None


@dataclass
class _Course:
    """How far a cell has come."""

    cell: Cell
    attempts: int = 0
    seconds: list[float] = field(default_factory=list)

    def narrow(self) -> bool:
        """Say whether the median is known."""
        low, high = interval(self.seconds)
        return high - low <= 2 * NARROW * float(np.median(self.seconds))

    def goes_on(self, fewest: int, most: int, late: bool) -> bool:
        """Say whether another repetition is wanted; `late`: only to have the fewest."""
        wanted = len(self.seconds) < fewest or (not late and not self.narrow())
        return wanted and self.may_go_on(fewest, most)

    def may_go_on(self, fewest: int, most: int) -> bool:
        """Say whether there may be another repetition."""
        if self.attempts >= 4 * max(fewest, most):
            return False  # nearly all are discarded
        return len(self.seconds) < max(fewest, most)


def path_of(facts: Mapping[str, str]) -> Path | None:
    """Return what the facts ``rate``, ``rtt`` and ``buffer`` tell of a path; None without all.

    Raises
    ------
    InputError
        If one of them is no such quantity.
    """
    parsed = parsed_facts(facts, place="")
    if not {"rate", "rtt", "buffer"} <= set(parsed):
        return None
    return Path(parsed["rate"], parsed["rtt"], int(parsed["buffer"]))


def measure(
    link_factory: LinkFactory,
    plan: Plan | str = "quick",
    *,
    writes: bool = False,
    cpus: Sequence[int] = (),
    **options: Any,
) -> Outcome:
    """Measure a real link.

    Parameters
    ----------
    link_factory : callable
        Opens the link; where several consumers are timed at once, it must be possible to pickle.
    plan : Plan or str
        What to time, or the name of a plan (`simaccess.plan.plan`).
    writes : bool
        Whether a named plan has cells that write, over what the segment holds.
    cpus : sequence of int
        The processors that the consumers are pinned to, in turn.
    **options
        As for `measure_with`.

    Raises
    ------
    InputError, LinkError
        If the link cannot be opened, or there is no such plan.
    """
    if isinstance(plan, str):
        check_plan(plan)
    path_of(options.get("facts") or {})
    with pinned(cpus):
        timer = RealTimer(link_factory, cpus)
        try:
            if isinstance(plan, str):
                plan = make_plan(plan, timer.traits(writes))
            return measure_with(timer, plan, cpus=cpus, **options)
        finally:
            timer.close()


def measure_with(
    timer: Timer,
    plan: Plan,
    *,
    seconds: float | None = None,
    verify: Verify | None = None,
    facts: Mapping[str, str] | None = None,
    cpus: Sequence[int] = (),
    starting: Callable[[Plan], None] = lambda _plan: None,
    warming: Callable[[int, int], None] = lambda _done, _all: None,
    report: Callable[[int, int], None] = lambda _done, _all: None,
    keep: Callable[[MeasuredSet], None] = lambda _measured: None,
) -> Outcome:
    """Measure with whoever times cells.

    A measurement that the user or the link ends returns what it has.

    Parameters
    ----------
    timer : Timer
        Who times them.
    plan : Plan
        What to time.
    seconds : float, optional
        After how long no repetition begins, counted from the end of the untimed first runs, which
        take what they take. Without it the plan's own limit holds, but not before each cell has
        its fewest repetitions.
    verify : callable, optional
        See `Verify`. What is discarded is kept, counted, and repeated.
    facts : mapping of str to str, optional
        What is known of the link, for the header. ``rate``, ``rtt`` and ``buffer`` together name
        the cells on loss thresholds; with ``loss`` each cell is repeated 30 times at least.
    cpus : sequence of int
        What to record of the placement.
    starting : callable
        Is told what is timed, before anything is.
    warming, report : callable
        ``warming(done, all)`` is told of the untimed first runs, in cells, and ``report(done,
        all)`` of what follows, in repetitions.
    keep : callable
        Is given what has been measured so far, every ten seconds.

    Raises
    ------
    InputError
        If a fact or a cell is wrong, or `keep` does.
    """
    facts = dict(facts or {})
    path = path_of(facts)
    fewest = FEWEST_WITH_LOSS if _lossy(facts) else FEWEST
    limit = plan.seconds if seconds is None else seconds
    header: dict[str, Any] = {
        "link": timer.url,
        "segment": timer.segment,
        **record(cpus),
        "plan": plan.name,
        "repetitions": {"fewest": fewest, "most": plan.most},
        "load": {"before": load()},
        "facts": facts,
    }
    if path is not None:
        header["threshold"] = {"factor": FACTOR, "bursts": list(path.thresholds)}
    rows: list[Row] = []
    courses: list[_Course] = []
    ending: dict[str, Any] = {}
    begin = kept = monotonic()

    def late() -> bool:
        return monotonic() - begin >= limit

    starting(plan)
    try:
        for number, cell in enumerate(plan.cells):
            warming(number, len(plan.cells))
            courses.append(_Course(batched(timer, cell)))
        warming(len(plan.cells), len(plan.cells))
        begin = monotonic()
        report(0, len(plan.cells) * fewest)
        for course in _rounds(courses, fewest, plan.most, late):
            if seconds is not None and late():
                break
            cell, number = course.cell, course.attempts
            course.attempts += 1
            took = timer.time(cell, number)
            why = "" if verify is None else verify(cell, number, took)
            if not why:
                course.seconds.append(took)
            rows.append((cell, number, took, path is not None and on_threshold(cell, path), why))
            report(len(rows), sum(max(fewest, each.attempts) for each in courses))
            if monotonic() - kept >= CHECKPOINT:
                keep(MeasuredSet.of(header, rows))
                kept = monotonic()
    except KeyboardInterrupt:
        ending = {"interrupted": True}
    except LinkError as error:
        ending = {"failure": error}
    header["load"]["after"] = load()
    short = len(plan.cells) - sum(len(each.seconds) >= fewest for each in courses)
    wide = tuple(each.cell for each in courses if each.seconds and not each.narrow())
    return Outcome(MeasuredSet.of(header, rows), short, wide, **ending)


def batched(timer: Timer, cell: Cell) -> Cell:
    """Run a cell, untimed, and return it with as many requests as can be timed together.

    Only where no state matters: a connection is fresh for one request alone. How long it takes is
    the least of some runs: first ones are slow, and one that was interrupted would leave a short
    operation without a batch.
    """
    timer.time(cell, 0)
    if timer.exact or cell.state != "steady" or cell.operation == "method":
        return cell
    while (took := min(timer.time(cell, 0) for _ in range(TRIES))) < BATCH:
        more = 2 * cell.count if took * 4 > BATCH else 4 * cell.count
        cell = replace(cell, count=more, warm=more if cell.warm else 0)
    return cell


def _rounds(
    courses: Sequence[_Course], fewest: int, most: int, late: Callable[[], bool]
) -> Iterator[_Course]:
    """Yield the cells in turn, in each round those that go on, in an order drawn for it.

    As long as most of them go on all do: what a machine does for a minute would else be in the
    medians of some, and not of those that happened to be known before.
    """
    number = 0
    while going := [each for each in courses if each.goes_on(fewest, most, late())]:
        if 2 * len(going) > len(courses) and not late():
            going = [each for each in courses if each.may_go_on(fewest, most)]
        for index in generator(number, "order").permutation(len(going)):
            yield going[index]
        number += 1


def _lossy(facts: Mapping[str, str]) -> bool:
    """Say whether the facts tell of loss: any but none."""
    return parsed_facts(facts).get("loss", 0.0) > 0
