"""Start a producer's process that passes a stream of records through a ring in shared memory."""

from __future__ import annotations

import os
import secrets
import select
import subprocess
import sys
from array import array
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.shared_memory import SharedMemory

from simaccess.closing import Closing
from simaccess.errors import InputError, LinkError
from simaccess.real.clock import TICKS_PER_SECOND
from simaccess.real.shared_ring import create_ring
from simaccess.ring import Signals
from simaccess.workload.workload import Workload

__all__ = ["RingServer", "serve", "serve_workload"]

_START = 60.0  # seconds within which a producer's process must be ready


class RingServer(Closing):
    """A producer's process and the shared memory that it fills.

    The process ends, and the memory's names are gone, when this is closed, and when the process
    that made it ends, however it does.

    Parameters
    ----------
    name : str
        The ring's name.
    memory : tuple of SharedMemory
        What is unlinked at the end.
    process : Popen
        The producer.

    Attributes
    ----------
    url : str
        By which consumers open the ring's bytes.
    """

    def __init__(
        self, name: str, memory: tuple[SharedMemory, ...], process: subprocess.Popen[bytes]
    ) -> None:
        self.name = name
        self.url = f"shm:{name}"
        self._memory = memory
        self._process = process

    @property
    def pid(self) -> int:
        """The producer's process id."""
        return self._process.pid

    def close(self) -> None:
        """End the producer, and unlink its memory; harmless when called again."""
        process, memory = self._process, self._memory
        self._memory = ()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        _unlink(memory)


def serve(
    content: bytes | memoryview,
    ends: Sequence[int],
    *,
    capacity: int,
    consumers: int = 1,
    arrivals: Sequence[float] | None = None,
    batch: int = 1,
    timeout: float | None = None,
    drop: bool = False,
    name: str | None = None,
) -> RingServer:
    """Start a producer's process.

    Parameters
    ----------
    content : bytes
        The stream's bytes, repeated if it is longer.
    ends : sequence of int
        Where each record of the stream ends; the first begins at 0.
    capacity : int
        Bytes of the ring.
    consumers : int
        Consumers; the stream begins when all have attached.
    arrivals : sequence of float, optional
        Seconds from the begin of the stream at which records arrive; None: as fast as the ring
        takes them.
    batch : int
        Records that share a signal.
    timeout : float, optional
        Seconds after which records are signalled though they do not fill a batch.
    drop : bool
        Whether a record that finds no room is dropped, and not waited with.
    name : str, optional
        The ring's name; by default a new one.

    Raises
    ------
    InputError
        If these do not fit together, or the name is taken.
    LinkError
        If the process does not start.
    """
    name = name or f"simaccess-{os.getpid()}-{secrets.token_hex(4)}"
    for key, value in {"batch": batch, "consumers": consumers, "capacity": capacity}.items():
        if value < 1:
            raise InputError("too few", key=key, value=value, allowed="1 or more")
    if not len(content) or (arrivals is not None and len(arrivals) != len(ends)):
        raise InputError(
            "content without bytes, or arrivals of other records",
            key="content, arrivals",
            value=(len(content), None if arrivals is None else len(arrivals)),
            allowed=f"at least 1 byte, and {len(ends)} arrivals or none",
        )
    signals = Signals(batch, None if timeout is None else int(timeout * TICKS_PER_SECOND))
    memory: list[SharedMemory] = []
    passed: list[int] = []
    try:
        memory.append(SharedMemory(name, create=True, size=capacity))
        memory.append(create_ring(name, capacity, ends, consumers, signals))
        passed.append(_sealed(content))
        if arrivals is not None:
            ticks = array("q", [int(each * TICKS_PER_SECOND + 0.5) for each in arrivals])
            passed.append(_sealed(memoryview(ticks).cast("B")))
        process = _start(name, passed, drop)
    except BaseException as error:
        _unlink(memory)
        if isinstance(error, FileExistsError):
            raise InputError("the name is taken", key="name", value=name) from None
        raise
    finally:
        for descriptor in passed:
            os.close(descriptor)
    return RingServer(name, tuple(memory), process)


def serve_workload(
    workload: Workload,
    *,
    capacity: int,
    consumers: int = 1,
    seed: int = 0,
    timed: bool = False,
    batch: int = 1,
    timeout: float | None = None,
    drop: bool = False,
) -> RingServer:
    """Start a producer's process for the records of a workload, such as a capture's packets.

    Parameters
    ----------
    workload : Workload
        Whose blocks are the records.
    seed : int
        Of its content.
    timed : bool
        Whether records arrive at the times of the capture; if not, as fast as the ring takes them.
    capacity, consumers, batch, timeout, drop
        As for `serve`.

    Raises
    ------
    InputError
        If the workload has no bytes or, when `timed`, no time stamps.
    """
    content = workload.content(seed)
    if content is None:
        raise InputError("the workload has no bytes", key="workload", value=workload.name)
    arrivals = None
    if timed:
        if workload.arrivals is None:
            raise InputError("the workload has no time stamps", key="timed", value=True)
        arrivals = workload.arrivals.tolist()
    blocks = workload.blocks
    return serve(
        content,
        [blocks.bounds(number)[1] for number in range(blocks.find(workload.size))],
        capacity=capacity,
        consumers=consumers,
        arrivals=arrivals,
        batch=batch,
        timeout=timeout,
        drop=drop,
    )


def _sealed(content: bytes | memoryview) -> int:
    """Return the descriptor of anonymous memory that holds some bytes."""
    descriptor = os.memfd_create("simaccess-content", os.MFD_CLOEXEC)
    rest = memoryview(content).cast("B")
    while rest:
        rest = rest[os.write(descriptor, rest) :]
    return descriptor


def _start(name: str, passed: list[int], drop: bool) -> subprocess.Popen[bytes]:
    content, arrivals = passed[0], passed[1] if len(passed) > 1 else -1
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "simaccess.real.producer_process"),
            *(name, str(content), str(arrivals), "drop" if drop else "wait"),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        pass_fds=passed,
        bufsize=0,
    )
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], _START)
    if not ready or not process.stdout.readline():
        process.kill()
        process.communicate()
        raise LinkError("the producer did not start", f"shm:{name}")
    return process


def _unlink(memory: Sequence[SharedMemory]) -> None:
    for each in memory:
        each.close()
        with suppress(FileNotFoundError):
            each.unlink()
