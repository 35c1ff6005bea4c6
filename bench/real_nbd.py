"""Time NBD against the best client that can be written without the library, run interleaved.

A sequential read by prefetch against clients that keep as many requests under way and receive
into memory of their own (`bare_nbd.py`): each side at the block and the depth that are best for
it, as whoever chooses does, and block by block, both with the same depth. And a load against a
bare request and reply. Ratios, not times: machines drift, and on a shared one both sides are
disturbed. Run it as ``python bench/real_nbd.py``; it needs Debian's package nbdkit.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from bare_nbd import Address, Bare, Stream, huge_pages, touched

from simaccess.buffer import Buffer, Shadow
from simaccess.methods.blocks import FixedBlocks
from simaccess.methods.prefetch import Prefetch
from simaccess.methods.zero_copy import ZeroCopy
from simaccess.real.clock import run
from simaccess.real.nbd import open_link
from simaccess.real.nbd_link import NbdLink

KIB, MIB = 1 << 10, 1 << 20
MEMORY = 20 * MIB  # of a client without the library
GRID = [
    (block, depth)
    for block in (64 * KIB, 128 * KIB, 256 * KIB, 512 * KIB, MIB, 2 * MIB)
    for depth in (4, 8, 16)
    if block * depth <= 16 * MIB
]
"""Blocks and depths of which each side may choose."""

CPUS = sorted(os.sched_getaffinity(0))
"""Ours is the first; servers get the others. Where both are on one, a round trip takes a third."""

Timed = Callable[[], tuple[float, float]]
"""Does the work once; returns the seconds that it took, and those of the processor's time."""


@dataclass(frozen=True)
class Ratio:
    """How long ours took for each second of the other's.

    Attributes
    ----------
    ratio, low, high : float
        Median and quartiles over the rounds, each of which has run both.
    least : float
        Our quickest round over the other's quickest: what is left where others disturb.
    processor : float
        The same of the processor time of this process.
    ours, other : float
        The quickest rounds, in seconds.
    """

    name: str
    ratio: float
    low: float
    high: float
    least: float
    processor: float
    ours: float
    other: float


def compare(name: str, rounds: int, ours: dict[str, Timed], others: dict[str, Timed]) -> Ratio:
    """Run both sides alternately; of several on a side the one with the best round counts.

    Each runs twice in a row, and the second time counts: the first time finds the caches, and the
    server's threads and memory, as somebody else has left them. (The others share a connection, so
    that would hit ours in each round and them in one of several.)
    """
    sides = [*ours.items(), *others.items()]
    times: list[list[tuple[float, float]]] = [[] for _ in sides]
    for number in range(rounds):
        for at in range(len(sides)) if number % 2 else reversed(range(len(sides))):
            sides[at][1]()
            times[at].append(sides[at][1]())
    mine = min(range(len(ours)), key=lambda at: min(times[at]))
    best = min(range(len(ours), len(sides)), key=lambda at: min(times[at]))
    low, middle, high = statistics.quantiles(
        [a / b for (a, _), (b, _) in zip(times[mine], times[best], strict=True)], n=4
    )
    (quick, _), (other, _) = min(times[mine]), min(times[best])
    busy, other_busy = (min(each for _, each in times[at]) for at in (mine, best))
    which = f" of {sides[mine][0]}" if sides[mine][0] else ""
    return Ratio(
        f"{name}{which}, against {sides[best][0]}",
        middle,
        low,
        high,
        quick / other,
        busy / other_busy,
        quick,
        other,
    )


def clocked(work: Callable[[], None], count: int = 1) -> tuple[float, float]:
    """Return the time and the processor time of some work, for each of `count` parts."""
    begin, busy = time.perf_counter(), time.process_time()
    work()
    return (time.perf_counter() - begin) / count, (time.process_time() - busy) / count


def streamed(stream: Stream, memory: memoryview, size: int, block: int, depth: int) -> Timed:
    """Time a client without the library."""

    def work() -> None:
        for _ in stream(memory, size, block, depth):
            pass

    check(stream(memory, size, block, depth), block)
    return lambda: clocked(work)


def prefetched(link: NbdLink, size: int, block: int, depth: int, initial: int = 1) -> Timed:
    """Time the method; its shadow's memory is touched already."""

    async def body(buffer: Buffer) -> None:
        for offset in range(0, size, block):
            await buffer.read(offset, block)

    def method() -> Prefetch:
        return Prefetch(FixedBlocks(block), depth=depth, initial=initial, slots=depth + 2)

    def fresh() -> Buffer:
        shadow.method = method()
        return Buffer(shadow, segment, link.clock)

    def timed() -> tuple[float, float]:
        buffer = fresh()
        return clocked(lambda: run(body(buffer)))

    shadow = Shadow(method(), link.local)
    segment = link.attach()
    buffer = fresh()
    check((viewed(buffer, offset, block) for offset in range(0, size, block)), block)
    return timed


def viewed(buffer: Buffer, offset: int, length: int) -> memoryview:
    """Read through a buffer."""
    view = run(buffer.read(offset, length))
    assert view is not None
    return view


def check(blocks: Iterable[memoryview], block: int) -> None:
    """See that the blocks are those of the file that `nbdkit` serves, in order."""
    for number, view in enumerate(blocks):
        for place in (0, block - 8):
            found = int.from_bytes(view[place : place + 8], "little")
            assert found == (number * block + place) // 8, (number, place, found)


def loaded(link: NbdLink, length: int, count: int) -> Timed:
    """Time loads by the method."""

    async def body() -> None:
        for offset in range(0, count * length, length):
            await buffer.read(offset, length)

    buffer = Buffer(Shadow(ZeroCopy(), link.local), link.attach(), link.clock)
    return lambda: clocked(lambda: run(body()), count)


def bare_loads(client: Bare, length: int, count: int) -> Timed:
    """Time loads without the library."""

    def work() -> None:
        for offset in range(0, count * length, length):
            client.load(offset, into)

    into = memoryview(bytearray(length))
    return lambda: clocked(work, count)


@contextmanager
def nbdkit(size: int, tcp: bool) -> Iterator[tuple[str, Address]]:
    """Serve a file of numbers of 8 bytes, from 0 on; yields the URL and the address."""
    program = shutil.which("nbdkit")
    if program is None:
        raise SystemExit("nbdkit is missing: install Debian's package nbdkit")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "content"
        file.write_bytes(np.arange(size // 8, dtype="<u8").tobytes())
        path = Path(folder) / "socket"
        with socket.socket() as tried:
            tried.bind(("127.0.0.1", 0))
            port: int = tried.getsockname()[1]
        where = ["--ipaddr", "127.0.0.1", "--port", str(port)] if tcp else ["--unix", str(path)]
        server = subprocess.Popen(
            [program, "--foreground", "--exit-with-parent", *where, "file", str(file)]
        )
        if len(CPUS) > 1:
            os.sched_setaffinity(server.pid, CPUS[1:])
        address = ("127.0.0.1", port) if tcp else str(path)
        url = f"nbd://127.0.0.1:{port}/" if tcp else f"nbd+unix:///?socket={path}"
        try:
            for _ in range(500):
                try:
                    Bare(address).close()
                    break
                except OSError:
                    time.sleep(0.01)
            yield url, address
        finally:
            server.kill()
            server.wait()


class Rivals:
    """Clients without the library over one connection, each into both sorts of memory."""

    def __init__(self, address: Address) -> None:
        self.client = Bare(address)
        self._memories = {"": touched(MEMORY), ", huge pages": huge_pages(MEMORY)}

    def streams(self, size: int, block: int, depth: int) -> dict[str, Timed]:
        """Return what reads `size` bytes in blocks, by the name of how it does."""
        client = self.client
        styles: dict[str, Stream] = {
            "calls apart": client.apart,
            "calls together": client.together,
            "looking first": client.looking,
        }
        if block <= 64 * KIB:
            styles["staged"] = client.staged
        return {
            name + pages: streamed(style, memory, size, block, depth)
            for name, style in styles.items()
            for pages, memory in self._memories.items()
        }


def quickest(choices: Iterable[tuple[str, Timed]]) -> list[tuple[str, Timed]]:
    """Return the choices, the one with the least median of three rounds first."""
    times = [
        (statistics.median(timed()[0] for _ in range(3)), name, timed) for name, timed in choices
    ]
    return [(name, timed) for _, name, timed in sorted(times, key=lambda each: each[0])]


def at_best(where: str, rounds: int, link: NbdLink, rivals: Rivals, size: int) -> Ratio:
    """Compare each side at the block and the depth that are best for it."""

    def ours() -> Iterator[tuple[str, Timed]]:
        for block, depth in GRID:  # who chooses knows that it is read in sequence: no slow start
            yield f"{depth} x {block // KIB} KiB", prefetched(link, size, block, depth, depth)

    def others() -> Iterator[tuple[str, Timed]]:
        for block, depth in GRID:
            for name, timed in rivals.streams(size, block, depth).items():
                yield f"{depth} x {block // KIB} KiB, {name}", timed

    # Three of each, so that neither loses anything by a choice that three rounds got wrong.
    mine, rivals_best = dict(quickest(ours())[:3]), dict(quickest(others())[:3])
    return compare(f"{where}, prefetch", rounds, mine, rivals_best)


def nbd(rounds: int, size: int, depth: int) -> Iterator[Ratio]:
    """Compare over a unix socket and over TCP on the loopback interface."""
    for tcp in (False, True):
        where = "NBD over TCP" if tcp else "NBD over a unix socket"
        with nbdkit(size, tcp) as (url, address), open_link(url) as link:
            rivals = Rivals(address)
            for length in (64, 4 * KIB):
                yield compare(
                    f"{where}, load of {length} B",
                    rounds,
                    {"": loaded(link, length, 1000)},
                    {"request and reply": bare_loads(rivals.client, length, 1000)},
                )
            yield at_best(f"{where}, each at its best", rounds, link, rivals, size)
            for block in (4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, MIB, 4 * MIB):
                part = min(size, 1000 * block)
                ahead = min(depth, 8 * MIB // block)
                yield compare(
                    f"{where}, prefetch of {block // KIB} KiB",
                    rounds,
                    {"": prefetched(link, part, block, ahead)},
                    rivals.streams(part, block, ahead),
                )
            rivals.client.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--size", type=int, default=64, help="MiB that are read in sequence")
    parser.add_argument("--depth", type=int, default=8, help="blocks under way")
    parser.add_argument("--json", action="store_true", help="print JSON lines")
    asked = parser.parse_args()
    os.sched_setaffinity(0, CPUS[:1])
    for ratio in nbd(asked.rounds, asked.size * MIB, asked.depth):
        if asked.json:
            print(json.dumps(vars(ratio)), flush=True)
        else:
            print(
                f"{ratio.name}: {ratio.ratio:.2f} ({ratio.low:.2f} to {ratio.high:.2f}); quickest"
                f" {ratio.least:.2f} ({ratio.ours * 1e6:.1f} us, {ratio.other * 1e6:.1f} us);"
                f" processor {ratio.processor:.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
