"""A ring in shared memory, filled by a producer's own process."""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys
import time
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from simaccess.buffer import Buffer, Shadow
from simaccess.consumer import follow
from simaccess.errors import InputError, LinkError
from simaccess.methods.blocks import Records
from simaccess.methods.copy_once import CopyOnce
from simaccess.methods.hybrid import Hybrid
from simaccess.methods.prefetch import Prefetch
from simaccess.methods.zero_copy import ZeroCopy
from simaccess.operations import AccessMethod
from simaccess.real.clock import run
from simaccess.real.link import RealLink
from simaccess.real.ring_server import RingServer, serve, serve_workload
from simaccess.real.shared_ring import ConsumerRing
from simaccess.real.urls import open_link
from simaccess.ring import RingReader, RingSegment
from simaccess.workload.registry import workload

pytestmark = pytest.mark.skipif(
    platform.machine() != "x86_64", reason="rings rely on x86's order of stores"
)

LENGTHS = [1 + (37 * number) % 300 for number in range(400)]
ENDS = [sum(LENGTHS[: number + 1]) for number in range(len(LENGTHS))]
CONTENT = bytes((7 * i + (i >> 8)) % 251 for i in range(ENDS[-1]))


@contextmanager
def consumer(
    server: RingServer, number: int = 0, *, query: str = "", timeout: float = 20.0
) -> Iterator[tuple[RealLink, ConsumerRing]]:
    with open_link(server.url + query) as link:
        ring = ConsumerRing(server.name, number, link.clock, timeout)
        try:
            yield link, ring
        finally:
            ring.close()


def method(name: str) -> AccessMethod:
    blocks = Records(LENGTHS)
    made: dict[str, Callable[[], AccessMethod]] = {
        "zero-copy": ZeroCopy,
        "copy-once": lambda: CopyOnce(blocks, 4),
        "hybrid": lambda: Hybrid(blocks, 4, 54),
        "prefetch": lambda: Prefetch(blocks, depth=3),
    }
    return made[name]()


def read_all(link: RealLink, ring: ConsumerRing, name: str = "copy-once") -> dict[int, bytes]:
    """Follow a ring with the library's own consumer; return each record's bytes."""
    got: dict[int, bytes] = {}
    segment = RingSegment(link.attach(), ring.capacity)
    buffer = Buffer(Shadow(method(name), link.local), segment, link.clock)

    async def serve_record(record: int) -> bool:
        begin = ring.ends[record - 1] if record else 0
        view = await buffer.read(begin, ring.ends[record] - begin)
        assert view is not None
        got[record] = bytes(view)
        return False

    latencies, chosen = array("q"), array("q")
    run(
        follow(
            link.clock,
            buffer,
            ring,
            0,
            served=serve_record,
            asked=((record, record) for record in range(len(ring.ends))),
            latencies=latencies,
            chosen=chosen,
        )
    )
    assert len(latencies) == len(got)
    assert all(latency > 0 for latency in latencies)  # one clock for both processes
    return got


def expected(record: int) -> bytes:
    return CONTENT[ENDS[record] - LENGTHS[record] : ENDS[record]]


@pytest.mark.parametrize("name", ["zero-copy", "copy-once", "hybrid", "prefetch"])
@pytest.mark.parametrize(("batch", "query"), [(1, ""), (7, "?copier=process")])
def test_a_stream_passes_lap_after_lap(name: str, batch: int, query: str) -> None:
    with (
        serve(CONTENT, ENDS, capacity=1000, batch=batch) as server,
        consumer(server, query=query) as (link, ring),
    ):
        got = read_all(link, ring, name)
        assert got == {record: expected(record) for record in range(len(ENDS))}
        assert not any(ring.dropped)


def test_content_is_repeated() -> None:
    ends = [100, 200, 300]
    with (
        serve(bytes(range(100)), ends, capacity=300) as server,
        consumer(server) as (link, ring),
    ):
        assert run(RingReader(ring, 0, link.clock).wait(2)) == 300
        assert link.attach().size == 300
        view = run(link.attach().load(200, 100))
        assert view is not None
        assert bytes(view) == bytes(range(100))


def test_what_finds_no_room_is_dropped() -> None:
    with (
        serve(CONTENT, ENDS, capacity=1000, drop=True) as server,
        consumer(server) as (link, ring),
    ):
        run(RingReader(ring, 0, link.clock).wait(len(ENDS) - 1))  # and releases nothing until then
        got = read_all(link, ring)
        assert got == {record: expected(record) for record, end in enumerate(ENDS) if end <= 1000}
        assert sum(ring.dropped) == len(ENDS) - len(got)


def test_records_are_signalled_in_batches() -> None:
    with serve(CONTENT, ENDS, capacity=len(CONTENT), batch=90) as server:
        with consumer(server) as (link, ring):
            reader = RingReader(ring, 0, link.clock)
            seen = set()
            for record in range(len(ENDS)):
                seen.add(ENDS.index(run(reader.wait(record))) + 1)
        assert seen <= {90, 180, 270, 360, 400}
        assert 400 in seen


def test_a_timeout_signals_what_does_not_fill_a_batch() -> None:
    arrivals = [0.0, 0.0, 0.05, 3.0]
    with (
        serve(
            CONTENT, [10, 20, 30, 40], capacity=100, arrivals=arrivals, batch=4, timeout=0.2
        ) as server,
        consumer(server) as (link, ring),
    ):
        reader = RingReader(ring, 0, link.clock)
        assert run(reader.wait(0)) == 30
        waited = link.clock.time - ring.arrived[0]
        assert waited >= 0.2e9
        assert ring.arrived[2] - ring.arrived[0] == 50_000_000
        assert run(reader.wait(3)) == 40
        assert link.clock.wait > 1e9  # blocked, and charged


def test_a_consumer_that_waits_uses_no_processor() -> None:
    with (
        serve(CONTENT, [10, 20], capacity=100, arrivals=[0.0, 1.0]) as server,
        consumer(server) as (link, ring),
    ):
        reader = RingReader(ring, 0, link.clock)
        run(reader.wait(0))
        begin = time.process_time()
        run(reader.wait(1))
        assert time.process_time() - begin < 0.5


def test_a_producer_that_is_killed_is_noticed_at_once() -> None:
    with (
        serve(CONTENT, [10, 20], capacity=100, arrivals=[0.0, 60.0]) as server,
        consumer(server, timeout=50.0) as (link, ring),
    ):
        reader = RingReader(ring, 0, link.clock)
        run(reader.wait(0))
        os.kill(server.pid, signal.SIGKILL)
        begin = time.monotonic()
        with pytest.raises(LinkError, match=rf"^shm:{server.name}: its producer has ended$"):
            run(reader.wait(1))
        assert time.monotonic() - begin < 40
        assert link.attach().size == 100  # what it has left can still be read


def test_attaching_after_the_producer_has_died() -> None:
    with serve(CONTENT, [10], capacity=100) as server:
        os.kill(server.pid, signal.SIGKILL)
        server._process.wait()
        with open_link(server.url) as link, pytest.raises(LinkError, match="has ended"):
            ConsumerRing(server.name, 0, link.clock)


def test_no_signal_within_the_timeout() -> None:
    with (
        serve(CONTENT, [10, 20], capacity=100, arrivals=[0.0, 60.0]) as server,
        consumer(server, timeout=1.5) as (link, ring),
    ):
        reader = RingReader(ring, 0, link.clock)
        run(reader.wait(0))
        with pytest.raises(LinkError, match=r"no signal within 1\.5 s"):
            run(reader.wait(1))


CONSUMER = """
import sys, time, hashlib
from simaccess.real.shared_ring import ConsumerRing
from simaccess.real.urls import open_link
from simaccess.real.clock import run
from simaccess.ring import RingReader, RingSegment
name, number, pause = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
with open_link("shm:" + name) as link:
    ring = ConsumerRing(name, number, link.clock)
    reader = RingReader(ring, number, link.clock)
    segment = RingSegment(link.attach(), ring.capacity)
    digest = hashlib.sha256()
    begin = 0
    for record, end in enumerate(ring.ends):
        run(reader.wait(record))
        digest.update(run(segment.load(begin, end - begin)))
        time.sleep(pause)
        run(reader.release(end))
        begin = end
    print(digest.hexdigest())
"""


def test_consumers_are_processes_and_the_slowest_holds_the_ring_back() -> None:
    import hashlib  # noqa: PLC0415

    with serve(CONTENT, ENDS, capacity=700, consumers=3, batch=2) as server:
        started = [
            subprocess.Popen(
                [sys.executable, "-c", CONSUMER, server.name, str(number), pause],
                stdout=subprocess.PIPE,
                text=True,
            )
            for number, pause in enumerate(["0", "0.001", "0"])
        ]
        told = [process.communicate(timeout=60)[0].strip() for process in started]
    assert told == [hashlib.sha256(CONTENT).hexdigest()] * 3


SERVER = """
import os, signal, sys
from simaccess.real.ring_server import serve
server = serve(b"x" * 10, [10], capacity=100)
print(server.name, server.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_producer_ends_with_whoever_started_it() -> None:
    script = subprocess.run(
        [sys.executable, "-c", SERVER], capture_output=True, text=True, timeout=60, check=False
    )
    name, pid = script.stdout.split()
    left = [Path("/dev/shm", name), Path("/dev/shm", name + ".ring"), Path("/proc", pid)]
    deadline = time.monotonic() + 30
    while any(path.exists() for path in left) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not [path for path in left if path.exists()]


def test_closing_ends_the_producer_and_unlinks() -> None:
    with serve(CONTENT, [10], capacity=100) as server:
        pass
    assert server._process.returncode == 0
    assert not list(Path("/dev/shm").glob(server.name + "*"))
    server.close()


def test_a_workloads_records() -> None:
    found = workload("header-payload")
    with (
        serve_workload(found, capacity=1 << 16, seed=3) as server,
        consumer(server) as (link, ring),
    ):
        content = found.content(3)
        assert content is not None
        run(RingReader(ring, 0, link.clock).wait(0))
        view = run(link.attach().load(0, ring.ends[0]))
        assert view is not None
        assert bytes(view) == content[: ring.ends[0]]


def test_wrong_input() -> None:
    with pytest.raises(InputError, match="record does not fit into the ring; allowed: at least 50"):
        serve(CONTENT, [10, 60], capacity=49)
    with pytest.raises(InputError, match="batch = 0: too few"):
        serve(CONTENT, [10], capacity=49, batch=0)
    with serve(CONTENT, [10], capacity=49) as server:
        with pytest.raises(InputError, match="the name is taken"):
            serve(CONTENT, [10], capacity=49, name=server.name)
        with open_link(server.url) as link:
            with pytest.raises(InputError, match="no such consumer; allowed: 0 to 0"):
                ConsumerRing(server.name, 1, link.clock)
            with pytest.raises(InputError, match="no ring"):
                ConsumerRing(server.name + "x", 0, link.clock)
    assert not list(Path("/dev/shm").glob(server.name + "*"))
