"""The emulated link between two TUN devices, in Python: keeps its times to about 200 Mbit/s.

Runs as a program of its own, with the command line of `emulator.c`, which says what its words
mean. It imports nothing but the arithmetic, so that it is there at once.
"""

from __future__ import annotations

import gc
import mmap
import os
import select
import struct
import sys
import time
from collections import deque
from collections.abc import Sequence

from simaccess.wan_box.drop_tail import CARRIED, FULL, DropTail
from simaccess.wan_box.priority import EMULATOR

__all__: list[str] = []

_LONGEST = 65536
_PREFACE = 64  # bytes before the records
_RECORD = struct.Struct("<qqqIHBB32s")  # as in packet_log.py
_LEFT = 16  # where in a record `left` stands
_COUNT = struct.Struct("<q")
_DIED = 3  # exit code
_CHECK = 100_000_000  # nanoseconds after which a busy loop looks whether its input has ended


def _read(device: int) -> bytes:
    """Return the next packet, or nothing; of a device that is not up, too."""
    try:
        return os.read(device, _LONGEST)
    except OSError:
        return b""


def _deliver(device: int, packet: bytes) -> None:
    """Write a packet; a device that is not up refuses it, and it is gone, as on a wire."""
    try:  # noqa: SIM105  # suppress() takes a microsecond
        os.write(device, packet)
    except OSError:
        pass


def _run(
    devices: tuple[int, int],
    log: mmap.mmap,
    records: int,
    spin: int,
    ways: tuple[DropTail, DropTail],
) -> None:
    clock = time.monotonic_ns
    queues: tuple[deque[tuple[int, int, bytes]], ...] = (deque(), deque())
    # Of each direction: number, where it comes from and goes to, what is under way, its queue.
    both = tuple((i, devices[1 - i], devices[i], queues[i], ways[i].admit) for i in (0, 1))
    count = 0
    empty = [clock(), clock()]
    checked = clock()
    while True:
        busy = False
        for i, source, target, queue, admit in both:
            if queue and queue[0][0] <= (now := clock()):
                _, place, packet = queue.popleft()
                _COUNT.pack_into(log, place + _LEFT, now)
                _deliver(target, packet)
                busy = True
            packet = _read(source)
            now = clock()
            if not packet:
                empty[i] = now
                continue
            busy = True
            fate, due = admit(now, len(packet))
            place = _PREFACE + count % records * _RECORD.size
            skip = (packet[0] & 15) * 4 if packet[0] >> 4 == 4 else 0
            unread = min(now - empty[i], 2**32 - 1)
            _RECORD.pack_into(
                log, place, now, due, 0, unread, len(packet), i, fate, packet[skip : skip + 32]
            )
            count += 1
            _COUNT.pack_into(log, 0, count)
            if fate == CARRIED:
                queue.append((due, place, packet))
        nexts = [queue[0][0] for queue in queues if queue]
        wait = min(nexts) - clock() - spin if nexts else None
        if busy or (wait is not None and wait <= 0):
            if clock() - checked < _CHECK:
                continue
            wait = 0
        ready, _, _ = select.select(
            [*devices, 0], [], [], None if wait is None else wait / 1_000_000_000
        )
        if 0 in ready:  # a word to end; or an end without: whoever started this died
            sys.exit(0 if os.read(0, 1) else _DIED)
        checked = clock()
        if wait != 0:
            empty[0] = empty[1] = checked


def _replay(way: DropTail) -> None:
    for line in sys.stdin:
        arrival, size = line.split()
        fate, due = way.admit(int(arrival), int(size))
        word = str(due) if fate == CARRIED else "full" if fate == FULL else "lost"
        sys.stdout.write(word + "\n")


def main(words: Sequence[str]) -> None:
    """Run with the words of the command line."""
    if words[0] == "--replay":
        _replay(DropTail.parse(words[1:]))
        return
    near, far, shared, records, spin, cpu = (int(word) for word in words[:6])
    ways = DropTail.parse(words[6:11]), DropTail.parse(words[11:])
    log = mmap.mmap(shared, _PREFACE + records * _RECORD.size)
    if cpu >= 0:
        os.sched_setaffinity(0, {cpu})
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(EMULATOR))
    except OSError:
        pass
    else:
        _COUNT.pack_into(log, 8, 1)
    gc.disable()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    _run((near, far), log, records, spin, ways)


if __name__ == "__main__":
    main(sys.argv[1:])
