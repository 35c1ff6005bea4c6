"""The process that fills a ring in shared memory: started by `simaccess.real.ring_server`.

It starts its stream when all consumers have attached, stays when it has ended, since consumers
hear of its death, and ends when its standard input does: with the process that started it.
"""

from __future__ import annotations

import mmap
import os
import signal
import sys
import threading
from array import array

from simaccess.producer import produce
from simaccess.real.shared_memory import SharedMemoryLink, SharedMemoryOptions
from simaccess.real.shared_ring import ProducerRing
from simaccess.real.turns import TurnClock, Turns
from simaccess.ring import RingSegment

__all__ = ["main"]


def _mapped(descriptor: int) -> memoryview:
    return memoryview(mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ))


def main(name: str, content: int, arrivals: int, drop: bool) -> None:
    """Fill a ring.

    Parameters
    ----------
    name : str
        Its name.
    content, arrivals : int
        Descriptors of the stream's bytes, and of the ticks from its begin at which records arrive;
        -1: there are none.
    drop : bool
        Whether a record that finds no room is dropped.
    """
    turns = Turns()
    clock = TurnClock(turns)
    ring = ProducerRing(name, clock)
    with SharedMemoryLink(f"shm:{name}", name, SharedMemoryOptions()) as link:
        segment = RingSegment(link.attach(), ring.capacity)
        print("ready", flush=True)  # noqa: T201  # whoever started the process waits for it

        async def stream() -> None:
            await ring.all_attached()
            due = None
            if arrivals >= 0:
                begin = clock.time
                due = array("q", [begin + tick for tick in _mapped(arrivals).cast("q")])
            await produce(clock, ring, segment, due, _mapped(content), drop=drop)

        turns.run(stream())
        threading.Event().wait()


def _end_with_starter() -> None:
    os.read(0, 1)
    os._exit(0)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is the starter's to handle
    threading.Thread(target=_end_with_starter, daemon=True).start()
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == "drop")
