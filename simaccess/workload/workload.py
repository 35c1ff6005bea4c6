"""What a workload is: a segment, its records, and the accesses made to it."""

from __future__ import annotations

from typing import Annotated, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from simaccess.errors import InputError
from simaccess.methods.blocks import Blocks
from simaccess.parameters import Section
from simaccess.quantities import LONGEST, Duration, PositiveSize, Share
from simaccess.workload.accesses import Accesses, alike, parts
from simaccess.workload.draws import generator

__all__ = ["Extent", "Load", "Positive", "WithWrites", "Workload", "accesses"]

Extent: TypeAlias = PositiveSize
"""Whole bytes, at least 1, given as text with a unit."""

Positive: TypeAlias = Annotated[int, Field(ge=1)]
"""A whole number, at least 1."""


class Load(Section):
    """What the consumer computes.

    Parameters
    ----------
    work : float
        Seconds of the consumer's own work after each request.
    work_per_byte : float
        Seconds of it for each byte, after each access.
    """

    work: Duration = 0.0
    work_per_byte: Duration = 0.0


class WithWrites(Load):
    """What the consumer computes, and how much it writes.

    Parameters
    ----------
    writes : float
        Share of the accesses that write, each drawn by itself.
    """

    writes: Share = 0.0


class Workload(Protocol):
    """What is asked of a segment.

    Attributes
    ----------
    name : str
        The name it is asked for by; of a file, that of what the file makes.
    parameters : Section
        Its parameters; unknown keys are refused.
    size : int
        Bytes of the segment, all laps of a stream included.
    blocks : Blocks
        Its records; blocks of a fixed size where it has none.
    header : int
        Bytes of the header of each record; 0 where there is none.
    arrivals : ndarray of float64, shape (records,), or None
        When each record is there to be published, in seconds from the first, all laps included;
        None where nothing tells.
    """

    # ruff: noqa: D102  # the properties are described above, each once
    @property
    def name(self) -> str: ...
    @property
    def parameters(self) -> Section: ...
    @property
    def size(self) -> int: ...
    @property
    def blocks(self) -> Blocks: ...
    @property
    def header(self) -> int: ...
    @property
    def arrivals(self) -> NDArray[np.float64] | None: ...

    def content(self, seed: int = 0) -> bytes | None:
        """Return the segment's bytes; None if nobody knows them.

        They are `size`, or those of one lap where the segment holds the same lap after lap.
        """
        ...

    def accesses(self, seed: int) -> Accesses:
        """Return the accesses that `seed` stands for, the same ones each time."""
        ...


def accesses(
    size: int,
    load: Load,
    *,
    offset: NDArray[np.int64],
    length: NDArray[np.int64],
    last: NDArray[np.bool_],
    seed: int,
    write: NDArray[np.bool_] | None = None,
    time: NDArray[np.float64] | None = None,
) -> Accesses:
    """Complete columns by what the load says of work and writes.

    Parameters
    ----------
    size : int
        Bytes of the segment.
    load : Load
        The consumer's work, and the share of writes if `write` does not tell them.
    offset, length, last, write, time : ndarray
        As in `Accesses`.
    seed : int
        Whether an access writes is drawn from it.

    Raises
    ------
    InputError
        If the work after an access would last longer than can be simulated.
    """
    if write is None:
        share = load.writes if isinstance(load, WithWrites) else 0.0
        write = _drawn(share, len(offset), seed) if share else alike(np.False_, len(offset))
    work: NDArray[np.float64] | None = None
    if load.work or load.work_per_byte:
        work = np.multiply(length, load.work_per_byte, dtype=np.float64)
        np.add(work, load.work, out=work, where=last)
        if len(work) and work.max() > LONGEST:
            longest = int(length[np.argmax(work)])
            raise InputError(
                f"an access of {longest} bytes would be worked on for {work.max():g} s",
                key="workload.work_per_byte",
                value=load.work_per_byte,
                allowed=f"at most {LONGEST:g} s together with workload.work",
            )
    return Accesses(
        size=size, offset=offset, length=length, write=write, last=last, work=work, time=time
    )


def _drawn(share: float, count: int, seed: int) -> NDArray[np.bool_]:
    """Draw which of so many accesses write."""
    draws = generator(seed, "writes")
    write = np.empty(count, np.bool_)
    for part in parts(count):
        np.less(draws.random(part.stop - part.start), share, out=write[part])
    return write
