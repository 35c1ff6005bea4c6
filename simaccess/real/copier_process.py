"""The helper process that copies beside a consumer, as a DMA engine would.

`simaccess.real.copier` starts this file by its path and without the package, so that it starts
quickly: it imports the standard library alone. Each command names a range of the file and a
place in the arena, the memory that both processes map. Commands are carried out in order; the
process ends when its standard input does, as happens when the consumer's process ends.

After each command the process first writes the result, then the count of commands that are done,
each one aligned word, and then adds to an eventfd. Whoever polls the count sees the copied bytes
with it only where stores become visible in order (x86); the eventfd orders them everywhere.
"""

from __future__ import annotations

import errno
import mmap
import os
import signal
import struct
import sys

__all__ = ["COMMAND", "RESULTS", "serve"]

COMMAND = struct.Struct("=qqqq")
"""Whether to copy back (1) or towards the consumer (0); offset in the file, bytes, and place in
the arena."""

RESULTS = 256
"""Results that are kept: 0 for a copy that is whole, less the bytes it is short of, or an error
number. No more commands may be under way."""


def _arena(descriptor: int) -> memoryview:
    flags = mmap.MAP_SHARED | getattr(mmap, "MAP_POPULATE", 0)
    return memoryview(mmap.mmap(descriptor, 0, flags=flags))


def _move(file: int, back: int, offset: int, memory: memoryview) -> int:
    """Copy; return 0, less the bytes that were not there, or an error number."""
    moved = 0
    try:
        while moved < len(memory):
            rest = [memory[moved:]]
            step = (os.pwritev if back else os.preadv)(file, rest, offset + moved)
            if not step:
                break
            moved += step
    except OSError as error:
        # Past the page cache, what follows a short read is no whole block.
        if not (moved and error.errno == errno.EINVAL):
            return error.errno or 1
    return moved - len(memory)


def serve(file: int, arena_file: int, control_file: int, done: int) -> None:
    """Carry out commands from the standard input until it ends.

    Parameters
    ----------
    file, arena_file, control_file, done : int
        Descriptors: of what is read and written, of the arena, of the control words (the count of
        commands done, then `RESULTS` results in turn), and the eventfd.
    """
    control = memoryview(mmap.mmap(control_file, 0)).cast("q")
    arena = _arena(arena_file)
    finished = 0
    os.eventfd_write(done, 1)  # ready
    while commands := os.read(0, 64 * COMMAND.size):
        for back, offset, length, at in COMMAND.iter_unpack(commands):
            if at + length > len(arena):
                arena = _arena(arena_file)  # it has grown
            control[1 + finished % RESULTS] = _move(file, back, offset, arena[at : at + length])
            finished += 1
            control[0] = finished
            os.eventfd_write(done, 1)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is the consumer's to handle
    serve(*map(int, sys.argv[1:5]))
