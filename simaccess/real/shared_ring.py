"""A ring in shared memory, through which a producer's process feeds consumers' processes.

Its bytes are ``shm:NAME``; beside them lies a control block, ``NAME.ring``, with what a
`simaccess.ring.Ring` knows: how far records are published, signalled and released, when each
arrived and which were dropped. `simaccess.producer.produce`, `simaccess.ring.RingReader` and
`simaccess.consumer.follow` run on it as they do in simulation.

What is relied on, on x86-64: an aligned word of 8 bytes is written and read by CPython in one
instruction (`memoryview.cast("q")` copies 8 bytes of known size), so nobody sees half of one;
stores of one processor become visible in order, and loads are made in order. So a consumer that
sees a record signalled sees its bytes, its arrival and whether it was dropped, and a producer
that sees a place released may write it. No compiler reorders across the interpreter's steps. Each
word has one writer. Other machines give less and are refused. What else blocking takes, see
`simaccess.real.bell`.
"""

from __future__ import annotations

import mmap
import os
import platform
from array import array
from collections.abc import Callable, Sequence
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path
from time import perf_counter_ns

from simaccess.errors import InputError, LinkError
from simaccess.real.bell import Bell
from simaccess.real.clock import TICKS_PER_SECOND, RealClock
from simaccess.real.turns import readable
from simaccess.ring import Signals
from simaccess.segment import Clock

__all__ = ["SUFFIX", "ConsumerRing", "ProducerRing", "create_ring"]

SUFFIX = ".ring"
"""What the name of a control block adds to that of its ring."""

_MAGIC = 0x73696D61_72696E67  # "simaring"
_LINE = 8  # words of a cache line: what different processes write lies on lines of its own
_CAPACITY, _RECORDS, _CONSUMERS, _BATCH, _TIMEOUT, _PID, _READY = range(1, 8)
_ROOM = 1 * _LINE  # the producer sleeps; its pipe's writing end
_PUBLISHED = 2 * _LINE  # records that are there, and that consumers were told of
_SIGNALLED = _PUBLISHED + 1
_FIRST = 3 * _LINE
# Of each consumer, two lines: what it writes, and where it sleeps.
_RELEASED, _ATTACHED = 0, 1
_DATA = _LINE  # the consumer sleeps; its pipe's reading end


def create_ring(
    name: str, capacity: int, ends: Sequence[int], consumers: int, signals: Signals
) -> SharedMemory:
    """Make the control block of a ring; whoever made it unlinks it.

    Parameters
    ----------
    name : str
        The ring's name.
    capacity, ends, consumers, signals
        As for `simaccess.ring.Ring`; a signal takes the time that it takes, so its cost and
        latency are 0.

    Raises
    ------
    InputError
        If a record does not fit, or this machine orders its stores differently.
    """
    _check_machine()
    longest = max((end - start for start, end in zip([0, *ends], ends, strict=False)), default=0)
    if longest > capacity:
        raise InputError(
            "a record does not fit into the ring",
            key="ring.capacity",
            value=capacity,
            allowed=f"at least {longest} bytes",
        )
    records = len(ends)
    begin = _FIRST + 2 * _LINE * consumers
    block = SharedMemory(name + SUFFIX, create=True, size=8 * (begin + 2 * records) + records + 1)
    assert block.buf is not None
    with block.buf[: 8 * (begin + records)] as bytes_, bytes_.cast("q") as words:
        timeout = -1 if signals.timeout is None else signals.timeout
        header = array("q", [capacity, records, consumers, signals.batch, timeout])
        words[_CAPACITY:_PID] = memoryview(header)
        words[begin : begin + records] = memoryview(array("q", ends))
        words[0] = _MAGIC
    return block


class _Control:
    """A control block as both sides see it."""

    def __init__(self, name: str) -> None:
        _check_machine()
        self.url = f"shm:{name}"
        path = Path("/dev/shm") / (name + SUFFIX)
        try:
            file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            raise InputError(
                f"no ring ({error.strerror})", key="shm", value=name, allowed="what a producer made"
            ) from None
        try:
            memory = memoryview(mmap.mmap(file, 0))
        finally:
            os.close(file)
        words = memory[: len(memory) // 8 * 8].cast("q")
        if len(words) <= _FIRST or words[0] != _MAGIC:
            raise InputError("no ring", key="shm", value=name, allowed="what a producer made")
        self.words = words
        self.capacity: int = words[_CAPACITY]
        self.consumers: int = words[_CONSUMERS]
        timeout = words[_TIMEOUT]
        self.signals = Signals(words[_BATCH], None if timeout < 0 else timeout)
        records = words[_RECORDS]
        begin = _FIRST + 2 * _LINE * self.consumers
        self.ends = words[begin : begin + records].toreadonly()
        self.arrived = words[begin + records : begin + 2 * records]
        dropped = 8 * (begin + 2 * records)
        self.dropped = memory[dropped : dropped + records]

    def of(self, consumer: int) -> int:
        """Return where the words of a consumer begin."""
        return _FIRST + 2 * _LINE * consumer


class ProducerRing(_Control):
    """A ring as its producer's process sees it; it makes the pipes that both sides sleep on.

    Parameters
    ----------
    name : str
        The ring's name.
    clock : RealClock
        The producer's clock, whom waiting is charged to.
    """

    def __init__(self, name: str, clock: RealClock) -> None:
        super().__init__(name)
        self._clock = clock
        words = self.words
        self.oldest: int | None = None
        self._unsignalled = 0
        self._wanted = 0  # the record that is waited with for room
        reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._room = Bell(words, _ROOM, reading, writing)
        words[_ROOM + 1] = writing
        self._data = []
        for consumer in range(self.consumers):
            place = self.of(consumer) + _DATA
            reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
            self._data.append(Bell(words, place, reading, writing))
            words[place + 1] = reading
        words[_PID] = os.getpid()
        words[_READY] = 1

    async def all_attached(self) -> None:
        """Wait until each consumer has attached."""
        await self._until(
            lambda: all(self.words[self.of(each) + _ATTACHED] for each in range(self.consumers))
        )

    def fits(self, record: int) -> bool:
        """Say whether the place of a record has been released."""
        self._wanted = record
        oldest = min(self.words[self.of(each) + _RELEASED] for each in range(self.consumers))
        return bool(self.ends[record] - oldest <= self.capacity)

    def publish(self, clock: Clock, record: int, dropped: bool) -> bool:
        """Note that a record is in the ring or was dropped; say whether a signal is due."""
        self.dropped[record] = dropped
        self.words[_PUBLISHED] = record + 1
        if not self._unsignalled:
            self.oldest = clock.time
        self._unsignalled += 1
        return self._unsignalled >= self.signals.batch or record + 1 == len(self.ends)

    def signal(self, clock: Clock) -> bool:  # noqa: ARG002  # a real signal takes its time
        """Send a signal about all that is published; say whether there was something to tell."""
        if not self._unsignalled:
            return False
        self._unsignalled = 0
        self.oldest = None
        self.words[_SIGNALLED] = self.words[_PUBLISHED]
        for bell in self._data:
            bell.ring()
        return True

    async def waiting_for_room(self, clock: Clock) -> None:  # noqa: ARG002  # it has its own
        """Wait for a release after which the record last asked for fits."""
        begin = perf_counter_ns()
        await self._until(lambda: self.fits(self._wanted))
        self._clock.wait += perf_counter_ns() - begin

    async def _until(self, over: Callable[[], bool]) -> None:
        while True:
            self._room.lie_down()
            if over():
                break
            await readable(self._room.reading)
            self._room.get_up()
        self._room.get_up()


class ConsumerRing(_Control):
    """A ring as one consumer's process sees it. The stream begins when all have attached.

    Parameters
    ----------
    name : str
        The ring's name.
    consumer : int
        Which of its consumers this is, from 0 on.
    clock : RealClock
        The consumer's clock, whom waiting is charged to.
    timeout : float
        Seconds after which a wait without a signal fails.

    Raises
    ------
    InputError
        If there is no such ring or no such consumer.
    LinkError
        If its producer has ended.
    """

    def __init__(self, name: str, consumer: int, clock: RealClock, timeout: float = 30.0) -> None:
        super().__init__(name)
        if not 0 <= consumer < self.consumers:
            raise InputError(
                "no such consumer",
                key="consumer",
                value=consumer,
                allowed=f"0 to {self.consumers - 1}",
            )
        self._clock = clock
        self._timeout = timeout
        self._received = 0
        words, place = self.words, self.of(consumer) + _DATA
        data = self._open(words[place + 1], os.O_RDONLY)
        self._data = Bell(words, place, data, -1)
        self._room = Bell(words, _ROOM, -1, self._open(words[_ROOM + 1], os.O_WRONLY))
        words[self.of(consumer) + _ATTACHED] = 1
        self._room.ring()

    def received(self, tick: int) -> tuple[int, int | None]:  # noqa: ARG002  # it is now
        """Return how many records were signalled; when the next signal comes, nobody knows."""
        self._received = self.words[_SIGNALLED]
        return self._received, None

    async def waiting_for_data(self, clock: Clock) -> None:  # noqa: ARG002  # it has its own
        """Wait for the next signal.

        Raises
        ------
        LinkError
            If there is none within the timeout, or the producer has ended.
        """
        words, received = self.words, self._received
        begin = perf_counter_ns()
        deadline = begin + int(self._timeout * TICKS_PER_SECOND)
        try:
            if not self._data.sleep(lambda: words[_SIGNALLED] > received, deadline):
                raise LinkError(f"no signal within {self._timeout:g} s", self.url)
        except EOFError:
            raise self._ended() from None
        finally:
            self._clock.wait += perf_counter_ns() - begin

    def release(self, consumer: int, offset: int) -> None:
        """Give back everything before `offset`."""
        self.words[self.of(consumer) + _RELEASED] = offset
        self._room.ring()

    def close(self) -> None:
        """Close the pipes."""
        self._data.close()
        self._room.close()

    def _open(self, descriptor: int, way: int) -> int:
        """Open an end of one of the producer's pipes."""
        try:
            if not self.words[_READY]:
                raise self._ended()
            path = f"/proc/{self.words[_PID]}/fd/{descriptor}"
            return os.open(path, way | os.O_NONBLOCK | os.O_CLOEXEC)
        except PermissionError:
            raise InputError(
                "its producer belongs to another user", key="shm", value=self.url
            ) from None
        except OSError:
            raise self._ended() from None

    def _ended(self) -> LinkError:
        return LinkError("its producer has ended", self.url)


def _check_machine() -> None:
    if platform.machine() not in {"x86_64", "AMD64"}:
        raise InputError(
            "rings in shared memory rely on stores that become visible in order",
            key="machine",
            value=platform.machine(),
            allowed="x86-64",
        )
