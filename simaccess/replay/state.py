"""What a replay works on, for all kinds of links: a record laid out flat, and its consumers.

All of it is arrays, held by name; their items have attributes in compiled code.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "AGENT",
    "DELAY",
    "ENDED",
    "NOWHERE",
    "REQUEST",
    "STATION",
    "TRANSFER",
    "Flat",
    "Ints",
    "Structs",
    "structure",
]

Ints: TypeAlias = NDArray[np.int64]
Structs: TypeAlias = Any  # an array of records, whose items have attributes in compiled code

NOWHERE: Final = -1
"""In place of a transfer: none. In place of a time: not known."""

ENDED: Final = -2
"""In place of the transfer that is waited for: the consumer has ended."""


def structure(*names: str) -> np.dtype[np.void]:
    """Return the type of records of 64-bit integers."""
    return np.dtype([(name, "i8") for name in names])


AGENT: Final = structure(
    "time",  # its local time
    "begin",  # when its request began
    "row",  # where it is in the rows
    "left",  # how often that row is still to be done
    "mark",  # where its next latency goes
    "blocked",  # the transfer that it waits for, NOWHERE or ENDED
    "wait",  # ticks that it has waited
    "waits",  # waits for transfers that had not ended
    "missed",  # reads and writes of the shadow that had something to wait for
    "pending",  # whether the operation has waited
    "waited",  # whether the call has
    "place",  # where its transfers begin
    "issue",  # ticks of issuing that depend on the link's state
    # Of a row that takes several steps:
    "step",  # which comes next
    "address",  # how far it has come in the segment
    "stop",  # where it ends there
    "size",  # bytes of the step
    "start",  # when it began
    "beside",  # the next one in line
)
"""A consumer under way."""

TRANSFER: Final = structure(
    "time",  # when its next stage comes
    "end",  # when its bytes are there; NOWHERE: not known
    "request",  # what it moves
    "owner",  # whose it is
    "next",  # the one behind it
    "inwards",  # whether it goes to the consumer
    "handling",  # ticks that whoever awaits it spends on its end
)
"""A transfer under way, in its place."""

REQUEST: Final = structure(
    "length",  # bytes
    "far",  # where they lie in the segment; 0 where that does not matter
    "near",  # and in the shadow
    "service",  # ticks of the station for a bulk copy
    "after",  # from there to its end
    "issue",  # of the processor before it
    "loading",  # of the station for a load or store
    "latency",  # from there to its end
)
"""A distinct request."""

DELAY: Final = structure(
    "compute",  # ticks of the client's own work
    "stall",  # of accesses to local memory
    "copy",  # of copies within it
    "client",  # of the client's software
    "all",
)
"""A distinct delay."""

STATION: Final = (
    "free",
    "busy",
    "overhead",
    "other",
    "waited",
    "bytes",
    "overhead_bytes",
    "other_bytes",
)
"""The attributes of a `simaccess.sim.station.FifoStation`."""


class Flat(NamedTuple):
    """A record, flat.

    Attributes
    ----------
    rows : ndarray of ROW, shape (rows,)
        The rows of all consumers, one consumer's after another's.
    agents : ndarray of AGENT, shape (consumers,)
        The consumers, where they begin.
    places : int
        Places for transfers.
    marks : ndarray of int64, shape (consumers + 1,)
        Where each consumer's latencies begin, and how many there are.
    requests : ndarray of REQUEST, shape (requests,)
        The distinct requests.
    delays : ndarray of DELAY, shape (delays,)
        The distinct delays.
    parts : ndarray of PART, shape (parts,)
        Their accesses to local memory.
    """

    rows: Structs
    agents: Structs
    places: int
    marks: Ints
    requests: Structs
    delays: Structs
    parts: Structs
