"""Plans: which cells are measured on a link.

What makes sense depends on the link, and on little else: on its `Traits`. So the same plan on the
same link has the same cells, whose batches alone follow the machine's speed
(`simaccess.measure`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product

from simaccess.errors import InputError
from simaccess.measured import Cell, assignments
from simaccess.present import size as shown
from simaccess.quantities import parse_size
from simaccess.refusal import did_you_mean
from simaccess.workload.registry import workload

__all__ = ["PLANS", "Plan", "Traits", "check_plan", "plan"]

_KIB, _MIB = 1 << 10, 1 << 20

METHODS = ("zero-copy", "copy-once", "hybrid", "prefetch")

SHADOW = 4 * _MIB
"""Bytes of every method's shadow, so that none wins by memory."""


@dataclass(frozen=True, slots=True)
class Traits:
    """What a plan depends on.

    Attributes
    ----------
    segment : int
        Bytes of the segment.
    cools : bool
        Whether what earlier operations have warmed up can be undone.
    writes : bool
        Whether the segment may be written.
    patient : bool
        Whether an operation takes so long, a millisecond or more, that methods are measured with
        fewer requests.
    consumers : int
        How many consumers may be had at most.
    """

    segment: int
    cools: bool
    writes: bool = False
    patient: bool = False
    consumers: int = 4


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured, and how long.

    Attributes
    ----------
    name : str
        Its name.
    cells : tuple of Cell
        What is timed.
    seconds : float
        After how long no repetition begins beyond the fewest that a cell must have.
    most : int
        Repetitions of a cell at most.
    """

    name: str
    cells: tuple[Cell, ...]
    seconds: float = 60.0
    most: int = 30


@dataclass(frozen=True, slots=True)
class _Grid:
    """What one plan crosses.

    Attributes
    ----------
    sizes : tuple of int
        Bytes of single requests.
    fewer : tuple of int
        Bytes where something else is varied.
    warm : tuple of int
        Requests before, on a fresh connection.
    idle : tuple of float
        Seconds of silence.
    depths : tuple of int
        Requests in flight.
    consumers : tuple of int
        How many at once.
    workloads : int
        How many of the methods' workloads.
    blocks, ahead
        Block sizes of methods, and depths of prefetching.
    """

    sizes: tuple[int, ...]
    fewer: tuple[int, ...]
    warm: tuple[int, ...]
    idle: tuple[float, ...]
    depths: tuple[int, ...]
    consumers: tuple[int, ...]
    workloads: int
    blocks: tuple[int, ...]
    ahead: tuple[int, ...]


_QUICK = _Grid(
    sizes=tuple(4**power for power in range(3, 11)),  # 64 B to 1 MiB
    fewer=(4 * _KIB, 64 * _KIB),
    warm=(4,),
    idle=(0.5,),
    depths=(4, 16),
    consumers=(2,),
    workloads=4,
    blocks=(64 * _KIB,),
    ahead=(8,),
)

_FULL = _Grid(
    sizes=tuple(2**power for power in range(6, 25)),  # 64 B to 16 MiB
    fewer=(1 * _KIB, 16 * _KIB, 64 * _KIB, 256 * _KIB),
    warm=(1, 4, 16),
    idle=(0.1, 0.5, 2.0),
    depths=(2, 4, 8, 16, 32),
    consumers=(2, 4),
    workloads=6,
    blocks=(4 * _KIB, 16 * _KIB, 64 * _KIB, 256 * _KIB),
    ahead=(2, 8, 32),
)


def plan(name: str, traits: Traits) -> Plan:
    """Return a plan for a link.

    Parameters
    ----------
    name : str
        ``quick`` (some dozen cells) or ``full`` (some hundred).
    traits : Traits
        The link's.

    Raises
    ------
    InputError
        If there is no such plan.
    """
    check_plan(name)
    grid, seconds, most = PLANS[name]
    sections = (_single, _pipelined, _shared, _methods)
    made = (cell for section in sections for cell in section(grid, traits))
    return Plan(name, tuple(dict.fromkeys(made)), seconds, most)


def check_plan(name: str) -> None:
    """Check that there is a plan of that name.

    Raises
    ------
    InputError
        If there is not.
    """
    if name not in PLANS:
        problem = "no such plan" + did_you_mean(name, PLANS)
        raise InputError(problem, key="plan", value=name, allowed=PLANS)


PLANS: Mapping[str, tuple[_Grid, float, int]] = {
    "quick": (_QUICK, 60.0, 30),
    "full": (_FULL, 900.0, 100),
}
"""The plans by name: what they cross, their seconds, and their most repetitions."""


def _fitting(sizes: Iterable[int], traits: Traits) -> list[int]:
    """Return the sizes of which the segment holds four; if it holds none, a quarter of it."""
    return [size for size in sizes if 4 * size <= traits.segment] or [max(1, traits.segment // 4)]


def _operations(traits: Traits) -> list[tuple[str, str]]:
    """Return pairs of what is done in place and in bulk."""
    return [("load", "fetch"), ("store", "flush")] if traits.writes else [("load", "fetch")]


def _single(grid: _Grid, traits: Traits) -> Iterator[Cell]:
    """Make one request at a time, of every size, in every state that the link has."""
    for pair in _operations(traits):
        for operation, size in product(pair, _fitting(grid.sizes, traits)):
            if not traits.cools:
                yield _cell(operation, size, warm=1)
                continue
            yield _cell(operation, size, state="cold")
            for warm in grid.warm:
                yield _cell(operation, size, state="warm", warm=warm)
        for operation, size in product(pair, _fitting(grid.fewer, traits)):
            # Random places that nothing has touched before, and the same ones a second time. Where
            # other cells leave the link cold, only the second time is the same each time.
            if not traits.cools:
                yield _cell(operation, size, pattern="random", count=16)
                yield _cell(operation, size, pattern="random", warm=16, count=16)
                continue
            yield _cell(operation, size, pattern="random", state="warm", warm=16, count=16)
            for seconds, warm in product(grid.idle, grid.warm[-1:]):
                yield _cell(operation, size, state="idle", warm=warm, idle_s=seconds)


def _pipelined(grid: _Grid, traits: Traits) -> Iterator[Cell]:
    """Keep several bulk requests in flight, on a fresh connection and on a warm one."""
    for _, operation in _operations(traits):
        for size, depth in product(_fitting(grid.fewer, traits), grid.depths):
            count = max(32, 2 * depth)
            if not traits.cools:
                yield _cell(operation, size, depth=depth, count=count, warm=count)
                continue
            yield _cell(operation, size, depth=depth, count=count, state="cold")
            yield _cell(operation, size, depth=depth, count=count, state="warm", warm=count)


def _shared(grid: _Grid, traits: Traits) -> Iterator[Cell]:
    """Have several consumers at once, each on its own connection."""
    numbers = [number for number in grid.consumers if number <= traits.consumers]
    for number, size in product(numbers, _fitting(grid.fewer, traits)):
        for operation in ("load", "fetch"):
            state = {"state": "warm"} if traits.cools else {}
            yield _cell(operation, size, consumers=number, warm=16, count=16, **state)


def _cell(operation: str, size: int, **fields: object) -> Cell:
    made: Callable[..., Cell] = Cell
    return made(operation, size, **fields)


# -- methods ---------------------------------------------------------------------------------------


def _workloads(requests: int, segment: int) -> Iterator[str]:
    """Return workloads of about so many requests, the most telling ones first."""
    most = min(segment, 16 * _MIB)

    def extent(each: int) -> str:
        """Return a size that holds the requests, `each` bytes apart, as far as they fit."""
        return _exact(min(most, requests * each) // each * each)

    page, record, run = 4 * _KIB, 1536, 64 * _KIB  # 1536: a packet of 1514 bytes, padded
    yield f"sequential size={extent(page)} length=4 KiB"
    yield f"random size={_exact(most)} length=64 B requests={requests}"
    yield f"header-payload size={extent(record)} payload_probability=0.1"
    yield f"header-only size={extent(record)}"
    yield f"strided size={extent(page)} length=64 B stride=4 KiB"
    yield f"skip size={extent(run)} length=4 KiB skip_read=16 KiB skip_jump=48 KiB"


def _exact(size: int) -> str:
    """Return a number of bytes as text that reads back as the same."""
    text = shown(size)
    return text if parse_size(text) == size else f"{size} B"


def _methods(grid: _Grid, traits: Traits) -> Iterator[Cell]:
    """Run the four methods, each with the grid's settings, on the grid's workloads."""
    requests = 32 if traits.patient else 1024
    state = {"state": "warm", "warm": 1} if traits.cools else {"warm": 1}
    for number, name in enumerate(_workloads(requests, traits.segment)):
        if number == grid.workloads or traits.segment < 256 * _KIB:
            break
        asked = workload(*assignments(name))
        count = asked.accesses(0).requests
        for method in METHODS:
            for block, settings in _settings(method, grid, traits, records=asked.header > 0):
                yield _cell(
                    "method", block, workload=name, method=method, settings=settings, count=count,
                    **state,
                )  # fmt: skip


def _settings(method: str, grid: _Grid, traits: Traits, records: bool) -> Iterator[tuple[int, str]]:
    """Return the settings of a method, with the size of its blocks; 0 for a workload's records."""
    if method == "zero-copy":
        yield 0, ""
        return
    blocks = _fitting(grid.blocks, traits)
    for block in (0, *blocks) if records else blocks:
        own = f"block={_exact(block)} " if block else ""
        if method == "prefetch":
            for depth in grid.ahead:
                if block * depth < SHADOW:  # one more block is read meanwhile
                    yield block, f"{own}depth={depth} shadow={shown(SHADOW)}"
        else:
            yield block, f"{own}shadow={shown(SHADOW)}"
