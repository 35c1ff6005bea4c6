"""The rows of a record: what a consumer does to a link, in order, and what it does between.

A record is a table of 16 bytes a row. Each row has a *private delay* before it, which touches
nothing shared: a number in the table of delays (`simaccess.replay.delays`). Its ``item`` and
``extra`` depend on its kind::

    kind     item                         extra
    LOAD     request                      how often, each time with the delay before it
    STORE    request                      how often, each time with the delay before it
    FETCH    request                      the transfer's place
    FLUSH    request                      the transfer's place
    AWAIT    the transfer's place         0
    MARK     0                            how often, each time with the delay before it
    UNTIL    the lower half of a tick     its upper half
    END      0                            0

A request is a number in the table of distinct requests. A transfer's place is free again once it
has been awaited, so there are as many as transfers are under way at once. MARK ends a client's
request, and begins its next; UNTIL waits for a request that arrives at its tick, from which its
latency counts.
"""

from __future__ import annotations

from typing import Final

import numpy as np

__all__ = [
    "AWAIT",
    "END",
    "FETCH",
    "FIRST",
    "FLUSH",
    "KIND",
    "LOAD",
    "MARK",
    "MARKED",
    "NEAR",
    "REPEATED",
    "ROW",
    "SERVED",
    "SETTLED",
    "STORE",
    "UNTIL",
]

ROW: Final = np.dtype([("what", "u4"), ("delay", "u4"), ("item", "u4"), ("extra", "u4")])
"""A row; ``what`` is its kind and its flags."""

# In this order: below FETCH in place, below AWAIT shared.
LOAD: Final = 0
STORE: Final = 1
FETCH: Final = 2
FLUSH: Final = 3
AWAIT: Final = 4
MARK: Final = 5
UNTIL: Final = 6
END: Final = 7

KIND: Final = 7
"""The bits of the kind."""

MARKED: Final = 8
"""Flag: MARK follows at once."""

FIRST: Final = 16
"""Flag of AWAIT: the first of a client's call."""

SETTLED: Final = 32
"""Flag of AWAIT: the last of an operation, so that these waits count as one."""

SERVED: Final = 64
"""Flag of AWAIT: what it waited for serves bytes next: no hit if the call waited."""

NEAR: Final = 128
"""Flag of LOAD and STORE: of the shadow, for links whose memory that is part of."""

REPEATED: Final = (LOAD, STORE, MARK)
"""The kinds whose ``extra`` says how often."""
