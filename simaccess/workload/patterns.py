"""Synthetic access patterns: where the requests go in a segment without records.

Each request is one access. A request never wraps: where less than its length is left of the
segment, `sequential` and `strided` ask for what is left, and the others do not go there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from simaccess.errors import InputError
from simaccess.methods.blocks import FixedBlocks
from simaccess.room import require_room
from simaccess.workload.accesses import ROOM, Accesses, alike, parts
from simaccess.workload.draws import generator
from simaccess.workload.workload import Extent, Positive, WithWrites, accesses

__all__ = [
    "Pattern",
    "PatternParameters",
    "RandomParameters",
    "RequestParameters",
    "SequentialParameters",
    "SkipParameters",
    "StridedParameters",
    "ZipfParameters",
    "placement",
    "random",
    "sequential",
    "skip",
    "strided",
    "zipf",
]

_KIB, _MIB = 1024, 1024**2


class PatternParameters(WithWrites):
    """What all patterns have.

    Parameters
    ----------
    size : int
        Bytes of the segment.
    block : int
        Bytes of its blocks, for methods that are not told another size.
    requests : int, optional
        How many; without it a pattern in order goes through the segment once.
    """

    size: Extent = 16 * _MIB
    block: Extent = 4 * _KIB
    requests: Positive | None = None

    def _require_fit(self, name: str, length: int) -> None:
        """Refuse what does not fit into the segment: itself if it was given, else the size."""
        if length <= self.size:
            return
        if name in self.model_fields_set:
            raise InputError(
                "more than the segment has (workload.size)",
                key=f"workload.{name}",
                value=length,
                allowed=f"at most {self.size} bytes",
            )
        raise InputError(
            f"less than workload.{name}, {length} bytes",
            key="workload.size",
            value=self.size,
            allowed=f"at least {length} bytes",
        )


class RequestParameters(PatternParameters):
    """Parameters of a pattern whose requests have a length of their own.

    Parameters
    ----------
    length : int
        Bytes of each request.
    """

    length: Extent = 4 * _KIB

    @model_validator(mode="after")
    def _fits(self) -> RequestParameters:
        self._require_fit("length", self.length)
        return self


class SequentialParameters(RequestParameters):
    """Parameters of ``sequential``: requests back to back."""


class StridedParameters(RequestParameters):
    """Parameters of ``strided``: requests that start `stride` bytes apart."""

    length: Extent = 64
    stride: Extent = 4 * _KIB


class SkipParameters(RequestParameters):
    """Parameters of ``skip``: read `skip_read` bytes in requests, jump over `skip_jump` bytes."""

    skip_read: Extent = 64 * _KIB
    skip_jump: Extent = 192 * _KIB

    @model_validator(mode="after")
    def _whole(self) -> SkipParameters:
        self._require_fit("skip_read", self.skip_read)
        if self.skip_read % self.length:
            told = "skip_read" not in self.model_fields_set  # so the length was
            raise InputError(
                f"workload.skip_read, {self.skip_read} bytes, is not a multiple of it"
                if told
                else f"not a multiple of workload.length, {self.length} bytes",
                key="workload.length" if told else "workload.skip_read",
                value=self.length if told else self.skip_read,
                allowed=f"a divisor of {self.skip_read} bytes" if told else "whole requests",
            )
        return self


class RandomParameters(RequestParameters):
    """Parameters of ``random``: uniform over the multiples of `length`."""

    requests: Positive = 10_000
    length: Extent = 64


class ZipfParameters(PatternParameters):
    """Parameters of ``zipf``: the k-th most popular item is asked for in proportion to k^-s.

    Parameters
    ----------
    item : int
        Bytes of an item; a request asks for one.
    exponent : float
        The s of the law; by default that of the YCSB benchmark.
    """

    requests: Positive = 10_000
    item: Extent = 64
    exponent: Annotated[float, Field(ge=0, le=100)] = 0.99

    @model_validator(mode="after")
    def _fits(self) -> ZipfParameters:
        self._require_fit("item", self.item)
        return self


Offsets = tuple[NDArray[np.int64], int]
"""Where the requests start, and their length where the segment is not at its end."""

P = TypeVar("P", bound=PatternParameters)


@dataclass(frozen=True)
class Pattern(Generic[P]):
    """A workload of single accesses that follow a pattern.

    Parameters
    ----------
    name : str
        Its name.
    parameters : PatternParameters
        Its parameters.
    offsets : callable
        ``offsets(parameters, seed)`` tells where the requests start, and how long they are.
    """

    name: str
    parameters: P
    offsets: Callable[[P, int], Offsets]
    header = 0
    arrivals = None

    @property
    def size(self) -> int:
        """Bytes of the segment."""
        return self.parameters.size

    @property
    def blocks(self) -> FixedBlocks:
        """Blocks of the size that the parameters tell."""
        return FixedBlocks(self.parameters.block)

    def content(self, seed: int = 0) -> bytes:
        """Return pseudo-random bytes."""
        return generator(seed, self.name, "content").bytes(self.size)

    def accesses(self, seed: int) -> Accesses:
        """Return the accesses that `seed` stands for."""
        offset, length = self.offsets(self.parameters, seed)
        return accesses(
            self.size,
            self.parameters,
            offset=offset,
            length=_lengths(offset, length, self.size),
            last=alike(np.True_, len(offset)),
            seed=seed,
        )


def _lengths(offset: NDArray[np.int64], length: int, size: int) -> NDArray[np.int64]:
    """Return the length of each request, which ends with the segment."""
    if offset.max(initial=0) + length <= size:
        return alike(np.int64(length), len(offset))
    lengths = size - offset
    np.minimum(lengths, length, out=lengths)
    return lengths


def _count(parameters: PatternParameters, usual: int) -> int:
    """Return how many requests are asked for, by default `usual`; this machine must hold them."""
    name = "size" if parameters.requests is None else "requests"
    count = usual if parameters.requests is None else parameters.requests
    value = getattr(parameters, name)
    require_room(count, ROOM, "requests", key=f"workload.{name}", value=value)
    return count


def _laps(parameters: PatternParameters, places: int) -> NDArray[np.int64]:
    """Return the places that the requests go to, in order and again from the first."""
    place = np.arange(_count(parameters, places))
    place %= places
    return place


def sequential(parameters: SequentialParameters, _seed: int) -> Offsets:
    """Go on back to back; the last request of a lap has what is left of the segment."""
    length = parameters.length
    offset = _laps(parameters, -(-parameters.size // length))
    offset *= length
    return offset, length


def strided(parameters: StridedParameters, _seed: int) -> Offsets:
    """Go to the multiples of the stride; the last request of a lap may be shorter."""
    size, length, stride = parameters.size, parameters.length, parameters.stride
    # Up to the first request that reaches the end, if one does.
    offset = _laps(parameters, min(-(-size // stride), -(-(size - length) // stride) + 1))
    offset *= stride
    return offset, length


def skip(parameters: SkipParameters, _seed: int) -> Offsets:
    """Read runs of requests, each run whole, with a jump between them."""
    length, run = parameters.length, parameters.skip_read
    period = run + parameters.skip_jump
    runs = (parameters.size - run) // period + 1
    offset = _laps(parameters, runs * (run // length))
    for part in parts(len(offset)):
        number, within = np.divmod(offset[part], run // length)
        offset[part] = number * period + within * length
    return offset, length


def random(parameters: RandomParameters, seed: int) -> Offsets:
    """Draw multiples of the length uniformly."""
    length = parameters.length
    draws = generator(seed, "random", "offset")
    offset = draws.integers(0, parameters.size // length, _count(parameters, 0))
    offset *= length
    return offset, length


def zipf(parameters: ZipfParameters, seed: int) -> Offsets:
    """Draw items by Zipf's law, popular ones anywhere in the segment.

    Notes
    -----
    The law is that of a finite number N of items, P(k) = k^-s / sum_{j=1}^{N} j^-s, drawn by
    inversion; which item has which rank is a permutation drawn from the seed.
    """
    items = parameters.size // parameters.item
    require_room(items, 2 * 8, "items", key="workload.size", value=parameters.size)
    law = np.arange(1, items + 1, dtype=np.float64) ** -parameters.exponent
    np.cumsum(law, out=law)
    place = placement(items, seed)
    draws = generator(seed, "zipf", "rank")
    offset = np.empty(_count(parameters, 0), np.int64)
    for part in parts(len(offset)):
        drawn = draws.random(part.stop - part.start)
        drawn *= law[-1]
        rank = np.searchsorted(law, drawn, side="right")
        np.minimum(rank, items - 1, out=rank)  # a product rounded up to the sum itself
        np.multiply(place[rank], parameters.item, out=offset[part])
    return offset, parameters.item


def placement(items: int, seed: int) -> NDArray[np.int64]:
    """Return which item has each rank of popularity, the most popular first."""
    return generator(seed, "zipf", "placement").permutation(items)
