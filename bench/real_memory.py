"""What a method costs on shared memory: reads through it beside the same without the library.

Each figure is the median of the ratios of runs that are interleaved, one of each; the lowest and
the highest tell how noisy the machine is.
"""

from __future__ import annotations

import mmap
import statistics
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from multiprocessing.shared_memory import SharedMemory
from time import perf_counter_ns
from typing import Any

from simaccess.buffer import Buffer, Shadow
from simaccess.methods.zero_copy import ZeroCopy
from simaccess.real.clock import run
from simaccess.real.shared_memory import SharedMemoryLink
from simaccess.real.urls import open_link

__all__ = ["MEASURES", "Ratio", "bulk_copies", "small_reads"]

MIB = 1 << 20

Ratio = dict[str, float]
"""The median, lowest and highest ratio, and the target."""


@contextmanager
def shared(size: int) -> Iterator[tuple[Buffer, memoryview]]:
    """Open shared memory: a zero-copy buffer over it, and its bytes without the library."""
    memory = SharedMemory(create=True, size=size)
    try:
        assert memory.buf is not None
        memory.buf[:: mmap.PAGESIZE] = bytes(-(-size // mmap.PAGESIZE))
        with open_link(f"shm:{memory.name}") as link:
            assert isinstance(link, SharedMemoryLink)
            yield Buffer(Shadow(ZeroCopy(), link.local), link.attach(), link.clock), link.memory
    finally:
        memory.close()
        memory.unlink()


def compare(
    ours: Callable[[], Coroutine[Any, Any, None]],
    bare: Callable[[], Coroutine[Any, Any, None]],
    rounds: int,
    target: float,
) -> Ratio:
    """Return how much longer `ours` takes than `bare`."""

    def timed(body: Coroutine[Any, Any, None]) -> int:
        begin = perf_counter_ns()
        run(body)
        return perf_counter_ns() - begin

    ratios = []
    for _ in range(rounds):
        base = timed(bare())
        ratios.append(timed(ours()) / base)
    return {
        "ratio": statistics.median(ratios),
        "lowest": min(ratios),
        "highest": max(ratios),
        "target": target,
    }


def small_reads(rounds: int) -> Ratio:
    """Time awaited reads of 64 bytes, against slices of a memoryview."""
    size = MIB // 4
    offsets = list(range(0, size, 64))
    lengths = [64] * len(offsets)
    with shared(size) as (buffer, memory):
        read = buffer.read

        async def ours() -> None:
            for offset, length in zip(offsets, lengths, strict=True):
                await read(offset, length)

        async def bare() -> None:
            for offset, length in zip(offsets, lengths, strict=True):
                memory[offset : offset + length]

        return compare(ours, bare, rounds, 3.0)


def bulk_copies(rounds: int) -> Ratio:
    """Time copies of 1 MiB that was read, into touched memory, against the same of a slice."""
    size = 8 * MIB
    offsets = list(range(0, size, MIB))
    target = memoryview(mmap.mmap(-1, MIB))
    target[:: mmap.PAGESIZE] = bytes(MIB // mmap.PAGESIZE)
    with shared(size) as (buffer, memory):

        async def ours() -> None:
            for offset in offsets:
                view = await buffer.read(offset, MIB)
                assert view is not None
                target[:] = view

        async def bare() -> None:
            for offset in offsets:
                target[:] = memory[offset : offset + MIB]

        return compare(ours, bare, rounds, 1.1)


MEASURES: dict[str, Callable[[int], Ratio]] = {
    "shared memory, 64 B in place, to a slice": small_reads,
    "shared memory, 1 MiB copied, to a bare copy": bulk_copies,
}

if __name__ == "__main__":
    for name, measure in MEASURES.items():
        row = measure(101)
        print(name, {key: round(value, 3) for key, value in row.items()})
