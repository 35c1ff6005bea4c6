"""Time real links against the best that can be written without the library, run interleaved.

Over NBD: a sequential read by prefetch against a client that keeps as many requests of the same
size under way and receives into a buffer of its own, and a load against a bare request and reply.
Ratios, not times: machines drift, and on a shared one both sides are disturbed. Run it as
``python bench/real_nbd.py``; it needs Debian's package nbdkit.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import statistics
import struct
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from simaccess.buffer import Buffer, Shadow
from simaccess.methods.blocks import FixedBlocks
from simaccess.methods.prefetch import Prefetch
from simaccess.methods.zero_copy import ZeroCopy
from simaccess.real.clock import run
from simaccess.real.nbd import NbdLink, open_link

KIB, MIB = 1 << 10, 1 << 20
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


def compare(name: str, rounds: int, ours: Timed, others: dict[str, Timed]) -> Ratio:
    """Run both sides alternately; of several others the one with the best round counts."""
    sides = {"ours": ours, **others}
    times: dict[str, list[tuple[float, float]]] = {side: [] for side in sides}
    for side in sides.values():
        side()  # warm up
    for number in range(rounds):
        order = list(sides) if number % 2 else list(reversed(sides))
        for each in order:
            times[each].append(sides[each]())
    best = min(others, key=lambda side: min(times[side]))
    low, middle, high = statistics.quantiles(
        [a / b for (a, _), (b, _) in zip(times["ours"], times[best], strict=True)], n=4
    )
    quick, other = min(times["ours"])[0], min(times[best])[0]
    busy, other_busy = (min(each for _, each in times[side]) for side in ("ours", best))
    return Ratio(
        f"{name}, against {best}", middle, low, high, quick / other, busy / other_busy, quick, other
    )


def clocked(work: Callable[[], None], count: int = 1) -> tuple[float, float]:
    """Return the time and the processor time of some work, for each of `count` parts."""
    begin, busy = time.perf_counter(), time.process_time()
    work()
    return (time.perf_counter() - begin) / count, (time.process_time() - busy) / count


# -- NBD: a client without the library -------------------------------------------------------------

_REQUEST = struct.Struct(">IHHQQI")
_SIMPLE = struct.Struct(">IIQ")
_CHUNK = struct.Struct(">IHHQIQ")  # a chunk with data: its header, and where the data belong


class Bare:
    """The plainest client: the replies' form is taken for granted and nothing is checked."""

    def __init__(self, address: str | tuple[str, int], size: int) -> None:
        self.socket = socket.socket(
            socket.AF_UNIX if isinstance(address, str) else socket.AF_INET, socket.SOCK_STREAM
        )
        self.socket.connect(address)
        if not isinstance(address, str):
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.header = bytearray(_CHUNK.size)
        self._shake_hands()
        self.size = size
        self.buffer = memoryview(bytearray(b"touched!" * (2 * MIB)))  # before it is used

    def _shake_hands(self) -> None:
        def take(count: int) -> bytes:
            return self.socket.recv(count, socket.MSG_WAITALL)

        take(18)
        self.socket.sendall(struct.pack(">I8sII", 3, b"IHAVEOPT", 8, 0))
        take(20)
        self.socket.sendall(struct.pack(">8sII", b"IHAVEOPT", 1, 0))
        take(10)

    def load(self, offset: int, into: memoryview) -> None:
        """Read in place."""
        self.socket.sendall(_REQUEST.pack(0x25609513, 0, 0, 1, offset, len(into)))
        self.socket.recvmsg_into((self.header, into), 0, socket.MSG_WAITALL)

    def stream_alone(self, block: int, depth: int) -> Iterator[memoryview]:
        """Receive each header and each payload by a call of its own that waits for all of it."""
        places = [self.buffer[i * block : (i + 1) * block] for i in range(depth + 1)]
        send, receive, flag = self.socket.sendall, self.socket.recv_into, socket.MSG_WAITALL
        blocks = self.size // block
        for number in range(min(depth, blocks)):
            send(_REQUEST.pack(0x25609513, 0, 0, number, number * block, block))
        for number in range(blocks):
            receive(self.header, 0, flag)
            place = places[_CHUNK.unpack(self.header)[3] % (depth + 1)]
            receive(place, 0, flag)
            ahead = number + depth
            if ahead < blocks:
                send(_REQUEST.pack(0x25609513, 0, 0, ahead, ahead * block, block))
            yield place

    def stream_together(self, block: int, depth: int) -> Iterator[memoryview]:
        """Receive the end of a payload and the next header by one call."""
        places = [self.buffer[i * block : (i + 1) * block] for i in range(depth + 1)]
        header = self.header
        send, receive = self.socket.sendall, self.socket.recvmsg_into
        blocks = self.size // block
        for number in range(min(depth, blocks)):
            send(_REQUEST.pack(0x25609513, 0, 0, number, number * block, block))
        self.socket.recv_into(header, 0, socket.MSG_WAITALL)
        for number in range(blocks):
            place = rest = places[_CHUNK.unpack(header)[3] % (depth + 1)]
            got = 0
            last = number == blocks - 1
            while True:
                got = receive((rest,) if last else (rest, header))[0]
                if got >= len(rest):
                    break
                rest = rest[got:]
            more = got - len(rest)
            ahead = number + depth
            if ahead < blocks:
                send(_REQUEST.pack(0x25609513, 0, 0, ahead, ahead * block, block))
            yield place
            if not last and more < len(header):
                self.socket.recv_into(memoryview(header)[more:], 0, socket.MSG_WAITALL)

    def close(self) -> None:
        """Close."""
        self.socket.close()


def streamed(stream: Callable[[int, int], Iterator[memoryview]], block: int, depth: int) -> Timed:
    def work() -> None:
        for _ in stream(block, depth):
            pass

    return lambda: clocked(work)


def prefetched(link: NbdLink, size: int, block: int, depth: int) -> Timed:
    async def body(buffer: Buffer) -> None:
        for offset in range(0, size, block):
            await buffer.read(offset, block)

    def timed() -> tuple[float, float]:
        shadow.method = method()  # its memory is touched already
        buffer = Buffer(shadow, segment, link.clock)
        return clocked(lambda: run(body(buffer)))

    def method() -> Prefetch:
        return Prefetch(FixedBlocks(block), depth=depth, slots=depth + 2)

    shadow = Shadow(method(), link.local)
    segment = link.attach()
    return timed


def loaded(link: NbdLink, length: int, count: int) -> Timed:
    async def body() -> None:
        for offset in range(0, count * length, length):
            await buffer.read(offset, length)

    buffer = Buffer(Shadow(ZeroCopy(), link.local), link.attach(), link.clock)
    return lambda: clocked(lambda: run(body()), count)


def bare_loads(client: Bare, length: int, count: int) -> Timed:
    def work() -> None:
        for offset in range(0, count * length, length):
            client.load(offset, into)

    into = memoryview(bytearray(length))
    return lambda: clocked(work, count)


@contextmanager
def nbdkit(size: int, tcp: bool) -> Iterator[tuple[str, str | tuple[str, int]]]:
    """Serve a file of random bytes; yields the URL and the address."""
    program = shutil.which("nbdkit")
    if program is None:
        raise SystemExit("nbdkit is missing: install Debian's package nbdkit")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "content"
        file.write_bytes(b"0123456789abcdef" * (size // 16))
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
                    Bare(address, 0).close()
                    break
                except OSError:
                    time.sleep(0.01)
            yield url, address
        finally:
            server.kill()
            server.wait()


def nbd(rounds: int, size: int, depth: int) -> Iterator[Ratio]:
    """Compare over a unix socket and over TCP on the loopback interface."""
    for tcp in (False, True):
        where = "NBD over TCP" if tcp else "NBD over a unix socket"
        with nbdkit(size, tcp) as (url, address), open_link(url) as link:
            client = Bare(address, size)
            for length in (64, 4 * KIB):
                yield compare(
                    f"{where}, load of {length} B",
                    rounds,
                    loaded(link, length, 1000),
                    {"request and reply": bare_loads(client, length, 1000)},
                )
            for block in (4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, MIB, 4 * MIB):
                client.size = min(size, 1000 * block)
                ahead = min(depth, 8 * MIB // block)  # what both have buffers for
                yield compare(
                    f"{where}, prefetch of {block // KIB} KiB",
                    rounds,
                    prefetched(link, client.size, block, ahead),
                    {
                        "calls apart": streamed(client.stream_alone, block, ahead),
                        "calls together": streamed(client.stream_together, block, ahead),
                    },
                )
            client.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15)
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
