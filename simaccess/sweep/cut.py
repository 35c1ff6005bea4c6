"""A workload whose reads of headers and payloads are cut into a given number of smaller ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simaccess.methods.blocks import Blocks
from simaccess.parameters import Section
from simaccess.workload.accesses import Accesses
from simaccess.workload.workload import Workload

__all__ = ["Cut"]


@dataclass(frozen=True)
class Cut:
    """Read each header in `n_h` reads and each payload in `n_p`, as a link with narrow reads does.

    Parameters
    ----------
    whole : Workload
        Each of its accesses reads a header or a payload; none of them writes.
    n_h, n_p : int
        How many reads each takes. Without any for the payload, the header's last read brings it
        too, as on a link where further bytes cost next to nothing.
    """

    whole: Workload
    n_h: int
    n_p: int

    @property
    def name(self) -> str:
        """The whole one's."""
        return self.whole.name

    @property
    def parameters(self) -> Section:
        """The whole one's."""
        return self.whole.parameters

    @property
    def size(self) -> int:
        """Bytes of the segment."""
        return self.whole.size

    @property
    def blocks(self) -> Blocks:
        """The records."""
        return self.whole.blocks

    @property
    def header(self) -> int:
        """Bytes of the header of each record."""
        return self.whole.header

    @property
    def arrivals(self) -> NDArray[np.float64] | None:
        """When each record is there."""
        return self.whole.arrivals

    def content(self, seed: int = 0) -> bytes | None:
        """Return the segment's bytes."""
        return self.whole.content(seed)

    def accesses(self, seed: int) -> Accesses:
        """Return the smaller reads, as equal in length as whole bytes allow.

        Reads of the payload follow those of their header at once, in time and in place.
        """
        made = self.whole.accesses(seed)
        blocks = self.blocks
        begin = np.array([blocks.bounds(blocks.find(int(at)))[0] for at in made.offset], np.int64)
        header = made.offset - begin < self.header
        parts = np.minimum(np.where(header, self.n_h, self.n_p), made.length)
        of = np.repeat(np.arange(len(parts)), parts)
        part = np.arange(len(of)) - (np.cumsum(parts) - parts)[of]
        low = part * made.length[of] // parts[of]
        high = (part + 1) * made.length[of] // parts[of]
        final = part == parts[of] - 1
        last = made.last[of] & final
        if self.n_p == 0:
            # What is not read by itself belongs to the read before it.
            left_out = np.r_[parts[1:] == 0, False]
            joined = np.where(left_out, np.r_[made.length[1:], 0], 0)
            high = high + np.where(final, joined[of], 0)
            last |= final & left_out[of]
        return Accesses(
            size=self.size,
            offset=made.offset[of] + low,
            length=high - low,
            write=np.zeros(len(of), np.bool_),
            last=last,
        )
